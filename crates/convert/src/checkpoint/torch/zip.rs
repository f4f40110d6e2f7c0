//! The newer format: a ZIP archive in which nothing is compressed, so that storages lie in it as they lie in memory.
//!
//! Source: PKWARE's APPNOTE 6.3.10, sections 4.3 and 4.4; PyTorch, `caffe2/serialize/inline_container.cc`.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::super::error::{Error, Result};
use super::super::tensors::View;
use super::Starts;
use super::cursor::Cursor;
use super::legacy::differs;
use super::names::named;
use super::pickle::Pickle;
use super::value::shortened;

const WITHIN: &str = "the archive's directory";

pub(super) fn views(bytes: &[u8]) -> Result<BTreeMap<String, View>> {
    let files = files(bytes)?;
    let pickles: Vec<&str> = files.keys().filter_map(|name| name.strip_suffix("data.pkl")).collect();
    let [folder] = pickles[..] else {
        return wrong("one `data.pkl`, as `torch.save` writes it", format!("{} of them", pickles.len()));
    };
    if let Some(order) = files.get(format!("{folder}byteorder").as_str())
        && bytes[order.clone()] != *b"little"
    {
        return wrong("`byteorder` to be `little`", "something else".to_owned());
    }
    let range = &files[format!("{folder}data.pkl").as_str()];
    let mut pickle = Pickle::new(&bytes[..range.end], range.start);
    let root = pickle.load()?;
    let mut starts = Starts::new();
    for &storage in &pickle.heap.storages {
        let Some(file) = files.get(format!("{folder}data/{}", storage.key).as_str()) else { continue };
        if storage.count.checked_mul(storage.element.width()) != Some(file.len()) {
            return Err(differs(storage, &format!("{} bytes", file.len())));
        }
        starts.insert(storage.key, file.start);
    }
    named(&pickle.heap, root, &starts)
}

/// The files in the archive and where the bytes of each are, as the directory at its end says.
fn files(bytes: &[u8]) -> Result<HashMap<&str, Range<usize>>> {
    let end = end(bytes)?;
    let mut cursor = Cursor::new(bytes, end + 10);
    let count = u16::from_le_bytes(cursor.array(WITHIN)?);
    cursor.take(4, WITHIN)?;
    let directory = u32::from_le_bytes(cursor.array(WITHIN)?);
    if count == u16::MAX || directory == u32::MAX {
        return wrong("fewer than 65,535 files and less than 4 GiB", "more".to_owned());
    }
    let mut cursor = Cursor::new(bytes, directory as usize);
    let mut files = HashMap::new();
    for _ in 0..count {
        let (name, range) = entry(bytes, &mut cursor)?;
        if files.insert(name, range).is_some() {
            return wrong("each file once", format!("`{}` twice", shortened(name)));
        }
    }
    Ok(files)
}

/// Where the last record of the archive begins; it ends in a comment of up to 65,535 bytes, and so does the file.
fn end(bytes: &[u8]) -> Result<usize> {
    const RECORD: usize = 22;
    let tail = bytes.len().saturating_sub(RECORD + usize::from(u16::MAX));
    let is_last = |window: &[u8], left: usize| {
        let comment = usize::from(u16::from_le_bytes([window[RECORD - 2], window[RECORD - 1]]));
        window.starts_with(b"PK\x05\x06") && left == RECORD + comment
    };
    let mut windows = bytes[tail..].windows(RECORD).enumerate().map(|(at, window)| (tail + at, window));
    let found = windows.rfind(|&(at, window)| is_last(window, bytes.len() - at));
    match found {
        Some((at, _)) => Ok(at),
        None => wrong("a directory at its end", "none: the file is cut off, or no archive".to_owned()),
    }
}

fn entry<'a>(bytes: &'a [u8], cursor: &mut Cursor<'a>) -> Result<(&'a str, Range<usize>)> {
    let fixed: [u8; 46] = cursor.array(WITHIN)?;
    let u16_at = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
    let u32_at = |at: usize| u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
    if !fixed.starts_with(b"PK\x01\x02") {
        return wrong("an entry of its directory", "other bytes".to_owned());
    }
    let name = cursor.take(u16_at(28).into(), WITHIN)?;
    cursor.take(usize::from(u16_at(30)) + usize::from(u16_at(32)), WITHIN)?;
    let Ok(name) = std::str::from_utf8(name) else {
        return wrong("names in UTF-8", "other bytes".to_owned());
    };
    let (flags, method, packed, length, local) = (u16_at(8), u16_at(10), u32_at(20), u32_at(24), u32_at(42));
    if method != 0 || flags & 1 != 0 || packed != length {
        return wrong("files as they are", format!("`{}` compressed or encrypted", shortened(name)));
    }
    let mut header = Cursor::new(bytes, local as usize);
    let fixed: [u8; 30] = header.array(WITHIN)?;
    if !fixed.starts_with(b"PK\x03\x04") {
        return wrong("a file where its directory says", format!("other bytes for `{}`", shortened(name)));
    }
    let skipped = [26, 28].map(|at| usize::from(u16::from_le_bytes([fixed[at], fixed[at + 1]])));
    header.take(skipped[0] + skipped[1], WITHIN)?;
    let start = header.at;
    header.take(length as usize, "a file in the archive")?;
    Ok((name, start..header.at))
}

fn wrong<T>(expected: &'static str, found: String) -> Result<T> {
    Err(Error::Archive { expected, found })
}
