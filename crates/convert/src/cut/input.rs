//! The image's way into a graph.

use super::error::{Error, Result};
use headstart_backbone::graph;
use headstart_backbone::image_input::ImageInput;
use headstart_image::recipe::Layout;
use headstart_onnx::{Attribute, DataType, Graph, Node, ValueInfo, Walk, type_name, type_value};

/// Larger images no recipe makes.
const LARGEST: usize = 16384;

/// A batch that is filled with copies of one image has to fit into memory.
const MOST: usize = 1024;

/// Refuse a graph that cannot take an image, whatever its features are.
pub(super) fn check_any(walk: &Walk<'_>) -> Result<()> {
    let mut refused = None;
    for input in walk.inputs() {
        match image_input(walk, input) {
            Ok(_) => return Ok(()),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    Err(refused.unwrap_or_else(|| Error::NotForImages { reason: "the graph has no input".to_owned() }))
}

/// The input of a graph that gives features and nothing else.
pub(super) fn find(walk: &Walk<'_>) -> Result<ImageInput> {
    let inputs: Vec<&ValueInfo> = walk.inputs().collect();
    let found: Vec<ImageInput> = inputs.iter().filter_map(|input| image_input(walk, input).ok()).collect();
    match (found.as_slice(), inputs.as_slice()) {
        ([only], [_]) => Ok(only.clone()),
        ([], [first, ..]) => Err(image_input(walk, first).expect_err("it was no image a moment ago")),
        ([], []) => {
            let reason = "the features are the same for every image: they depend on no input".to_owned();
            Err(Error::NotForImages { reason })
        }
        ([image, ..], _) => {
            let other = inputs.iter().find(|input| input.name() != image.name).map_or("", |one| one.name());
            let reason = format!("the features depend on `{other}` beside the image `{}`", image.name);
            Err(Error::NotForImages { reason })
        }
    }
}

fn image_input(walk: &Walk<'_>, input: &ValueInfo) -> Result<ImageInput> {
    let wrong = |expected: String| {
        let reason = format!("input `{}` is {}, expected {expected}", input.name(), graph::describe(input));
        Error::NotForImages { reason }
    };
    let found = ImageInput::of(walk, input).map_err(|expected| wrong(expected.to_string()))?;
    let layout = found.layout.unwrap_or(Layout::Nchw);
    if found.size(layout).iter().flatten().any(|&edge| edge > LARGEST) {
        return Err(wrong(format!("images of at most {LARGEST} pixels an edge")));
    }
    if found.batch_size().is_some_and(|batch| batch > MOST) {
        return Err(wrong(format!("batches of at most {MOST} images")));
    }
    Ok(found)
}

/// Let the graph take 32-bit floats, whatever `input` took; the sentence that says so, if something was done.
pub(super) fn take_floats(input: &ImageInput, graph: &mut Graph) -> Option<String> {
    if input.kind == DataType::Float {
        return None;
    }
    let inside = headstart_onnx::names::fresh(graph, &format!("{}_as_taken", input.name));
    headstart_onnx::names::rename_uses(&mut graph.node, &input.name, &inside);
    let to = Attribute::int("to", input.kind as i64);
    graph.node.insert(0, Node::new("Cast", &[&input.name], &inside, vec![to]));
    let info = graph.input.iter_mut().find(|info| info.name() == input.name)?;
    if let Some(type_value::Value::TensorType(tensor)) =
        info.kind.as_mut().and_then(|kind| kind.value.as_mut())
    {
        tensor.elem_type = Some(DataType::Float as i32);
    }
    Some(format!("the input takes float32 now and is cast to {}", type_name(input.kind as i32)))
}
