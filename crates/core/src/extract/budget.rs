//! Bytes that all decoding threads together may hold: an image may be ten thousand times as large as the one before.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Hands out shares of a number of bytes in the order of asking, so that a large one is not passed over for ever.
#[derive(Debug)]
pub(super) struct Budget {
    total: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    free: u64,
    /// Number of the next who asks.
    next: u64,
    /// Number of the one whose turn it is.
    turn: u64,
}

/// Given back when dropped.
#[derive(Debug)]
pub(super) struct Share<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    pub(super) fn new(total: u64) -> Self {
        let state = State { free: total, next: 0, turn: 0 };
        Self { total, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Wait for so many bytes; for all of them if more are asked for.
    pub(super) fn take(&self, bytes: u64) -> Share<'_> {
        let bytes = bytes.min(self.total);
        let mut state = self.lock();
        let ticket = state.next;
        state.next += 1;
        while state.turn != ticket || state.free < bytes {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.free -= bytes;
        state.turn += 1;
        drop(state);
        // The next may fit as well.
        self.changed.notify_all();
        Share { budget: self, bytes }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.budget.lock().free += self.bytes;
        self.budget.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::Budget;

    #[test]
    fn shares_never_exceed_the_whole_and_everybody_gets_one() {
        let budget = Budget::new(100);
        let (held, most) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for thread in 0..8_u64 {
                let (budget, held, most) = (&budget, &held, &most);
                scope.spawn(move || {
                    for i in 0..200 {
                        let bytes = (thread * 31 + i * 17) % 130;
                        let _share = budget.take(bytes);
                        let now = held.fetch_add(bytes.min(100), Ordering::SeqCst) + bytes.min(100);
                        most.fetch_max(now, Ordering::SeqCst);
                        thread::yield_now();
                        held.fetch_sub(bytes.min(100), Ordering::SeqCst);
                    }
                });
            }
        });
        assert!((50..=100).contains(&most.into_inner()));
        assert_eq!(budget.lock().free, 100);
    }

    #[test]
    fn a_large_share_is_not_passed_over() {
        let budget = Budget::new(100);
        let first = budget.take(60);
        thread::scope(|scope| {
            let large = scope.spawn(|| drop(budget.take(1000)));
            while budget.lock().next < 2 {
                thread::yield_now();
            }
            let small = scope.spawn(|| drop(budget.take(1)));
            while budget.lock().next < 3 {
                thread::yield_now();
            }
            // There is room for the small one, but the large one was first.
            thread::sleep(Duration::from_millis(5));
            assert!(!large.is_finished() && !small.is_finished());
            drop(first);
        });
    }
}
