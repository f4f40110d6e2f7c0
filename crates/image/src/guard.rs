//! A panic in work on one image is an error of that image.
//!
//! Decoders read files from anywhere, and most of them are not ours; a slip in one of them, or in what follows it, is to cost
//! one image and not a run over a million. The library catches such panics and touches no setting of the process. What it
//! cannot do without one is to keep the panic's own message off the terminal: a program does that with
//! [`takes_panic`] in its panic hook.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};

use super::{Error, alone};

thread_local! {
    /// How many calls of [`guarded`] the thread is in.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// Whether panics are to be seen.
    static BARE: Cell<bool> = const { Cell::new(false) };
    /// Where the panic happened that a hook was told of.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Do some work on one image; if it panics, that is [`Error::Panicked`].
///
/// What the work borrowed is used on: whoever calls sees to it that half-done work in it does no harm.
pub fn guarded<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    if BARE.get() {
        return work();
    }
    let depth = DEPTH.replace(DEPTH.get() + 1);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    DEPTH.set(depth);
    outcome.unwrap_or_else(|panic| Err(Error::Panicked { message: message(panic.as_ref()) }))
}

/// Do some work without any guard, on this thread: for those who look for panics.
#[doc(hidden)]
pub fn bare<T>(work: impl FnOnce() -> T) -> T {
    let before = BARE.replace(true);
    let done = work();
    BARE.set(before);
    done
}

/// For the panic hook of a program: whether this panic becomes the failure of an image, so that nothing need be said of it.
///
/// The place is noted, and told with the failure.
///
/// ```
/// let tell = std::panic::take_hook();
/// std::panic::set_hook(Box::new(move |panic| {
///     if !headstart_image::takes_panic(panic) {
///         tell(panic);
///     }
/// }));
/// ```
///
/// On the thread of a decoder with an interface in C, where a panic would end the program, it never returns: the image has failed, and the
/// thread sleeps.
pub fn takes_panic(panic: &PanicHookInfo<'_>) -> bool {
    let place = || panic.location().map(|place| format!("{}:{}", short(place.file()), place.line()));
    alone::end_with(|| {
        PLACE.set(place());
        message(panic.payload())
    });
    let takes = DEPTH.get() > 0;
    if takes {
        PLACE.set(place());
    }
    takes
}

/// Whether panics are to be seen.
pub(super) fn is_bare() -> bool {
    BARE.get()
}

/// What was said, and where if that is known, in one line.
fn message(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<String>().map(String::as_str);
    let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    match PLACE.take() {
        Some(place) => format!("{said} ({place})"),
        None => said.to_owned(),
    }
}

/// The path of a source file from the name of its crate on: what stands before that is somebody's machine.
fn short(path: &str) -> String {
    let parts: Vec<&str> = path.split(['/', '\\']).collect();
    let source = parts.iter().rposition(|&part| part == "src").unwrap_or(parts.len() - 1);
    parts[source.saturating_sub(1)..].join("/")
}

/// Panics that tests ask for, in steps whose own code has no reason to panic.
#[cfg(test)]
pub(crate) mod trap {
    /// What a file is to hold so that the step panics.
    pub(crate) fn word(step: &str) -> String {
        format!("[test: {step} panics]")
    }

    /// Panic if the file asks for it.
    pub(crate) fn spring(bytes: &[u8], step: &str) {
        if memchr::memmem::find(bytes, word(step).as_bytes()).is_some() {
            panic!("{step} panicked on purpose");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_with_its_message() {
        let number: Result<u8, Error> = Ok(3);
        assert_eq!(guarded(|| number).unwrap(), 3);
        let nested = guarded(|| {
            assert!(guarded::<()>(|| panic!("{} of it", "inner part")).is_err());
            panic!("outer part");
            #[allow(unreachable_code)]
            Ok(())
        });
        let error = nested.unwrap_err();
        assert!(matches!(&error, Error::Panicked { message } if message.contains("outer part")), "{error:?}");
        assert_eq!((DEPTH.get(), error.stage(), error.kind()), (0, "decode", "panicked"));
    }

    #[test]
    fn a_place_names_the_crate_and_not_the_machine() {
        let cases = [
            (
                "/home/somebody/.cargo/registry/src/host-1949/tiff-0.11.3/src/decoder/mod.rs",
                "tiff-0.11.3/src/decoder/mod.rs",
            ),
            (r"C:\x\tiff-0.11.3\src\lib.rs", "tiff-0.11.3/src/lib.rs"),
            ("crates/image/src/guard.rs", "image/src/guard.rs"),
            ("build.rs", "build.rs"),
        ];
        for (path, want) in cases {
            assert_eq!(short(path), want);
        }
    }
}
