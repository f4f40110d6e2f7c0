//! The input of a graph that takes images.

use crate::graph;
use headstart_image::recipe::Layout;
use headstart_onnx::{DataType, Dim, ValueInfo, Walk};

/// Why an input takes no images: what was expected of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoImages {
    /// Not even the number of axes is known.
    #[error("a tensor of known rank")]
    Rank,
    /// It takes text or something else that no pixel is.
    #[error("the numbers of pixels")]
    Type,
    /// It has not four axes.
    #[error("images, `(n, 3, h, w)` or `(n, h, w, 3)`")]
    Axes,
    /// It has another number of channels.
    #[error("three channels")]
    Channels,
}

/// An input that takes images, as far as it tells of itself.
#[derive(Debug, Clone)]
pub struct ImageInput {
    /// Its name in the graph.
    pub name: String,
    /// Its four axes.
    pub shape: Vec<Dim>,
    /// Where the channels stand; `None` if nothing tells.
    pub layout: Option<Layout>,
    /// What its numbers are.
    pub kind: DataType,
}

impl ImageInput {
    /// `input` of the graph of `walk`.
    ///
    /// # Errors
    /// [`NoImages`].
    pub fn of(walk: &Walk<'_>, input: &ValueInfo) -> Result<Self, NoImages> {
        let Some((kind, Some(shape))) = input.tensor() else { return Err(NoImages::Rank) };
        let kind = DataType::try_from(kind).ok().filter(is_number).ok_or(NoImages::Type)?;
        if shape.len() != 4 {
            return Err(NoImages::Axes);
        }
        let may_be_three =
            |axis: usize| matches!(shape[axis], Dim::Static(3) | Dim::Named(_) | Dim::Unknown(()));
        if !may_be_three(1) && !may_be_three(3) {
            return Err(NoImages::Channels);
        }
        let layout = graph::layout(&shape).or_else(|| by_consumer(walk, input.name()));
        Ok(Self { name: input.name().to_owned(), shape, layout, kind })
    }

    /// The batch size that the graph was frozen at, if it was.
    pub fn batch_size(&self) -> Option<usize> {
        self.edge(0)
    }

    /// Height and width, as far as the graph prescribes them.
    pub fn size(&self, layout: Layout) -> [Option<usize>; 2] {
        let axes = if layout == Layout::Nchw { [2, 3] } else { [1, 2] };
        axes.map(|axis| self.edge(axis))
    }

    fn edge(&self, axis: usize) -> Option<usize> {
        match self.shape[axis] {
            Dim::Static(n) => usize::try_from(n).ok().filter(|&n| n > 0),
            _ => None,
        }
    }
}

fn is_number(kind: &DataType) -> bool {
    use DataType::{
        Bfloat16, Double, Float, Float16, Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64,
    };
    let floats = matches!(kind, Float | Float16 | Bfloat16 | Double);
    floats || matches!(kind, Uint8 | Int8 | Uint16 | Int16 | Uint32 | Int32 | Uint64 | Int64)
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
