//! PyTorch's files of weights as ONNX backbones, for the networks that are described in `architecture`.

use std::path::Path;

use headstart_backbone::Metadata;
use headstart_image::Recipe;
use headstart_onnx::{Model, OperatorSetId};

use super::error::{Error, Result};
use super::{ImportOptions, Imported, check_opset};
use crate::architecture::{self, Part};
use crate::checkpoint;

/// Convert the weights at `path`, which `torch.save` wrote: a `state_dict`, or a dictionary with one in it.
///
/// The file is read as data; nothing in it is run. The network is recognised by the names and shapes of its tensors.
///
/// # Shapes
/// As [`tfjs`](super::tfjs); with [`ImportOptions::include_top`] the output is called `logits`.
///
/// # Errors
/// [`Error::Checkpoint`] for a file that cannot be read as weights; [`Error::Unrecognised`], [`Error::TensorMissing`],
/// [`Error::TensorShape`] and [`Error::TensorUnknown`] for weights of a network that is not known.
pub fn torch(path: &Path, options: &ImportOptions) -> Result<Imported> {
    check_opset(options.opset)?;
    let tensors = checkpoint::read(path)?;
    let recognised = architecture::recognise(&tensors)?;
    let (name, preset) = (recognised.architecture.name, recognised.architecture.preset);
    let mut notes = vec![format!("the tensors are those of {name}")];
    let recipe = match &options.recipe {
        Some(recipe) => recipe.clone(),
        None => {
            notes.push(format!("recipe `{preset}`, which {name} was trained with"));
            Recipe::preset(preset).map_err(|_| Error::RecipeUnknown { network: name.to_owned() })?
        }
    };
    let recipe = Recipe { layout: options.layout, ..recipe };
    let part = if options.include_top { Part::Whole } else { Part::Features };
    if let Some(expected) = recognised.classes().filter(|&classes| classes != options.labels.len())
        && !options.labels.is_empty()
    {
        return Err(Error::LabelCount { expected, found: options.labels.len() });
    }
    let (graph, outputs) = architecture::graph(&recognised, recipe.size(), options.layout, part)?;
    let mut metadata = Metadata {
        name: Some(options.name.clone().unwrap_or_else(|| name.to_owned())),
        recipe: Some(recipe),
        labels: options.labels.clone(),
        source: options.source.as_ref().map(|source| format!("{source}; changed: {}", changes(part))),
        licence: options.licence.clone(),
        ..Metadata::default()
    };
    if part == Part::Features {
        notes.push(format!("features of size {outputs}: the means of the last map"));
        metadata.feature_tensor = Some(part.output().to_owned());
        metadata.feature_size = Some(outputs);
    }
    let mut model = Model {
        ir_version: Some(headstart_onnx::ir_version_of(options.opset)),
        producer_name: Some("headstart".to_owned()),
        producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        doc_string: Some(format!("Converted from a PyTorch checkpoint. Changed: {}", changes(part))),
        opset_import: vec![OperatorSetId { domain: Some(String::new()), version: Some(options.opset) }],
        graph: Some(graph),
        ..Model::default()
    };
    metadata.write_into(&mut model);
    Ok(Imported { model, metadata, notes })
}

/// What was done to the weights: licences such as Apache's ask whoever passes a changed file on to say so.
fn changes(part: Part) -> &'static str {
    match part {
        Part::Features => "PyTorch's weights put into an ONNX graph, the classifier left out",
        Part::Whole => "PyTorch's weights put into an ONNX graph",
    }
}
