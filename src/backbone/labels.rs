//! Class names that others have written into a file.

use super::import;
use crate::onnx::Model;

/// Keys under which exporters and their users keep class names.
const KEYS: [&str; 6] = ["labels", "class_labels", "class_names", "classes", "names", "id2label"];

/// The class names in the metadata of `model`, in the order of its outputs; empty if there are none in a form that is
/// in use (a JSON list, or a JSON object from index to name).
pub(super) fn of_others(model: &Model) -> Vec<String> {
    let entry = |key: &&str| model.metadata_props.iter().find(|entry| entry.key() == *key);
    let parsed = KEYS.iter().filter_map(entry).find_map(|entry| {
        let json = serde_json::from_str(entry.value()).ok()?;
        import::parse_labels(&json).ok()
    });
    parsed.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::StringStringEntry;

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
}
