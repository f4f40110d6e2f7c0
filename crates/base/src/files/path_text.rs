//! Paths as text: every path has one text, and every such text is read back as the same path.
//!
//! File names are bytes on Unix, and need not be text. CSV and JSON can hold text only. So:
//!
//! - a path that is text is written as it is, whatever characters are in it (`50%.jpg` stays `50%.jpg`);
//! - any other path is written as `%//` and then the path, in which each byte that is not text, each control
//!   character and each `%` stands as `%XX`: the folder `cat` with the Latin-1 file name `caf\xE9.jpg` is
//!   `%//cat/caf%E9.jpg`.
//!
//! No name collides with that mark: names hold no `/`, and a path never needs two of them in a row. A file `x` in a
//! folder that is called `%` is `%/x`. Only a path that is typed as `%//x` is written with the mark too.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serializer};

/// What a text begins with that has escapes in it.
const MARK: &str = "%//";

/// A path as text for CSV and JSON; [`path_of_text`] reads it back.
///
/// ```
/// use headstart_base::files::{path_of_text, path_text};
/// assert_eq!(path_text("photos/50%.jpg".as_ref()), "photos/50%.jpg");
///
/// # #[cfg(unix)] {
/// use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::Path};
/// let latin1 = Path::new(OsStr::from_bytes(b"photos/caf\xE9.jpg"));
/// assert_eq!(path_text(latin1), "%//photos/caf%E9.jpg");
/// assert_eq!(path_of_text("%//photos/caf%E9.jpg"), latin1);
/// # }
/// ```
pub fn path_text(path: &Path) -> Cow<'_, str> {
    match path.to_str() {
        Some(text) if !text.starts_with(MARK) => text.into(),
        _ => (MARK.to_owned() + &percent(path)).into(),
    }
}

/// The path below some folder as text, with `/` between its parts on every system.
pub fn relative_path_text(path: &Path) -> String {
    let mut joined = OsString::new();
    for part in path {
        if !joined.is_empty() {
            joined.push("/");
        }
        joined.push(part);
    }
    path_text(Path::new(&joined)).into_owned()
}

/// The path that [`path_text`] wrote. Any other text is a path as it stands.
pub fn path_of_text(text: &str) -> PathBuf {
    text.strip_prefix(MARK).and_then(of_percent).unwrap_or_else(|| text.into())
}

/// [`path_text`] for a field of a `struct`: `#[serde(serialize_with = "as_path_text")]`. What serde does with a path that is
/// not text is to fail.
///
/// # Errors
/// Those of the serializer.
pub fn as_path_text<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path_text(path))
}

/// [`as_path_text`] for several.
///
/// # Errors
/// Those of the serializer.
pub fn as_path_texts<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| path_text(path)))
}

/// What [`as_path_text`] wrote: `#[serde(deserialize_with = "of_path_text")]`.
///
/// # Errors
/// Those of the deserializer.
pub fn of_path_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    Ok(path_of_text(&String::deserialize(deserializer)?))
}

/// A path as one line of text: each byte that is not text, each control character and each `%` becomes `%XX`.
pub fn percent(path: &Path) -> String {
    let escaped = |bytes: &[u8]| bytes.iter().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let mut text = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() || c == '%' {
                text.push_str(&escaped(c.encode_utf8(&mut [0; 4]).as_bytes()));
            } else {
                text.push(c);
            }
        }
        text.push_str(&escaped(chunk.invalid()));
    }
    text
}

/// What [`percent`] wrote; `None` if a `%` is not followed by two digits.
pub fn of_percent(text: &str) -> Option<PathBuf> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    Some(os_string(bytes).into())
}

#[cfg(unix)]
fn os_string(bytes: Vec<u8>) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes)
}

#[cfg(not(unix))]
fn os_string(bytes: Vec<u8>) -> OsString {
    String::from_utf8_lossy(&bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_as_it_is() {
        for text in
            ["", "a b.jpg", "50%.jpg", "%41.jpg", "%/x.jpg", "a%//b", "é/\u{1F600}", "two\nlines", "//x"]
        {
            assert_eq!(path_text(text.as_ref()), text);
            assert_eq!(path_of_text(text), Path::new(text));
        }
        // Not an escape that was written here: a path as it stands.
        for text in ["%//a%", "%//a%4", "%//a%zz", "%//a%+1"] {
            assert_eq!(path_of_text(text), Path::new(text));
        }
    }

    #[test]
    fn a_path_like_the_mark_comes_back_too() {
        for text in ["%//", "%//x", "%//%41", "%//x%"] {
            assert_ne!(path_text(text.as_ref()), text);
            assert_eq!(path_of_text(&path_text(text.as_ref())), Path::new(text));
        }
    }

    #[cfg(unix)]
    #[test]
    fn all_bytes_come_back() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let all: Vec<u8> = (1..=255).collect();
        let names: [&[u8]; 6] =
            [&all, b"caf\xE9.jpg", b"\xFF", b"/a\n/\x80%.jpg", b"%//\xFF", b"\xED\xA0\x80"];
        for bytes in names {
            let path = Path::new(OsStr::from_bytes(bytes));
            let text = path_text(path);
            assert!(text.starts_with(MARK) && !text.contains(char::is_control), "{text}");
            assert_eq!(path_of_text(&text), path);
            assert_eq!(of_percent(&percent(path)).unwrap(), path);
        }
        let below = Path::new(OsStr::from_bytes(b"cat//caf\xE9.jpg"));
        assert_eq!(relative_path_text(below), "%//cat/caf%E9.jpg");
        assert_eq!(relative_path_text("cat/50%.jpg".as_ref()), "cat/50%.jpg");
    }
}
