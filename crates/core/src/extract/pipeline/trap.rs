//! Panics that tests ask for, in steps whose own code has no reason to panic. Those of decoding itself are in `headstart-image`.

/// What a file is to hold so that the step panics.
pub(super) fn word(step: &str) -> String {
    format!("[test: {step} panics]")
}

/// Panic if the file asks for it.
pub(super) fn spring(bytes: &[u8], step: &str) {
    let word = word(step);
    if bytes.windows(word.len()).any(|part| part == word.as_bytes()) {
        panic!("{step} panicked on purpose");
    }
}
