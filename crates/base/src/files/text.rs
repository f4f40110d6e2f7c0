//! Text files as people have them.

use std::io;
use std::path::Path;

/// The text of a file in UTF-8. A byte-order mark, which editors on Windows put first, is passed over.
///
/// # Errors
/// What the system says; [`io::ErrorKind::InvalidData`] with a [`NotUtf8`] if it is another encoding.
pub fn read_text(path: &Path) -> io::Result<String> {
    text_of(std::fs::read(path)?)
}

/// These bytes as text, as [`read_text`] takes them.
///
/// # Errors
/// [`NotUtf8`], in an [`io::Error`].
pub fn text_of(bytes: Vec<u8>) -> io::Result<String> {
    let found = looks_like(&bytes);
    match String::from_utf8(bytes) {
        Ok(mut text) => {
            if text.starts_with('\u{FEFF}') {
                text.drain(..'\u{FEFF}'.len_utf8());
            }
            Ok(text)
        }
        Err(error) => {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            Err(io::Error::new(io::ErrorKind::InvalidData, NotUtf8 { line, found }))
        }
    }
}

/// Without the byte-order mark that may be the first of a file.
pub fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

/// A text in another encoding than UTF-8.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: expected text in UTF-8, found {found}")]
pub struct NotUtf8 {
    /// The first line that is none, from 1.
    pub line: usize,
    /// What it looks like.
    pub found: &'static str,
}

impl NotUtf8 {
    /// The one in this error, if it is one.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

fn looks_like(bytes: &[u8]) -> &'static str {
    match bytes {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => "UTF-16",
        _ if bytes.contains(&0) => "bytes that are no text",
        _ => "another encoding, such as Windows-1252",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_passed_over_and_other_encodings_are_named() {
        let text = |bytes: &[u8]| text_of(bytes.into()).map_err(|error| error.to_string());
        assert_eq!(text("\u{FEFF}seed = 1\r\n".as_bytes()).unwrap(), "seed = 1\r\n");
        assert_eq!(text("grün".as_bytes()).unwrap(), "grün");
        assert_eq!(text(b"").unwrap(), "");
        // Only the first is a mark.
        assert_eq!(text("\u{FEFF}\u{FEFF}a".as_bytes()).unwrap(), "\u{FEFF}a");
        let wrong =
            |line: usize, found: &str| Err(format!("line {line}: expected text in UTF-8, found {found}"));
        assert_eq!(text(b"a = 1\n# gr\xFCn"), wrong(2, "another encoding, such as Windows-1252"));
        assert_eq!(text(b"\xFF\xFEa\0"), wrong(1, "UTF-16"));
        assert_eq!(text(b"\xFE\xFF\0a"), wrong(1, "UTF-16"));
        assert_eq!(text(b"\x80\0\0"), wrong(1, "bytes that are no text"));
        let error = text_of(vec![0xE9]).unwrap_err();
        assert_eq!((error.kind(), NotUtf8::of(&error).unwrap().line), (io::ErrorKind::InvalidData, 1));
        assert_eq!(without_mark(b"\xEF\xBB\xBFa"), b"a");
    }
}
