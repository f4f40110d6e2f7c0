//! Ctrl-C: the first asks the work to stop where nothing is lost, the second stops it at once.

use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

/// Listen for Ctrl-C (and SIGTERM) from here on; the flag is set by the first.
pub fn listen() -> &'static AtomicBool {
    let handler = || {
        if ASKED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("\nstopping after the work in hand; press Ctrl-C again to stop at once");
    };
    // A second call in one process finds its handler there already, and that one serves.
    let _ = ctrlc::set_handler(handler);
    &ASKED
}

/// Whether Ctrl-C was pressed.
pub fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}
