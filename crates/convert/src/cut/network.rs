//! From a file to the best of its cuts that can be proven.

use std::path::Path;

use super::find::{self, Found};
use super::images::Images;
use super::observe::Observed;
use super::overrides::{recipe_for, tell};
use super::reason::Reason;
use super::{Cut, CutOptions, Error, Removed, Result, batch, candidates, input, proof, rewrite, write};
use headstart_backbone::image_input::ImageInput;
use headstart_backbone::meaning::{self, Meaning};
use headstart_backbone::pixels::Pixels;
use headstart_backbone::runtime::Runtime;
use headstart_backbone::zoo::Published;
use headstart_backbone::{Backbone, Guess, Metadata, OpenOptions, graph, labels, weights};
use headstart_image::{Heif, Recipe};
use headstart_onnx::{self as onnx, Dim, Graph, Model, Walk};

/// A network, and all that is known before it runs.
pub(super) struct Network<'a> {
    path: &'a Path,
    /// Whole, but for its input, which takes 32-bit floats.
    model: Model,
    input: ImageInput,
    found: Found,
    metadata: Metadata,
    /// What the recipe seems to be, where it is not told.
    guess: Option<Guess>,
    images: Images,
    /// The recipe that the images are prepared with, told or made up.
    prepared: Recipe,
    notes: Vec<String>,
}

impl<'a> Network<'a> {
    pub(super) fn read(
        path: &'a Path,
        mut model: Model,
        published: Option<Published>,
        guess: Option<Guess>,
        heif: &Heif,
        options: &CutOptions,
    ) -> Result<Self> {
        let mut metadata = Metadata::read(&model, path)?;
        let mut notes = vec![];
        let functions = onnx::inline(&mut model);
        if functions > 0 {
            notes.push(format!("the file's own functions are inlined: {functions}"));
        }
        let graph = model.graph.as_ref().ok_or_else(|| onnx::Error::NoGraph { path: path.to_owned() })?;
        input::check_any(&Walk::new(graph))?;
        let found = choose(&model, graph, published, &metadata, options)?;
        notes.extend(unproven(&model, &found));
        let input = input::find(&Walk::new(&alone(graph, &found.tensor)))?;
        let pixels = Pixels::of(&Walk::new(graph), &input.name);
        notes.extend(model.graph.as_mut().and_then(|graph| input::take_floats(&input, graph)));

        let guess = tell(&mut metadata, options, guess);
        if metadata.labels.is_empty() {
            metadata.labels = labels::of_others(&model);
        }
        let prepared = recipe_for(&input, &pixels, metadata.recipe.as_ref())?;
        metadata.recipe = metadata.recipe.map(|_| prepared.clone());
        let images = Images::load(&prepared, heif, &options.images)?;
        Ok(Self { path, model, input, found, metadata, guess, images, prepared, notes })
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    pub(super) fn observe(&mut self, runtime: &Runtime, options: &CutOptions) -> Result<Observed> {
        let Self { model, input, found, images, .. } = &*self;
        let observed = Observed::of(runtime, model, self.folder(), input, found, images, options.pool)?;
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
    pub(super) fn write_proven(
        mut self,
        runtime: &Runtime,
        output: &Path,
        observed: &Observed,
        options: &CutOptions,
    ) -> Result<Cut> {
        self.notes.extend(observed.finish.notes());
        let first = match self.input.batch_size() {
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
        notes.extend(batch.note(self.input.batch_size()));
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
            guess: self.guess.clone(),
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
            parameters: weights::parameters(&self.model).saturating_sub(weights::parameters(cut)),
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
            (Self::Opened { was }, _) => {
                Some(format!("the batch size was fixed at {was} and is dynamic now"))
            }
            (Self::Kept, Some(was)) => {
                Some(format!("the batch size stays fixed at {was}: the graph is wrong for any other"))
            }
            (Self::Kept, None) => None,
            (Self::Frozen, _) => Some(
                "the batch size is fixed at 1 now, because images in one batch changed each other's features"
                    .to_owned(),
            ),
        }
    }
}

/// That an output was taken for class scores although it may hold features, if so.
fn unproven(model: &Model, found: &Found) -> Option<String> {
    let output = &found.classifier.as_ref()?.output;
    let asked = matches!(found.reason, Reason::Told | Reason::Known { .. } | Reason::Declared);
    match meaning::of(model, output) {
        Meaning::Unclear(why) if !asked => Some(format!(
            "`{output}` is treated as class scores, without a proof ({}); if it gives features, it needs no cut",
            why.join(", and ")
        )),
        _ => None,
    }
}

/// The features' tensor: told, known, said by the file itself, or found.
fn choose(
    model: &Model,
    graph: &Graph,
    published: Option<Published>,
    metadata: &Metadata,
    options: &CutOptions,
) -> Result<Found> {
    let walk = Walk::new(graph);
    let known = || {
        published.and_then(|file| Some((file.feature_tensor?.to_owned(), Reason::Known { file: file.name })))
    };
    let told = options.feature_tensor.clone().map(|tensor| (tensor, Reason::Told));
    let own = metadata.feature_tensor.clone().filter(|tensor| walk.producer(tensor).is_some());
    let declared = || own.map(|tensor| (tensor, Reason::Declared));
    let Some((tensor, reason)) = told.or_else(known).or_else(declared) else {
        return find::find(model, &walk, graph);
    };
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

fn input_shape(model: &Model, name: &str) -> String {
    let inputs = model.graph.iter().flat_map(|graph| &graph.input);
    inputs.filter(|input| input.name() == name).map(graph::describe).collect()
}
