//! What an optimizer knows beyond its settings, in a form that any of them can be saved in.

use ndarray::Array2;

/// The state of an optimizer: how many steps it took, and its arrays.
#[derive(Debug, Clone, PartialEq)]
pub struct State<F> {
    /// Steps taken so far.
    pub step: u64,
    /// For Adam `m` and `v`, for SGD with momentum the momentum.
    pub slots: Vec<Slot<F>>,
}

/// One array for each parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Slot<F> {
    /// What the optimizer's arrays are, such as `m`.
    pub name: String,
    /// In the order of the parameters, each of its parameter's shape.
    pub arrays: Vec<Array2<F>>,
}

/// A state that does not belong to the optimizer at hand.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The state of another kind of optimizer.
    #[error("the optimizer state has the arrays {}, expected {}", found.join(", "), expected.join(", "))]
    Slots {
        /// Names that this optimizer has.
        expected: Vec<String>,
        /// Names in the state.
        found: Vec<String>,
    },
    /// For parameters of other shapes.
    #[error("the optimizer state `{slot}` has the shapes {}, expected {}", listed(found), listed(expected))]
    Shapes {
        /// The slot's name.
        slot: String,
        /// Rows and columns of each parameter.
        expected: Vec<(usize, usize)>,
        /// Rows and columns of each array in the state.
        found: Vec<(usize, usize)>,
    },
}

/// `(64, 10), (1, 10)`
fn listed(shapes: &[(usize, usize)]) -> String {
    let shape = |(rows, columns): &(usize, usize)| format!("({rows}, {columns})");
    shapes.iter().map(shape).collect::<Vec<_>>().join(", ")
}

impl<F: Clone> State<F> {
    pub(super) fn new<const N: usize>(step: u64, slots: [(&str, &[Array2<F>]); N]) -> Self {
        let slot = |(name, arrays): (&str, &[Array2<F>])| Slot { name: name.into(), arrays: arrays.to_vec() };
        Self { step, slots: slots.map(slot).into() }
    }

    /// The arrays of this state, if they are those `expected`, by name and by shape.
    pub(super) fn checked<const N: usize>(
        self,
        expected: [(&str, &[Array2<F>]); N],
    ) -> Result<[Vec<Array2<F>>; N], StateError> {
        let found: Vec<String> = self.slots.iter().map(|slot| slot.name.clone()).collect();
        let names = expected.map(|(name, _)| name);
        if found != names {
            return Err(StateError::Slots { expected: names.map(String::from).into(), found });
        }
        for (slot, (_, arrays)) in self.slots.iter().zip(expected) {
            let (expected, found) = (shapes(arrays), shapes(&slot.arrays));
            if expected != found {
                return Err(StateError::Shapes { slot: slot.name.clone(), expected, found });
            }
        }
        let arrays: Vec<Vec<Array2<F>>> = self.slots.into_iter().map(|slot| slot.arrays).collect();
        Ok(arrays.try_into().unwrap_or_else(|_| unreachable!("there are as many slots as names")))
    }
}

fn shapes<F>(arrays: &[Array2<F>]) -> Vec<(usize, usize)> {
    arrays.iter().map(Array2::dim).collect()
}
