//! Work of which a panic cannot be caught.
//!
//! A panic in a function with C's interface ends the program, whoever would catch it. Such work is done on a thread of its own. If it
//! panics, a program whose panic hook calls [`takes_panic`](super::takes_panic) goes on: the hook tells whoever waits, and the
//! thread sleeps from there on, for it must neither go on nor return. What it holds is lost; the run is not.

use std::cell::RefCell;
use std::sync::mpsc;
use std::thread;

use super::{Error, guard};

/// Tells whoever waits for a thread what it panicked with.
type LastWords = Box<dyn FnOnce(String)>;

thread_local! {
    static LAST_WORDS: RefCell<Option<LastWords>> = const { RefCell::new(None) };
}

/// As the main thread of a program usually has it.
const STACK: usize = 8 << 20;

/// Do some work on one image, on a thread of its own, and wait for it.
///
/// # Errors
/// [`Error::Panicked`]
pub(super) fn alone<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    if guard::is_bare() {
        return Ok(work());
    }
    let (tell, hear) = mpsc::channel();
    let own = move || {
        let panicked = tell.clone();
        // Whoever waited may be gone.
        let last_words = move |message| drop(panicked.send(Err(Error::Panicked { message })));
        LAST_WORDS.set(Some(Box::new(last_words)));
        let done = work();
        LAST_WORDS.set(None);
        drop(tell.send(Ok(done)));
    };
    let panicked = |message: String| Err(Error::Panicked { message });
    match thread::Builder::new().name("image".into()).stack_size(STACK).spawn(own) {
        Ok(_) => hear.recv().unwrap_or_else(|_| panicked("a decoder panicked".into())),
        Err(error) => panicked(format!("no thread for a decoder: {error}")),
    }
}

/// For the panic hook: if the thread works alone, tell whoever waits, and never return.
pub(super) fn end_with(message: impl FnOnce() -> String) {
    if let Some(tell) = LAST_WORDS.take() {
        tell(message());
        loop {
            thread::park();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::panic;
    use std::process::Command;

    use super::*;
    use crate::takes_panic;

    /// Set in the process that panics.
    const CHILD: &str = "HEADSTART_TEST_ALONE";

    /// As in a decoder with C's interface.
    extern "C" fn decoder() {
        panic!("within C");
    }

    #[test]
    fn a_panic_that_nobody_can_catch_does_not_end_the_program() {
        if env::var_os(CHILD).is_some() {
            child();
        }
        let module = module_path!().split_once("::").expect("a crate and a module").1;
        let name = format!("{module}::a_panic_that_nobody_can_catch_does_not_end_the_program");
        let mut process = Command::new(env::current_exe().unwrap());
        let output =
            process.args(["--exact", name.as_str(), "--nocapture"]).env(CHILD, "1").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert!(!said.contains("panicked at"), "{said}");
    }

    fn child() -> ! {
        let tell = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !takes_panic(panic) {
                tell(panic);
            }
        }));
        let goes_on = || {
            let error = alone(|| decoder()).unwrap_err().to_string();
            error.contains("within C (image/src/alone.rs:") && alone(|| 7).is_ok_and(|done| done == 7)
        };
        // Not by way of the harness, which would wait for the panic hook: the sleeping threads are in it for ever.
        std::process::exit(if (0..3).all(|_| goes_on()) { 0 } else { 1 });
    }

    #[test]
    fn work_is_done_and_an_ordinary_panic_is_an_error() {
        assert_eq!(alone(|| 7).unwrap(), 7);
        assert!(matches!(alone(|| panic!("of no moment")), Err::<(), _>(Error::Panicked { .. })));
    }
}
