//! What a backbone file says about itself, in the `metadata_props` that every ONNX file may carry.
//!
//! | key | value |
//! |---|---|
//! | `headstart.name` | what the backbone is called |
//! | `headstart.recipe` | the preprocessing, as [`Recipe::to_json`] writes it |
//! | `headstart.recipe_doubts` | why there is no recipe although one can be guessed: a JSON list of clauses |
//! | `headstart.feature_tensor` | the output that holds the features |
//! | `headstart.feature_size` | how many features an image has |
//! | `headstart.labels` | the classes that the network was trained on: a JSON list of names |
//! | `headstart.source` | where the weights come from |
//! | `headstart.licence` | the licence of the weights |
//! | `headstart.quantized` | how a graph in integers was made, and how near it is to the one in floats: a JSON object |
//!
//! Entries with other keys belong to others and are never touched.

use std::path::Path;

use serde::Serialize;

use super::error::{Error, Result};
use headstart_image::Recipe;
use headstart_onnx::{Model, StringStringEntry};

const NAME: &str = "headstart.name";
const RECIPE: &str = "headstart.recipe";
const RECIPE_DOUBTS: &str = "headstart.recipe_doubts";
const FEATURE_TENSOR: &str = "headstart.feature_tensor";
const FEATURE_SIZE: &str = "headstart.feature_size";
const LABELS: &str = "headstart.labels";
const SOURCE: &str = "headstart.source";
const LICENCE: &str = "headstart.licence";
const QUANTIZED: &str = "headstart.quantized";
const KEYS: [&str; 9] =
    [NAME, RECIPE, RECIPE_DOUBTS, FEATURE_TENSOR, FEATURE_SIZE, LABELS, SOURCE, LICENCE, QUANTIZED];

/// A file's own account of itself. A foreign file has none of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Metadata {
    /// What the backbone is called, such as `resnet50`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How images are prepared for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipe: Option<Recipe>,
    /// Why there is no recipe although one can be guessed: the network that the file was cut from raised a doubt.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recipe_doubts: Vec<String>,
    /// The output that holds the features.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feature_tensor: Option<String>,
    /// Features for each image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feature_size: Option<usize>,
    /// Names of the classes that the network was trained on, in the order of its former output; may be empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Where the weights come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Under which licence they may be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// How a graph in integers was made of one in floats, and how near its features are: calibration images, ranges, layers that
    /// stayed in floats, fidelity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantized: Option<serde_json::Value>,
}

/// As `headstart export` writes it: what an exported graph takes.
const FORM: &str = "headstart.form";

impl Metadata {
    /// Whether it is the head of a run, exported alone, which takes features.
    pub(crate) fn is_head(model: &Model) -> bool {
        entry(model, FORM) == Some("features")
    }

    /// Read what `model` says about itself; `path` is where it came from, for messages.
    ///
    /// # Errors
    /// [`Error::Metadata`] and [`Error::Recipe`] if one of our entries is there but not in its form.
    pub fn read(model: &Model, path: &Path) -> Result<Self> {
        let entry = |key: &str| entry(model, key).map(str::to_owned);
        let recipe = |text: String| {
            Recipe::from_json(&text).map_err(|source| Error::Recipe { path: path.to_owned(), source })
        };
        Ok(Self {
            name: entry(NAME),
            recipe: entry(RECIPE).map(recipe).transpose()?,
            recipe_doubts: recipe_doubts(model),
            feature_tensor: entry(FEATURE_TENSOR),
            feature_size: entry(FEATURE_SIZE)
                .map(|text| text.parse().map_err(|error| bad(path, FEATURE_SIZE, error)))
                .transpose()?,
            labels: entry(LABELS)
                .map(|text| serde_json::from_str(&text).map_err(|error| bad(path, LABELS, error)))
                .transpose()?
                .unwrap_or_default(),
            source: entry(SOURCE),
            licence: entry(LICENCE),
            quantized: entry(QUANTIZED)
                .map(|text| serde_json::from_str(&text).map_err(|error| bad(path, QUANTIZED, error)))
                .transpose()?,
        })
    }

    /// The digest of the graph in floats that this one was made of.
    pub fn quantised_from(&self) -> Option<String> {
        Some(self.quantized.as_ref()?["made_of"]["digest"].as_str()?.to_owned())
    }

    /// Put this account into `model`, instead of an earlier one; entries of others stay.
    pub fn write_into(&self, model: &mut Model) {
        model.metadata_props.retain(|entry| !KEYS.contains(&entry.key()));
        let list = |items: &[String]| {
            let json = || serde_json::to_string(items).expect("strings are always valid JSON");
            (!items.is_empty()).then(json)
        };
        let entries = [
            (NAME, self.name.clone()),
            (RECIPE, self.recipe.as_ref().map(Recipe::to_json)),
            (RECIPE_DOUBTS, list(&self.recipe_doubts)),
            (FEATURE_TENSOR, self.feature_tensor.clone()),
            (FEATURE_SIZE, self.feature_size.map(|size| size.to_string())),
            (LABELS, list(&self.labels)),
            (SOURCE, self.source.clone()),
            (LICENCE, self.licence.clone()),
            (QUANTIZED, self.quantized.as_ref().map(serde_json::Value::to_string)),
        ];
        let entries =
            entries.into_iter().filter_map(|(key, value)| Some(StringStringEntry::new(key, value?)));
        model.metadata_props.extend(entries);
    }
}

fn entry<'a>(model: &'a Model, key: &str) -> Option<&'a str> {
    let found = model.metadata_props.iter().find(|entry| entry.key() == key);
    found.map(|entry| entry.value())
}

/// What is doubted whatever the graph looks like now. A list that cannot be read is a doubt of its own.
pub(crate) fn recipe_doubts(model: &Model) -> Vec<String> {
    let text = entry(model, RECIPE_DOUBTS);
    text.map_or_else(Vec::new, |text| serde_json::from_str(text).unwrap_or_else(|_| vec![text.to_owned()]))
}

fn bad(path: &Path, key: &'static str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Metadata { path: path.to_owned(), key, source: Box::new(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> Metadata {
        Metadata {
            name: Some("resnet50".into()),
            recipe: Some(Recipe::preset("keras-resnet50").unwrap()),
            recipe_doubts: vec!["some \"doubt\"".into()],
            feature_tensor: Some("features".into()),
            feature_size: Some(2048),
            labels: vec!["tench".into(), "café \"x\"".into()],
            source: Some("somewhere".into()),
            licence: Some("MIT".into()),
            quantized: Some(serde_json::json!({ "layers": 53 })),
        }
    }

    #[test]
    fn metadata_come_back_and_leave_others_alone() {
        let mut model =
            Model { metadata_props: vec![StringStringEntry::new("author", "me")], ..Model::default() };
        assert_eq!(Metadata::read(&model, Path::new("a")).unwrap(), Metadata::default());
        whole().write_into(&mut model);
        whole().write_into(&mut model);
        assert_eq!(model.metadata_props.len(), 1 + KEYS.len());
        assert_eq!(model.metadata_props[0].value(), "me");
        assert_eq!(Metadata::read(&model, Path::new("a")).unwrap(), whole());
        Metadata::default().write_into(&mut model);
        assert_eq!(model.metadata_props.len(), 1);
    }

    #[test]
    fn damaged_entries_are_named() {
        for (key, value) in [(FEATURE_SIZE, "many"), (LABELS, "tench"), (RECIPE, "{}")] {
            let model =
                Model { metadata_props: vec![StringStringEntry::new(key, value)], ..Model::default() };
            let error = Metadata::read(&model, Path::new("a.onnx")).unwrap_err();
            assert!(error.to_string().contains("a.onnx"), "{error}");
        }
    }
}
