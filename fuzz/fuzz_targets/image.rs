//! Whatever the bytes are, every step from a file to a tensor ends in an answer or an error, and never in a panic.

#![no_main]

#[path = "../../tests/hostile/every_step.rs"]
mod every_step;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    every_step::every_step(bytes);
});
