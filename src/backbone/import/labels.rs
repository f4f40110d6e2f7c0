//! The names of the classes that a network was trained on.

use std::path::Path;

use serde_json::Value as Json;

use super::error::{Error, Result};
use crate::files::read_text;

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

pub(in crate::backbone) fn parse(json: &Json) -> std::result::Result<Vec<String>, String> {
    match json {
        Json::Array(items) => items.iter().enumerate().map(|(index, item)| name(index, item)).collect(),
        Json::Object(entries) => (0..entries.len())
            .map(|index| match entries.get(&index.to_string()) {
                Some(item) => name(index, item),
                None => Err(format!("{} entries without index {index}", entries.len())),
            })
            .collect(),
        _ => Err("neither".to_owned()),
    }
}

fn name(index: usize, item: &Json) -> std::result::Result<String, String> {
    let name = match item {
        Json::Array(pair) => pair.last().and_then(Json::as_str),
        other => other.as_str(),
    };
    name.map(str::to_owned).ok_or_else(|| format!("no name at index {index}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_three_forms_are_read() {
        let names = Ok(vec!["tench".to_owned(), "goldfish".to_owned()]);
        assert_eq!(parse(&json!(["tench", "goldfish"])), names);
        assert_eq!(parse(&json!({"1": "goldfish", "0": "tench"})), names);
        assert_eq!(parse(&json!({"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]})), names);
    }

    #[test]
    fn gaps_and_other_things_are_refused() {
        assert_eq!(parse(&json!({"0": "tench", "2": "shark"})), Err("2 entries without index 1".to_owned()));
        assert_eq!(parse(&json!(["tench", 7])), Err("no name at index 1".to_owned()));
        assert!(parse(&json!("tench")).is_err());
    }
}
