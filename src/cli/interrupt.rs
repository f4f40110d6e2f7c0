//! Ctrl-C: the first asks the work to stop where nothing is lost, the second stops it at once.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Status;
use super::console::tell;

static ASKED: AtomicBool = AtomicBool::new(false);

/// Listen for Ctrl-C (and SIGTERM) from here on; the flag is set by the first.
pub fn listen() -> &'static AtomicBool {
    let handler = || {
        if ASKED.swap(true, Ordering::Relaxed) {
            leave();
        }
        tell("\nstopping after the work in hand; press Ctrl-C again to stop at once");
    };
    // A second call in one process finds its handler there already, and that one serves.
    let _ = ctrlc::set_handler(handler);
    &ASKED
}

/// Whether Ctrl-C was pressed.
pub fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}

/// Without waiting for anybody. What was appended to a cache is with the system already.
fn leave() -> ! {
    // SAFETY: it takes a number and does not return. `std::process::exit` would run the destructors of ONNX Runtime's
    // globals while its threads are in the middle of a graph.
    #[cfg(unix)]
    unsafe {
        libc::_exit(Status::Interrupted as i32)
    }
    #[cfg(not(unix))]
    std::process::exit(Status::Interrupted as i32)
}
