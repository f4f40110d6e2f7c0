//! Any image classifier becomes a backbone: its pooled features are found, what follows is cut off, and the result is
//! proven to be right by running both.
//!
//! How the features are found, first things first: the user names the tensor; the file is a known one; an output is
//! called what features are called; the walk back from an output ends at its last trained layer, whose input comes
//! from a pool; an output is pooled and no classifier follows; an output is the last map of a network, which is then
//! averaged by added nodes. Where two answers remain it is an error that lists them.

mod batch;
mod error;
mod find;
mod follow;
pub(crate) mod images;
mod input;
mod known;
mod linear;
pub(crate) mod names;
mod observe;
mod ops;
mod probe;
mod proof;
mod quantised;
mod report;
mod rewrite;
mod write;

use std::path::{Path, PathBuf};

use serde::Serialize;

pub use error::{Candidate, Error, Result};
pub use find::Reason;
pub use proof::{Measured, Proof};

use self::find::Found;
use self::images::Images;
use self::input::ImageInput;
use self::known::Known;
use self::observe::Observed;
use super::graph::describe_shape;
use super::runtime::Runtime;
use super::{Backbone, Metadata, OpenOptions};
use crate::onnx::{self, Dim, Graph, Model, Walk};
use crate::preprocess::Recipe;
use crate::preprocess::recipe::{Layout, Resize};

/// What the file does not say itself, and how it is cut.
#[derive(Debug, Clone, Default)]
pub struct CutOptions {
    /// The tensor with the features, instead of the one that would be found.
    pub feature_tensor: Option<String>,
    /// How the network's images were prepared; it is written into the file.
    pub recipe: Option<Recipe>,
    /// What the backbone is called.
    pub name: Option<String>,
    /// The classes that the network was trained on, in the order of its outputs; may be empty.
    pub labels: Vec<String>,
    /// Where the weights come from.
    pub source: Option<String>,
    pub licence: Option<String>,
    /// Images to prove the cut on, instead of the four photographs in the program.
    pub images: Vec<PathBuf>,
    /// Replace what stands where the file is to be written.
    pub overwrite: bool,
}

/// A network that was cut, and how.
#[derive(Debug, Clone, Serialize)]
pub struct Cut {
    pub output: PathBuf,
    /// The features' name in the network.
    pub tensor: String,
    /// Their name as the output of the file: another one if nodes were added.
    pub feature_tensor: String,
    pub feature_size: usize,
    #[serde(serialize_with = "as_text")]
    pub reason: Reason,
    pub input: String,
    pub input_shape: String,
    pub removed: Removed,
    /// What was changed or guessed, one sentence each.
    pub notes: Vec<String>,
    #[serde(serialize_with = "as_optional_text")]
    pub recipe: Option<Recipe>,
    pub labels: Vec<String>,
    pub proof: Proof,
}

/// What the file has no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Removed {
    pub nodes: usize,
    /// Numbers in weights.
    pub parameters: u64,
}

fn as_text<S: serde::Serializer>(reason: &Reason, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.collect_str(reason)
}

fn as_optional_text<S: serde::Serializer>(
    recipe: &Option<Recipe>,
    to: S,
) -> std::result::Result<S::Ok, S::Error> {
    match recipe {
        Some(recipe) => to.serialize_some(&recipe.to_value()),
        None => to.serialize_none(),
    }
}

/// Cut the network in `path` behind its pooled features, prove it, and write it to `output`.
///
/// # Shapes
/// The written graph takes what the network takes, as 32-bit floats, and gives `(n, d)` 32-bit floats.
///
/// # Errors
/// [`Error::Ambiguous`] lists tensors to choose from; [`Error::NotForImages`], [`Error::Detector`] and
/// [`Error::NoFeatures`] say why there is nothing to find; [`Error::Disproved`] tells which check failed. Nothing is
/// written then.
pub fn cut(runtime: &Runtime, path: &Path, output: &Path, options: &CutOptions) -> Result<Cut> {
    write::check_target(path, output, options.overwrite)?;
    let bytes = onnx::read_bytes(path)?;
    let model = onnx::decode(path, bytes.clone())?;
    write::check_weights(path, output, &model)?;
    let known = known::lookup(&bytes);
    drop(bytes);
    let mut network = Network::read(path, model, known, options)?;
    let observed = network.observe(runtime, options)?;
    network.write_proven(runtime, output, &observed, options)
}

/// The tensors of `model` that could be its features, as far as the graph alone tells: none, the one that [`cut`] would
/// take, or several to choose from.
pub fn candidates(model: &Model) -> Vec<Candidate> {
    let Some(graph) = &model.graph else { return vec![] };
    let walk = Walk::new(graph);
    if ImageInput::check_any(&walk).is_err() {
        return vec![];
    }
    match find::find(&walk, graph) {
        Ok(found) => vec![Candidate { tensor: found.tensor, what: found.reason.to_string() }],
        Err(Error::Ambiguous { candidates } | Error::NotPooled { candidates, .. }) => candidates,
        Err(_) => vec![],
    }
}

/// A network, and all that is known before it runs.
struct Network<'a> {
    path: &'a Path,
    /// Whole, but for its input, which takes 32-bit floats.
    model: Model,
    input: ImageInput,
    found: Found,
    metadata: Metadata,
    images: Images,
    /// The recipe that the images are prepared with, told or made up.
    prepared: Recipe,
    notes: Vec<String>,
}

impl<'a> Network<'a> {
    fn read(path: &'a Path, mut model: Model, known: Option<Known>, options: &CutOptions) -> Result<Self> {
        let mut metadata = Metadata::read(&model, path)?;
        let mut notes = vec![];
        let graph = model.graph.as_ref().ok_or_else(|| onnx::Error::NoGraph { path: path.to_owned() })?;
        ImageInput::check_any(&Walk::new(graph))?;
        let found = choose(&model, graph, known, options)?;
        let input = ImageInput::find(&Walk::new(&alone(graph, &found.tensor)))?;
        notes.extend(model.graph.as_mut().and_then(|graph| input.take_floats(graph)));

        tell(&mut metadata, options, known, &mut notes);
        if metadata.labels.is_empty() {
            metadata.labels = super::labels::of_others(&model);
        }
        let (prepared, size_note) = recipe_for(&input, metadata.recipe.as_ref())?;
        notes.extend(size_note);
        metadata.recipe = metadata.recipe.map(|_| prepared.clone());
        let images = Images::load(&prepared, &options.images)?;
        Ok(Self { path, model, input, found, metadata, images, prepared, notes })
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    fn observe(&mut self, runtime: &Runtime, options: &CutOptions) -> Result<Observed> {
        let observed =
            Observed::of(runtime, &self.model, self.folder(), &self.input, &self.found, &self.images)?;
        let Some(classes) = observed.classifier.as_ref().map(|numbers| numbers.weight.len()) else {
            return Ok(observed);
        };
        let labels = self.metadata.labels.len();
        match labels {
            0 => {}
            _ if labels == classes => {}
            _ if !options.labels.is_empty() => {
                return Err(Error::LabelCount { expected: classes, found: labels });
            }
            _ => {
                self.metadata.labels.clear();
                self.notes
                    .push(format!("the file's {labels} labels are left out: there are {classes} classes"));
            }
        }
        Ok(observed)
    }

    /// Write the best of the graphs that can be proven: one for batches of any size, else one for a fixed size.
    fn write_proven(
        mut self,
        runtime: &Runtime,
        output: &Path,
        observed: &Observed,
        options: &CutOptions,
    ) -> Result<Cut> {
        self.notes.extend(observed.finish.notes());
        let first = match self.input.fixed_batch() {
            Some(batch) => Batch::Opened { was: batch },
            None => Batch::Kept,
        };
        match self.attempt(runtime, output, observed, first, options) {
            Ok(cut) => Ok(cut),
            // It was worth a try; the graph as it was made is next.
            Err(_) if matches!(first, Batch::Opened { .. }) => {
                self.attempt(runtime, output, observed, Batch::Kept, options)
            }
            Err(Error::Disproved { check: proof::BATCH, .. }) => {
                self.attempt(runtime, output, observed, Batch::Frozen, options)
            }
            Err(error) => Err(error),
        }
    }

    fn attempt(
        &self,
        runtime: &Runtime,
        output: &Path,
        observed: &Observed,
        batch: Batch,
        options: &CutOptions,
    ) -> Result<Cut> {
        let mut model = self.model.clone();
        if let Some(graph) = model.graph.as_mut() {
            batch.carry_out(graph, &self.input.name);
        }
        let dim = model.graph.as_ref().map_or(Dim::Unknown(()), |graph| self.batch_dim(graph));
        let feature_tensor = rewrite::cut(&mut model, &self.found.tensor, &observed.finish, dim);
        let size = observed.finish.size;
        let metadata = Metadata {
            feature_tensor: Some(feature_tensor.clone()),
            feature_size: Some(size),
            ..self.metadata.clone()
        };
        metadata.write_into(&mut model);
        let removed = self.removed(&model);
        let input_shape = input_shape(&model, &self.input.name);
        let written = write::Draft::write(model, self.folder(), output)?;
        let open = OpenOptions { recipe: Some(self.prepared.clone()), ..OpenOptions::default() };
        let backbone = Backbone::open_with(&written.path, &open)?;
        let proof = proof::prove(runtime, &backbone, &self.images, observed, self.found.classifier.as_ref())?;
        written.persist(output, options.overwrite)?;
        let mut notes = self.notes.clone();
        notes.extend(batch.note(self.input.fixed_batch()));
        Ok(Cut {
            output: output.to_owned(),
            tensor: self.found.tensor.clone(),
            feature_tensor,
            feature_size: size,
            reason: self.found.reason.clone(),
            input: self.input.name.clone(),
            input_shape,
            removed,
            notes,
            recipe: metadata.recipe,
            labels: metadata.labels,
            proof,
        })
    }

    fn batch_dim(&self, graph: &Graph) -> Dim {
        graph.input.iter().find(|input| input.name() == self.input.name).map_or(Dim::Unknown(()), batch::of)
    }

    fn removed(&self, cut: &Model) -> Removed {
        let nodes = |model: &Model| -> Vec<String> {
            let nodes = model.graph.iter().flat_map(|graph| &graph.node);
            nodes.flat_map(|node| node.output.first().cloned()).collect()
        };
        let kept: std::collections::HashSet<String> = nodes(cut).into_iter().collect();
        Removed {
            nodes: nodes(&self.model).iter().filter(|name| !kept.contains(*name)).count(),
            parameters: super::inspect::parameters(&self.model)
                .saturating_sub(super::inspect::parameters(cut)),
        }
    }
}

/// What is done about the batch size.
#[derive(Debug, Clone, Copy)]
enum Batch {
    Kept,
    Opened { was: usize },
    Frozen,
}

impl Batch {
    fn carry_out(self, graph: &mut Graph, input: &str) {
        match self {
            Self::Kept => {}
            Self::Opened { was } => batch::open(graph, input, was),
            Self::Frozen => batch::freeze(graph, input),
        }
    }

    fn note(self, was: Option<usize>) -> Option<String> {
        match (self, was) {
            (Self::Opened { was }, _) => Some(format!("the batch size was fixed at {was} and is open now")),
            (Self::Kept, Some(was)) => {
                Some(format!("the batch size stays fixed at {was}: the graph is wrong for any other"))
            }
            (Self::Kept, None) => None,
            (Self::Frozen, _) => Some(
                "the batch size is fixed at 1 now, for images in one batch changed each other's features"
                    .to_owned(),
            ),
        }
    }
}

/// The features' tensor: told, known, or found.
fn choose(model: &Model, graph: &Graph, known: Option<Known>, options: &CutOptions) -> Result<Found> {
    let walk = Walk::new(graph);
    let named = match (&options.feature_tensor, known) {
        (Some(tensor), _) => Some((tensor.clone(), Reason::Told)),
        (None, Some(known)) => Some((known.feature_tensor.to_owned(), Reason::Known { file: known.name })),
        (None, None) => None,
    };
    let Some((tensor, reason)) = named else { return find::find(&walk, graph) };
    if walk.producer(&tensor).is_none() {
        return Err(Error::NoSuchTensor { tensor, candidates: candidates(model) });
    }
    Ok(find::told(&walk, graph, tensor, reason))
}

/// `graph` with nothing but what `tensor` needs.
fn alone(graph: &Graph, tensor: &str) -> Graph {
    let output = onnx::ValueInfo { name: Some(tensor.to_owned()), ..onnx::ValueInfo::default() };
    let mut graph = Graph { output: vec![output], ..graph.clone() };
    graph.drop_unused();
    graph
}

/// What the user says goes before what the file says.
fn tell(metadata: &mut Metadata, options: &CutOptions, known: Option<Known>, notes: &mut Vec<String>) {
    let CutOptions { name, recipe, labels, source, licence, .. } = options;
    let put = |field: &mut Option<String>, told: &Option<String>| {
        if told.is_some() {
            field.clone_from(told);
        }
    };
    put(&mut metadata.name, name);
    put(&mut metadata.source, source);
    put(&mut metadata.licence, licence);
    if !labels.is_empty() {
        metadata.labels.clone_from(labels);
    }
    if recipe.is_some() {
        metadata.recipe.clone_from(recipe);
    }
    if metadata.recipe.is_none()
        && let Some((known, preset)) = known.and_then(|known| Some((known, known.preset?)))
        && let Ok(recipe) = Recipe::preset(preset)
    {
        notes.push(format!("recipe `{preset}`, which is that of {}", known.name));
        metadata.recipe = Some(recipe);
    }
}

/// A recipe that makes what `input` takes: the one that was told, or else one for the proof alone.
fn recipe_for(input: &ImageInput, told: Option<&Recipe>) -> Result<(Recipe, Option<String>)> {
    let layout = input.layout.or(told.map(|recipe| recipe.layout)).unwrap_or(Layout::Nchw);
    let size = input.size(layout);
    let Some(told) = told else {
        let [height, width] = size.map(|edge| edge.unwrap_or(224) as u32);
        // The whole network gets the same images, so any scaling that it does not choke on will do.
        let plain = Recipe::preset("torchvision-v1").map_err(|source| {
            Error::Backbone(super::Error::Recipe { path: PathBuf::from("the recipe"), source })
        })?;
        let resize = Resize::Stretch { width, height };
        return Ok((Recipe { resize, crop: None, layout, ..plain }, None));
    };
    let (width, height) = told.size();
    let fits = |wanted: Option<usize>, made: usize| wanted.is_none_or(|wanted| wanted == made);
    if fits(size[0], height) && fits(size[1], width) {
        return Ok((Recipe { layout, ..told.clone() }, None));
    }
    let expected = format!("images of {}", describe_shape(&input.shape));
    Err(Error::Size { expected, found: format!("{width}x{height}") })
}

fn input_shape(model: &Model, name: &str) -> String {
    let inputs = model.graph.iter().flat_map(|graph| &graph.input);
    inputs.filter(|input| input.name() == name).map(super::graph::describe).collect()
}
