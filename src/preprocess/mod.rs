//! From an image file to the numbers a graph takes.

mod error;
mod kind;
mod presets;
pub mod recipe;

pub use error::Error;
pub use kind::{FileKind, Format, sniff};
pub use presets::Preset;
pub use recipe::Recipe;
