//! TensorFlow's `SAME` padding.

/// Zeros around one axis of an image, and how many windows then fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Same {
    pub before: usize,
    pub after: usize,
    pub count: usize,
}

/// As many results as strides fit into `length`, the odd zero at the end. (PyTorch and Caffe put as many on either side,
/// which shifts every feature map by a pixel.) `reach` is the length of the window, `stride` is not 0.
pub(crate) fn same_padding(length: usize, reach: usize, stride: usize) -> Same {
    let count = length.div_ceil(stride);
    let zeros = (count.saturating_sub(1) * stride + reach).saturating_sub(length);
    Same { before: zeros / 2, after: zeros - zeros / 2, count }
}
