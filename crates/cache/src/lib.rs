//! The feature cache: it cannot be wrong, and it cannot be lost.
//!
//! A row is the features of one view of one image. Its [`Key`] is the BLAKE3 of the image file's bytes, or is derived from
//! that for files of which [`Decoders`] have come to make other pixels; everything else that changes a number is in the
//! [`Fingerprint`], and each fingerprint has a directory of its own:
//!
//! ```text
//! ROOT/
//!   resnet50-9f3c2a71/            one store: NAME, then the first 8 digits of the fingerprint's hash
//!     fingerprint.json            the canonical text that was hashed
//!     segments/*.arrow            rows, one append-only Arrow stream per writing process
//!     segments/*.failures.csv     images that gave no features, one file per writing process
//!     segments/*.damaged          rows that a reader found damaged, for the next process to pass over
//!   memo/*.memo                   unchanged file -> key, so that nothing is hashed twice; safe to delete
//! ```
//!
//! Nobody ever writes into a file that another process made, and nobody shortens one: a reader has it mapped, and
//! a page that vanishes below a mapping kills the process. So a reader needs no lock, a torn tail is passed over
//! instead of cut off, and two folders are joined by copying the files of one beside those of the other. Only [`gc()`]
//! takes files away, whole, when their rows stand elsewhere.
//!
//! [`Store`] finds and gathers rows, [`SegmentWriter`] appends them, [`Memo`] spares hashing, [`FailureLog`] keeps
//! what failed, [`verify()`] looks at every byte, [`info()`] sums up, [`gc()`] tidies up.
//!
//! ```
//! use headstart_cache::{Fingerprint, FingerprintParts, Key, Provenance, Storage, Store};
//! use ndarray::{Array2, array};
//!
//! # let root = tempfile::tempdir()?;
//! let fingerprint = Fingerprint::new(FingerprintParts {
//!     graph: "9f3c".into(),
//!     feature_tensor: "avg_pool".into(),
//!     feature_size: 3,
//!     precision: "fp32".into(),
//!     recipe: serde_json::json!({ "width": 224, "height": 224 }),
//!     storage: Storage::F32,
//! });
//! let mut store = Store::create_or_open(root.path(), "resnet50", &fingerprint)?;
//!
//! let cat = (Key::of(b"the bytes of cat.jpg"), 0);
//! let mut writer = store.writer(Provenance::default())?;
//! writer.append(&[cat], array![[0.5, 1.0, 1.5]].view())?;
//! writer.close()?;
//!
//! store.refresh()?;
//! let mut features = Array2::zeros((1, 3));
//! store.select(&[cat])?.gather(&[0], &mut features)?;
//! assert_eq!(features, array![[0.5, 1.0, 1.5]]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod append;
mod damage;
mod directory;
mod duplicates;
mod encode;
mod error;
mod export;
mod failure_kind;
mod failures;
mod fingerprint;
mod format;
#[cfg(fuzzing)]
mod fuzzing;
mod gc;
mod identity;
mod image_status;
mod index;
mod info;
mod key;
mod memo;
mod segment;
mod selection;
mod store;
mod verify;
mod writer;
mod writer_lock;

pub use directory::file_name;
pub use directory::has_store;
pub use duplicates::{Pair, duplicates, leaks};
pub use error::Error;
pub use export::{Entry, Format, export};
pub use failure_kind::{FailureKind, UnknownFailureKind};
pub use failures::{Failure, FailureLog, Failures, Stamp};
pub use fingerprint::{Difference, Fingerprint, FingerprintParts, Storage};
pub use format::Provenance;
#[cfg(fuzzing)]
pub use fuzzing::rows_of;
pub use gc::{Extent, GcEvent, GcOptions, GcReport, MemoReport, gc, gc_memo, keys_of};
pub use identity::{Decoders, Identity};
pub use image_status::{FileChange, ImageLookup, ImageState, ImageStatus, StoredImage};
pub use index::RowId;
pub use info::{CacheInfo, Origin, info};
pub use key::{Key, ParseKeyError, View};
pub use memo::{FileFacts, Memo};
pub use selection::{Missing, Selection};
pub use store::Store;
pub use verify::{BadRegion, BadRow, Disagreement, Progress, VerifyReport, verify};
pub use writer::SegmentWriter;

#[cfg(test)]
mod tests;

/// A result of this module.
pub type Result<T, E = Error> = std::result::Result<T, E>;
