//! Images in, cached features out: computes what the cache lacks, and nothing twice.
//!
//! [`FeatureCache`] is the cache of one backbone; [`Extractor`] fills it, in a pipeline of decoding, inference and
//! writing, and tells what happens by [`ExtractEvent`]s. Its user draws the progress bar, or a line, or nothing, and may stop it.
//! [`Extractor::results`] does the same and hands out the rows as they come.

mod batch;
mod batcher;
mod budget;
mod cached;
mod error;
mod extractor;
mod failure;
mod graphs;
mod identity;
mod memory;
mod pipeline;
mod plan;
mod rate;
mod recorder;
mod results;
mod shard;
#[cfg(test)]
mod tests;

pub use batch::BatchSize;
pub use cached::{CacheStatus, FeatureCache, PLAIN, fingerprint, fingerprint_in};
pub use error::Error;
pub use extractor::{Computed, ExtractEvent, ExtractOptions, Extractor, FillOptions, Summary};
pub use failure::ImageFailure;
pub(crate) use failure::read_image;
pub use graphs::{Chosen, GraphCheck, Graphs, Measured};
pub use headstart_cache::FailureKind;
pub use identity::{DECODERS, key_of};
pub(crate) use rate::TimedRows;
pub use rate::{RATE_BATCH, images_per_second};
pub use results::{ImageResult, NotYet, Results};
pub use shard::{ParseShardError, Shard};
