//! Which images there are and what they show: manifests, classes, and splits of them.
//!
//! A [`Manifest`] is read from a CSV with the columns `path,label` (and optionally `split`), or from a folder
//! with one subfolder per class. It lists images without opening them: what is wrong with a single image is
//! found when it is decoded, what is wrong with the list is found here, with the line it stands on.
//!
//! ```no_run
//! use headstart::dataset::{Columns, Manifest, split};
//!
//! let manifest = Manifest::read("photos/train.csv".as_ref(), &Columns::default())?;
//! let classes = manifest.classes()?;
//! let labels = manifest.labels(&classes)?;
//! let parts = split::stratified(&labels, 0.1, 7)?;
//! println!("{} to train on, {} held out", parts.train.len(), parts.validation.len());
//! # Ok::<(), headstart::dataset::Error>(())
//! ```

mod classes;
mod error;
mod folder;
mod manifest;
pub mod split;
mod table;

pub use classes::Classes;
pub use error::{Error, Place};
pub use folder::{EXTENSIONS, OTHER_EXTENSIONS, Skipped, images_in, is_image};
pub use manifest::{Example, Manifest};
pub use table::Columns;
