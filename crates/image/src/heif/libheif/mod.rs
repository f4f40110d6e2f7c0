//! HEIC is decoded by libheif, which is opened when the first such file comes: it is not part of this program.
//!
//! It is under the LGPL, and HEVC is under patents, so it is the user's to install. It gives the planes as they are coded, and
//! what becomes of them is done here, so that its version changes no pixel.

mod api;
mod decode;
mod library;

pub(super) use decode::decode;
pub use library::{Error, Heif, Libheif};
