//! How the features of a run differ from those of a backbone.

use std::collections::BTreeSet;

use headstart_evaluate::OtherPrecision;
use headstart_image::Recipe;
use serde_json::Value;

use super::{Error, FeatureSource};
use crate::run::Run;

impl Error {
    /// The first thing that differs between the features of a run and those of a backbone.
    pub(super) fn other_features(
        run: &Run,
        source: &FeatureSource,
        other: Option<&OtherPrecision>,
        acceptable: bool,
    ) -> Self {
        let (info, backbone) = (&run.info, &source.backbone);
        let digest = |digest: &str| format!("`{}…`", &digest[..digest.len().min(12)]);
        let differences = [
            ("the feature size", info.features.size.to_string(), backbone.feature_size().to_string()),
            ("the graph", digest(&info.backbone.digest), digest(&backbone.digest().to_hex())),
        ];
        // No setting but the backbone makes another network of it.
        let is_other_network = other.is_none() && differences.iter().any(|(_, a, b)| a != b);
        let settings: Box<[_]> =
            if is_other_network { Box::default() } else { differing_settings(run, source).into() };
        let told = |what: &str, expected: &str, found: &str| {
            let (run, what) = (run.name(), what.to_owned());
            let (expected, found) = (expected.into(), found.into());
            Self::OtherFeatures { run, what, expected, found, acceptable, settings: settings.clone() }
        };
        // An int8 graph is another graph, but that is not what anybody would want to hear.
        if let Some(OtherPrecision { trained_on, seen }) = other {
            return told("the precision", &format!("`{trained_on}`"), &format!("`{seen}`"));
        }
        if let Some((what, expected, found)) = differences.iter().find(|(_, a, b)| a != b) {
            return told(what, expected, found);
        }
        for (field, what) in [("precision", "the precision"), ("storage", "the storage")] {
            let word = |text: &str| {
                let parts: Value = serde_json::from_str(text).unwrap_or_default();
                parts[field].as_str().map(|word| format!("`{word}`")).unwrap_or_default()
            };
            let (expected, found) = (word(&info.features.fingerprint_text), word(source.fingerprint.text()));
            if expected != found && !expected.is_empty() {
                return told(what, &expected, &found);
            }
        }
        let expected = serde_json::from_str(&info.recipe).unwrap_or_default();
        if let Some((field, a, b)) = first_difference(&expected, &source.fingerprint.parts().recipe) {
            return told(&format!("`{field}` of the recipe"), &a, &b);
        }
        let found = digest(&source.fingerprint.hash().to_hex());
        told("the fingerprint", &digest(&info.features.fingerprint), &found)
    }
}

/// The settings that bring the features of this backbone to those of the run; none if it takes another backbone.
fn differing_settings(run: &Run, source: &FeatureSource) -> Vec<(&'static str, String)> {
    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let (expected, found) = (value(&run.info.features.fingerprint_text), value(source.fingerprint.text()));
    let (recipe, found_recipe) = (value(&run.info.recipe), &source.fingerprint.parts().recipe);
    let mut settings = vec![];
    if without(&recipe, &SMALL) != without(found_recipe, &SMALL) {
        let known = Recipe::presets().iter().find(|preset| {
            let not_of_a_preset = [&SMALL[..], &["layout"]].concat();
            without(&preset.recipe().to_value(), &not_of_a_preset) == without(&recipe, &not_of_a_preset)
        });
        match known {
            Some(preset) => settings.push(("recipe", preset.name.to_owned())),
            None => return vec![],
        }
    }
    for (values, found, field) in [
        (&recipe, found_recipe, "exif"),
        (&recipe, found_recipe, "decode"),
        (&expected, &found, "precision"),
        (&expected, &found, "storage"),
    ] {
        if let Some(word) = values[field].as_str().filter(|_| values[field] != found[field]) {
            settings.push((field, word.to_owned()));
        }
    }
    settings
}

/// Parts of a recipe that have a setting of their own, or that no user chooses.
const SMALL: [&str; 3] = ["exif", "decode", "decoder"];

fn without(recipe: &Value, fields: &[&str]) -> Value {
    let mut recipe = recipe.clone();
    if let Some(recipe) = recipe.as_object_mut() {
        recipe.retain(|name, _| !fields.contains(&name.as_str()));
    }
    recipe
}

/// The first field in which two recipes differ, and its values.
fn first_difference(a: &Value, b: &Value) -> Option<(String, String, String)> {
    let (a, b) = (a.as_object()?, b.as_object()?);
    let text = |value: Option<&Value>| value.map_or("absent".to_owned(), Value::to_string);
    let fields: BTreeSet<_> = a.keys().chain(b.keys()).collect();
    let field = fields.into_iter().find(|&field| a.get(field) != b.get(field))?;
    Some((field.clone(), text(a.get(field)), text(b.get(field))))
}
