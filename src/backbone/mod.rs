//! (backbone)
pub mod library;
pub mod runtime;
