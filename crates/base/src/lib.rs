//! What every room of the house stands on: the processor and its vector units, files that are written whole or
//! not at all, and numbers and names as people read them.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod files;
pub mod label;
pub mod machine;
pub mod python;
pub mod text;
