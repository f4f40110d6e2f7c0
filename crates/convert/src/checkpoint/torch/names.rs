//! From the dictionary that was saved to tensors with names.

use std::collections::BTreeMap;

use super::super::error::{Error, Result};
use super::super::tensors::View;
use super::Starts;
use super::value::{Heap, Tensor, Value, shortened};

/// More than any network has.
const ENTRIES: usize = 100_000;
/// Bytes of a name: longer than any path through modules.
const LONGEST: usize = 512;

/// The tensors in the dictionary `root`, and in dictionaries that are values of it (`{"state_dict": {…}, "epoch": 3}`),
/// whose names then begin with the key and a point. Everything else in it is left out.
pub(super) fn named(heap: &Heap<'_>, root: Value<'_>, starts: &Starts<'_>) -> Result<BTreeMap<String, View>> {
    let Value::Dict(root) = root else {
        let found = match root {
            Value::Tensor(_) => "a tensor without a name",
            Value::List(_) | Value::Tuple(_) => "a list",
            _ => "something else",
        };
        return Err(Error::NoTensors { found });
    };
    let mut found = Found { heap, starts, entries: 0, views: BTreeMap::new() };
    for &(key, value) in &heap.dicts[root] {
        let Value::Text(key) = key else { continue };
        match value {
            Value::Dict(inner) => {
                for &(name, value) in &heap.dicts[inner] {
                    if let Value::Text(name) = name {
                        found.add(&[key, name], value)?;
                    }
                }
            }
            value => found.add(&[key], value)?,
        }
    }
    if found.views.is_empty() {
        return Err(Error::NoTensors { found: "a dictionary without any" });
    }
    Ok(found.views)
}

struct Found<'h, 'a> {
    heap: &'h Heap<'a>,
    starts: &'h Starts<'a>,
    entries: usize,
    views: BTreeMap<String, View>,
}

impl Found<'_, '_> {
    fn add(&mut self, path: &[&str], value: Value<'_>) -> Result<()> {
        self.entries += 1;
        if self.entries > ENTRIES {
            return Err(Error::Limit { what: "entries in the dictionary", limit: ENTRIES });
        }
        let Value::Tensor(index) = value else { return Ok(()) };
        if path.iter().any(|part| part.len() > LONGEST) {
            return Err(Error::Limit { what: "bytes in the name of a tensor", limit: LONGEST });
        }
        let Tensor { storage, offset, shape, strides } = self.heap.tensors[index].clone();
        let storage = self.heap.storages[storage];
        let Some(&start) = self.starts.get(storage.key) else {
            return Err(Error::Storage {
                key: shortened(storage.key),
                expected: format!("its {} numbers, for tensor `{}`", storage.count, path.join(".")),
                found: "nothing".to_owned(),
            });
        };
        let view = View { element: storage.element, start, count: storage.count, offset, shape, strides };
        self.views.insert(path.join("."), view);
        Ok(())
    }
}
