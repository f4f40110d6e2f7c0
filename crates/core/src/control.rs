//! One protocol of progress and stopping for everything that takes long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use headstart_convert::quantize;
use headstart_nn::train;

use crate::extract;

/// Asks work to stop. Clones are one token: it can be set from any thread.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// Ask for the end: work stops where nothing that is computed is lost.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the end was asked for.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The flag itself.
    pub fn flag(&self) -> &AtomicBool {
        &self.0
    }
}

/// What happens on the way.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Features are computed.
    Extract(extract::Event<'a>),
    /// A head is trained.
    Train(train::Event<'a>),
    /// A backbone is brought into integers.
    Quantize(quantize::Event<'a>),
}

/// What work that takes long is given: how to tell of itself, and how to know that it should stop.
///
/// ```
/// use headstart_core::{CancelToken, Control};
///
/// let stop = CancelToken::default();
/// let mut count = 0;
/// let mut listener = |_event: headstart_core::Event<'_>| count += 1;
/// let control = Control::new(stop.clone(), &mut listener);
/// stop.cancel();
/// assert!(control.is_cancelled());
/// ```
pub struct Control<'a> {
    cancel: CancelToken,
    listener: Option<&'a mut dyn FnMut(Event<'_>)>,
}

impl<'a> Control<'a> {
    /// Events go to `listener`, on the thread that works.
    pub fn new(cancel: CancelToken, listener: &'a mut dyn FnMut(Event<'_>)) -> Self {
        Self { cancel, listener: Some(listener) }
    }

    /// Nobody listens, and nobody stops it.
    pub fn silent() -> Self {
        Self { cancel: CancelToken::default(), listener: None }
    }

    /// Tell of something.
    pub fn tell(&mut self, event: Event<'_>) {
        if let Some(listener) = &mut self.listener {
            listener(event);
        }
    }

    /// Whether the work is to end.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// The token itself, to be kept where it can be set.
    pub fn token(&self) -> &CancelToken {
        &self.cancel
    }
}

impl std::fmt::Debug for Control<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").field("cancel", &self.cancel).finish_non_exhaustive()
    }
}
