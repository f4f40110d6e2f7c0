//! TensorFlow.js layers models and files of PyTorch weights as ONNX backbones.
//!
//! A TensorFlow.js model is a `model.json` (Keras' own description of the network, and a list of weights) with the weights in
//! shards beside it; `tensorflowjs_converter` writes it, and many ImageNet networks are published so. A file of PyTorch
//! weights has no description; a few networks are known by their tensors ([`torch()`]).
//!
//! Inside the graph, images are `(n, channels, height, width)` as ONNX wants them, whatever the network says; kernels
//! are turned once, and a transposition is added only where a layer depends on the order of the axes. Batch
//! normalisation stays as trained (ONNX Runtime folds it into convolutions at load), zero padding moves into the
//! convolution that follows. The same input gives the same bytes.

mod config;
mod emit;
mod error;
mod features;
mod labels;
mod layers;
mod network;
mod padding;
mod topology;
mod torch;
mod value;
mod weights;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

pub use error::{Error, Result};
pub use labels::read_labels;
pub use layers::supported as supported_layers;
pub(crate) use padding::same_padding;
pub use torch::torch;

use emit::Emit;
use headstart_backbone::Metadata;
use headstart_base::files::{folder_of, read_text};
use headstart_image::Recipe;
use headstart_image::recipe::{Layout, Resize};
use headstart_onnx::{Attribute, Dim, Graph, Model, Node, OperatorSetId, ValueInfo};
use topology::Network;
use value::{Format, Order, Value};
use weights::{Group, Weights};

/// The first and last operator set that the nodes used here mean the same in.
const OPSETS: std::ops::RangeInclusive<i64> = 13..=21;

/// How a network is converted, and what is not in its files.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// Keep the classifier: the output is that of the network, not the features.
    pub include_top: bool,
    /// What the backbone is called; the network's own name if absent.
    pub name: Option<String>,
    /// The preprocessing that the network was trained with; guessed from its name if absent.
    pub recipe: Option<Recipe>,
    /// The classes that it was trained on, in the order of its outputs; may be empty.
    pub labels: Vec<String>,
    /// Where the weights come from.
    pub source: Option<String>,
    /// Under which licence they may be used.
    pub licence: Option<String>,
    /// The order of the input's axes; the recipe is changed to it. Channels first by default.
    pub layout: Layout,
    /// 17 by default, which runtimes since 2022 read.
    pub opset: i64,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self {
            include_top: false,
            name: None,
            recipe: None,
            labels: Vec::new(),
            source: None,
            licence: None,
            layout: Layout::Nchw,
            opset: 17,
        }
    }
}

/// A converted network.
#[derive(Debug)]
pub struct Imported {
    /// Write it with [`onnx::write`](headstart_onnx::write).
    pub model: Model,
    /// What stands in the model's own metadata.
    pub metadata: Metadata,
    /// What was guessed or chosen, one sentence each, for the user to read.
    pub notes: Vec<String>,
}

/// Convert the network at `path`: PyTorch's weights ([`torch()`]) by the file's first bytes, else a TensorFlow.js layers
/// model ([`tfjs`]).
///
/// # Errors
/// Those of the two.
pub fn import(path: &Path, options: &ImportOptions) -> Result<Imported> {
    if is_torch(path)? { torch(path, options) } else { tfjs(path, options) }
}

/// Convert the TensorFlow.js layers model at `model_json`.
///
/// # Shapes
/// The graph's input is called `image`: `(n, 3, h, w)`, or `(n, h, w, 3)` for [`Layout::Nhwc`]. Its output is called
/// `features`: `(n, d)`; with [`ImportOptions::include_top`] it is the network's own output under its layer's name.
///
/// # Errors
/// [`Error::Layer`] and [`Error::Activation`] name what cannot be converted and list what can;
/// [`Error::ShardMissing`] and [`Error::ShardLength`] name a damaged weight file; [`Error::RecipeUnknown`] if no
/// recipe was given and the network's name tells none.
pub fn tfjs(model_json: &Path, options: &ImportOptions) -> Result<Imported> {
    check_opset(options.opset)?;
    let json = read_json(model_json)?;
    let topology = &json["modelTopology"];
    let network = Network::parse(topology.get("model_config").unwrap_or(topology))?;
    let mut notes = Vec::new();
    let recipe = match &options.recipe {
        Some(recipe) => recipe.clone(),
        None => guess_recipe(&network, &mut notes)?,
    };
    let folder = model_json.parent().unwrap_or(Path::new(""));
    let weights = Weights::read(folder, &manifest(model_json, &json)?)?;
    let mut emit = Emit::new(&weights, keras_version(topology));

    let format =
        if network.channels_first() == Some(true) { Format::ChannelsFirst } else { Format::ChannelsLast };
    let (width, height) = recipe.size();
    let shape = network::input_shape(&network, Some([height, width]))?;
    let input = Input::new(shape, format, options.layout);
    let recipe = fit_recipe(recipe, &input.value, format, options, &mut notes)?;
    let first = input.as_network_sees_it(&mut emit);
    let outputs = network::convert(&mut emit, &network, vec![first])?;
    let Ok([output]) = <[Value; 1]>::try_from(outputs) else {
        return Err(Error::Ends { inputs: 1, outputs: network.outputs.len() });
    };
    let output = emit.settle(&output);
    check_labels(options, &output)?;

    let mut metadata = Metadata {
        name: Some(options.name.clone().unwrap_or_else(|| network.name.clone())),
        recipe: Some(recipe),
        labels: options.labels.clone(),
        source: options.source.clone(),
        licence: options.licence.clone(),
        ..Metadata::default()
    };
    let (value, name) = if options.include_top {
        let output = emit.ordered(&output, Order::Keras);
        let layer = &network.outputs[0].layer;
        (output, if layer == INPUT { format!("{layer}/output") } else { layer.clone() })
    } else {
        let found = features::find(&mut emit, &output, format)?;
        notes.push(format!("features of size {}: {}", found.value.shape[0], found.reason));
        metadata.feature_tensor = Some("features".to_owned());
        metadata.feature_size = Some(found.value.shape[0]);
        (found.value, "features".to_owned())
    };
    let graph = assemble(emit, &network.name, &input, value, &name);
    let mut model = wrap(graph, options, &json);
    metadata.write_into(&mut model);
    Ok(Imported { model, metadata, notes })
}

/// All that [`import`] reads: the file at `path`, and for a `model.json` the shards of its weights.
///
/// # Errors
/// [`Error::Read`], [`Error::Json`], [`Error::NotLayersModel`].
pub fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if is_torch(path)? {
        return Ok(vec![path.to_path_buf()]);
    }
    let groups = manifest(path, &read_json(path)?)?;
    let folder = folder_of(path);
    let shards = groups.iter().flat_map(Group::paths).map(|shard| folder.join(shard));
    Ok(std::iter::once(path.to_path_buf()).chain(shards).collect())
}

/// Whether the file begins as those of `torch.save` do: with a ZIP archive or a pickle, which no JSON does.
fn is_torch(path: &Path) -> Result<bool> {
    let unreadable = |source| Error::Read { path: path.to_owned(), source };
    let mut head = Vec::new();
    File::open(path).and_then(|file| file.take(4).read_to_end(&mut head)).map_err(unreadable)?;
    Ok(matches!(head[..], [b'P', b'K', 3, 4] | [0x80, 0..=5, ..]))
}

fn check_opset(opset: i64) -> Result<()> {
    let (lowest, highest) = (*OPSETS.start(), *OPSETS.end());
    if OPSETS.contains(&opset) { Ok(()) } else { Err(Error::Opset { found: opset, lowest, highest }) }
}

fn read_json(path: &Path) -> Result<Json> {
    let text = read_text(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let json: Json =
        serde_json::from_str(&text).map_err(|source| Error::Json { path: path.to_owned(), source })?;
    let other = |found: &str| Err(Error::NotLayersModel { path: path.to_owned(), found: found.to_owned() });
    match json["format"].as_str() {
        Some("graph-model") => other("a TensorFlow.js graph model"),
        _ if json["modelTopology"]["node"].is_array() => other("a TensorFlow.js graph model"),
        _ if !json["modelTopology"].is_object() => other("JSON without a network"),
        _ if !json["weightsManifest"].is_array() => other("a network without weights"),
        _ => Ok(json),
    }
}

fn manifest(path: &Path, json: &Json) -> Result<Vec<Group>> {
    serde_json::from_value(json["weightsManifest"].clone())
        .map_err(|source| Error::Json { path: path.to_owned(), source })
}

/// Keras' major version; 2 where nothing tells it, for those are the older files.
fn keras_version(topology: &Json) -> u64 {
    let version = topology["keras_version"].as_str().unwrap_or_default();
    version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(2)
}

/// The graph's one input.
struct Input {
    /// In the graph, without the batch.
    dims: Vec<usize>,
    /// What the network is given, perhaps still to be transposed.
    value: Value,
    transposed: bool,
}

const INPUT: &str = "image";

impl Input {
    fn new(shape: Vec<usize>, format: Format, layout: Layout) -> Self {
        let order = match (format, layout) {
            (Format::ChannelsLast, Layout::Nchw) => Order::ChannelsMoved,
            _ => Order::Keras,
        };
        let value = Value::new(INPUT.to_owned(), shape, order);
        let mut dims = value.graph_shape();
        // The one pair that no order of ours describes: a network with channels first that is given them last.
        let transposed = format == Format::ChannelsFirst && layout == Layout::Nhwc;
        if transposed {
            dims.rotate_left(1);
        }
        Self { dims, value, transposed }
    }

    fn as_network_sees_it(&self, emit: &mut Emit<'_>) -> Value {
        if !self.transposed {
            return self.value.clone();
        }
        let rank = self.value.rank() as i64;
        let permutation = [0, rank - 1].into_iter().chain(1..rank - 1);
        let name = emit.node("Transpose", &[INPUT], vec![Attribute::ints("perm", permutation)]);
        Value { name, ..self.value.clone() }
    }
}

/// Keras' applications share their preprocessing by family.
fn guess_recipe(network: &Network, notes: &mut Vec<String>) -> Result<Recipe> {
    let name = network.name.to_lowercase();
    let preset = match name.as_str() {
        "resnet50" | "resnet101" | "resnet152" | "vgg16" | "vgg19" => "keras-resnet50",
        "resnet50v2" | "resnet101v2" | "resnet152v2" => "keras-tf",
        name if name.starts_with("mobilenet_") || name.starts_with("mobilenetv2_") => "keras-tf",
        _ => return Err(Error::RecipeUnknown { network: network.name.clone() }),
    };
    let recipe =
        Recipe::preset(preset).map_err(|_| Error::RecipeUnknown { network: network.name.clone() })?;
    notes.push(format!("recipe `{preset}`, guessed from the network's name `{}`", network.name));
    Ok(recipe)
}

/// The recipe in the graph's layout, for images of exactly the size that the graph takes.
fn fit_recipe(
    recipe: Recipe,
    input: &Value,
    format: Format,
    options: &ImportOptions,
    notes: &mut Vec<String>,
) -> Result<Recipe> {
    let mut recipe = Recipe { layout: options.layout, ..recipe };
    let (width, height) = recipe.size();
    let image = input.image(format);
    let expected = image.map_or_else(|| input.shape.clone(), |[c, h, w]| vec![h, w, c]);
    let mismatch = Error::RecipeShape { expected, found: vec![height, width, 3] };
    let Some([3, h, w]) = image else { return Err(mismatch) };
    if (h, w) != (height, width) {
        // A guessed recipe follows the network; one that was told is meant.
        let (None, None, Resize::Stretch { .. }) = (&options.recipe, recipe.crop, recipe.resize) else {
            return Err(mismatch);
        };
        recipe.resize = Resize::Stretch { width: w as u32, height: h as u32 };
        notes.push(format!("recipe changed to the network's own size, {w}x{h}"));
    }
    Ok(recipe)
}

fn check_labels(options: &ImportOptions, output: &Value) -> Result<()> {
    let found = options.labels.len();
    match output.shape.as_slice() {
        // A map or no classifier at all: nothing to compare with.
        [classes] if found > 0 && *classes != found => Err(Error::LabelCount { expected: *classes, found }),
        _ => Ok(()),
    }
}

/// The finished graph: `value` becomes the output under `name`, what it does not need goes.
fn assemble(mut emit: Emit<'_>, network: &str, input: &Input, value: Value, name: &str) -> Graph {
    if value.name == INPUT {
        emit.nodes.push(Node::new("Identity", &[INPUT], name, vec![]));
    } else {
        rename(&mut emit.nodes, &value.name, name);
    }
    let info = |name: &str, dims: &[usize]| {
        let dims = dims.iter().map(|&n| Dim::Static(n as i64));
        ValueInfo::float_tensor(
            name,
            &[Dim::Named("n".to_owned())].into_iter().chain(dims).collect::<Vec<_>>(),
        )
    };
    let mut graph = Graph {
        name: Some(network.to_owned()),
        node: emit.nodes,
        initializer: emit.constants,
        input: vec![info(INPUT, &input.dims)],
        output: vec![info(name, &value.graph_shape())],
        ..Graph::default()
    };
    graph.drop_unused();
    graph
}

/// `to` is free: every other name in the graph is a path of layer and operator.
fn rename(nodes: &mut [Node], from: &str, to: &str) {
    for name in nodes.iter_mut().flat_map(|node| node.input.iter_mut().chain(&mut node.output)) {
        if name == from {
            to.clone_into(name);
        }
    }
}

fn wrap(graph: Graph, options: &ImportOptions, json: &Json) -> Model {
    let converter = json["convertedBy"].as_str().unwrap_or("an unknown converter");
    let maker = json["generatedBy"].as_str().unwrap_or("unknown");
    Model {
        ir_version: Some(headstart_onnx::ir_version_of(options.opset)),
        producer_name: Some("headstart".to_owned()),
        producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        doc_string: Some(format!("Converted from a TensorFlow.js layers model (by {maker}, {converter})")),
        opset_import: vec![OperatorSetId { domain: Some(String::new()), version: Some(options.opset) }],
        graph: Some(graph),
        ..Model::default()
    }
}
