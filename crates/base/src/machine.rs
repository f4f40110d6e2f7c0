//! What the processor offers: its cores and its vector units. `rayon` and `pulp` come in here and nowhere else.
//!
//! However many threads there are, results are the same bits.

use std::{
    num::NonZeroUsize,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use rayon::iter::{IntoParallelIterator, ParallelIterator};

/// More threads than this find nothing to do in a training step.
const USEFUL_THREADS: usize = 8;

/// Have training use this many threads, the calling one among them; `None` for as many as are of use here.
///
/// To be called once, early, and from the thread that trains. Without it there are as many threads as cores, and that
/// thread waits for them: right, but slower for small batches.
///
/// # Errors
/// [`AlreadyChosen`] if it was called before, or something else has used threads by now.
pub fn use_threads(threads: Option<NonZeroUsize>) -> Result<(), AlreadyChosen> {
    let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get).min(USEFUL_THREADS);
    let threads = threads.map_or_else(cores, NonZeroUsize::get);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).use_current_thread();
    pool.build_global().map_err(|_| AlreadyChosen)
}

/// The number of threads cannot be changed any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the number of threads was chosen before")]
pub struct AlreadyChosen;

/// Do each of `tasks`, on as many threads as there are.
///
/// To give the same bits on any number of threads, the caller divides its *results* among the tasks, by a rule that
/// does not know the number of threads, and each task writes its own share.
pub fn side_by_side<T: Send>(mut tasks: Vec<T>, work: impl Fn(T) + Send + Sync) {
    match tasks.len() {
        0 | 1 => tasks.pop().into_iter().for_each(work),
        _ => tasks.into_par_iter().for_each(work),
    }
}

/// Run `work` with the widest vector instructions that this processor has.
///
/// `work` has to be a plain loop over slices, which the compiler then vectorises; functions that it calls have to be
/// `#[inline(always)]`, or they stay as they are.
#[inline]
pub fn vectorised<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// Loops too long for [`vectorised`]: the compiler makes of a long closure a function of its own, which then keeps to the
/// instructions that every processor has, and nobody is told.
pub trait Loops {
    /// Do them. Has to be `#[inline(always)]`, as has every function that is called in it.
    fn run(self);
}

/// Run `loops` with the widest vector instructions that this processor has.
#[inline]
pub fn vectorise(loops: impl Loops) {
    struct Dispatch<L>(L);
    impl<L: Loops> pulp::WithSimd for Dispatch<L> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: pulp::Simd>(self, _: S) {
            self.0.run();
        }
    }
    pulp::Arch::new().dispatch(Dispatch(loops));
}

/// Do `work` with the other threads awake, so that [`side_by_side`] in it has them at once.
///
/// A training step has its tasks in pieces of some tenths of a millisecond with as much between them, in which threads would
/// fall asleep; to wake them takes part of that. It saves a twentieth of a step at batch 256 (`bench/README.md`).
pub fn awake<R>(work: impl FnOnce() -> R) -> R {
    let others = rayon::current_num_threads() - usize::from(rayon::current_thread_index().is_some());
    let (up, late, over) = (AtomicUsize::new(0), AtomicBool::new(false), AtomicBool::new(false));
    let stay_up = || {
        // Begun later, this could be on the thread that works, while it waits for others: it would wait for itself.
        if late.load(SeqCst) {
            return;
        }
        up.fetch_add(1, SeqCst);
        while !over.load(SeqCst) {
            // Do a task if there is one, else let others have the core if there are any.
            if rayon::yield_now() != Some(rayon::Yield::Executed) {
                thread::yield_now();
            }
        }
    };
    rayon::in_place_scope(|scope| {
        let _end = SetOnDrop(&over);
        (0..others).for_each(|_| scope.spawn(|_| stay_up()));
        let asked = Instant::now();
        while up.load(SeqCst) < others && asked.elapsed() < Duration::from_millis(20) {
            std::hint::spin_loop();
        }
        late.store(true, SeqCst);
        work()
    })
}

/// Sets a flag when it goes, be it by a panic.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_done_once_whether_others_are_awake_or_not() {
        let count = |tasks: usize| {
            let mut done = vec![0; tasks];
            side_by_side(done.iter_mut().collect(), |done| *done += 1);
            assert!(done.iter().all(|&done| done == 1), "{done:?}");
        };
        [0, 1, 2, 100].into_iter().for_each(count);
        awake(|| [0, 1, 2, 100].into_iter().for_each(count));
        // From one of the threads of the pool, as in a program that has claimed the first for itself.
        rayon::scope(|_| awake(|| [0, 1, 2, 100].into_iter().for_each(count)));
    }

    /// Threads that are busy elsewhere when they are called up must not be waited for, by nobody.
    #[test]
    fn who_comes_late_stays_away() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
        let done = AtomicUsize::new(0);
        let task = |_: usize| {
            thread::sleep(Duration::from_millis(1));
            done.fetch_add(1, SeqCst);
        };
        pool.install(|| {
            rayon::scope(|scope| {
                (0..3).for_each(|_| scope.spawn(|_| thread::sleep(Duration::from_millis(60))));
                thread::sleep(Duration::from_millis(10));
                awake(|| (0..10).for_each(|_| side_by_side((0..16).collect(), task)));
            });
        });
        assert_eq!(done.load(SeqCst), 160);
    }

    #[test]
    fn a_panic_sends_the_others_to_sleep_again() {
        let panicked = std::panic::catch_unwind(|| awake(|| panic!("on purpose")));
        assert!(panicked.is_err());
        // Were they still up, they would have to be waited for.
        assert_eq!(awake(|| 7), 7);
    }
}
