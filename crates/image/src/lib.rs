//! From an image file to the numbers a graph takes.
//!
//! What is done is a [`Recipe`], which is data; a [`Preprocessor`] does it, one to a thread. Pixels are
//! those of Pillow, Keras and torchvision but for what each step's documentation says of its own deviation.
//!
//! ```
//! use headstart_image::{Preprocessor, Recipe};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut preprocessor = Preprocessor::new(Recipe::preset("keras-resnet50")?)?;
//! let mut tensor = vec![0.0; preprocessor.recipe().len()];
//! let photo = std::fs::read("../../data/photos/cat.jpg")?;
//! let decoded = preprocessor.run(&photo, &mut tensor)?;
//! assert_eq!((decoded.width, decoded.height), (451, 300));
//! assert_eq!(preprocessor.recipe().input_shape(), [224, 224, 3]);
//! # Ok(())
//! # }
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod alone;
mod bmp;
mod changed;
mod colour;
mod complete;
mod decode;
mod error;
mod gif;
mod guard;
mod heif;
mod jpeg;
mod jxl;
mod kind;
mod limits;
mod memory;
mod normalise;
mod orient;
mod orientation;
mod original;
mod pnm;
mod preprocessor;
mod presets;
pub mod recipe;
mod resample;
mod resize;
mod revision;
mod sample;
#[cfg(test)]
mod tests;
mod thumbnail;
mod tiff;
mod view;

pub use error::Error;
pub use guard::takes_panic;
#[doc(hidden)]
pub use guard::{bare, guarded};
pub use heif::{Heif, Libheif, LibheifError};
pub use kind::{FileKind, Format, sniff};
pub use limits::Limits;
#[doc(hidden)]
pub use memory::decoding_takes;
pub use original::{Original, original};
pub use preprocessor::{DECODER, Decoded, Opened, Pixels, Preprocessor};
pub use presets::Preset;
pub use recipe::Recipe;
pub use revision::{REVISION, revision};
pub use thumbnail::{Thumbnail, thumbnail};
pub use view::{UnknownView, View, ViewKind, ViewKinds, Views, Window};
