//! Backbone and head as one graph.

use std::path::Path;

use super::build::Builder;
use super::card::{Card, Form};
use super::error::{Error, Result};
use super::{Options, half, head, pixels};
use crate::run::Run;
use headstart_backbone::Backbone;
use headstart_onnx::{self as onnx, DataType, Dim, Graph, Model, OperatorSetId, ValueInfo};

/// The operator set of a head that has no backbone to take it from.
const HEAD_OPSET: i64 = 17;
/// The first version of the format that may use it.
const HEAD_IR_VERSION: i64 = 8;

/// The graph that `options` ask for, with the run's account of itself.
pub(super) fn model(run: &Run, backbone: &Backbone, options: &Options) -> Result<Model> {
    let mut model = match options.form {
        Form::Features => alone(run),
        Form::Tensor | Form::Image => fused(run, backbone)?,
    };
    if let Some(asked) = options.opset {
        onnx::bring_to_opset(&mut model, asked)?;
    }
    if options.half {
        half::convert(&mut model)?;
    }
    if options.form == Form::Image {
        onnx::opset::at_least(&model, pixels::OPSET, "preprocessing in the graph")?;
        let graph = graph(&mut model);
        let image = pixels::prepend(graph, backbone.input_name(), backbone.recipe());
        graph.input.push(ValueInfo::tensor_of(DataType::Uint8, &image, &image_shape()));
    }
    let output = graph(&mut model).output[0].name().to_owned();
    Card::of(run, backbone, options, output).write_into(&mut model, backbone);
    Ok(model)
}

fn image_shape() -> [Dim; 4] {
    [Dim::Static(1), Dim::Named("height".into()), Dim::Named("width".into()), Dim::Static(3)]
}

fn alone(run: &Run) -> Model {
    let mut graph = Graph { name: Some("head".into()), ..Graph::default() };
    let size = Dim::Static(run.info.features.size as i64);
    graph.input.push(ValueInfo::float_tensor("features", &[Dim::Named("n".into()), size]));
    finish(&mut graph, run, "features", Dim::Named("n".into()));
    Model {
        ir_version: Some(HEAD_IR_VERSION),
        opset_import: vec![OperatorSetId { domain: Some(String::new()), version: Some(HEAD_OPSET) }],
        graph: Some(graph),
        ..Model::default()
    }
}

fn fused(run: &Run, backbone: &Backbone) -> Result<Model> {
    let path = backbone.path();
    let mut model = onnx::read(path)?;
    onnx::embed_external_data(&mut model, path.parent().unwrap_or(Path::new("")))?;
    let graph = graph(&mut model);
    let features = backbone.feature_tensor();
    let info = graph.output.iter().find(|output| output.name() == features);
    let shape = info.and_then(ValueInfo::tensor).and_then(|(_, shape)| shape).unwrap_or_default();
    let batch = shape.first().cloned().unwrap_or(Dim::Unknown(()));
    let flat = match shape.len() {
        4 => {
            let flatten = vec![headstart_onnx::Attribute::int("axis", 1)];
            Builder::new(graph).node("Flatten", &[features], "features", flatten)
        }
        _ => features.to_owned(),
    };
    finish(graph, run, &flat, batch);
    onnx::move_strides(graph);
    Ok(model)
}

/// The head behind `features`, as the graph's one output.
fn finish(graph: &mut Graph, run: &Run, features: &str, batch: Dim) {
    let classes = Dim::Static(run.info.classes.len() as i64);
    let probabilities = head::append(&mut Builder::new(graph), &run.head, run.temperature(), features);
    graph.output = vec![ValueInfo::float_tensor(&probabilities, &[batch, classes])];
    graph.drop_unused();
}

fn graph(model: &mut Model) -> &mut Graph {
    model.graph.as_mut().expect("`onnx::read` refuses a file without a graph")
}

/// Whether the head of `run` belongs to `backbone`.
pub(super) fn check_backbone(run: &Run, backbone: &Backbone) -> Result<()> {
    let (expected, found) = (&run.info.backbone.digest, backbone.digest().to_hex());
    if *expected == found.as_str() {
        return Ok(());
    }
    let short = |digest: &str| digest.chars().take(12).collect();
    Err(Error::OtherBackbone {
        run: run.name(),
        path: backbone.path().to_owned(),
        expected: short(expected),
        found: short(&found),
    })
}
