//! Long work: on a thread of its own, with events for Python, Ctrl-C, and no surprise after a fork.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender, unbounded};
use headstart_core::extract::ExtractEvent;
use headstart_core::{CancelToken, Control, Event, Level};
use headstart_nn::train::TrainEvent;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::errors;

/// Signals are looked at so often.
const LOOK: Duration = Duration::from_millis(50);

/// Calls that are at work in this process.
static AT_WORK: AtomicUsize = AtomicUsize::new(0);
/// Whether this process was forked from one that was at work then: locks of its threads may be held for ever.
static TORN: AtomicBool = AtomicBool::new(false);

/// Called in the child after a fork, by `os.register_at_fork`.
#[pyfunction]
pub fn forked() {
    if AT_WORK.swap(0, Ordering::SeqCst) > 0 {
        TORN.store(true, Ordering::SeqCst);
    }
}

/// One call that is at work.
#[derive(Debug)]
pub struct AtWork(());

impl AtWork {
    /// Begin.
    ///
    /// # Errors
    /// `ForkError`, if nothing may be begun in this process.
    pub fn begin(py: Python<'_>) -> PyResult<Self> {
        if TORN.load(Ordering::SeqCst) {
            return Err(errors::new(
                py,
                "ForkError",
                "this process was forked while headstart was at work in another thread",
                Some(
                    "start processes with `multiprocessing.get_context(\"spawn\")`, or with joblib's default backend, \
                     or fork before the work begins",
                ),
            ));
        }
        AT_WORK.fetch_add(1, Ordering::SeqCst);
        Ok(Self(()))
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        // After a fork the count began at 0 again.
        let _ = AT_WORK.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |calls| calls.checked_sub(1));
    }
}

/// What Python is told on the way.
#[derive(Debug)]
pub enum Say {
    /// So many of something are to be done: a bar begins.
    Begin(&'static str, usize),
    /// One of them is done.
    Step,
    /// All are done.
    End,
    /// A sentence for people: `debug`, `info` or `warning`.
    Message(&'static str, String),
    /// Figures of an epoch: its number, how many there are, and the losses.
    Epoch(usize, usize, f64, Option<f64>),
}

impl Say {
    /// What is worth telling of an event.
    pub fn of(event: &Event<'_>) -> Option<Self> {
        Some(match event {
            Event::Message(message) => Self::Message(level(message.level), message.text.to_string()),
            Event::Extract(event) => return Self::of_extraction(event),
            Event::Train(TrainEvent::Epoch { record, epochs, .. }) => {
                Self::Epoch(record.epoch, *epochs, record.loss, record.val_loss)
            }
            Event::TrainEnded(_) => Self::End,
            _ => return None,
        })
    }

    fn of_extraction(event: &ExtractEvent<'_>) -> Option<Self> {
        Some(match event {
            ExtractEvent::Planned { to_do: 0, .. } => return None,
            ExtractEvent::Planned { to_do, .. } => Self::Begin("images", *to_do),
            ExtractEvent::Computing { images } => Self::Begin("images", *images),
            ExtractEvent::Progress => Self::Step,
            ExtractEvent::Filled { .. } => Self::End,
            ExtractEvent::Loaded { engine } => {
                let (version, device) = (engine.runtime.version(), engine.selection.describe());
                let library = engine.runtime.library().display();
                Self::Message("debug", format!("ONNX Runtime {version} on {device} ({library})"))
            }
            ExtractEvent::BatchSize { images, out_of_memory: true } => {
                Self::Message("warning", format!("memory ran out: continuing with batches of {images}"))
            }
            ExtractEvent::Failed { image, failure, .. } => {
                Self::Message("debug", format!("`{}`: {}", image.name(), failure.reason))
            }
            ExtractEvent::BatchSize { .. } => return None,
        })
    }

    fn tell(self, listener: &Bound<'_, PyAny>) -> PyResult<()> {
        match self {
            Self::Begin(what, total) => listener.call_method1("begin", (what, total)),
            Self::Step => listener.call_method0("step"),
            Self::End => listener.call_method0("end"),
            Self::Message(level, text) => listener.call_method1("message", (level, text)),
            Self::Epoch(epoch, epochs, loss, val_loss) => {
                listener.call_method1("epoch", (epoch, epochs, loss, val_loss))
            }
        }
        .map(|_| ())
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Detail => "debug",
        Level::Note => "info",
        Level::Warning | Level::PassedOver => "warning",
    }
}

/// What comes from the thread that works.
enum News<T> {
    Say(Say),
    Done(Result<T, Box<dyn Any + Send>>),
}

/// Do `work` on a thread of its own and wait for it. The caller's thread lets others run, and tells `listener` what happens.
///
/// Ctrl-C, or an error of the listener, cancels the work, which ends where nothing is lost; then this is what is raised.
///
/// # Errors
/// `KeyboardInterrupt`, what the listener raises, `ForkError`.
pub fn run<T: Send>(
    py: Python<'_>,
    listener: &Bound<'_, PyAny>,
    work: impl FnOnce(&mut Control<'_>) -> T + Send,
) -> PyResult<T> {
    let _at_work = AtWork::begin(py)?;
    let cancel = CancelToken::default();
    let (sender, news) = unbounded::<News<T>>();
    thread::scope(|scope| {
        let token = cancel.clone();
        let worker = thread::Builder::new().name("headstart".into());
        let started = worker.spawn_scoped(scope, move || {
            let result = catch_unwind(AssertUnwindSafe(|| told(token, &sender, work)));
            // Nobody waits only if the other side panicked.
            let _ = sender.send(News::Done(result));
        });
        started.map_err(|error| PyRuntimeError::new_err(format!("cannot start a thread: {error}")))?;
        let mut raised: Option<PyErr> = None;
        loop {
            let heard = match py.detach(|| news.recv_timeout(LOOK)) {
                Ok(News::Done(Ok(result))) => return raised.map_or(Ok(result), Err),
                Ok(News::Done(Err(panic))) => return Err(raised.unwrap_or_else(|| of_panic(&*panic))),
                Ok(News::Say(say)) if raised.is_none() => say.tell(listener),
                Ok(News::Say(_)) | Err(RecvTimeoutError::Timeout) => Ok(()),
                Err(RecvTimeoutError::Disconnected) => unreachable!("the last news is that it is done"),
            };
            if let Err(error) = heard.and_then(|()| py.check_signals()) {
                cancel.cancel();
                raised.get_or_insert(error);
            }
        }
    })
}

fn told<T: Send>(
    token: CancelToken,
    sender: &Sender<News<T>>,
    work: impl FnOnce(&mut Control<'_>) -> T,
) -> T {
    let mut listener = |event: Event<'_>| {
        if matches!(event, Event::Extract(ExtractEvent::Loaded { .. })) {
            trim_memory();
        }
        if let Some(say) = Say::of(&event) {
            let _ = sender.send(News::Say(say));
        }
    };
    work(&mut Control::new(token, &mut listener))
}

/// Give back to the system what loading the graph let go of: 80 MB, which the C library would keep.
fn trim_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it may be called at any time, from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

fn of_panic(panic: &(dyn Any + Send)) -> PyErr {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    PyRuntimeError::new_err(format!("a fault in headstart: {text}"))
}
