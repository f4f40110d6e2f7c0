//! The text of a manifest, whatever program saved it.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use super::{Error, Place};

/// The text without its byte order mark: UTF-8, or UTF-16 with a mark, as spreadsheets call "Unicode text".
///
/// # Errors
/// [`Error::NotUtf8`] with the first line that is neither.
pub(super) fn text_of<'b>(source: &Arc<Path>, bytes: &'b [u8]) -> Result<Cow<'b, str>, Error> {
    let wrong = |line, found| Error::NotUtf8 { place: Place { source: source.clone(), line }, found };
    let text: Cow<str> = match bytes {
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => return Err(wrong(1, "UTF-32")),
        [0xFF, 0xFE, rest @ ..] => {
            utf16(rest, u16::from_le_bytes).map_err(|line| wrong(line, "damaged UTF-16"))?.into()
        }
        [0xFE, 0xFF, rest @ ..] => {
            utf16(rest, u16::from_be_bytes).map_err(|line| wrong(line, "damaged UTF-16"))?.into()
        }
        [b'P', b'K', 3, 4, ..] => return Err(wrong(1, "a ZIP archive, as Excel's workbooks are")),
        _ => {
            let text = std::str::from_utf8(bytes).map_err(|cause| {
                wrong(line_at(&bytes[..cause.valid_up_to()]), if bytes.contains(&0) { BINARY } else { OTHER })
            })?;
            text.strip_prefix('\u{FEFF}').unwrap_or(text).into()
        }
    };
    if let Some(at) = text.find('\0') {
        // Every other byte of English in UTF-16 is 0.
        let zeros = bytes.iter().take(64).filter(|&&byte| byte == 0).count();
        let found = if zeros > 8 { "UTF-16 without a byte order mark" } else { "a NUL byte" };
        return Err(wrong(line_at(&text.as_bytes()[..at]), found));
    }
    Ok(text)
}

const BINARY: &str = "binary data";
/// Western European Excel saves "CSV" so, without a word about it.
const OTHER: &str = "another encoding, such as Windows-1252";

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, u64> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(pairs.len());
    for c in char::decode_utf16(pairs.iter().map(|&pair| unit(pair))) {
        match c {
            Ok(c) => text.push(c),
            Err(_) => return Err(line_at(text.as_bytes())),
        }
    }
    if rest.is_empty() { Ok(text) } else { Err(line_at(text.as_bytes())) }
}

/// The line that follows this, from 1.
fn line_at(before: &[u8]) -> u64 {
    let ends = before.iter().enumerate().filter(|&(at, &byte)| {
        byte == b'\n' || (byte == b'\r' && before.get(at + 1).is_some_and(|&next| next != b'\n'))
    });
    1 + ends.count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<String, (u64, &'static str)> {
        match text_of(&Path::new("m.csv").into(), bytes) {
            Ok(text) => Ok(text.into_owned()),
            Err(Error::NotUtf8 { place, found }) => Err((place.line, found)),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn text_with_a_mark_and_without() {
        let text = "path,é\n\u{1F600}.png,x\r\n";
        let le: Vec<u8> =
            [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        let be: Vec<u8> =
            [0xFE, 0xFF].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect();
        for bytes in [text.as_bytes(), format!("\u{FEFF}{text}").as_bytes(), &le, &be] {
            assert_eq!(read(bytes).as_deref(), Ok(text));
        }
        let line = le.len() - 4;
        assert_eq!(read(&le[..line - 3]), Err((2, "damaged UTF-16")));
        assert_eq!(read(&[&le[..], &[0, 0xD8]].concat()), Err((3, "damaged UTF-16")));
    }

    #[test]
    fn what_is_no_text_is_named_with_its_line() {
        assert_eq!(read(b"path,label\r\na,ok\r\nb\xE9.png,x\r\n"), Err((3, OTHER)));
        assert_eq!(read(b"path,label\ra,ok\rb\xE9.png,x\r"), Err((3, OTHER)));
        assert_eq!(read(b"\x89PNG\r\n\x1A\n\0\0"), Err((1, BINARY)));
        assert_eq!(read(b"PK\x03\x04\x14\0"), Err((1, "a ZIP archive, as Excel's workbooks are")));
        assert_eq!(read(b"p\0a\0t\0h\0,\0l\0a\0b\0e\0l\0\n\0"), Err((1, "UTF-16 without a byte order mark")));
        assert_eq!(read(b"path,label\na.png,x\nb\0.png,x\n"), Err((3, "a NUL byte")));
        assert_eq!(read(b"\xFF\xFE\0\0p\0\0\0"), Err((1, "UTF-32")));
    }
}
