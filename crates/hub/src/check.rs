//! The bytes of a file held against the tag that the hub gave it.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha1::{Digest, Sha1};
use sha2::Sha256;

use crate::name::is_hex;

/// What a file is called by its content: the SHA-256 of a large one, the SHA-1 that git gives a small one.
///
/// It is also the file's name in the cache. There is no other way to make one than from hexadecimal digits of the right number,
/// so a hub cannot have a file written anywhere else.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Tag(String);

impl Tag {
    /// As a header holds it: in quotes, and perhaps marked as weak.
    pub(crate) fn of_header(value: &str) -> Option<Self> {
        Self::new(value.strip_prefix("W/").unwrap_or(value).trim_matches('"'))
    }

    pub(crate) fn new(text: &str) -> Option<Self> {
        (matches!(text.len(), 40 | 64) && is_hex(text)).then(|| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag that the bytes of `path` have, computed as this one was. All of the file is read.
    pub(crate) fn found_in(&self, path: &Path) -> io::Result<String> {
        let mut file = File::open(path)?;
        if self.0.len() == 64 {
            return digest(Sha256::new(), &mut file);
        }
        // As git names a blob.
        let header = format!("blob {}\0", file.metadata()?.len());
        digest(Sha1::new_with_prefix(header), &mut file)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn digest(mut hasher: impl Digest, file: &mut File) -> io::Result<String> {
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            read => hasher.update(&buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_the_tags_of_git_and_of_sha256() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "what is up, doc?").unwrap();
        // The example of the book "Pro Git", chapter 10.2: `echo -n "what is up, doc?" | git hash-object --stdin`.
        let git = Tag::new("bd9dbf5aae1a3862dd1526723246b20206e5fc37").unwrap();
        assert_eq!(git.found_in(&path).unwrap(), git.as_str());
        // The first test vector of FIPS 180-4.
        std::fs::write(&path, "abc").unwrap();
        let sha256 = Tag::new("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad").unwrap();
        assert_eq!(sha256.found_in(&path).unwrap(), sha256.as_str());
        assert_ne!(git.found_in(&path).unwrap(), git.as_str());
    }

    #[test]
    fn only_digits_of_the_right_number_are_a_tag() {
        let git = "bd9dbf5aae1a3862dd1526723246b20206e5fc37";
        for header in [git.to_owned(), format!("\"{git}\""), format!("W/\"{git}\"")] {
            assert_eq!(Tag::of_header(&header).unwrap().as_str(), git);
        }
        let way_out = format!("{}{}", "../".repeat(12), "ab12");
        for header in [
            "",
            "\"\"",
            &git[1..],
            &git.to_uppercase(),
            &way_out,
            "\"../../../../evil\"",
            &git.replace('b', "/"),
        ] {
            assert_eq!(Tag::of_header(header), None, "{header}");
        }
        assert_eq!(way_out.len(), 40);
    }
}
