//! The cache under fire: the real program with a real graph on ONNX Runtime, killed, starved, lied to by its disk and its
//! clock, and run eight times at once.
//!
//! `shim.c` gets into the program by `LD_PRELOAD` and harms it at the Nth system call that changes the cache; so every gap
//! between two of them can be walked through. That is for Linux; what needs no shim runs on every Unix.
//!
//! `just test` takes some of the places, spread over all; `just soak` takes all of them (`HEADSTART_SOAK=1`).
#![cfg(unix)]
#![allow(unreachable_pub, reason = "nothing outside a test meets its parts")]

mod by_time;
mod corruption;
mod place;
mod writers;

#[cfg(target_os = "linux")]
mod clocks;
#[cfg(target_os = "linux")]
mod disks;
#[cfg(target_os = "linux")]
mod kills;
#[cfg(target_os = "linux")]
mod power;
#[cfg(target_os = "linux")]
mod shim;

/// Whether everything is to be tried, and not only some.
fn thorough() -> bool {
    std::env::var_os("HEADSTART_SOAK").is_some()
}

/// About as many of `1..=last` as are wanted, evenly spread, the first and last among them; all if there is time.
fn some_of(last: usize, wanted: usize) -> Vec<usize> {
    if thorough() || wanted >= last {
        return (1..=last).collect();
    }
    (0..wanted).map(|i| 1 + i * (last - 1) / (wanted - 1)).collect()
}
