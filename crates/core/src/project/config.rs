//! Where things lie, and how features are computed.

use std::path::PathBuf;

use headstart_backbone::{Backbone, OpenOptions};
use headstart_base::files::{Inputs, read_text};
use headstart_cache::Storage;
use headstart_image::Recipe;
use headstart_image::recipe::{Decode, Exif};
use headstart_onnx::network_files;

use super::{Error, SmallerBackbone};
use crate::UserCache;
use crate::extract::ExtractOptions;
use crate::precision::PrecisionChoice;

/// Where things lie, and how features are computed. Everything has a default.
#[derive(Debug, Clone)]
pub struct ProjectConfig {
    /// The ONNX graph that gives the features. Default: `models/resnet50.onnx`.
    pub backbone: PathBuf,
    /// A preset's name or a TOML file, in place of the backbone's own recipe.
    pub recipe: Option<PathBuf>,
    /// What is done with the orientation in EXIF, in place of what the recipe says.
    pub exif: Option<Exif>,
    /// How JPEGs are decoded, in place of what the recipe says.
    pub decode: Option<Decode>,
    /// The tensor that holds the features, for a graph that does not say.
    pub feature_tensor: Option<String>,
    /// The folder of the feature cache. Default: `data/features`.
    pub cache: PathBuf,
    /// How features are stored; `None`: as they are kept already, else in 32 bits.
    pub storage: Option<Storage>,
    /// What features are computed in; `None`: as they are kept already, else as the graph is.
    pub precision: Option<PrecisionChoice>,
    /// The folder of the runs. Default: `runs`.
    pub runs: PathBuf,
    /// What is kept for the user, whatever the project. Default: nothing is kept.
    pub user_cache: Option<UserCache>,
    /// A backbone that takes less time, for the tip of a long extraction. Default: none.
    pub smaller: Option<SmallerBackbone>,
    /// What computes, and how. Of the precision of its engine [`precision`](Self::precision) decides.
    pub extract: ExtractOptions,
}

impl Default for ProjectConfig {
    fn default() -> Self {
        Self {
            backbone: "models/resnet50.onnx".into(),
            recipe: None,
            exif: None,
            decode: None,
            feature_tensor: None,
            cache: "data/features".into(),
            storage: None,
            precision: None,
            runs: "runs".into(),
            user_cache: None,
            smaller: None,
            extract: ExtractOptions::default(),
        }
    }
}

impl ProjectConfig {
    /// Open the backbone.
    ///
    /// # Errors
    /// As [`Backbone::open_with`]; if the recipe is none, or cannot be read.
    pub fn open_backbone(&self) -> Result<Backbone, Error> {
        let options = OpenOptions {
            recipe: self.recipe()?,
            exif: self.exif,
            decode: self.decode,
            feature_tensor: self.feature_tensor.clone(),
        };
        Ok(Backbone::open_with(&self.backbone, &options)?)
    }

    /// All that is read of it: the graph with its weights, the recipe if it is a file, and the whole cache.
    pub fn inputs(&self) -> Inputs {
        Inputs::default().files(network_files(&self.backbone)).files(&self.recipe).all_in([&self.cache])
    }

    /// The recipe in place of the backbone's own.
    ///
    /// # Errors
    /// If there is no such preset, or the file cannot be read or is no recipe.
    pub fn recipe(&self) -> Result<Option<Recipe>, Error> {
        self.recipe.as_deref().map(read_recipe).transpose()
    }
}

/// A preset's name, or a TOML file.
///
/// # Errors
/// If there is no such preset, or the file cannot be read or is no recipe.
pub fn read_recipe(path: &std::path::Path) -> Result<Recipe, Error> {
    // No preset is called like a path, so what looks like one is one, and is missed rather than unknown.
    let is_file = path.extension().is_some() || path.components().count() > 1 || path.is_file();
    if !is_file {
        return Ok(Recipe::preset(&path.to_string_lossy())?);
    }
    let text = read_text(path).map_err(|source| Error::Read { path: path.into(), source })?;
    Recipe::from_toml(&text).map_err(|source| Error::NotARecipe { path: path.into(), source })
}
