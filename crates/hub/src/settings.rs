//! Where the hub is, where files are kept, and how long is waited: from the variables that Python's client reads.

use std::ffi::OsString;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::address::Address;
use crate::error::{Error, Result};
use crate::name::Reference;
use crate::proxy::Proxies;

/// The hub that is asked if `HF_ENDPOINT` names no other.
const ENDPOINT: &str = "https://huggingface.co";

/// Seconds, as Python's client has them.
const WAIT: u64 = 10;

/// Where the hub is, where files are kept, and how long is waited.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(crate) endpoint: Address,
    pub(crate) cache: PathBuf,
    pub(crate) token: Option<Token>,
    pub(crate) offline: bool,
    /// For what a file is, in seconds.
    pub(crate) etag_timeout: u64,
    /// For the next bytes of a file, in seconds.
    pub(crate) download_timeout: u64,
    pub(crate) certificates: Option<PathBuf>,
    pub(crate) proxies: Proxies,
    pub(crate) pause: Duration,
}

impl Settings {
    /// As the environment of this process says.
    ///
    /// # Errors
    /// [`Error::Variable`] if a variable cannot be understood.
    pub fn of_environment() -> Result<Self> {
        Self::of_variables(&|name| std::env::var_os(name))
    }

    /// As `get` says, which gives the value of a variable. Read are `HF_ENDPOINT`, `HF_HUB_CACHE`, `HF_HOME`, `HF_TOKEN`,
    /// `HF_TOKEN_PATH`, `HF_HUB_OFFLINE`, `HF_HUB_DISABLE_IMPLICIT_TOKEN`, `HF_HUB_ETAG_TIMEOUT`, `HF_HUB_DOWNLOAD_TIMEOUT`, the
    /// older names of some of these, `SSL_CERT_FILE`, and the usual ones of proxies and of the user's folders.
    ///
    /// # Errors
    /// [`Error::Variable`] if a variable cannot be understood, and [`Error::TokenFile`] if the file with the token cannot be read.
    pub fn of_variables(get: &dyn Fn(&str) -> Option<OsString>) -> Result<Self> {
        let variables = Variables(get);
        let endpoint = variables.text("HF_ENDPOINT")?.unwrap_or_else(|| ENDPOINT.into());
        let is_web = |address: &Address| matches!(address.scheme(), "http" | "https");
        let wrong =
            Error::Variable { variable: "HF_ENDPOINT", expected: "an address such as `https://hub.example`" };
        let endpoint = Address::parse(endpoint.trim_end_matches('/')).filter(is_web).ok_or(wrong)?;
        let home = variables.hub_home();
        let cache = ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"].iter().find_map(|name| variables.path(name));
        let no_home = Error::Variable { variable: "HOME", expected: "set, and neither is HF_HUB_CACHE" };
        let cache = cache.or_else(|| Some(home.as_ref()?.join("hub"))).ok_or(no_home)?;
        Ok(Self {
            endpoint,
            cache,
            token: variables.token(home.as_deref())?,
            offline: variables.is_on("HF_HUB_OFFLINE", Some("TRANSFORMERS_OFFLINE"))?,
            etag_timeout: variables.seconds("HF_HUB_ETAG_TIMEOUT")?,
            download_timeout: variables.seconds("HF_HUB_DOWNLOAD_TIMEOUT")?,
            certificates: variables.path("SSL_CERT_FILE"),
            proxies: Proxies::of_variables(|name| variables.text(name))?,
            pause: Duration::from_secs(1),
        })
    }

    /// The folder that files are kept in; Python's client has the same.
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// The hub's address, for people.
    pub fn endpoint(&self) -> String {
        self.endpoint.to_string().trim_end_matches('/').to_owned()
    }

    /// Whether nothing may be fetched.
    pub fn is_offline(&self) -> bool {
        self.offline
    }

    /// With this pause before something is tried again, instead of a second.
    pub fn with_pause(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// What was typed: `org/name`, `org/name@revision`, `hf://org/name@revision/file`, `hf_hub:org/name`, or the address of a page
    /// of the repository.
    ///
    /// # Errors
    /// [`Error::Name`] if it names no repository of a hub, and [`Error::Pickle`] if it names a pickle.
    pub fn parse(&self, typed: &str) -> Result<Reference> {
        let usual = Address::parse(ENDPOINT);
        let hubs: Vec<&Address> = std::iter::once(&self.endpoint).chain(&usual).collect();
        Reference::parse(typed, &hubs)
    }
}

/// What opens private repositories. It is not shown, and goes to the hub alone.
#[derive(Clone)]
pub(crate) struct Token(String);

impl Token {
    /// The header for a request to `to`: none, unless that is the hub itself.
    pub(crate) fn header_for(&self, to: &Address, hub: &Address) -> Option<String> {
        hub.is_origin_of(to).then(|| format!("Bearer {}", self.0))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// The environment, as Python's client understands it.
struct Variables<'a>(&'a dyn Fn(&str) -> Option<OsString>);

impl Variables<'_> {
    fn set(&self, name: &str) -> Option<OsString> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    fn text(&self, name: &'static str) -> Result<Option<String>> {
        let wrong = |_| Error::Variable { variable: name, expected: "text" };
        self.set(name).map(|value| value.into_string().map_err(wrong)).transpose()
    }

    fn is_on(&self, name: &'static str, older: Option<&'static str>) -> Result<bool> {
        let value = match (self.text(name)?, older) {
            (None, Some(older)) => self.text(older)?,
            (value, _) => value,
        };
        Ok(value.is_some_and(|value| ["1", "ON", "YES", "TRUE"].contains(&value.to_uppercase().as_str())))
    }

    fn seconds(&self, name: &'static str) -> Result<u64> {
        let wrong = |_| Error::Variable { variable: name, expected: "a whole number of seconds" };
        let value = self.text(name)?.map(|value| value.trim().parse().map_err(wrong)).transpose()?;
        Ok(value.filter(|seconds| *seconds > 0).unwrap_or(WAIT))
    }

    /// With `~` and `$NAME` as what they stand for.
    fn path(&self, name: &str) -> Option<PathBuf> {
        let value = self.set(name)?;
        let Some(text) = value.to_str() else { return Some(value.into()) };
        let mut path = PathBuf::new();
        for (number, part) in Path::new(text).iter().enumerate() {
            let name = part.to_str().and_then(|part| part.strip_prefix('$'));
            let name = name
                .map(|name| name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name));
            match (part == "~" && number == 0, name.and_then(|name| self.set(name))) {
                (true, _) => path.push(self.user_home()?),
                (_, Some(value)) => path.push(value),
                _ => path.push(part),
            }
        }
        Some(path)
    }

    fn user_home(&self) -> Option<PathBuf> {
        let name = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        self.set(name).map(PathBuf::from)
    }

    fn hub_home(&self) -> Option<PathBuf> {
        let caches = || self.path("XDG_CACHE_HOME").or_else(|| Some(self.user_home()?.join(".cache")));
        self.path("HF_HOME").or_else(|| Some(caches()?.join("huggingface")))
    }

    fn token(&self, home: Option<&Path>) -> Result<Option<Token>> {
        if self.is_on("HF_HUB_DISABLE_IMPLICIT_TOKEN", None)? {
            return Ok(None);
        }
        let (mut variable, mut token) = ("HF_TOKEN", self.text("HF_TOKEN")?);
        if token.is_none() {
            (variable, token) = ("HUGGING_FACE_HUB_TOKEN", self.text("HUGGING_FACE_HUB_TOKEN")?);
        }
        if token.is_none() {
            let file = self.path("HF_TOKEN_PATH").or_else(|| Some(home?.join("token")));
            (variable, token) = ("HF_TOKEN_PATH", file.map(of_file).transpose()?.flatten());
        }
        let token = token.map(|token| token.replace(['\r', '\n'], "").trim().to_owned());
        match token.filter(|token| !token.is_empty()) {
            Some(token) if !token.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Err(Error::Variable { variable, expected: "a token: it holds odd characters" })
            }
            token => Ok(token.map(Token)),
        }
    }
}

/// What the file holds; a file that is not there holds no token.
fn of_file(path: PathBuf) -> Result<Option<String>> {
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(source) => Err(Error::TokenFile { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Settings> {
        let get =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        Settings::of_variables(&get)
    }

    #[test]
    #[cfg(unix)]
    fn the_cache_lies_where_pythons_client_has_it() {
        for (variables, cache) in [
            (&[][..], "/home/me/.cache/huggingface/hub"),
            (&[("XDG_CACHE_HOME", "/c")], "/c/huggingface/hub"),
            (&[("XDG_CACHE_HOME", "/c"), ("HF_HOME", "~/hf")], "/home/me/hf/hub"),
            (&[("HF_HOME", "$BIG/hf"), ("BIG", "/big")], "/big/hf/hub"),
            (&[("HF_HOME", "${BIG}/hf"), ("BIG", "/big")], "/big/hf/hub"),
            (&[("HF_HOME", "/a"), ("HUGGINGFACE_HUB_CACHE", "/b")], "/b"),
            (&[("HUGGINGFACE_HUB_CACHE", "/b"), ("HF_HUB_CACHE", "/d")], "/d"),
            (&[("HF_HUB_CACHE", "$NONE/d")], "$NONE/d"),
        ] {
            let variables: Vec<_> = variables.iter().copied().chain([("HOME", "/home/me")]).collect();
            assert_eq!(of(&variables).unwrap().cache(), Path::new(cache), "{variables:?}");
        }
        assert!(matches!(of(&[]), Err(Error::Variable { variable: "HOME", .. })));
    }

    #[test]
    fn variables_are_read_as_pythons_client_reads_them() {
        let home = ("HF_HUB_CACHE", "/c");
        for (value, on) in [
            ("1", true),
            ("true", true),
            ("Yes", true),
            ("ON", true),
            ("0", false),
            ("2", false),
            ("", false),
        ] {
            assert_eq!(of(&[home, ("HF_HUB_OFFLINE", value)]).unwrap().is_offline(), on, "{value}");
        }
        assert!(of(&[home, ("TRANSFORMERS_OFFLINE", "1")]).unwrap().is_offline());
        let settings = of(&[home, ("HF_HUB_ETAG_TIMEOUT", "3"), ("HF_HUB_DOWNLOAD_TIMEOUT", "0")]).unwrap();
        assert_eq!((settings.etag_timeout, settings.download_timeout), (3, 10));
        assert_eq!(
            of(&[home, ("HF_ENDPOINT", "http://localhost:1/mirror/")]).unwrap().endpoint(),
            "http://localhost:1/mirror"
        );
        for (variable, value) in [
            ("HF_ENDPOINT", "localhost"),
            ("HF_ENDPOINT", "ftp://localhost"),
            ("HF_HUB_ETAG_TIMEOUT", "soon"),
            ("HF_TOKEN", "two words"),
        ] {
            let error = of(&[home, (variable, value)]).unwrap_err();
            assert!(matches!(error, Error::Variable { variable: named, .. } if named == variable), "{error}");
            assert!(
                error.remedy().unwrap().contains(variable) && !error.to_string().contains(value),
                "{error}"
            );
        }
    }

    #[test]
    fn a_token_is_found_shown_to_nobody_and_sent_to_the_hub_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, " secret-of-file\n").unwrap();
        let (file, home) = (file.to_str().unwrap(), folder.path().to_str().unwrap());
        let (cache, hub) = (("HF_HUB_CACHE", "/c"), Address::parse("https://hub.test").unwrap());
        let sent = |variables: &[(&str, &str)]| {
            let settings = of(&[&[cache], variables].concat()).unwrap();
            assert!(!format!("{settings:?}").contains("secret"));
            for other in ["http://hub.test/a", "https://hub.test:8443/a", "https://cdn.hub.test/a"] {
                let other = Address::parse(other).unwrap();
                assert_eq!(settings.token.as_ref().and_then(|token| token.header_for(&other, &hub)), None);
            }
            settings.token?.header_for(&hub.below("a").unwrap(), &hub)
        };
        assert_eq!(sent(&[("HF_TOKEN", "secret\n"), ("HF_TOKEN_PATH", file)]).unwrap(), "Bearer secret");
        assert_eq!(sent(&[("HUGGING_FACE_HUB_TOKEN", "secret-old")]).unwrap(), "Bearer secret-old");
        assert_eq!(sent(&[("HF_TOKEN_PATH", file)]).unwrap(), "Bearer secret-of-file");
        assert_eq!(sent(&[("HF_HOME", home)]).unwrap(), "Bearer secret-of-file");
        assert_eq!(sent(&[("HF_TOKEN", "secret"), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]), None);
        assert_eq!(sent(&[]), None);
        assert_eq!(sent(&[("HF_TOKEN_PATH", "/gone/token")]), None);
        // A folder is in its place: to go on without it would end in a repository that is said to be unknown.
        let error = of(&[cache, ("HF_TOKEN_PATH", home)]).unwrap_err();
        assert!(matches!(error, Error::TokenFile { .. }) && error.remedy().is_some(), "{error}");
        assert_eq!(sent(&[("HF_TOKEN_PATH", home), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]), None);
    }
}
