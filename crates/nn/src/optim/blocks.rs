//! Parameters updated a block of rows at a time.

use ndarray::{Array2, NdFloat};

use crate::autodiff::Gradient;
use headstart_base::machine::{side_by_side, vectorised};

/// Numbers of a parameter that one thread updates before it takes up others.
const BLOCK: usize = 1 << 16;

/// Numbers of an outer product formed at a time: still in the first cache when they are used.
const OUTER: usize = 1 << 12;

/// Call `update` with each piece of a parameter, of its gradient and of the optimizer's slots for it.
///
/// `update` is a loop over slices, and `#[inline(always)]` for the sake of [`vectorised`].
///
/// # Panics
/// If the shapes of gradient and slots are not that of the parameter.
pub(super) fn update_blocks<F: NdFloat, const N: usize>(
    param: &mut Array2<F>,
    gradient: &Gradient<F>,
    slots: [&mut Array2<F>; N],
    update: impl Fn(&mut [F], &[F], [&mut [F]; N]) + Send + Sync,
) {
    let dim = param.dim();
    assert_eq!(gradient.dim(), dim, "a gradient has the shape of its parameter");
    slots.iter().for_each(|slot| assert_eq!(slot.dim(), dim, "the optimizer was built for another model"));
    if !param.is_standard_layout() {
        *param = param.as_standard_layout().into_owned();
    }
    let at_a_time = match gradient {
        Gradient::Factored { left, .. } if left.nrows() == 1 => OUTER,
        _ => BLOCK,
    };
    let columns = dim.1.max(1);
    let [block, formed] = [BLOCK, at_a_time].map(|numbers| (numbers / columns).max(1) * columns);
    let mut slots = slots.map(|slot| slot.as_slice_mut().expect("made so").chunks_mut(block));
    let params = param.as_slice_mut().expect("laid out so above").chunks_mut(block);
    let pieces = params.enumerate().map(|(index, params)| {
        let slots = slots.each_mut().map(|slot| slot.next().expect("as many as of the parameter"));
        (index * block / columns, params, slots)
    });
    side_by_side(pieces.collect(), |(first_row, params, slots)| {
        let mut scratch = Vec::new();
        let mut slots = slots.map(|slot| slot.chunks_mut(formed));
        for (index, params) in params.chunks_mut(formed).enumerate() {
            let start = first_row + index * formed / columns;
            let gradient = gradient.rows(start..start + params.len() / columns, &mut scratch);
            let slots = slots.each_mut().map(|slot| slot.next().expect("as many as of the parameter"));
            vectorised(|| update(params, gradient, slots));
        }
    });
}
