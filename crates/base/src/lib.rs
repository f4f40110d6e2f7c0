//! What every room of the house stands on: the processor and its vector units, files that are written whole or not at all,
//! and numbers and names as people read them.
//!
//! It knows nothing of images, networks or classifiers, and no other crate of headstart.
//!
//! ```
//! use headstart_base::{files, text};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! assert_eq!(text::counted(2048, "feature"), "2,048 features");
//!
//! // Under its name the file is whole or not there, whatever happens in between.
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("classes.txt");
//! files::write_bytes(&path, b"cat\ndog\n")?;
//! assert_eq!(std::fs::read(&path)?, b"cat\ndog\n");
//! # Ok(())
//! # }
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod files;
pub mod label;
pub mod later;
pub mod machine;
pub mod text;
