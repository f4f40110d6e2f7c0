//! Which images there are and what they show: manifests, classes, and splits of them.
//!
//! A [`Manifest`] is read from a CSV with the columns `path,label` (and optionally `split`), or from a folder
//! with one subfolder per class. It lists images without opening them: what is wrong with a single image is
//! found when it is decoded, what is wrong with the list is found here, with the line it stands on. What may be wrong is
//! told too ([`Manifest::doubts`]), and so is what was left out ([`Manifest::skipped`]).
//!
//! ```no_run
//! use headstart_core::dataset::{Columns, Manifest, split};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let manifest = Manifest::read("photos/train.csv".as_ref(), &Columns::default())?;
//! let classes = manifest.classes()?;
//! let labels = manifest.labels(&classes)?;
//! let parts = split::stratified(&labels, 0.1, 7)?;
//! println!("{} to train on, {} held out", parts.train.len(), parts.validation.len());
//! # Ok(())
//! # }
//! ```

mod classes;
mod doubt;
mod encoding;
mod error;
mod folder;
mod in_memory;
mod locate;
mod manifest;
mod part;
mod pattern;
mod records;
mod skipped;
mod split_folders;
mod system;
mod table;
mod walk;
mod whereabouts;

pub use classes::Classes;
pub use doubt::Doubt;
pub use error::{Error, Place, Role};
pub use folder::{EXTENSIONS, ImagesIn, OTHER_EXTENSIONS, images_in, is_image};
pub use headstart_base::label::{Difference, normal_label};
pub use headstart_evaluate::{Contradiction, Copies, shared, split};
pub use locate::path_as_written;
pub use manifest::{Example, Manifest};
pub use part::Part;
pub use pattern::{Matches, Pattern};
pub use skipped::{Skipped, Unreadable, UnreadableReason};
pub use split_folders::PartFolder;
pub use system::is_system_name;
pub use table::Columns;
pub use whereabouts::{Candidate, Whereabouts};
