//! What `torch.save` writes: a pickle that names its storages, and the storages themselves.
//!
//! | format | since | what it is |
//! |---|---|---|
//! | legacy | 0.1 | four pickles (a number to know it by, a version, sizes of types, the object), a list of storages, the storages |
//! | archive | 1.6 | a ZIP archive of stored files: `data.pkl`, `data/KEY` for each storage, `byteorder` |

mod cursor;
mod legacy;
mod names;
mod pickle;
#[cfg(test)]
mod tests;
mod value;
mod zip;

use std::collections::{BTreeMap, HashMap};

use super::error::{Error, Result};
use super::tensors::View;

/// The named tensors of the file `bytes`, not yet held against their storages.
pub(super) fn views(bytes: &[u8]) -> Result<BTreeMap<String, View>> {
    match bytes {
        [b'P', b'K', 3, 4, ..] => zip::views(bytes),
        [0x80, ..] => legacy::views(bytes),
        [] => Err(Error::Format { found: "an empty file" }),
        _ => Err(Error::Format { found: "something else" }),
    }
}

/// The first byte of each storage, by its name.
type Starts<'a> = HashMap<&'a str, usize>;
