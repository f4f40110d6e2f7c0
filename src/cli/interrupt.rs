//! Ctrl-C: where work looks for it, the first asks the work to stop where nothing is lost, and the second stops it at once.
//! Elsewhere the first does. Either way nothing half done is left behind.

use std::sync::LazyLock;

use headstart::CancelToken;
use headstart::files::remove_unfinished;

use super::Status;
use super::console::tell;

static ASKED: LazyLock<CancelToken> = LazyLock::new(CancelToken::default);

/// Hear Ctrl-C (and SIGTERM, SIGHUP) from here on. What the caller of the program had it ignore, as `nohup` does, stays
/// ignored.
pub fn hear() {
    let ignored = ignored();
    // A second call in one process finds its handler there already, and that one serves.
    let _ = ctrlc::set_handler(|| {
        if !ASKED.is_watched() || ASKED.is_cancelled() {
            leave();
        }
        ASKED.cancel();
        tell("\nstopping after the current work; press Ctrl-C again to stop at once");
    });
    ignore(&ignored);
}

/// What Ctrl-C sets: work that looks at it stops where nothing is lost.
pub fn token() -> &'static CancelToken {
    &ASKED
}

/// Whether Ctrl-C was pressed.
pub fn asked() -> bool {
    ASKED.is_cancelled()
}

/// Those of the signals that are heard which are ignored so far.
#[cfg(unix)]
fn ignored() -> Vec<libc::c_int> {
    let is_ignored = |signal: &libc::c_int| {
        // SAFETY: it only asks, and writes what is in force into a structure of its own, for which all zeros are a value.
        unsafe {
            let mut found: libc::sigaction = std::mem::zeroed();
            libc::sigaction(*signal, std::ptr::null(), &raw mut found) == 0
                && found.sa_sigaction == libc::SIG_IGN
        }
    };
    [libc::SIGINT, libc::SIGTERM, libc::SIGHUP].into_iter().filter(is_ignored).collect()
}

#[cfg(unix)]
fn ignore(signals: &[libc::c_int]) {
    for signal in signals {
        // SAFETY: no handler of ours runs for a signal that is ignored.
        unsafe { libc::signal(*signal, libc::SIG_IGN) };
    }
}

#[cfg(not(unix))]
fn ignored() -> Vec<i32> {
    vec![]
}

#[cfg(not(unix))]
fn ignore(_: &[i32]) {}

/// Without waiting for anybody. What was appended to a cache is with the system already.
fn leave() -> ! {
    remove_unfinished();
    // SAFETY: it takes a number and does not return. `std::process::exit` would run the destructors of ONNX Runtime's
    // globals while its threads are in the middle of a graph.
    #[cfg(unix)]
    unsafe {
        libc::_exit(Status::Interrupted as i32)
    }
    #[cfg(not(unix))]
    std::process::exit(Status::Interrupted as i32)
}
