//! Random numbers as functions of the seed, the purpose, the epoch and the step.
//!
//! There is no generator whose state would have to be saved: a training that is resumed in the middle draws what
//! it would have drawn.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What the numbers are for; each has a generator of its own.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Weights = 1,
    Order = 2,
    Dropout = 3,
    Views = 4,
}

/// The generator for a purpose in a step, both counted from 0.
pub(super) fn generator(seed: u64, purpose: Purpose, epoch: usize, step: usize) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (part, number) in key.chunks_exact_mut(8).zip([seed, purpose as u64, epoch as u64, step as u64]) {
        part.copy_from_slice(&number.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// The order of an epoch's rows, every one equally likely (Fisher and Yates).
pub(super) fn order(rows: usize, rng: &mut impl Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows).collect();
    for last in (1..rows).rev() {
        order.swap(last, below(last as u64 + 1, rng) as usize);
    }
    order
}

/// Each row in one of so many views, every one equally likely: as a place, which [`Rows`](super::Rows) explains.
pub(super) fn draw_views(chosen: &[usize], views: usize, rows: usize, rng: &mut impl Rng) -> Vec<usize> {
    chosen.iter().map(|row| below(views as u64, rng) as usize * rows + row).collect()
}

/// Uniform among 0, 1, ..., `bound - 1`. Spelt out, so that a seed means the same order in every version.
///
/// # Source
/// Lemire 2019, arXiv:1805.10941, without its rejection step: the bias is below `bound / 2⁶⁴`.
fn below(bound: u64, rng: &mut impl Rng) -> u64 {
    ((u128::from(rng.next_u64()) * u128::from(bound)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_is_about_as_likely() {
        let mut counts = std::collections::HashMap::new();
        for epoch in 0..6000 {
            *counts.entry(order(3, &mut generator(5, Purpose::Order, epoch, 0))).or_insert(0) += 1;
        }
        // Six orders, 1000 each with a standard deviation of 29.
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|count| (880..1120).contains(count)), "{counts:?}");
    }

    #[test]
    fn purposes_epochs_and_steps_draw_apart() {
        let first = |purpose, epoch, step| generator(1, purpose, epoch, step).next_u64();
        let all = [
            first(Purpose::Weights, 0, 0),
            first(Purpose::Order, 0, 0),
            first(Purpose::Dropout, 0, 0),
            first(Purpose::Dropout, 0, 1),
            first(Purpose::Dropout, 1, 0),
            first(Purpose::Views, 0, 0),
            generator(2, Purpose::Weights, 0, 0).next_u64(),
        ];
        let distinct: std::collections::HashSet<_> = all.into_iter().collect();
        assert_eq!(distinct.len(), 7);
    }

    #[test]
    fn a_seed_means_the_same_order_and_views_for_ever() {
        assert_eq!(order(6, &mut generator(0, Purpose::Order, 0, 0)), [5, 0, 3, 1, 2, 4]);
        let rng = &mut generator(0, Purpose::Views, 0, 0);
        assert_eq!(draw_views(&[5, 0, 3, 1, 2, 4], 3, 10, rng), [5, 10, 3, 1, 12, 4]);
    }

    #[test]
    fn views_are_drawn_evenly_and_rows_stay() {
        let chosen: Vec<usize> = (0..7000).rev().collect();
        let places = draw_views(&chosen, 7, 7000, &mut generator(1, Purpose::Views, 2, 3));
        assert!(places.iter().map(|place| place % 7000).eq(chosen));
        let count = |view| places.iter().filter(|&&place| place / 7000 == view).count();
        // 1000 each with a standard deviation of 29.
        assert!((0..7).all(|view| (880..1120).contains(&count(view))), "{:?}", (0..7).map(count));
    }
}
