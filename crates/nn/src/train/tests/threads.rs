//! The number of threads changes the time a training takes and nothing else.

use std::num::NonZeroUsize;

use headstart_base::machine::Threads;

use super::*;

/// Do some work on so many threads; 0: on none but the calling one.
pub(super) fn on<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    match NonZeroUsize::new(threads) {
        Some(threads) => Threads::new(Some(threads)).unwrap().run(work),
        None => work(),
    }
}

/// Sizes that are divided among threads in every way there is: bands and columns of a product, blocks of a kernel, rows
/// to gather, with a rest each; and a batch of one.
fn head_on(threads: usize, batch_size: usize) -> (Head, History) {
    let rows = Array2::from_shape_fn((601, 600), |(i, j)| ((i * 7919 + j * 104_729) % 1009) as f32 / 1009.0);
    let labels: Vec<usize> = (0..601).map(|row| row * row % 3).collect();
    let config = TrainConfig { hidden: vec![300, 70], epochs: 1, batch_size, ..everything() };
    let train_it = || {
        let mut steps = 0;
        let outcome = train(&config, &rows, &labels, 3, Some((&rows, &labels)), &mut |_| {
            steps += 1;
            if steps == 12 { Flow::Stop } else { Flow::Continue }
        });
        let outcome = outcome.unwrap();
        (outcome.head, outcome.history)
    };
    on(threads, train_it)
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    for batch_size in [1, 32, 290] {
        let one = head_on(0, batch_size);
        for threads in [1, 2, 3, 7] {
            assert_eq!(head_on(threads, batch_size), one, "{threads} threads, batches of {batch_size}");
        }
    }
}
