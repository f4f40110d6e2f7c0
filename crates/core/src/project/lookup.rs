//! Looking samples up in the cache.

use std::path::PathBuf;

use headstart_base::text::counted;
use headstart_image::ViewKinds;

use super::{Error, FeatureSource, Sample, Samples};
use crate::Control;
use crate::dataset::Manifest;
use crate::extract::{CacheStatus, FeatureCache};

/// How samples are looked up.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lookup<'a> {
    /// The failed images were told of just now, by an extraction: they are only counted.
    pub failures_told: bool,
    /// All manifests whose features are going to be looked up, where that is done one after the other.
    pub all: &'a [PathBuf],
    /// Leave images out that were never tried, instead of stopping.
    pub allow_missing: bool,
}

/// Failed images that are named one by one; the rest is counted.
const FAILURES_NAMED: usize = 5;

impl FeatureSource {
    /// The rows of a manifest that have features, with `labels` by row, or none at all. Images that were tried and gave no features
    /// are left out and told of; one that was never tried, or not in all of these views, is an error, for then the answer would
    /// depend on how far an extraction got.
    ///
    /// # Errors
    /// [`Error::NoFeatures`], [`Error::NothingLeft`].
    pub fn samples(
        &self,
        cache: Option<&mut FeatureCache>,
        manifest: &Manifest,
        labels: &[Option<usize>],
        views: &ViewKinds,
        lookup: Lookup<'_>,
        control: &mut Control<'_>,
    ) -> Result<Samples, Error> {
        let statuses = match cache {
            Some(cache) => cache.status_in(self.views(views), &manifest.images()),
            None => vec![CacheStatus::Absent; manifest.len()],
        };
        let (mut samples, mut absent, mut failed) = (vec![], vec![], vec![]);
        for (row, (status, example)) in statuses.into_iter().zip(manifest.examples()).enumerate() {
            match status {
                CacheStatus::Ready(key) => {
                    let label = labels.get(row).copied().flatten();
                    samples.push(Sample { row, key, path: example.path.clone(), label });
                }
                CacheStatus::Failed { reason } => failed.push((&example.file, reason)),
                CacheStatus::Absent => absent.push(&example.file),
            }
        }
        tell_failures(&failed, lookup, control);
        match absent.first() {
            Some(&first) if !lookup.allow_missing => {
                return Err(Error::NoFeatures {
                    missing: absent.len(),
                    images: manifest.len(),
                    first: first.clone(),
                    request: Box::new(self.request(manifest, lookup.all, views)),
                    elsewhere: self.kept_elsewhere(&manifest.files(), views),
                });
            }
            Some(_) => control.warn(format_args!("left out {} without features", images(absent.len()))),
            None => {}
        }
        if samples.is_empty() {
            let request = Box::new(self.request(manifest, lookup.all, &ViewKinds::default()));
            return Err(Error::NothingLeft { images: manifest.len(), request });
        }
        Ok(Samples::new(samples, manifest))
    }
}

fn tell_failures(failed: &[(&PathBuf, String)], lookup: Lookup<'_>, control: &mut Control<'_>) {
    let named = if lookup.failures_told { 0 } else { failed.len().min(FAILURES_NAMED) };
    for (file, reason) in &failed[..named] {
        control.warn(format_args!("left out `{}`: {reason}", file.display()));
    }
    let rest = failed.len() - named;
    if rest > 0 {
        let images = counted(rest as u64, if named > 0 { "more image" } else { "image" });
        control.warn(format_args!("left out {images} without features"));
    }
}

fn images(n: usize) -> String {
    counted(n as u64, "image")
}
