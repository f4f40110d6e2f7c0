//! A tensor on its way through the graph: what Keras says it is, and how it really lies in memory.

use super::config::Config;
use super::error::{Error, Result};

/// How the axes of a value follow each other in the ONNX graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Order {
    /// As in Keras.
    Keras,
    /// Keras has the channels last; here they stand first, behind the batch, as ONNX wants its images.
    ChannelsMoved,
}

/// One tensor of the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    pub name: String,
    /// In the order of Keras, without the batch dimension, with [`Value::pad`] around it.
    pub shape: Vec<usize>,
    pub order: Order,
    /// Zeros still to be put around height and width (top, left, bottom, right): a convolution adds them itself.
    pub pad: [usize; 4],
}

/// Where a layer has its channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    ChannelsLast,
    ChannelsFirst,
}

impl Format {
    pub(super) fn of(config: &Config) -> Result<Self> {
        match config.text_or("data_format", "channels_last")? {
            "channels_last" => Ok(Self::ChannelsLast),
            "channels_first" => Ok(Self::ChannelsFirst),
            _ => Err(config.error("data_format", "`channels_last` or `channels_first`")),
        }
    }

    /// The order in which an image of this format is `(n, c, h, w)`.
    pub(super) fn planes(self) -> Order {
        match self {
            Self::ChannelsLast => Order::ChannelsMoved,
            Self::ChannelsFirst => Order::Keras,
        }
    }

    /// Channels, height and width as this format writes a shape.
    pub(super) fn shape(self, [c, h, w]: [usize; 3]) -> Vec<usize> {
        match self {
            Self::ChannelsLast => vec![h, w, c],
            Self::ChannelsFirst => vec![c, h, w],
        }
    }
}

impl Value {
    pub(super) fn new(name: String, shape: Vec<usize>, order: Order) -> Self {
        Self { name, shape, order, pad: [0; 4] }
    }

    /// Dimensions with the batch.
    pub(super) fn rank(&self) -> usize {
        self.shape.len() + 1
    }

    /// Channels, height and width, if this is an image of `format`.
    pub(super) fn image(&self, format: Format) -> Option<[usize; 3]> {
        match (self.shape.as_slice(), format) {
            (&[h, w, c], Format::ChannelsLast) | (&[c, h, w], Format::ChannelsFirst) => Some([c, h, w]),
            _ => None,
        }
    }

    /// The shape in the order of the ONNX graph, without the batch.
    pub(super) fn graph_shape(&self) -> Vec<usize> {
        let mut shape = self.shape.clone();
        if self.order == Order::ChannelsMoved {
            shape.rotate_right(1);
        }
        shape
    }

    /// Where Keras' `axis` (the batch is 0, the last is -1) lies in Keras' order; not the batch itself.
    pub(super) fn keras_axis(&self, axis: i64) -> Option<usize> {
        let rank = self.rank() as i64;
        let axis = if axis < 0 { axis + rank } else { axis };
        (1..rank).contains(&axis).then_some(axis as usize)
    }

    /// Where Keras' `axis` lies in the ONNX graph.
    pub(super) fn graph_axis(&self, axis: i64) -> Option<usize> {
        let axis = self.keras_axis(axis)?;
        Some(match self.order {
            Order::Keras => axis,
            Order::ChannelsMoved if axis == self.rank() - 1 => 1,
            Order::ChannelsMoved => axis + 1,
        })
    }
}

/// What a layer expects of its input's shape.
pub(super) fn expect_shape<T>(found: Option<T>, config: &Config, value: &Value, expected: &str) -> Result<T> {
    found.ok_or_else(|| Error::Shape {
        layer: config.layer().to_owned(),
        class: config.class().to_owned(),
        expected: expected.to_owned(),
        found: value.shape.clone(),
    })
}
