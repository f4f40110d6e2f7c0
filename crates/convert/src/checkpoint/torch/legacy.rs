//! The older format: pickles one after another, then the storages as they lie in memory.

use std::collections::{BTreeMap, HashMap};

use super::super::error::{Error, Result};
use super::super::tensors::View;
use super::Starts;
use super::cursor::Cursor;
use super::names::named;
use super::pickle::Pickle;
use super::value::{Heap, Storage, Value, shortened};

/// 0x1950a86a20f9469cfc6c, by which the format is known.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const VERSION: i64 = 1001;

pub(super) fn views(bytes: &[u8]) -> Result<BTreeMap<String, View>> {
    let mut pickle = Pickle::new(bytes, 0);
    match pickle.load() {
        Ok(Value::Long(magic)) if magic == MAGIC => {}
        // What it wanted to run is worth more than what it is not.
        Err(error @ Error::Global { .. }) => return Err(error),
        _ => return Err(Error::Format { found: "a Python pickle of another kind" }),
    }
    let structure =
        |at, expected, found: Value<'_>| Error::Structure { at, expected, found: found.to_string() };
    match pickle.load()? {
        Value::Int(VERSION) => {}
        other => return Err(structure(pickle.at(), "version 1001 of the format", other)),
    }
    let machine = pickle.load()?;
    let little = pickle.heap.entry(machine, "little_endian");
    if little != Some(Value::Bool(true)) {
        let found = little.unwrap_or(Value::None);
        return Err(structure(pickle.at(), "`little_endian` to be true", found));
    }
    let root = pickle.load()?;
    let declared = declared(&pickle.heap)?;
    let keys = match pickle.load()? {
        Value::List(index) => pickle.heap.items[index].clone(),
        other => return Err(structure(pickle.at(), "a list of storages", other)),
    };
    let starts = starts(bytes, pickle.at(), &keys, &declared)?;
    named(&pickle.heap, root, &starts)
}

/// The storages that tensors look into, each once.
fn declared<'a>(heap: &Heap<'a>) -> Result<HashMap<&'a str, Storage<'a>>> {
    let mut declared = HashMap::new();
    for &storage in &heap.storages {
        let first = *declared.entry(storage.key).or_insert(storage);
        if first != storage {
            return Err(differs(storage, &format!("{} {:?}", first.count, first.element)));
        }
    }
    Ok(declared)
}

/// `storage` is not what another part of the file says it is.
pub(super) fn differs(storage: Storage<'_>, expected: &str) -> Error {
    Error::Storage {
        key: shortened(storage.key),
        expected: format!("{expected}, as elsewhere in the file"),
        found: format!("{} {:?}", storage.count, storage.element),
    }
}

/// Each storage is the number of its numbers, then these; they stand in the order of `keys`, up to the end of the file.
fn starts<'a>(
    bytes: &[u8],
    at: usize,
    keys: &[Value<'a>],
    declared: &HashMap<&'a str, Storage<'a>>,
) -> Result<Starts<'a>> {
    const WITHIN: &str = "the storages";
    let mut cursor = Cursor::new(bytes, at);
    let mut starts = Starts::new();
    for &key in keys {
        let storage = match key {
            Value::Text(key) => declared.get(key),
            _ => None,
        };
        let Some(storage) = storage else {
            let expected = "the name of a storage that a tensor looks into";
            return Err(Error::Structure { at, expected, found: key.to_string() });
        };
        let wrong =
            |expected: String, found: String| Error::Storage { key: shortened(storage.key), expected, found };
        let count = i64::from_le_bytes(cursor.array(WITHIN)?);
        if usize::try_from(count) != Ok(storage.count) {
            return Err(wrong(format!("{} numbers", storage.count), count.to_string()));
        }
        let length = storage.count.checked_mul(storage.element.width());
        let length = length.filter(|&length| length <= cursor.left()).ok_or_else(|| {
            wrong(format!("{} {:?}", storage.count, storage.element), format!("{} bytes", cursor.left()))
        })?;
        starts.insert(storage.key, cursor.at);
        cursor.take(length, WITHIN)?;
    }
    match cursor.left() {
        0 => Ok(starts),
        found => Err(Error::Trailing { at: cursor.at, found }),
    }
}
