//! Class names that others have written into a file.

use serde_json::Value as Json;

use headstart_onnx::Model;

/// Keys under which exporters and their users keep class names.
const KEYS: [&str; 6] = ["labels", "class_labels", "class_names", "classes", "names", "id2label"];

/// The class names in the metadata of `model`, in the order of its outputs; empty if there are none in a form that is
/// in use (a JSON list, or a JSON object from index to name).
pub fn of_others(model: &Model) -> Vec<String> {
    let entry = |key: &&str| model.metadata_props.iter().find(|entry| entry.key() == *key);
    let parsed = KEYS.iter().filter_map(entry).find_map(|entry| {
        let json = serde_json::from_str(entry.value()).ok()?;
        parse(&json).ok()
    });
    parsed.unwrap_or_default()
}

/// Class names from JSON, in the order of the network's outputs; what it is instead, if it is none of the forms that are in use: a
/// list, an object from index to name, Keras' object from index to WordNet id and name.
///
/// # Errors
/// What was found.
pub fn parse(json: &Json) -> Result<Vec<String>, String> {
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

fn name(index: usize, item: &Json) -> Result<String, String> {
    let name = match item {
        Json::Array(pair) => pair.last().and_then(Json::as_str),
        other => other.as_str(),
    };
    name.map(str::to_owned).ok_or_else(|| format!("no name at index {index}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use headstart_onnx::StringStringEntry;

    #[test]
    fn names_are_found_under_the_usual_keys() {
        let with = |key: &str, value: &str| {
            let metadata_props =
                vec![StringStringEntry::new("author", "[\"me\"]"), StringStringEntry::new(key, value)];
            of_others(&Model { metadata_props, ..Model::default() })
        };
        assert_eq!(with("id2label", r#"{"1": "dog", "0": "cat"}"#), ["cat", "dog"]);
        assert_eq!(with("classes", r#"["cat", "dog"]"#), ["cat", "dog"]);
        assert!(with("classes", "cat dog").is_empty() && with("other", r#"["cat"]"#).is_empty());
    }

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
