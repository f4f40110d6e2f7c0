//! What people type, and what the hub says: names of repositories, revisions, commits and files.
//!
//! Each becomes part of an address and of a path in the cache, so each has a type, and a value of it is safe to use as both.

use std::fmt;

use crate::address::Address;
use crate::error::{Error, Result};

/// Files that can run a program when they are read, by their endings. Those of PyTorch and joblib are pickles.
const PICKLES: [&str; 10] = ["bin", "ckpt", "joblib", "pickle", "pkl", "pt", "pt2", "ptl", "pth", "tar"];
/// What the hub keeps beside models; no organisation is called so.
const OTHERS: [&str; 5] = ["buckets", "datasets", "kernels", "models", "spaces"];
/// As `hf://` and its relatives are written.
const SCHEMES: [&str; 3] = ["hf://", "hf_hub:", "hf-hub:"];

macro_rules! text_type {
    ($name:ident) => {
        impl $name {
            /// As text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// A repository of models: `org/name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Repository(String);

/// A branch, a tag or a commit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Revision(String);

/// A commit: forty hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Commit(String);

/// A file in a repository, such as `onnx/model.onnx`; never a pickle.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileName(String);

text_type!(Repository);
text_type!(Revision);
text_type!(Commit);
text_type!(FileName);

impl Repository {
    /// `org/name` of letters, digits, `-`, `_` and `.`.
    ///
    /// # Errors
    /// [`Error::Name`].
    pub fn new(text: &str) -> Result<Self> {
        let is_part = |part: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            !part.is_empty()
                && part.chars().all(plain)
                && !part.starts_with(['-', '.'])
                && !part.ends_with(['-', '.'])
        };
        // The cache writes `--` for `/`, so a name with it would be another's folder.
        let is_name = text.len() <= 96
            && text
                .split_once('/')
                .is_some_and(|(org, name)| is_part(org) && is_part(name) && !OTHERS.contains(&org))
            && !["--", ".."].iter().any(|mark| text.contains(mark))
            && !text.ends_with(".git");
        let wrong =
            || Error::Name { given: shown(text), expected: "the name of a repository, such as `org/name`" };
        if is_name { Ok(Self(text.to_owned())) } else { Err(wrong()) }
    }

    /// As its folder in the cache is called.
    pub(crate) fn folder(&self) -> String {
        format!("models--{}", self.0.replace('/', "--"))
    }
}

impl Revision {
    /// A name as git allows it, within the bounds of a path.
    ///
    /// # Errors
    /// [`Error::Name`].
    pub fn new(text: &str) -> Result<Self> {
        let plain = |c: char| c.is_alphanumeric() || "-_.+/".contains(c);
        if is_path(text) && text.chars().all(plain) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::Name { given: shown(text), expected: "a revision: a branch, a tag or a commit" })
    }

    /// The commit that it is, if it is a whole one.
    pub fn commit(&self) -> Option<Commit> {
        Commit::new(&self.0)
    }
}

impl Default for Revision {
    /// The branch that is meant if nothing is said.
    fn default() -> Self {
        Self("main".into())
    }
}

impl Commit {
    /// Forty hexadecimal digits in lower case.
    pub fn new(text: &str) -> Option<Self> {
        (text.len() == 40 && is_hex(text)).then(|| Self(text.to_owned()))
    }
}

impl FileName {
    /// A path in a repository, with `/` between its parts.
    ///
    /// # Errors
    /// [`Error::Name`], and [`Error::Pickle`] for files that can run a program when they are read.
    pub fn new(text: &str) -> Result<Self> {
        if !is_path(text) {
            return Err(Error::Name { given: shown(text), expected: "the name of a file in a repository" });
        }
        let ending = text.rsplit_once('.').map(|(_, ending)| ending.to_lowercase());
        if ending.is_some_and(|ending| PICKLES.contains(&ending.as_str())) {
            return Err(Error::Pickle { file: text.to_owned() });
        }
        Ok(Self(text.to_owned()))
    }
}

/// Whether it stays below the folder that it is put into, on every system.
fn is_path(text: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part != "." && part != "..";
    let is_odd = |c: char| c.is_control() || "\\:*?\"<>|".contains(c);
    text.len() <= 255 && text.split('/').all(is_part) && !text.contains(is_odd)
}

pub(crate) fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// As a message can hold it: on one line, and not without end.
fn shown(text: &str) -> String {
    text.chars().take(120).map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// A repository, at a revision, and perhaps one file of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The repository.
    pub repository: Repository,
    /// The branch, tag or commit; `main` if none was said.
    pub revision: Revision,
    /// The file, if one was named.
    pub file: Option<FileName>,
}

impl Reference {
    /// What was typed: `org/name`, `org/name@revision`, `hf://org/name@revision/file`, `hf_hub:org/name`, or the address of a page
    /// of the repository at one of `hubs`.
    ///
    /// # Errors
    /// [`Error::Name`] and [`Error::Pickle`].
    pub(crate) fn parse<'a>(typed: &'a str, hubs: &[&Address]) -> Result<Self> {
        if typed.starts_with("https://") || typed.starts_with("http://") {
            return Self::of_page(typed, hubs);
        }
        let revision_of =
            |name: &'a str| name.split_once('@').map_or((name, None), |(name, rest)| (name, Some(rest)));
        let Some(path) = SCHEMES.iter().find_map(|scheme| typed.strip_prefix(scheme)) else {
            // A revision may hold slashes here, for no file can be named.
            let (repository, revision) = revision_of(typed);
            return Self::new(repository, revision, None);
        };
        let (name, rest) = split(path, 2);
        let (repository, revision) = revision_of(if name.is_empty() { typed } else { name });
        match (revision, rest) {
            // The one kind of revision with slashes that such names have.
            (Some("refs"), Some(rest)) => {
                let (tail, file) = split(rest, 2);
                Self::new(repository, Some(&format!("refs/{tail}")), file)
            }
            _ => Self::new(repository, revision, rest),
        }
    }

    fn of_page(typed: &str, hubs: &[&Address]) -> Result<Self> {
        let wrong =
            || Error::Name { given: shown(typed), expected: "the address of a repository of the hub" };
        let address = Address::parse(typed).ok_or_else(wrong)?;
        let hub = hubs.iter().find(|hub| hub.is_origin_of(&address)).ok_or_else(wrong)?;
        let path = address.path_below(hub).ok_or_else(wrong)?;
        let (name, rest) = split(path.trim_matches('/'), 2);
        let Some(rest) = rest else { return Self::new(name, None, None) };
        let (kind, rest) = split(rest, 1);
        let (Some(rest), "tree" | "blob" | "resolve") = (rest, kind) else { return Err(wrong()) };
        let (revision, file) = split(rest, if rest.starts_with("refs/") { 3 } else { 1 });
        // What is shown of a folder is the repository.
        let file = file.filter(|_| kind != "tree").map(of_percent).transpose().map_err(|()| wrong())?;
        let revision = of_percent(revision).map_err(|()| wrong())?;
        Self::new(name, Some(&revision), file.as_deref())
    }

    fn new(repository: &str, revision: Option<&str>, file: Option<&str>) -> Result<Self> {
        // What is empty would be shown as nothing at all.
        let wrong = || Error::Name {
            given: format!("{}@", shown(repository)),
            expected: "complete: a branch, a tag or a commit follows `@`",
        };
        if revision == Some("") {
            return Err(wrong());
        }
        Ok(Self {
            repository: Repository::new(repository)?,
            revision: revision.map(Revision::new).transpose()?.unwrap_or_default(),
            file: file.map(FileName::new).transpose()?,
        })
    }
}

/// The first `parts` parts of a path, and the rest.
fn split(path: &str, parts: usize) -> (&str, Option<&str>) {
    match path.match_indices('/').nth(parts - 1) {
        Some((at, _)) => (&path[..at], Some(&path[at + 1..])),
        None => (path, None),
    }
}

/// With `%2F` and the like as the characters that they stand for.
fn of_percent(text: &str) -> std::result::Result<String, ()> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let digits = part.get(..2).ok_or(())?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| ())?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).map_err(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(typed: &str) -> Result<(String, String, Option<String>)> {
        let hubs = [
            Address::parse("https://hub.test").unwrap(),
            Address::parse("http://[::1]:8080/mirror").unwrap(),
        ];
        let Reference { repository, revision, file } = Reference::parse(typed, &[&hubs[0], &hubs[1]])?;
        Ok((repository.to_string(), revision.to_string(), file.map(|file| file.to_string())))
    }

    #[test]
    fn every_way_to_name_a_repository_is_understood() {
        for (typed, repository, revision, file) in [
            ("org/name", "org/name", "main", None),
            ("org/name@v1.0", "org/name", "v1.0", None),
            ("timm/resnet50.a1_in1k@refs/pr/1", "timm/resnet50.a1_in1k", "refs/pr/1", None),
            ("hf://org/name", "org/name", "main", None),
            ("hf://org/name/onnx/model.onnx", "org/name", "main", Some("onnx/model.onnx")),
            ("hf://org/name@v1/onnx/model.onnx", "org/name", "v1", Some("onnx/model.onnx")),
            ("hf://org/name@refs/pr/7/a.onnx", "org/name", "refs/pr/7", Some("a.onnx")),
            ("hf_hub:timm/name", "timm/name", "main", None),
            ("hf-hub:timm/name@x", "timm/name", "x", None),
            ("https://hub.test/org/name", "org/name", "main", None),
            ("https://hub.test:443/org/name/", "org/name", "main", None),
            ("https://hub.test/org/name/tree/v2/onnx", "org/name", "v2", None),
            (
                "https://hub.test/org/name/blob/v2/onnx/a.onnx?download=true",
                "org/name",
                "v2",
                Some("onnx/a.onnx"),
            ),
            (
                "https://hub.test/org/name/resolve/refs%2Fpr%2F1/a.onnx",
                "org/name",
                "refs/pr/1",
                Some("a.onnx"),
            ),
            ("http://[::1]:8080/mirror/org/name/tree/refs/pr/1", "org/name", "refs/pr/1", None),
        ] {
            let wanted = (repository.to_owned(), revision.to_owned(), file.map(String::from));
            assert_eq!(parsed(typed).unwrap(), wanted, "{typed}");
        }
    }

    #[test]
    fn what_names_no_repository_is_refused() {
        for typed in [
            "",
            "name",
            "org/",
            "/name",
            "org/name/file",
            "org/../name",
            "org/..",
            "../name",
            "org/a--b",
            "org/.a",
            "org/a.git",
            "org/name@",
            "org/name@../x",
            "org/name@a b",
            "org/name@a//b",
            "hf://name",
            "hf://datasets/org/name",
            "datasets/name",
            "https://other.test/org/name",
            "http://hub.test/org/name",
            "https://hub.test/org",
            "https://hub.test/org/name/wiki/x",
            "https://hub.test/org/name/blob/main/%2e%2e/x",
            "https://hub.test/org/name/blob/main/%zz",
            "org/na\nme",
            "http://[::1]:8080/org/name",
            "https://hub.test@other.test/org/name",
        ] {
            let error = parsed(typed).unwrap_err();
            assert!(matches!(error, Error::Name { .. }), "{typed}: {error}");
            assert!(!error.to_string().contains('\n') && error.remedy().is_some());
        }
    }

    #[test]
    fn what_is_missing_is_told() {
        let said = |typed: &str| parsed(typed).unwrap_err().to_string();
        assert_eq!(said("org/name@"), "`org/name@` is not complete: a branch, a tag or a commit follows `@`");
        assert_eq!(said("hf://"), "`hf://` is not the name of a repository, such as `org/name`");
    }

    #[test]
    fn a_file_stays_where_it_is_put_and_is_no_pickle() {
        for name in ["a", "onnx/model.onnx", "model.onnx_data", ".gitattributes", "a..b", "Größe.json"] {
            assert_eq!(FileName::new(name).unwrap().as_str(), name);
        }
        for name in
            ["", "..", "../a", "a/../b", "a//b", "/a", "a/", "./a", "a\\b", "c:a", "a\0", &"a".repeat(256)]
        {
            assert!(matches!(FileName::new(name), Err(Error::Name { .. })), "{name:?}");
        }
        for name in ["pytorch_model.bin", "a/model.PTH", "x.pt", "x.pkl", "x.ckpt", "x.pth.tar"] {
            let error = FileName::new(name).unwrap_err();
            assert!(matches!(error, Error::Pickle { .. }) && error.to_string().contains("pickle"), "{name}");
        }
    }

    #[test]
    fn a_commit_is_forty_digits() {
        let digits = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(Commit::new(digits).unwrap().as_str(), digits);
        assert_eq!(Revision::new(digits).unwrap().commit(), Commit::new(digits));
        for text in
            [&digits[1..], "../../../../../../../../../../etc/passwd1", &digits.to_uppercase(), "main", ""]
        {
            assert_eq!(Commit::new(text), None, "{text}");
        }
    }
}
