//! Opening a file as a backbone: everything is checked before the first image is computed.

use std::path::{Path, PathBuf};

use super::error::{Error, Result};
use super::guess::{self, Guess};
use super::{Metadata, digest, graph, inspect};
use crate::onnx::{self, DataType, Dim, Model, ValueInfo, Walk, type_name};
use crate::preprocess::Recipe;
use crate::preprocess::recipe::{Decode, Exif, Layout};

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
    feature_tensor: String,
    feature_size: usize,
    input_name: String,
    batch_size: Option<usize>,
    parameters: usize,
    labels: Vec<String>,
    source: Option<String>,
    licence: Option<String>,
    digest: blake3::Hash,
}

impl Backbone {
    /// Open the ONNX file at `path`, which says itself what it needs.
    ///
    /// # Errors
    /// [`Error::Onnx`] if it is no ONNX file; [`Error::NoRecipe`], [`Error::NoFeatures`] and [`Error::Classifier`]
    /// tell what is missing; the others what does not fit together.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, &OpenOptions::default())
    }

    /// Open the ONNX file at `path`, with `options` over what it says.
    ///
    /// # Errors
    /// As [`Backbone::open`].
    pub fn open_with(path: &Path, options: &OpenOptions) -> Result<Self> {
        let bytes = onnx::read_bytes(path)?;
        let model = onnx::decode(path, bytes.clone())?;
        // Of the very bytes that were decoded, even if somebody replaces the file meanwhile.
        let digest = digest::digest(path, &bytes, &model)?;
        Self::from_model(path, &bytes, &model, digest, options)
    }

    /// `file` are the bytes that `model` was decoded from.
    pub(super) fn from_model(
        path: &Path,
        file: &[u8],
        model: &Model,
        digest: blake3::Hash,
        options: &OpenOptions,
    ) -> Result<Self> {
        let metadata = Metadata::read(model, path)?;
        let graph = model.graph.as_ref().ok_or_else(|| onnx::Error::NoGraph { path: path.to_owned() })?;
        let walk = Walk::new(graph);
        let features = find_features(path, model, &metadata, options)?;
        let feature_size = feature_size(path, features, &metadata, options)?;
        let input = Input::find(path, &walk)?;
        let (mut recipe, guess) = match (&options.recipe, &metadata.recipe) {
            (Some(told), _) => (Recipe { layout: input.layout.unwrap_or(told.layout), ..told.clone() }, None),
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
        let stem = || path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self {
            path: path.to_owned(),
            name: metadata.name.filter(|name| !name.is_empty()).unwrap_or_else(stem),
            recipe,
            guess,
            feature_tensor: features.name().to_owned(),
            feature_size,
            batch_size: input.batch_size(),
            input_name: input.name,
            parameters: usize::try_from(inspect::parameters(model)).unwrap_or(usize::MAX),
            labels: metadata.labels,
            source: metadata.source,
            licence: metadata.licence,
            digest,
        })
    }

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
}

/// The output that was told, or the one that the file names, or the only one that can be meant.
fn find_features<'a>(
    path: &Path,
    model: &'a Model,
    metadata: &Metadata,
    options: &OpenOptions,
) -> Result<&'a ValueInfo> {
    let outputs = model.graph.as_ref().map_or(&[][..], |graph| &graph.output);
    let names = || outputs.iter().map(|output| format!("`{}`", output.name())).collect();
    if let Some(tensor) = options.feature_tensor.as_ref().or(metadata.feature_tensor.as_ref()) {
        return outputs.iter().find(|output| output.name() == tensor).ok_or_else(|| Error::NoSuchOutput {
            path: path.to_owned(),
            tensor: tensor.clone(),
            outputs: names(),
        });
    }
    let [only] = outputs else {
        return Err(Error::NoFeatures { path: path.to_owned(), outputs: names() });
    };
    if model.graph.as_ref().is_some_and(|graph| graph::is_classifier(graph, only.name())) {
        return Err(Error::Classifier { path: path.to_owned(), output: only.name().to_owned() });
    }
    Ok(only)
}

fn feature_size(
    path: &Path,
    features: &ValueInfo,
    metadata: &Metadata,
    options: &OpenOptions,
) -> Result<usize> {
    let wrong = |expected: String| Error::FeatureShape {
        path: path.to_owned(),
        tensor: features.name().to_owned(),
        expected,
        found: graph::describe(features),
    };
    // What the file says of another tensor than the one asked for says nothing.
    let same = options.feature_tensor.is_none() || options.feature_tensor == metadata.feature_tensor;
    let said = metadata.feature_size.filter(|&size| same && size > 0);
    let size = match features.tensor() {
        Some((_, Some(shape))) => match shape.as_slice() {
            [_, d] | [_, d, Dim::Static(1), Dim::Static(1)] => match d {
                Dim::Static(d) => usize::try_from(*d).ok().filter(|&d| d > 0),
                _ => said,
            },
            _ => None,
        },
        Some((_, None)) => said,
        None => None,
    };
    match (size, said) {
        (None, _) => Err(wrong("`(n, d)` or `(n, d, 1, 1)` with a known d".to_owned())),
        (Some(size), Some(said)) if size != said => Err(wrong(format!("{said} features, as the file says"))),
        (Some(size), _) => Ok(size),
    }
}

/// The graph's one input, as far as it tells of itself.
struct Input {
    name: String,
    shape: Vec<Dim>,
    layout: Option<Layout>,
}

impl Input {
    fn find(path: &Path, walk: &Walk<'_>) -> Result<Self> {
        let inputs: Vec<&ValueInfo> = walk.inputs().collect();
        let [input] = inputs.as_slice() else {
            return Err(Error::Inputs { path: path.to_owned(), found: inputs.len() });
        };
        let wrong = |expected: &str, found: String| Error::Input {
            path: path.to_owned(),
            input: input.name().to_owned(),
            expected: expected.to_owned(),
            found,
        };
        let Some((kind, Some(shape))) = input.tensor() else {
            return Err(wrong("a tensor of known rank", graph::describe(input)));
        };
        if kind != DataType::Float as i32 {
            return Err(wrong("`float32`", format!("`{}`", type_name(kind))));
        }
        if shape.len() != 4 {
            return Err(wrong("`(n, 3, h, w)` or `(n, h, w, 3)`", graph::describe(input)));
        }
        Ok(Self { name: input.name().to_owned(), layout: graph::layout(&shape), shape })
    }

    /// The recipe must make what the graph takes.
    fn check(&self, path: &Path, recipe: &Recipe) -> Result<()> {
        let made = recipe.input_shape();
        let fits = self.shape[1..].iter().zip(made).all(|(dim, made)| match dim {
            Dim::Static(n) => *n == made as i64,
            _ => true,
        });
        if fits {
            return Ok(());
        }
        let [a, b, c] = made;
        Err(Error::Input {
            path: path.to_owned(),
            input: self.name.clone(),
            expected: format!("`(n, {a}, {b}, {c})`, which is what the recipe makes"),
            found: graph::describe_shape(&self.shape),
        })
    }

    fn batch_size(&self) -> Option<usize> {
        match self.shape.first() {
            Some(Dim::Static(n)) => usize::try_from(*n).ok().filter(|&n| n > 0),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::{Attribute, Graph, Node, Tensor};

    fn dims(dims: &[i64]) -> Vec<Dim> {
        let dim = |&n: &i64| if n > 0 { Dim::Static(n) } else { Dim::Named("n".into()) };
        dims.iter().map(dim).collect()
    }

    /// An average over the image, as a foreign exporter would write it; negative dimensions are open.
    fn pooled() -> Model {
        let graph = Graph {
            node: vec![Node::new("GlobalAveragePool", &["x"], "pooled", vec![])],
            input: vec![ValueInfo::float_tensor("x", &dims(&[-1, 3, 224, 224]))],
            output: vec![ValueInfo::float_tensor("pooled", &dims(&[-1, 3, 1, 1]))],
            ..Graph::default()
        };
        Model { ir_version: Some(8), graph: Some(graph), ..Model::default() }
    }

    fn edit(change: impl FnOnce(&mut Graph)) -> Model {
        let mut model = pooled();
        change(model.graph.as_mut().unwrap());
        model
    }

    fn told() -> OpenOptions {
        OpenOptions { recipe: Some(Recipe::preset("keras-resnet50").unwrap()), ..OpenOptions::default() }
    }

    fn open(model: &Model, options: &OpenOptions) -> Result<Backbone> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("foreign.onnx");
        onnx::write(model, &path).unwrap();
        Backbone::open_with(&path, options)
    }

    #[test]
    fn a_foreign_file_works_when_the_recipe_is_told() {
        let backbone = open(&pooled(), &told()).unwrap();
        assert_eq!((backbone.name(), backbone.feature_tensor()), ("foreign", "pooled"));
        assert_eq!((backbone.feature_size(), backbone.input_name()), (3, "x"));
        // The preset has channels last, the graph takes them first.
        assert_eq!(backbone.layout(), Layout::Nchw);
        assert!(matches!(open(&pooled(), &OpenOptions::default()), Err(Error::NoRecipe { .. })));
        let fixed = edit(|graph| graph.input = vec![ValueInfo::float_tensor("x", &dims(&[1, 3, 224, 224]))]);
        assert_eq!(open(&fixed, &told()).unwrap().batch_size(), Some(1));
    }

    #[test]
    fn a_classifier_is_refused() {
        let classifier = edit(|graph| {
            graph.node.extend([
                Node::new("Flatten", &["pooled"], "flat", vec![Attribute::int("axis", 1)]),
                Node::new("Gemm", &["flat", "kernel", "bias"], "scores", vec![]),
            ]);
            graph.initializer = vec![
                Tensor::from_f32("kernel", &[3, 2], &[0.0; 6]),
                Tensor::from_f32("bias", &[2], &[0.0; 2]),
            ];
            graph.output = vec![ValueInfo::float_tensor("scores", &dims(&[-1, 2]))];
        });
        assert!(
            matches!(open(&classifier, &told()), Err(Error::Classifier { output, .. }) if output == "scores")
        );
        // Whoever names the tensor means it.
        let named = OpenOptions { feature_tensor: Some("scores".into()), ..told() };
        assert_eq!(open(&classifier, &named).unwrap().feature_size(), 2);
    }

    #[test]
    fn outputs_that_cannot_be_features_are_refused() {
        let map = edit(|graph| graph.output = vec![ValueInfo::float_tensor("pooled", &dims(&[-1, 3, 7, 7]))]);
        assert!(matches!(open(&map, &told()), Err(Error::FeatureShape { .. })));
        let open_size =
            edit(|graph| graph.output = vec![ValueInfo::float_tensor("pooled", &dims(&[-1, -1]))]);
        assert!(matches!(open(&open_size, &told()), Err(Error::FeatureShape { .. })));
        let two = edit(|graph| graph.output.push(ValueInfo::float_tensor("x", &dims(&[-1, 3, 224, 224]))));
        assert!(matches!(open(&two, &told()), Err(Error::NoFeatures { outputs, .. }) if outputs.len() == 2));
        let named = OpenOptions { feature_tensor: Some("avg_pool".into()), ..told() };
        assert!(matches!(open(&pooled(), &named), Err(Error::NoSuchOutput { .. })));
        let mut lying = pooled();
        let metadata = Metadata {
            feature_tensor: Some("pooled".into()),
            feature_size: Some(2048),
            ..Metadata::default()
        };
        metadata.write_into(&mut lying);
        assert!(matches!(open(&lying, &told()), Err(Error::FeatureShape { .. })));
    }

    #[test]
    fn inputs_that_no_recipe_makes_are_refused() {
        let small = edit(|graph| graph.input = vec![ValueInfo::float_tensor("x", &dims(&[-1, 3, 64, 64]))]);
        assert!(matches!(open(&small, &told()), Err(Error::Input { .. })));
        let sequence = edit(|graph| graph.input = vec![ValueInfo::float_tensor("x", &dims(&[-1, 128]))]);
        assert!(matches!(open(&sequence, &told()), Err(Error::Input { .. })));
        let none = edit(|graph| graph.input.clear());
        assert!(matches!(open(&none, &told()), Err(Error::Inputs { found: 0, .. })));
        let any = edit(|graph| graph.input = vec![ValueInfo::float_tensor("x", &dims(&[-1, 3, -1, -1]))]);
        assert!(open(&any, &told()).is_ok());
    }
}
