//! Addresses of the web, as far as a client of a hub looks into them.

use std::fmt;

use ureq::http::Uri;

/// An address with a scheme and a host, and nobody's password in it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address(Uri);

impl Address {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.split('#').next()?.parse().ok()?;
        let has_user = uri.authority()?.as_str().contains('@');
        (uri.scheme_str().is_some() && !uri.host()?.is_empty() && !has_user).then_some(Self(uri))
    }

    /// Where `location` leads from here: another address, or a part of one.
    pub(crate) fn join(&self, location: &str) -> Option<Self> {
        let is_whole = location.split_once("://").is_some_and(|(scheme, _)| !scheme.contains(['/', '?']));
        let scheme = self.scheme();
        if is_whole {
            return Self::parse(location);
        }
        if let Some(rest) = location.strip_prefix("//") {
            return Self::parse(&format!("{scheme}://{rest}"));
        }
        // `mailto:` and the like.
        if location.split(['/', '?']).next()?.contains(':') {
            return None;
        }
        let path = if location.starts_with('/') { "" } else { self.0.path().rsplit_once('/')?.0 };
        let slash = if location.starts_with('/') { "" } else { "/" };
        Self::parse(&format!("{scheme}://{}{path}{slash}{location}", self.0.authority()?))
    }

    /// The address of `path`, which is [`escaped`], below this one.
    pub(crate) fn below(&self, path: &str) -> Option<Self> {
        Self::parse(&format!("{}/{path}", self.to_string().trim_end_matches('/')))
    }

    /// The path of this address below that of `base`, without its first slash.
    pub(crate) fn path_below<'a>(&'a self, base: &Self) -> Option<&'a str> {
        self.0.path().strip_prefix(base.0.path().trim_end_matches('/'))?.strip_prefix('/')
    }

    pub(crate) fn scheme(&self) -> &str {
        self.0.scheme_str().unwrap_or_default()
    }

    pub(crate) fn host(&self) -> String {
        self.0.host().unwrap_or_default().to_lowercase()
    }

    fn port(&self) -> Option<u16> {
        self.0.port_u16().or(match self.scheme() {
            "https" => Some(443),
            "http" => Some(80),
            _ => None,
        })
    }

    /// Whether both are of one origin: the same scheme, host and port.
    pub(crate) fn is_origin_of(&self, other: &Self) -> bool {
        self.scheme() == other.scheme() && self.host() == other.host() && self.port() == other.port()
    }

    /// Why nothing is fetched from here after `from` was asked; `None` where all is well.
    pub(crate) fn objection(&self, from: &Self) -> Option<&'static str> {
        match (from.scheme(), self.scheme()) {
            (_, "https") | ("http", "http") => None,
            ("https", "http") => Some("is not encrypted, although the first address was"),
            _ => Some("is neither http nor https"),
        }
    }

    /// Scheme, host and port: what may be told, for what follows can be signed.
    pub(crate) fn origin(&self) -> String {
        let authority = self.0.authority().map(ToString::to_string).unwrap_or_default();
        format!("{}://{authority}", self.scheme())
    }
}

/// With `%2F` and the like for what an address cannot hold; the characters of `kept` stay.
pub(crate) fn escaped(text: &str, kept: &str) -> String {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || kept.as_bytes().contains(&byte);
    let escape = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(escape).collect()
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Without what follows the host: it can be signed.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[test]
    fn a_redirect_leads_where_a_browser_would_go() {
        let from = at("https://hub.test:8443/org/name/resolve/main/a.onnx?x=1");
        for (location, leads) in [
            ("https://cdn.test/blob?sig=a/b://c", "https://cdn.test/blob?sig=a/b://c"),
            ("//cdn.test/b", "https://cdn.test/b"),
            ("/api/b", "https://hub.test:8443/api/b"),
            ("b?c=d", "https://hub.test:8443/org/name/resolve/main/b?c=d"),
            ("/b?to=https://other.test/", "https://hub.test:8443/b?to=https://other.test/"),
        ] {
            assert_eq!(from.join(location).unwrap().to_string(), leads, "{location}");
        }
        for location in ["mailto:a", "https://", "https://user:secret@cdn.test/", "https://c dn/"] {
            assert_eq!(from.join(location), None, "{location}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let hub = at("https://hub.test");
        for same in ["https://hub.test:443/a", "https://HUB.test/"] {
            assert!(hub.is_origin_of(&at(same)), "{same}");
        }
        for other in
            ["http://hub.test", "https://hub.test:8443", "https://hub.test.evil", "https://a.hub.test"]
        {
            assert!(!hub.is_origin_of(&at(other)), "{other}");
        }
    }

    #[test]
    fn a_file_is_not_fetched_without_encryption_if_the_hub_has_it() {
        let (https, http) = (at("https://hub.test"), at("http://hub.test"));
        assert!(at("http://cdn.test").objection(&https).is_some());
        assert!(at("ftp://cdn.test").objection(&http).is_some());
        assert!(at("file://cdn.test/etc/passwd").objection(&https).is_some());
        assert_eq!(at("https://cdn.test").objection(&http), None);
        assert_eq!(at("http://cdn.test").objection(&http), None);
    }

    #[test]
    fn odd_characters_are_escaped() {
        let path = format!("{}/{}", escaped("refs/pr", ""), escaped("a/Größe #1.json", "/"));
        let address = at("http://hub.test/mirror/").below(&path).unwrap();
        assert_eq!(address.to_string(), "http://hub.test/mirror/refs%2Fpr/a/Gr%C3%B6%C3%9Fe%20%231.json");
    }
}
