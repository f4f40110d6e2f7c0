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

/// As the main thread of a program usually has it, for work that may be all of a program's.
const STACK: usize = 8 << 20;

/// Threads that share work. Whoever starts the work makes them and runs it on them; they end when this is dropped.
///
/// Nothing here makes threads by itself, and there is no pool of the whole process: work that is run on no `Threads` is done
/// by the calling thread alone. So several users in one process have threads of their own, as many as each likes.
///
/// ```
/// use headstart_base::machine::{Threads, side_by_side};
///
/// let threads = Threads::new(std::num::NonZero::new(2))?;
/// let mut squares = [1, 2, 3];
/// threads.run(|| side_by_side(squares.iter_mut().collect(), |number| *number *= *number));
/// assert_eq!(squares, [1, 4, 9]);
/// # Ok::<(), headstart_base::machine::ThreadsError>(())
/// ```
#[derive(Debug)]
pub struct Threads(rayon::ThreadPool);

impl Threads {
    /// So many; `None` for one on each core.
    ///
    /// # Errors
    /// [`ThreadsError`] if the system gives no more threads.
    pub fn new(threads: Option<NonZeroUsize>) -> Result<Self, ThreadsError> {
        let threads = threads.map_or_else(cores, NonZeroUsize::get);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).stack_size(STACK);
        let pool = pool.thread_name(|number| format!("work {number}"));
        pool.build().map(Self).map_err(|source| ThreadsError { threads, source: source.into() })
    }

    /// So many; `None` for as many as are of use to training: one on each core, and no more than eight.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn for_training(threads: Option<NonZeroUsize>) -> Result<Self, ThreadsError> {
        Self::new(threads.or_else(|| NonZeroUsize::new(cores().min(USEFUL_THREADS))))
    }

    /// Run `work` on one of them, with the others to share in what is done [`side_by_side`], and wait for it.
    pub fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.0.install(work)
    }
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// The system gives no more threads.
#[derive(Debug, thiserror::Error)]
#[error("cannot start {threads} threads")]
pub struct ThreadsError {
    /// How many were asked for.
    threads: usize,
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// Run `work`, which shares itself among whatever threads it finds, on those that this runs on already, or else on one: for the code
/// of others, which would start a pool of the whole process.
///
/// # Errors
/// As [`Threads::new`].
pub fn contained<R: Send>(work: impl FnOnce() -> R + Send) -> Result<R, ThreadsError> {
    match is_shared() {
        true => Ok(work()),
        false => Ok(Threads::new(NonZeroUsize::new(1))?.run(work)),
    }
}

/// Whether this runs on [`Threads`].
fn is_shared() -> bool {
    rayon::current_thread_index().is_some()
}

/// Do each of `tasks`, on as many threads as there are: those of the [`Threads`] that this runs on, or the calling one alone.
///
/// To give the same bits on any number of threads, the caller divides its *results* among the tasks, by a rule that
/// does not know the number of threads, and each task writes its own share.
pub fn side_by_side<T: Send>(mut tasks: Vec<T>, work: impl Fn(T) + Send + Sync) {
    match tasks.len() {
        0 | 1 => tasks.pop().into_iter().for_each(work),
        _ if !is_shared() => tasks.into_iter().for_each(work),
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

/// Do `work` with the other threads of these [`Threads`] awake, so that [`side_by_side`] in it has them at once.
///
/// A training step has its tasks in pieces of some tenths of a millisecond with as much between them, in which threads would
/// fall asleep; to wake them takes part of that. It saves a twentieth of a step at batch 256 (`bench/README.md`).
pub fn awake<R>(work: impl FnOnce() -> R) -> R {
    if !is_shared() {
        return work();
    }
    let others = rayon::current_num_threads() - 1;
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

    fn threads(number: usize) -> Threads {
        Threads::new(NonZeroUsize::new(number)).unwrap()
    }

    #[test]
    fn every_task_is_done_once_whether_others_are_awake_or_not() {
        let count = |tasks: usize| {
            let mut done = vec![0; tasks];
            side_by_side(done.iter_mut().collect(), |done| *done += 1);
            assert!(done.iter().all(|&done| done == 1), "{done:?}");
        };
        let all = || [0, 1, 2, 100].into_iter().for_each(count);
        all();
        awake(all);
        for number in [1, 2, 5] {
            threads(number).run(all);
            threads(number).run(|| awake(all));
        }
    }

    #[test]
    fn work_has_the_threads_that_it_is_run_on_and_no_others() {
        let seen = || {
            let names = std::sync::Mutex::new(std::collections::BTreeSet::new());
            side_by_side((0..200).collect(), |_: usize| {
                thread::sleep(Duration::from_micros(50));
                names.lock().unwrap().insert(name());
            });
            names.into_inner().unwrap()
        };
        let own = name();
        assert!(seen().iter().eq([&own]));
        let (two, five) = (threads(2), threads(5));
        let (of_two, of_five) = (two.run(seen), five.run(seen));
        assert!(of_two.len() <= 2 && of_five.len() <= 5 && of_two.is_disjoint(&of_five));
        assert!(!of_two.contains(&own) && !of_five.contains(&own));
        // From inside of others too.
        assert!(five.run(|| two.run(seen)).is_subset(&all_of(&two)));
    }

    /// The names of all of its threads.
    fn all_of(threads: &Threads) -> std::collections::BTreeSet<String> {
        threads.0.broadcast(|_| name()).into_iter().collect()
    }

    fn name() -> String {
        format!("{:?}", thread::current().id())
    }

    #[test]
    fn what_shares_itself_is_contained() {
        let number = || rayon::current_num_threads();
        assert_eq!(contained(number).unwrap(), 1);
        assert_eq!(threads(3).run(|| contained(number)).unwrap(), 3);
    }

    /// Threads that are busy elsewhere when they are called up must not be waited for, by nobody.
    #[test]
    fn who_comes_late_stays_away() {
        let done = AtomicUsize::new(0);
        let task = |_: usize| {
            thread::sleep(Duration::from_millis(1));
            done.fetch_add(1, SeqCst);
        };
        threads(4).run(|| {
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
        let three = threads(3);
        let work = std::panic::AssertUnwindSafe(|| three.run(|| awake(|| panic!("on purpose"))));
        let panicked = std::panic::catch_unwind(work);
        assert!(panicked.is_err());
        // Were they still up, they would have to be waited for.
        assert_eq!(three.run(|| awake(|| 7)), 7);
    }
}
