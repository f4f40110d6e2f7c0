//! What an exported file says about itself, in its `metadata_props`.
//!
//! | key | value |
//! |---|---|
//! | `headstart.form` | what it takes: `tensor`, `image` or `features`, see [`Form`] |
//! | `headstart.labels` | the classes, in the order of the probabilities: a JSON list of names |
//! | `headstart.recipe` | how an image becomes the input of the form `tensor`, as [`Recipe::to_json`] writes it |
//! | `headstart.temperature` | what the graph divides logits by before the softmax; absent if nothing was fitted |
//! | `headstart.name`, `.source`, `.licence` | those of the backbone |
//! | `headstart.run` | where it comes from: a JSON object, see [`Provenance`] |

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Options;
use super::error::{Error, Result};
use crate::run::{Origin, Run};
use headstart_backbone::{Backbone, Metadata};
use headstart_base::text::counted;
use headstart_evaluate::OtherPrecision;
use headstart_image::Recipe;
use headstart_nn::layers::Temperature;
use headstart_onnx::{Model, StringStringEntry};

const FORM: &str = "headstart.form";
const RUN: &str = "headstart.run";
const TEMPERATURE: &str = "headstart.temperature";

/// What an exported graph takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// What the recipe makes of images: float32, `(n, 3, h, w)` or `(n, h, w, 3)`.
    #[default]
    Tensor,
    /// One decoded image of any size: uint8, `(1, h, w, 3)`, red first. Resizing, cropping and normalising are in the graph.
    Image,
    /// Features: float32, `(n, d)`. The head alone.
    Features,
}

impl Form {
    /// Every form.
    pub const ALL: [Self; 3] = [Self::Tensor, Self::Image, Self::Features];

    fn word(self) -> &'static str {
        match self {
            Self::Tensor => "tensor",
            Self::Image => "image",
            Self::Features => "features",
        }
    }
}

/// Where an exported file comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Name of the run.
    pub name: String,
    /// When it was trained or imported, in UTC, as RFC 3339.
    pub created: String,
    /// BLAKE3 of the backbone's graph, hex.
    pub backbone: String,
    /// BLAKE3 of the fingerprint of the features that it was trained on, hex.
    pub fingerprint: String,
    /// Images that it was trained on; `None` if the head was imported.
    pub images: Option<usize>,
    /// The file that the head was imported from, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported_from: Option<String>,
    /// Accuracy on the images held out in training, if there were any.
    pub val_accuracy: Option<f64>,
    /// Versions of what computed.
    pub versions: BTreeMap<String, String>,
    /// If its backbone is of another precision than the one that it was trained with, which was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_precision: Option<OtherPrecision>,
}

impl Provenance {
    fn of(run: &Run) -> Self {
        Self {
            name: run.name(),
            created: run.info.created.clone(),
            backbone: run.info.backbone.digest.clone(),
            fingerprint: run.info.features.fingerprint.clone(),
            images: run.info.training().map(|training| training.images.images),
            imported_from: match &run.info.origin {
                Origin::Imported(import) => Some(import.file.clone()),
                Origin::Trained(_) => None,
            },
            val_accuracy: run.metrics.as_ref().and_then(|metrics| metrics.val_accuracy),
            versions: run.info.versions.clone(),
            other_precision: None,
        }
    }
}

/// A file's account of itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Card {
    /// What the file takes.
    pub form: Form,
    /// Names of the classes, in the order of the probabilities.
    pub classes: Vec<String>,
    /// Name of the graph's output with the probabilities.
    pub output: String,
    /// How an image becomes a tensor; none for a head alone.
    pub recipe: Option<Recipe>,
    /// What logits are divided by, in the graph; none if nothing was fitted.
    pub temperature: Option<Temperature>,
    /// Where the head comes from.
    pub run: Provenance,
}

impl Card {
    pub(super) fn of(run: &Run, backbone: &Backbone, options: &Options, output: String) -> Self {
        let form = options.form;
        let run_of = Provenance { other_precision: options.other_precision.clone(), ..Provenance::of(run) };
        let recipe = (form != Form::Features).then(|| backbone.recipe().clone());
        let temperature = run.calibration.as_ref().map(|calibration| calibration.temperature);
        let classes = run.info.classes.clone();
        Self { form, classes, output, recipe, temperature, run: run_of }
    }

    /// Put this account into `model`; entries of others stay.
    pub(super) fn write_into(&self, model: &mut Model, backbone: &Backbone) {
        let metadata = Metadata {
            name: Some(backbone.name().to_owned()),
            recipe: self.recipe.clone(),
            labels: self.classes.clone(),
            source: backbone.source().map(str::to_owned),
            licence: backbone.licence().map(str::to_owned),
            ..Metadata::default()
        };
        metadata.write_into(model);
        model.metadata_props.retain(|entry| ![FORM, RUN, TEMPERATURE].contains(&entry.key()));
        let run = serde_json::to_string(&self.run).expect("names and numbers are always valid JSON");
        model
            .metadata_props
            .extend([StringStringEntry::new(FORM, self.form.word()), StringStringEntry::new(RUN, run)]);
        let degrees = self.temperature.map(|temperature| temperature.get().to_string());
        model.metadata_props.extend(degrees.map(|text| StringStringEntry::new(TEMPERATURE, text)));
        model.producer_name = Some("headstart".into());
        model.producer_version = Some(env!("CARGO_PKG_VERSION").into());
        model.doc_string = Some(self.sentence());
    }

    /// What a viewer of ONNX files shows of it.
    fn sentence(&self) -> String {
        let takes = match (self.form, &self.recipe) {
            (Form::Image, _) => "one decoded RGB image of any size, uint8 (1, h, w, 3)".to_owned(),
            (Form::Features, _) => "features, float32 (n, d)".to_owned(),
            (Form::Tensor, Some(recipe)) => format!("images as float32: {recipe}"),
            (Form::Tensor, None) => "images as float32".to_owned(),
        };
        format!(
            "Classifier of {}, named in headstart.labels. Takes {takes}; gives their probabilities (n, {}).",
            counted(self.classes.len() as u64, "class"),
            self.classes.len()
        )
    }

    /// Read what `model`, which came from `path`, says about itself.
    ///
    /// # Errors
    /// [`Error::NotExported`] if it says nothing or not enough, [`Error::Metadata`] if an entry is not in its form.
    pub fn read(model: &Model, path: &Path) -> Result<Self> {
        let metadata = Metadata::read(model, path)?;
        let entry = |key: &str| {
            model.metadata_props.iter().find(|entry| entry.key() == key).map(StringStringEntry::value)
        };
        let (Some(form), Some(run)) = (entry(FORM), entry(RUN)) else {
            let missing = [FORM, RUN].into_iter().filter(|key| entry(key).is_none()).collect();
            return Err(Error::NotExported { path: path.to_owned(), missing });
        };
        let bad = |key, source| Error::Metadata { path: path.to_owned(), key, source };
        let form = Form::ALL
            .into_iter()
            .find(|known| known.word() == form)
            .ok_or_else(|| bad(FORM, format!("`{form}` is none of `tensor`, `image`, `features`").into()))?;
        let run = serde_json::from_str(run).map_err(|error| bad(RUN, error.into()))?;
        let temperature = entry(TEMPERATURE).map(serde_json::from_str).transpose();
        let temperature = temperature.map_err(|error| bad(TEMPERATURE, error.into()))?;
        if metadata.labels.len() < 2 || (form != Form::Features && metadata.recipe.is_none()) {
            let labels = (metadata.labels.len() < 2).then_some("headstart.labels");
            let recipe = metadata.recipe.is_none().then_some("headstart.recipe");
            let missing = labels.into_iter().chain(recipe).collect();
            return Err(Error::NotExported { path: path.to_owned(), missing });
        }
        let outputs = model.graph.as_ref().map_or(&[][..], |graph| &graph.output);
        let [output] = outputs else {
            return Err(bad(FORM, format!("there are {} outputs, expected 1", outputs.len()).into()));
        };
        let (output, recipe) = (output.name().to_owned(), metadata.recipe);
        Ok(Self { form, classes: metadata.labels, output, recipe, temperature, run })
    }
}
