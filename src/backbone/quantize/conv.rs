//! A convolution's numbers, and the patches that it sees.

use ndarray::{Array2, ArrayViewMut2};

use super::error::Result;
use super::prepare::floats;
use crate::onnx::{Node, Walk};

/// A convolution over two axes with constant weights.
#[derive(Debug, Clone)]
pub(super) struct Conv {
    /// A row for each channel that it gives: the weights of its filter, `channels / group × height × width` of them.
    pub kernel: Array2<f32>,
    /// One for each channel that it gives.
    pub bias: Vec<f32>,
    /// Names of weights and bias in the graph; a convolution may have no bias.
    pub names: (String, Option<String>),
    /// Height and width of the filter.
    pub window: [usize; 2],
    pub group: usize,
    strides: [usize; 2],
    dilations: [usize; 2],
    /// At the top, at the left.
    pads: Padding,
    /// At the bottom, at the right.
    ends: [usize; 2],
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Padding {
    /// At the top, at the left.
    Told([usize; 2]),
    /// As many places as there are strides; the odd one at the end, or at the beginning.
    Same { upper: bool },
}

impl Conv {
    /// `None` where weights are computed, or where there are not two axes.
    pub fn of(node: &Node, walk: &Walk<'_>) -> Result<Option<Self>> {
        let Some(weights) = node.input.get(1).and_then(|name| walk.initializer(name)) else {
            return Ok(None);
        };
        let (Some(kernel), shape) = (floats(Some(weights))?, weights.shape()?) else { return Ok(None) };
        let &[out, depth, height, width] = &shape[..] else { return Ok(None) };
        let bias_name = node.input.get(2).filter(|name| !name.is_empty());
        let bias = match bias_name {
            None => vec![0.0; out],
            Some(name) => match floats(walk.initializer(name))? {
                Some(bias) if bias.len() == out => bias,
                _ => return Ok(None),
            },
        };
        let group = node.attribute("group").map_or(1, |group| group.i());
        let Some(group) = usize::try_from(group).ok().filter(|&group| group > 0 && out % group == 0) else {
            return Ok(None);
        };
        let pair = |name: &str, default: usize| -> Option<Vec<usize>> {
            let ints = match node.attribute(name) {
                Some(attribute) => attribute.ints.clone(),
                None => return Some(vec![default; 4]),
            };
            ints.iter().map(|&i| usize::try_from(i).ok()).collect()
        };
        let (Some(strides), Some(dilations), Some(pads)) =
            (pair("strides", 1), pair("dilations", 1), pair("pads", 0))
        else {
            return Ok(None);
        };
        if out == 0 || strides.len() < 2 || dilations.len() < 2 || pads.len() < 4 || strides.contains(&0) {
            return Ok(None);
        }
        let kind = node.attribute("auto_pad").and_then(|pad| pad.s.clone()).unwrap_or_default();
        let padding = match &kind[..] {
            b"SAME_UPPER" => Padding::Same { upper: true },
            b"SAME_LOWER" => Padding::Same { upper: false },
            b"VALID" => Padding::Told([0, 0]),
            _ => Padding::Told([pads[0], pads[1]]),
        };
        let ends = if padding == Padding::Told([pads[0], pads[1]]) { [pads[2], pads[3]] } else { [0, 0] };
        let kernel = Array2::from_shape_vec((out, depth * height * width), kernel)
            .expect("the tensor has as many elements as its shape says");
        Ok(Some(Self {
            kernel,
            bias,
            names: (weights.name().to_owned(), bias_name.cloned()),
            window: [height, width],
            group,
            strides: [strides[0], strides[1]],
            dilations: [dilations[0], dilations[1]],
            pads: padding,
            ends,
        }))
    }

    /// Channels that a filter reads.
    pub fn depth(&self) -> usize {
        self.kernel.ncols() / (self.window[0] * self.window[1]).max(1)
    }

    /// The weights' shape in the graph.
    pub fn shape(&self) -> [usize; 4] {
        [self.kernel.nrows(), self.depth(), self.window[0], self.window[1]]
    }

    /// How many places it gives on an axis of `size` places, and the padding in front.
    fn places(&self, axis: usize, size: usize) -> (usize, usize) {
        let reach = self.dilations[axis] * (self.window[axis] - 1) + 1;
        match self.pads {
            Padding::Told(before) => {
                let padded = size + before[axis] + self.ends[axis];
                let places = if padded < reach { 0 } else { (padded - reach) / self.strides[axis] + 1 };
                (places, before[axis])
            }
            Padding::Same { upper } => {
                let places = size.div_ceil(self.strides[axis]);
                let missing = (places.max(1) - 1) * self.strides[axis] + reach;
                let pads = missing.saturating_sub(size);
                (places, if upper { pads / 2 } else { pads.div_ceil(2) })
            }
        }
    }

    /// How many places the filter is laid on, on a map of this height and width.
    pub fn positions(&self, [height, width]: [usize; 2]) -> usize {
        self.places(0, height).0 * self.places(1, width).0
    }

    /// What the filters of `group` see of `map`, `(channels, height, width)`, at some of the places: a column for each.
    ///
    /// # Shapes
    /// `patches` is `(kernel.ncols(), at.len())`; `at` counts places row by row, below [`positions`](Self::positions).
    pub fn patches(
        &self,
        map: &[f32],
        [height, width]: [usize; 2],
        group: usize,
        at: &[usize],
        mut patches: ArrayViewMut2<'_, f32>,
    ) {
        let (_, top) = self.places(0, height);
        let (across, left) = self.places(1, width);
        let [rows, columns] = self.window;
        let depth = self.depth();
        for (row, mut values) in patches.rows_mut().into_iter().enumerate() {
            let (channel, place) = (group * depth + row / (rows * columns), row % (rows * columns));
            let (dy, dx) = (place / columns * self.dilations[0], place % columns * self.dilations[1]);
            let map = &map[channel * height * width..][..height * width];
            for (value, &at) in values.iter_mut().zip(at) {
                let (y, x) = (at / across * self.strides[0] + dy, at % across * self.strides[1] + dx);
                let inside = y >= top && y - top < height && x >= left && x - left < width;
                *value = if inside { map[(y - top) * width + x - left] } else { 0.0 };
            }
        }
    }
}
