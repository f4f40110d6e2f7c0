//! A convolution's numbers, and the patches that it sees.

use ndarray::{Array2, ArrayViewMut2};
use rayon::prelude::*;

use super::error::Result;
use super::prepare::floats;
use headstart_onnx::{Node, Padding, Walk, Window};

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
    pub kernel_size: [usize; 2],
    pub group: usize,
    window: Window,
}

impl Conv {
    /// `None` where weights are computed, or where there are not two axes.
    pub(super) fn of(node: &Node, walk: &Walk<'_>) -> Result<Option<Self>> {
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
        let Some(window) = Window::of(node).filter(|_| out > 0) else { return Ok(None) };
        let kernel = Array2::from_shape_vec((out, depth * height * width), kernel)
            .expect("the tensor has as many elements as its shape says");
        Ok(Some(Self {
            kernel,
            bias,
            names: (weights.name().to_owned(), bias_name.cloned()),
            kernel_size: [height, width],
            group,
            window,
        }))
    }

    /// Channels that a filter reads.
    pub(super) fn depth(&self) -> usize {
        self.kernel.ncols() / (self.kernel_size[0] * self.kernel_size[1]).max(1)
    }

    /// The weights' shape in the graph.
    pub(super) fn shape(&self) -> [usize; 4] {
        [self.kernel.nrows(), self.depth(), self.kernel_size[0], self.kernel_size[1]]
    }

    /// How many places it gives on an axis of `size` places, and the padding in front.
    fn places(&self, axis: usize, size: usize) -> (usize, usize) {
        let reach = self.window.dilations[axis] * (self.kernel_size[axis] - 1) + 1;
        let stride = self.window.strides[axis];
        match self.window.padding {
            Padding::Told { begin, end } => {
                let padded = size + begin[axis] + end[axis];
                let places = if padded < reach { 0 } else { (padded - reach) / stride + 1 };
                (places, begin[axis])
            }
            Padding::Same { upper } => {
                let places = size.div_ceil(stride);
                let missing = (places.max(1) - 1) * stride + reach;
                let pads = missing.saturating_sub(size);
                (places, if upper { pads / 2 } else { pads.div_ceil(2) })
            }
        }
    }

    /// How many places the filter is laid on, on a map of this height and width.
    pub(super) fn positions(&self, [height, width]: [usize; 2]) -> usize {
        self.places(0, height).0 * self.places(1, width).0
    }

    /// What the filters of `group` see of `map`, `(channels, height, width)`, at some of the places: a column for each, with `outside` where
    /// there is no map.
    ///
    /// # Shapes
    /// `patches` is `(kernel.ncols(), at.len())`; `at` counts places row by row, below [`positions`](Self::positions).
    pub(super) fn patches(
        &self,
        map: &[u8],
        [height, width]: [usize; 2],
        group: usize,
        at: &[usize],
        outside: u8,
        mut patches: ArrayViewMut2<'_, u8>,
    ) {
        let (_, top) = self.places(0, height);
        let (across, left) = self.places(1, width);
        let [rows, columns] = self.kernel_size;
        let Window { strides, dilations, .. } = self.window;
        let depth = self.depth();
        let rows_of_patches: Vec<_> = patches.rows_mut().into_iter().collect();
        rows_of_patches.into_par_iter().enumerate().for_each(|(row, mut values)| {
            let (channel, place) = (group * depth + row / (rows * columns), row % (rows * columns));
            let (dy, dx) = (place / columns * dilations[0], place % columns * dilations[1]);
            let map = &map[channel * height * width..][..height * width];
            for (value, &at) in values.iter_mut().zip(at) {
                let (y, x) = (at / across * strides[0] + dy, at % across * strides[1] + dx);
                let inside = y >= top && y - top < height && x >= left && x - left < width;
                *value = if inside { map[(y - top) * width + x - left] } else { outside };
            }
        });
    }
}
