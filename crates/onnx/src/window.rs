//! How a filter goes over a map of two axes, as the attributes of a convolution or a pool tell it.

use super::proto::Node;

/// Defaults where the node says nothing: every place in turn, and no padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Places from one window to the next: down, and to the right.
    pub strides: [usize; 2],
    /// Places from one number of a window to the next: down, and to the right.
    pub dilations: [usize; 2],
    /// What is added around the image.
    pub padding: Padding,
}

/// How many places are added around the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// So many places at the top and at the left, and at the bottom and at the right.
    Told {
        /// At the top and at the left.
        begin: [usize; 2],
        /// At the bottom and at the right.
        end: [usize; 2],
    },
    /// As many as it takes to have a result for each stride; the odd one at the end, or at the beginning.
    Same {
        /// Whether an odd place goes to the end, as in `SAME_UPPER`.
        upper: bool,
    },
}

impl Padding {
    /// No padding on any side.
    pub const NONE: Self = Self::Told { begin: [0; 2], end: [0; 2] };
}

impl Window {
    /// `None` if the node speaks of another number of axes, or of numbers that mean nothing.
    pub fn of(node: &Node) -> Option<Self> {
        let [top, left, bottom, right] = numbers(node, "pads", [0; 4])?;
        let padding = match node.attribute("auto_pad").and_then(|pad| pad.s.as_deref()) {
            None | Some(b"" | b"NOTSET") => Padding::Told { begin: [top, left], end: [bottom, right] },
            Some(b"VALID") => Padding::NONE,
            Some(b"SAME_UPPER") => Padding::Same { upper: true },
            Some(b"SAME_LOWER") => Padding::Same { upper: false },
            Some(_) => return None,
        };
        let strides = numbers(node, "strides", [1; 2])?;
        let dilations = numbers(node, "dilations", [1; 2])?;
        (!strides.contains(&0)).then_some(Self { strides, dilations, padding })
    }
}

fn numbers<const N: usize>(node: &Node, name: &str, default: [usize; N]) -> Option<[usize; N]> {
    let Some(told) = node.attribute(name) else { return Some(default) };
    let numbers: Vec<usize> = told.ints.iter().map(|&i| usize::try_from(i).ok()).collect::<Option<_>>()?;
    numbers.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Attribute;

    fn window(attributes: Vec<Attribute>) -> Option<Window> {
        Window::of(&Node::new("Conv", &["x", "w"], "y", attributes))
    }

    #[test]
    fn what_is_not_told_is_the_default() {
        let plain = Window { strides: [1, 1], dilations: [1, 1], padding: Padding::NONE };
        assert_eq!(window(vec![]), Some(plain));
        let told = vec![
            Attribute::ints("strides", [2, 3]),
            Attribute::ints("dilations", [4, 5]),
            Attribute::ints("pads", [0, 1, 2, 3]),
            Attribute::string("auto_pad", "NOTSET"),
        ];
        let padding = Padding::Told { begin: [0, 1], end: [2, 3] };
        assert_eq!(window(told), Some(Window { strides: [2, 3], dilations: [4, 5], padding }));
        let same = window(vec![Attribute::string("auto_pad", "SAME_LOWER")]).unwrap();
        assert_eq!(same.padding, Padding::Same { upper: false });
        // Not at once with `auto_pad`, says the format; runtimes then pass `pads` by.
        let both = vec![Attribute::ints("pads", [1; 4]), Attribute::string("auto_pad", "VALID")];
        assert_eq!(window(both), Some(plain));
    }

    #[test]
    fn other_axes_and_numbers_without_meaning_are_none() {
        for (name, ints) in
            [("strides", vec![2]), ("strides", vec![0, 1]), ("pads", vec![1; 6]), ("dilations", vec![-1, 1])]
        {
            assert_eq!(window(vec![Attribute::ints(name, ints.clone())]), None, "{name} {ints:?}");
        }
        assert_eq!(window(vec![Attribute::string("auto_pad", "SOME")]), None);
    }
}
