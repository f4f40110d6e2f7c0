//! Which files are decoded into other pixels than they once were.
//!
//! A feature cache asks this, so that it computes just those rows again. What is answered for a file must therefore never
//! change: when pixels of some files change once more, [`REVISION`] becomes 3, and [`revision`] answers 3 for those files
//! and what it answers now for all others.

use super::guard::guarded;
use super::kind::{FileKind, Format, sniff};
use super::{changed, orientation};

/// The number of today's decoders; version 0.1.0 had 1.
///
/// A failure of older decoders is worth another try.
pub const REVISION: u32 = 2;

/// The revision of the decoders since which the image in `bytes`, which are a file's, has had the pixels that it has today: 1
/// for most files.
pub fn revision(bytes: &[u8]) -> u32 {
    let FileKind::Image(format) = sniff(bytes) else { return 1 };
    match guarded(|| Ok(differs_since_0_1_0(format, bytes))) {
        Ok(true) => 2,
        Ok(false) | Err(_) => 1,
    }
}

/// Whether today's pixels are others than those of version 0.1.0. Files that it could not decode need not be told apart.
fn differs_since_0_1_0(format: Format, bytes: &[u8]) -> bool {
    orientation::differs_since_0_1_0(format, bytes) || changed::differs_since_0_1_0(format, bytes)
}
