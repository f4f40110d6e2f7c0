//! Where a convolution or a pool looks: the arithmetic of padding.

use super::super::config::Config;
use super::super::error::Result;
use super::super::padding::{Same, same_padding};

/// A kernel that slides over height and width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub kernel: [usize; 2],
    pub strides: [usize; 2],
    pub dilation: [usize; 2],
}

/// What the window makes of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    /// Top, left, bottom, right.
    pub pads: [usize; 4],
    pub size: [usize; 2],
}

impl Window {
    /// Place the window on an image of `size`, as the layer's setting `padding` says; `None` if it does not fit.
    pub(super) fn place(&self, config: &Config, size: [usize; 2]) -> Result<Option<Placed>> {
        let same = match config.text_or("padding", "valid")? {
            "same" => true,
            "valid" => false,
            _ => return Err(config.error("padding", "`same` or `valid`")),
        };
        let axis = |axis: usize| {
            let (length, stride) = (size[axis], self.strides[axis]);
            let reach = (self.kernel[axis] - 1) * self.dilation[axis] + 1;
            if same {
                let Same { before, after, count } = same_padding(length, reach, stride);
                Some((before, after, count))
            } else {
                Some((0, 0, length.checked_sub(reach)? / stride + 1))
            }
        };
        let placed = axis(0).zip(axis(1)).map(|((top, bottom, h), (left, right, w))| Placed {
            pads: [top, left, bottom, right],
            size: [h, w],
        });
        Ok(placed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn same_puts_the_odd_row_at_the_end() {
        let same = Config::new("c", "Conv2D", json!({"padding": "same"}));
        let window = Window { kernel: [3, 2], strides: [2, 2], dilation: [1, 1] };
        let placed = window.place(&same, [224, 5]).unwrap().unwrap();
        assert_eq!(placed, Placed { pads: [0, 0, 1, 1], size: [112, 3] });
        let dilated = Window { kernel: [3, 3], strides: [1, 1], dilation: [2, 3] };
        let placed = dilated.place(&same, [7, 7]).unwrap().unwrap();
        assert_eq!(placed, Placed { pads: [2, 3, 2, 3], size: [7, 7] });
    }

    #[test]
    fn valid_drops_what_does_not_fit() {
        let valid = Config::new("c", "Conv2D", json!({}));
        let window = Window { kernel: [3, 3], strides: [2, 2], dilation: [1, 1] };
        assert_eq!(window.place(&valid, [8, 3]).unwrap(), Some(Placed { pads: [0; 4], size: [3, 1] }));
        assert_eq!(window.place(&valid, [8, 2]).unwrap(), None);
        let other = Config::new("c", "Conv2D", json!({"padding": "causal"}));
        assert!(window.place(&other, [8, 8]).is_err());
    }
}
