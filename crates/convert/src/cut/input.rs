//! The image's way into a graph.

use super::error::{Error, Result};
use headstart_backbone::graph;
use headstart_image::recipe::Layout;
use headstart_onnx::{Attribute, DataType, Dim, Graph, Node, ValueInfo, Walk, type_name, type_value};

/// Larger images no recipe makes.
const LARGEST: usize = 16384;

/// A batch that is filled with copies of one image has to fit into memory.
const MOST: usize = 1024;

/// The one input that takes images.
#[derive(Debug, Clone)]
pub(super) struct ImageInput {
    pub(super) name: String,
    pub(super) shape: Vec<Dim>,
    /// Where the channels stand; `None` if nothing tells.
    pub(super) layout: Option<Layout>,
    kind: DataType,
}

impl ImageInput {
    /// Refuse a graph that cannot take an image, whatever its features are.
    pub(super) fn check_any(walk: &Walk<'_>) -> Result<()> {
        let mut refused = None;
        for input in walk.inputs() {
            match Self::of(walk, input) {
                Ok(_) => return Ok(()),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        Err(refused.unwrap_or_else(|| Error::NotForImages { reason: "the graph has no input".to_owned() }))
    }

    /// The input of a graph that gives features and nothing else.
    pub(super) fn find(walk: &Walk<'_>) -> Result<Self> {
        let inputs: Vec<&ValueInfo> = walk.inputs().collect();
        let found: Vec<Self> = inputs.iter().filter_map(|input| Self::of(walk, input).ok()).collect();
        match (found.as_slice(), inputs.as_slice()) {
            ([only], [_]) => Ok(only.clone()),
            ([], [first, ..]) => Err(Self::of(walk, first).expect_err("it was no image a moment ago")),
            ([], []) => {
                let reason = "the features are the same for every image: they depend on no input".to_owned();
                Err(Error::NotForImages { reason })
            }
            ([image, ..], _) => {
                let other =
                    inputs.iter().find(|input| input.name() != image.name).map_or("", |one| one.name());
                let reason = format!("the features depend on `{other}` beside the image `{}`", image.name);
                Err(Error::NotForImages { reason })
            }
        }
    }

    fn of(walk: &Walk<'_>, input: &ValueInfo) -> Result<Self> {
        let wrong = |reason: &str| {
            let reason = format!("input `{}` is {}, {reason}", input.name(), graph::describe(input));
            Err(Error::NotForImages { reason })
        };
        let Some((kind, Some(shape))) = input.tensor() else {
            return wrong("expected a tensor of known rank");
        };
        let kind = match DataType::try_from(kind) {
            Ok(
                kind @ (DataType::Float
                | DataType::Float16
                | DataType::Bfloat16
                | DataType::Double
                | DataType::Uint8
                | DataType::Int8
                | DataType::Uint16
                | DataType::Int16
                | DataType::Uint32
                | DataType::Int32
                | DataType::Uint64
                | DataType::Int64),
            ) => kind,
            _ => return wrong("expected the numbers of pixels"),
        };
        if shape.len() != 4 {
            return wrong("expected `(n, 3, h, w)` or `(n, h, w, 3)`");
        }
        let layout = graph::layout(&shape).or_else(|| by_consumer(walk, input.name()));
        let may_be_three =
            |axis: usize| matches!(shape[axis], Dim::Static(3) | Dim::Named(_) | Dim::Unknown(()));
        if !may_be_three(1) && !may_be_three(3) {
            return wrong("expected three channels");
        }
        let found = Self { name: input.name().to_owned(), shape, layout, kind };
        if found.size(layout.unwrap_or(Layout::Nchw)).iter().flatten().any(|&edge| edge > LARGEST) {
            return wrong("expected images of at most 16384 pixels an edge");
        }
        if found.fixed_batch().is_some_and(|batch| batch > MOST) {
            return wrong("expected batches of at most 1024 images");
        }
        Ok(found)
    }

    /// The batch size that the graph was frozen at, if it was.
    pub(super) fn fixed_batch(&self) -> Option<usize> {
        match self.shape[0] {
            Dim::Static(n) => usize::try_from(n).ok().filter(|&n| n > 0),
            _ => None,
        }
    }

    /// Height and width, as far as the graph prescribes them.
    pub(super) fn size(&self, layout: Layout) -> [Option<usize>; 2] {
        let axes = if layout == Layout::Nchw { [2, 3] } else { [1, 2] };
        axes.map(|axis| match self.shape[axis] {
            Dim::Static(n) => usize::try_from(n).ok().filter(|&n| n > 0),
            _ => None,
        })
    }

    /// Let the graph take 32-bit floats, whatever it took; the sentence that says so, if something was done.
    pub(super) fn take_floats(&self, graph: &mut Graph) -> Option<String> {
        if self.kind == DataType::Float {
            return None;
        }
        let inside = headstart_onnx::names::fresh(graph, &format!("{}_as_taken", self.name));
        headstart_onnx::names::rename_uses(&mut graph.node, &self.name, &inside);
        let to = Attribute::int("to", self.kind as i64);
        graph.node.insert(0, Node::new("Cast", &[&self.name], &inside, vec![to]));
        let info = graph.input.iter_mut().find(|input| input.name() == self.name)?;
        if let Some(type_value::Value::TensorType(tensor)) =
            info.kind.as_mut().and_then(|kind| kind.value.as_mut())
        {
            tensor.elem_type = Some(DataType::Float as i32);
        }
        Some(format!("the input takes float32 now and is cast to {}", type_name(self.kind as i32)))
    }
}

/// What a graph does first with its image, where the shape is open.
fn by_consumer(walk: &Walk<'_>, input: &str) -> Option<Layout> {
    let mut at = input;
    // Numbers are prepared in a few steps, and a cycle would not end.
    for _ in 0..16 {
        let mut next = None;
        for node in walk.consumers(at) {
            match node.op_type() {
                "Conv" => return Some(Layout::Nchw),
                "Transpose" if node.attribute("perm").is_some_and(|perm| perm.ints == [0, 3, 1, 2]) => {
                    return Some(Layout::Nhwc);
                }
                "Identity" | "Cast" | "Sub" | "Add" | "Mul" | "Div" | "QuantizeLinear"
                | "DequantizeLinear" => {
                    next = next.or(node.output.first());
                }
                _ => {}
            }
        }
        at = next?;
    }
    None
}
