//! The names of the classes that a network was trained on.

use std::path::Path;

use super::error::{Error, Result};
use headstart_backbone::labels::parse;
use headstart_base::files::read_text;

/// Read class names, in the order of the network's outputs, from a JSON file.
///
/// Three forms are in use: a list of names; an object from index to name (`{"0": "tench", ...}`); and Keras' own
/// index, an object from index to WordNet id and name (`{"0": ["n01440764", "tench"], ...}`).
///
/// # Errors
/// [`Error::Read`], [`Error::Json`]; [`Error::Labels`] for anything else, an index left out among it.
pub fn read_labels(path: &Path) -> Result<Vec<String>> {
    let text = read_text(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let json = serde_json::from_str(&text).map_err(|source| Error::Json { path: path.to_owned(), source })?;
    parse(&json).map_err(|found| Error::Labels { path: path.to_owned(), found })
}
