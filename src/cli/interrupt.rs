//! Ctrl-C: the first asks the work to stop where nothing is lost, the second stops it at once.

use std::sync::LazyLock;

use headstart::{CancelToken, Control, Event};

use super::Status;
use super::console::tell;

static ASKED: LazyLock<CancelToken> = LazyLock::new(CancelToken::default);

/// Listen for Ctrl-C (and SIGTERM) from here on; the token is set by the first.
pub fn listen() -> &'static CancelToken {
    let handler = || {
        if ASKED.is_cancelled() {
            leave();
        }
        ASKED.cancel();
        tell("\nstopping after the work in hand; press Ctrl-C again to stop at once");
    };
    // A second call in one process finds its handler there already, and that one serves.
    let _ = ctrlc::set_handler(handler);
    &ASKED
}

/// What the library is given to work with: it stops at Ctrl-C, and events go to `listener`.
pub fn control<'a>(listener: &'a mut dyn FnMut(Event<'_>)) -> Control<'a> {
    Control::new(listen().clone(), listener)
}

/// Whether Ctrl-C was pressed.
pub fn asked() -> bool {
    ASKED.is_cancelled()
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
