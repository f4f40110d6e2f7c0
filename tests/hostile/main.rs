//! Files that want to crash the reader or fill the memory.

#![allow(unreachable_pub, reason = "nothing outside a test meets its parts")]

mod counting;
mod every_step;
mod graphs;
mod images;
