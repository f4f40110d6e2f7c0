//! One protocol of progress and stopping for everything that takes long.

use std::fmt::{self, Display};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use headstart_convert::quantize;
use headstart_nn::train;

use crate::extract;
use crate::project::{BaseRun, Error, FeatureRequest, Tip};

/// Asks work to stop. Clones are one token: it can be set from any thread.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<TokenState>);

#[derive(Debug, Default)]
struct TokenState {
    cancelled: AtomicBool,
    watchers: AtomicUsize,
}

impl CancelToken {
    /// Ask for the end: work stops where nothing that is computed is lost.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether the end was asked for.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Relaxed)
    }

    /// Whether work is going on that looks at the token, and stops in order when it is set. Where none is, a program may end at
    /// once without a loss.
    pub fn is_watched(&self) -> bool {
        self.0.watchers.load(Ordering::Relaxed) > 0
    }

    /// Say that the token is looked at from here on, until what is returned goes.
    pub fn watch(&self) -> Watch {
        self.0.watchers.fetch_add(1, Ordering::Relaxed);
        Watch(self.clone())
    }

    /// The flag itself.
    pub fn flag(&self) -> &AtomicBool {
        &self.0.cancelled
    }
}

/// Work that looks at a [`CancelToken`] is going on: see [`CancelToken::watch`].
#[derive(Debug)]
#[must_use]
pub struct Watch(CancelToken);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.0.watchers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How much a message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For those who want to know everything.
    Detail,
    /// About the work.
    Note,
    /// Something may be wrong.
    Warning,
    /// Something was passed over: not all was done.
    PassedOver,
}

/// A sentence about the work, for people.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// How much it matters.
    pub level: Level,
    /// What it says.
    pub text: &'a dyn Display,
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.level, self.text)
    }
}

/// What happens on the way.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Something to tell people.
    Message(Message<'a>),
    /// Copies or contradictions were told of; `cache::duplicates` finds all of them in these manifests, and images that are
    /// nearly the same.
    Copies(&'a FeatureRequest),
    /// A report has no images, because there are no features, for this reason.
    NoFeatures(&'a Error),
    /// Heads are cross-validated: so many of the folds are done, none at first.
    Folds {
        /// Folds that are done.
        done: usize,
        /// All of them.
        folds: usize,
    },
    /// Features are computed.
    Extract(extract::ExtractEvent<'a>),
    /// A training begins from this run, and can: all that could speak against it was looked at.
    BeginsFrom {
        /// The run.
        base: &'a BaseRun,
        /// Whether the new run gets a temperature of its own.
        calibrate: bool,
    },
    /// The features could be had faster: told once, early in an extraction that takes long.
    Tip(Tip),
    /// A head is trained.
    Train(train::TrainEvent<'a>),
    /// A training is over; its run is not written yet.
    TrainEnded(train::Ended),
    /// The run of a training is written; a temperature may still be fitted.
    RunWritten {
        /// Its folder.
        folder: &'a Path,
        /// How long the training took.
        elapsed: Duration,
    },
    /// A backbone is brought into integers.
    Quantize(quantize::QuantizeEvent<'a>),
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
    listener: Option<&'a mut (dyn FnMut(Event<'_>) + Send)>,
}

impl<'a> Control<'a> {
    /// Events go to `listener`, one after another, on the thread that works: that may be another one than this.
    pub fn new(cancel: CancelToken, listener: &'a mut (dyn FnMut(Event<'_>) + Send)) -> Self {
        Self { cancel, listener: Some(listener) }
    }

    /// Nobody listens, and nobody stops it.
    pub fn silent() -> Self {
        Self { cancel: CancelToken::default(), listener: None }
    }

    /// One that nobody listens to, and that is stopped with this one: for work that is a part of other work.
    pub fn silenced(&self) -> Control<'static> {
        Control { cancel: self.cancel.clone(), listener: None }
    }

    /// Tell of something.
    pub fn tell(&mut self, event: Event<'_>) {
        if let Some(listener) = &mut self.listener {
            listener(event);
        }
    }

    /// A sentence for those who want to know everything.
    pub fn detail(&mut self, text: impl Display) {
        self.message(Level::Detail, &text);
    }

    /// A sentence about the work.
    pub fn note(&mut self, text: impl Display) {
        self.message(Level::Note, &text);
    }

    /// A sentence on something that may be wrong.
    pub fn warn(&mut self, text: impl Display) {
        self.message(Level::Warning, &text);
    }

    /// A sentence on something that was passed over.
    pub fn passed_over(&mut self, text: impl Display) {
        self.message(Level::PassedOver, &text);
    }

    fn message(&mut self, level: Level, text: &dyn Display) {
        self.tell(Event::Message(Message { level, text }));
    }

    /// Say that the token is looked at from here on, until what is returned goes.
    pub fn watch(&self) -> Watch {
        self.cancel.watch()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_watched_as_long_as_somebody_watches() {
        let token = CancelToken::default();
        let control = Control { cancel: token.clone(), listener: None };
        assert!(!token.is_watched());
        let (first, second) = (control.watch(), control.silenced().watch());
        drop(first);
        assert!(token.is_watched());
        drop(second);
        assert!(!token.is_watched());
    }

    #[test]
    fn part_of_a_work_is_stopped_with_it_and_says_nothing() {
        let mut heard = vec![];
        let mut listener = |event: Event<'_>| {
            if let Event::Message(message) = event {
                heard.push(format!("{message:?}"));
            }
        };
        let mut control = Control::new(CancelToken::default(), &mut listener);
        let mut part = control.silenced();
        part.warn("nobody hears this");
        control.note(format_args!("{} images", 3));
        control.token().cancel();
        assert!(part.is_cancelled());
        assert_eq!(heard, ["Note: 3 images"]);
    }
}
