//! Sets of views.

use std::fmt;

use super::{View, Window};

/// A set of views, in the order of their numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Views {
    /// Bit `n` for the view of number `n`.
    bits: u16,
}

impl Views {
    /// The plain image alone.
    pub const PLAIN: Self = Self { bits: 1 };
    pub(super) const ALL: Self = Self { bits: (1 << (2 * Window::ALL.len())) - 1 };

    /// How many views are in the set.
    pub fn len(self) -> usize {
        self.bits.count_ones() as usize
    }

    /// Whether no view is in the set.
    pub fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// Whether `view` is in the set.
    pub fn contains(self, view: View) -> bool {
        self.bits & (1 << view.number()) != 0
    }

    /// In the order of their numbers, the plain one first.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = View> {
        (0..u16::BITS as u16)
            .filter(move |number| self.bits & (1 << number) != 0)
            .filter_map(View::from_number)
    }
}

impl FromIterator<View> for Views {
    fn from_iter<I: IntoIterator<Item = View>>(views: I) -> Self {
        Self { bits: views.into_iter().fold(0, |bits, view| bits | (1 << view.number())) }
    }
}

impl fmt::Debug for Views {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(View::name)).finish()
    }
}
