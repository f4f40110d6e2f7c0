//! The `headstart` program: parse, run, print the error and its hint, choose the exit status.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]
#![allow(unreachable_pub, reason = "nothing outside the program meets its parts")]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::forbid_tf32();
    cli::forbid_telemetry();
    cli::leave_images_to_their_failures();
    match cli::run() {
        Ok(status) => status.into(),
        Err(error) => cli::report(&error).into(),
    }
}
