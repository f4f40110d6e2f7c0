//! Opening a file as a backbone: everything is checked before the first image is computed.

mod features;
mod input;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::device::Precision;
use super::error::{Error, Result};
use super::guess::{self, Guess};
use super::hashing::Hashing;
use super::{Metadata, digest, graph, weights};
use headstart_image::Recipe;
use headstart_image::recipe::{Decode, Exif, Layout};
use headstart_onnx::{self as onnx, Model, Skimmed, Walk};
use input::Input;

/// What a file does not say about itself, or says wrongly.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// Instead of the file's own recipe; its layout is taken from the graph.
    pub recipe: Option<Recipe>,
    /// Instead of what the recipe, whichever it is, does with EXIF orientations.
    pub exif: Option<Exif>,
    /// Instead of how the recipe, whichever it is, has JPEGs decoded.
    pub decode: Option<Decode>,
    /// The output with the features, instead of the one that the file names.
    pub feature_tensor: Option<String>,
}

/// A graph that gives features, and how images are prepared for it.
#[derive(Debug, Clone)]
pub struct Backbone {
    path: PathBuf,
    name: String,
    recipe: Recipe,
    guess: Option<Guess>,
    doubts: Vec<String>,
    feature_tensor: String,
    feature_size: usize,
    input_name: String,
    batch_size: Option<usize>,
    parameters: usize,
    quantised: bool,
    quantised_from: Option<String>,
    wasteful: bool,
    labels: Vec<String>,
    source: Option<String>,
    licence: Option<String>,
    digest: blake3::Hash,
}

impl Backbone {
    /// Open the ONNX file at `path`, which says itself what it needs.
    ///
    /// # Errors
    /// [`Error::Onnx`] if it is no ONNX file, or one whose graph cannot be computed; [`Error::NoRecipe`], [`Error::NoFeatures`],
    /// [`Error::Classifier`] and [`Error::Unclear`] tell what is missing; the others what does not fit together.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, &OpenOptions::default())
    }

    /// Open the ONNX file at `path`, with `options` over what it says.
    ///
    /// # Errors
    /// As [`Backbone::open`].
    pub fn open_with(path: &Path, options: &OpenOptions) -> Result<Self> {
        if let Some((model, hasher, stepped_over)) = skim(path)
            && (options.recipe.is_some() || Metadata::read(&model, path)?.recipe.is_some())
        {
            onnx::check(path, &model, &stepped_over)?;
            let digest = digest::with_external_data(hasher, path, &model)?;
            return Self::from_model(path, &[], &model, digest, options);
        }
        // To guess a recipe, or to say what is wrong with the file, takes all of it.
        let bytes = onnx::read_bytes(path)?;
        let model = onnx::decode(path, bytes.clone())?;
        onnx::check(path, &model, &[])?;
        // Of the very bytes that were decoded, even if somebody replaces the file meanwhile.
        let digest = digest::digest(path, &bytes, &model)?;
        Self::from_model(path, &bytes, &model, digest, options)
    }

    /// `file` are the bytes that `model` was decoded from, of which a recipe is guessed if nobody tells it.
    pub fn from_model(
        path: &Path,
        file: &[u8],
        model: &Model,
        digest: blake3::Hash,
        options: &OpenOptions,
    ) -> Result<Self> {
        if Metadata::is_head(model) {
            return Err(Error::Head { path: path.to_owned() });
        }
        let metadata = Metadata::read(model, path)?;
        let graph = model.graph.as_ref().ok_or_else(|| onnx::Error::NoGraph { path: path.to_owned() })?;
        let walk = Walk::new(graph);
        let features = features::find(path, model, &metadata, options)?;
        let feature_size = features::size(path, features, &metadata, options)?;
        let input = Input::find(path, &walk)?;
        let (mut recipe, guess) = match (&options.recipe, &metadata.recipe) {
            (Some(told), _) => (input.fit(told), None),
            (None, Some(own)) => (own.clone(), None),
            (None, None) => match guess::recipe(model, file) {
                Some(guess) if guess.is_certain() => (guess.recipe.clone(), Some(guess)),
                guess => return Err(Error::NoRecipe { path: path.to_owned(), guess: guess.map(Box::new) }),
            },
        };
        recipe.exif = options.exif.unwrap_or(recipe.exif);
        recipe.decode = options.decode.unwrap_or(recipe.decode);
        recipe.check().map_err(|source| Error::Recipe { path: path.to_owned(), source })?;
        input.check(path, &recipe)?;
        let told = options.feature_tensor.is_some() && options.feature_tensor != metadata.feature_tensor;
        let doubts = [
            told.then(|| features::doubt(model, features)).flatten(),
            options.recipe.is_some().then(|| input.doubt(&recipe)).flatten(),
        ];
        let quantised_from = metadata.quantised_from();
        let stem = || path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self {
            path: path.to_owned(),
            name: metadata.name.filter(|name| !name.is_empty()).unwrap_or_else(stem),
            recipe,
            guess,
            doubts: doubts.into_iter().flatten().collect(),
            feature_tensor: features.name().to_owned(),
            feature_size,
            batch_size: input.image.batch_size(),
            input_name: input.image.name,
            parameters: usize::try_from(weights::parameters(model)).unwrap_or(usize::MAX),
            quantised: graph::is_quantised(graph),
            quantised_from,
            wasteful: onnx::can_move_strides(graph),
            labels: metadata.labels,
            source: metadata.source,
            licence: metadata.licence,
            digest,
        })
    }

    /// The file that it was opened from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the file calls itself, or else its own name without the ending.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How an image becomes the graph's input.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Why the recipe is what it is, if neither the file nor the caller said it.
    pub fn guess(&self) -> Option<&Guess> {
        self.guess.as_ref()
    }

    /// What speaks against what the caller said of the file, a sentence each: it is done nevertheless.
    pub fn doubts(&self) -> &[String] {
        &self.doubts
    }

    /// The graph's one input, `(n, 3, h, w)` or `(n, h, w, 3)` of f32.
    pub fn input_name(&self) -> &str {
        &self.input_name
    }

    /// The order of the input's axes.
    pub fn layout(&self) -> Layout {
        self.recipe.layout
    }

    /// The only batch size that the graph takes, if it does not take any.
    pub fn batch_size(&self) -> Option<usize> {
        self.batch_size
    }

    /// The output with the features, `(n, d)` or `(n, d, 1, 1)`.
    pub fn feature_tensor(&self) -> &str {
        &self.feature_tensor
    }

    /// How many features an image has: `d`.
    pub fn feature_size(&self) -> usize {
        self.feature_size
    }

    /// Numbers in the frozen weights.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// What it gives features in when `asked` is asked of it: a quantised graph has no other precision than its own, which is
    /// therefore also what it has where nothing was asked ([`Precision::Fp32`], the default).
    ///
    /// # Errors
    /// [`Error::NotQuantised`] if int8 is asked of a graph in floating point; [`Error::Quantised`] if bf16 is asked of a
    /// quantised one.
    pub fn precision(&self, asked: Precision) -> Result<Precision> {
        match (self.quantised, asked) {
            (true, Precision::Fp32 | Precision::Int8) => Ok(Precision::Int8),
            (true, asked) => Err(Error::Quantised { path: self.path.clone(), asked }),
            (false, Precision::Int8) => Err(Error::NotQuantised { path: self.path.clone() }),
            (false, asked) => Ok(asked),
        }
    }

    /// Whether the graph computes with 8-bit integers.
    pub fn is_quantised(&self) -> bool {
        self.quantised
    }

    /// The digest, in hexadecimal digits, of the graph in floating point that it was made of, if it is quantised and tells.
    pub fn quantised_from(&self) -> Option<&str> {
        self.quantised_from.as_deref()
    }

    /// Whether the graph computes places of maps that nothing reads.
    pub fn is_wasteful(&self) -> bool {
        self.wasteful
    }

    /// The classes that the network was trained on; empty if the file does not tell.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Where the weights come from, if the file tells.
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// The licence of the weights, if the file tells.
    pub fn licence(&self) -> Option<&str> {
        self.licence.as_deref()
    }

    /// BLAKE3 of the graph's file; where it keeps weights in other files, then for each of them, in the byte order of
    /// their names, of its length (eight bytes, little-endian) and its bytes.
    pub fn digest(&self) -> blake3::Hash {
        self.digest
    }

    /// Whether the file still is the one that was opened, read anew to the last byte.
    pub fn is_unchanged(&self) -> bool {
        let digest = skim(&self.path)
            .and_then(|(model, hasher, _)| digest::with_external_data(hasher, &self.path, &model).ok());
        digest == Some(self.digest)
    }
}

/// A graph without its weights, a hasher of its file, and the place and length of each weight that was stepped over.
type SkimmedFile = (Model, blake3::Hasher, Vec<(usize, u64)>);

/// The graph in the file at `path` without its weights, and a hasher that has had the very bytes which it was read from, even if
/// somebody replaces the file meanwhile, and the lengths of the weights that were stepped over. `None` if that is no file that can be
/// understood so.
fn skim(path: &Path) -> Option<SkimmedFile> {
    let file = File::open(path).ok()?;
    let length = file.metadata().ok().filter(fs::Metadata::is_file)?.len();
    let mut reader = Hashing::new(file, blake3::Hasher::new());
    let Skimmed { model, weights } =
        onnx::skim(&mut reader, length, &mut |weights| Ok(weights.length)).ok()?;
    let (_, hasher) = reader.into_inner().into_parts();
    Some((model, hasher, weights))
}
