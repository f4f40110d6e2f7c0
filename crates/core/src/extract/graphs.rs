//! int8 graphs that belong to a cache: made once, from the user's own images, and used by all that is extracted into it.
//!
//! ```text
//! data/features/graphs/resnet50-4be1f8a0.int8.onnx             in use; the digits stand for the graph in floating point and its recipe
//! data/features/graphs/resnet50-4be1f8a0-77c02d1e.int8.onnx    was in use; the last digits are its own digest's
//! data/features/graphs/resnet50-4be1f8a0.int8.onnx.unfinished  what is chosen while a graph is calibrated; gone when it is done
//! data/features/graphs/resnet50-int8-77c02d1e.check.json      how near it is on some of the images here, if it was not made of them
//! ```
//!
//! A graph that is replaced stays: heads that were trained on its features understand no others.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Error;
use headstart_backbone::device::Precision;
use headstart_backbone::{self as backbone, Backbone, OpenOptions};
use headstart_base::files::{DraftFolder, NewFolder, write_bytes};
use headstart_cache::file_name;
use headstart_convert::quantize::unfinished_beside;

const FOLDER: &str = "graphs";
const ENDING: &str = ".int8.onnx";

/// The int8 graphs of one cache, of which the folder may be missing.
#[derive(Debug, Clone)]
pub struct Graphs {
    folder: PathBuf,
}

impl Graphs {
    /// Those of the cache in the folder `root`.
    pub fn of(root: &Path) -> Self {
        Self { folder: root.join(FOLDER) }
    }

    /// Where they lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The int8 form of `backbone` that is in use, prepared for as `backbone` is; `None` if none was made.
    ///
    /// # Errors
    /// As [`Backbone::open_with`].
    pub fn current(&self, backbone: &Backbone) -> Result<Option<Backbone>, backbone::Error> {
        let path = self.path(backbone);
        if path.exists() { open(&path, backbone).map(Some) } else { Ok(None) }
    }

    /// The int8 form of `backbone` with this digest in hexadecimal digits, in use or replaced.
    pub fn with_digest(&self, backbone: &Backbone, digest: &str) -> Option<Backbone> {
        let stem = self.stem(backbone);
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let named = entries.filter(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            name.starts_with(&stem) && name.ends_with(ENDING)
        });
        let mut opened = named.filter_map(|entry| open(&entry.path(), backbone).ok());
        opened.find(|graph| *graph.digest().to_hex() == *digest)
    }

    /// Where the int8 form of `backbone` lies that is in use, or would.
    pub fn path(&self, backbone: &Backbone) -> PathBuf {
        self.folder.join(self.stem(backbone) + ENDING)
    }

    /// Where a calibration for `backbone` is kept while it is not done.
    pub(crate) fn unfinished(&self, backbone: &Backbone) -> PathBuf {
        unfinished_beside(&self.path(backbone))
    }

    /// Have `write` make the int8 form of `backbone` and put it in use. The one that was before stays under another name.
    ///
    /// # Errors
    /// Those of `write`, and [`Error::Keep`].
    pub fn replace<E: From<Error>>(
        &self,
        backbone: &Backbone,
        write: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        // Gone again if nothing comes of it.
        let _folder = NewFolder::make(&self.folder).map_err(self.cannot())?;
        let drafts = DraftFolder::begin(&self.folder, ".headstart-");
        let drafts = drafts.map_err(|error| self.cannot()(error.source))?;
        let draft = "graph.onnx";
        write(&drafts.path().join(draft))?;
        let path = self.path(backbone);
        if let Ok(before) = open(&path, backbone) {
            let digest = &before.digest().to_hex()[..8];
            let name = format!("{}-{digest}{ENDING}", self.stem(backbone));
            fs::rename(&path, self.folder.join(name)).map_err(self.cannot())?;
        }
        drafts.put(draft.as_ref(), &path).map_err(self.cannot())?;
        Ok(path)
    }

    /// Put these bytes in use as the int8 form of `backbone`, as [`replace`](Self::replace) does.
    ///
    /// # Errors
    /// [`Error::Keep`].
    pub fn replace_with(&self, backbone: &Backbone, bytes: &[u8]) -> Result<PathBuf, Error> {
        self.replace(backbone, |draft| write_bytes(draft, bytes).map_err(|error| self.cannot()(error.source)))
    }

    fn cannot(&self) -> impl Fn(io::Error) -> Error {
        let path = self.folder.clone();
        move |source| Error::Keep { path: path.clone(), source }
    }

    /// What was chosen for `backbone`, if anything was.
    pub fn chosen(&self, backbone: &Backbone) -> Option<Chosen> {
        serde_json::from_slice(&fs::read(self.choice(backbone)).ok()?).ok()
    }

    /// Remember what was chosen.
    ///
    /// # Errors
    /// [`Error::Keep`].
    pub fn choose(&self, backbone: &Backbone, chosen: &Chosen) -> Result<(), Error> {
        self.keep(&self.choice(backbone), chosen)
    }

    /// How the int8 graph `graph` was checked on images of this cache, if it was.
    pub fn checked(&self, graph: &Backbone) -> Option<GraphCheck> {
        serde_json::from_slice(&fs::read(self.check(graph)).ok()?).ok()
    }

    /// Remember how `graph` was checked.
    ///
    /// # Errors
    /// [`Error::Keep`].
    pub fn keep_check(&self, graph: &Backbone, check: &GraphCheck) -> Result<(), Error> {
        self.keep(&self.check(graph), check)
    }

    fn keep(&self, path: &Path, facts: &impl Serialize) -> Result<(), Error> {
        let _folder = NewFolder::make(&self.folder).map_err(self.cannot())?;
        let text = serde_json::to_string_pretty(facts).expect("numbers and words are JSON") + "\n";
        write_bytes(path, text.as_bytes()).map_err(|error| self.cannot()(error.source))
    }

    fn check(&self, graph: &Backbone) -> PathBuf {
        let digest = &graph.digest().to_hex()[..8];
        self.folder.join(format!("{}-{digest}.check.json", file_name(graph.name())))
    }

    fn choice(&self, backbone: &Backbone) -> PathBuf {
        self.folder.join(self.stem(backbone) + ".precision.json")
    }

    /// A name for what is made from this graph for images that are prepared like this. How JPEGs are decoded and turned matters to
    /// features, but not to the ranges that they are in.
    fn stem(&self, backbone: &Backbone) -> String {
        let mut recipe = backbone.recipe().to_value();
        if let Value::Object(fields) = &mut recipe {
            fields.retain(|name, _| name != "decode" && name != "exif");
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(backbone.digest().as_bytes());
        hasher.update(backbone.feature_tensor().as_bytes());
        hasher.update(recipe.to_string().as_bytes());
        let name = file_name(backbone.name());
        format!("{name}-{}", &hasher.finalize().to_hex()[..8])
    }
}

fn open(path: &Path, backbone: &Backbone) -> Result<Backbone, backbone::Error> {
    let recipe = Some(backbone.recipe().clone());
    Backbone::open_with(path, &OpenOptions { recipe, ..OpenOptions::default() })
}

/// How near the features of an int8 graph are to those in fp32, on some images of the cache that nothing was chosen on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GraphCheck {
    /// Images that were computed in both.
    pub images: usize,
    /// Of the angle between the features of one image: in the mean, and of the worst image.
    pub cosine_mean: f64,
    /// The cosine of the worst image.
    pub cosine_min: f64,
    /// The length of all differences over that of all features in fp32.
    pub relative_error: f64,
    /// The least mean cosine that was asked for.
    pub min_cosine: f64,
}

/// The precision that turned out to be the fastest of those that are near enough, and what was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chosen {
    /// The precision that was chosen.
    pub precision: Precision,
    /// The least mean cosine to fp32 that was asked for.
    pub min_cosine: f64,
    /// Images that it was measured on.
    pub images: usize,
    /// What each precision does here, fp32 first.
    pub measured: Vec<Measured>,
}

/// What one precision does on one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The precision that was measured.
    pub precision: Precision,
    /// What computed, such as `cpu`.
    pub device: String,
    /// How many images it computes in a second.
    pub images_per_second: f64,
    /// Mean and least cosine of an image's features to those in fp32.
    pub cosine: [f64; 2],
}
