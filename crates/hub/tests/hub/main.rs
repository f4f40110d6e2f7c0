//! The client against a hub of two ports, with everything that can go wrong.

#![allow(unreachable_pub, reason = "nothing outside a test meets its parts")]

mod cache;
mod faults;
mod place;
mod processes;
mod server;
