//! The features of a manifest's images.

use std::path::PathBuf;

use headstart::cache::{Key, View};
use headstart::dataset::Manifest;
use headstart::extract::{FeatureCache, PLAIN, Standing};
use headstart::image::{ViewKinds, Views};

use super::console::{Console, count};
use super::error::Error;
use super::source::Source;

/// The examples of a manifest that have features.
pub struct Ready {
    /// Which examples, as places in the manifest.
    pub places: Vec<usize>,
    /// What their features are kept under, in the plain view.
    pub ids: Vec<(Key, View)>,
}

/// The features of these images in some views, the plain one first: first all images in one view, then all in the next.
pub fn in_views(ids: &[(Key, View)], views: Views) -> Vec<(Key, View)> {
    let seen = |view: headstart::image::View| ids.iter().map(move |&(key, _)| (key, view.number()));
    views.iter().flat_map(seen).collect()
}

/// What it takes to look features up.
#[derive(Clone, Copy)]
pub struct Lookup<'a> {
    pub source: &'a Source,
    pub console: &'a Console,
    /// Whether the failed images were named just now, by an extraction: then they are only counted.
    pub failures_named: bool,
    /// All manifests whose features the command is going to look up, where it looks up one after the other.
    pub all: &'a [PathBuf],
}

/// Failed images that are named one by one; the rest is counted.
const FAILURES_NAMED: usize = 5;

impl Lookup<'_> {
    /// Look every example up. Images that were tried and gave no features are left out and named; one that was never
    /// tried, or not in all of these views, is an error, for then the answer would depend on how far an extraction got.
    pub fn find(
        &self,
        cache: Option<&mut FeatureCache>,
        manifest: &Manifest,
        views: &ViewKinds,
    ) -> anyhow::Result<Ready> {
        let (ready, absent) = self.look_up(self.source.views(views), cache, manifest);
        if let Some(first) = absent.first() {
            return Err(Error::NoFeatures {
                missing: absent.len(),
                images: manifest.len(),
                first: first.clone(),
                views: views.clone(),
                command: self.source.extract_command(manifest, self.all, views),
                elsewhere: self.source.kept_elsewhere(&manifest.files(), views),
            }
            .into());
        }
        self.or_nothing_left(ready, manifest)
    }

    /// As [`find`](Self::find), but images that were never tried are left out too, and told.
    pub fn find_some(&self, cache: Option<&mut FeatureCache>, manifest: &Manifest) -> anyhow::Result<Ready> {
        let (ready, absent) = self.look_up(Views::PLAIN, cache, manifest);
        if !absent.is_empty() {
            self.console.warn(format_args!("left out {} without features", count(absent.len(), "image")));
        }
        self.or_nothing_left(ready, manifest)
    }

    fn or_nothing_left(&self, ready: Ready, manifest: &Manifest) -> anyhow::Result<Ready> {
        if ready.ids.is_empty() {
            let command = self.source.extract_command(manifest, self.all, &ViewKinds::default());
            return Err(Error::NothingLeft { images: manifest.len(), command }.into());
        }
        Ok(ready)
    }

    /// Those that have features, and the files that were never tried; failures are told.
    fn look_up(
        &self,
        views: Views,
        cache: Option<&mut FeatureCache>,
        manifest: &Manifest,
    ) -> (Ready, Vec<PathBuf>) {
        let standings = match cache {
            Some(cache) => cache.standing_in(views, &manifest.images()),
            None => vec![Standing::Absent; manifest.len()],
        };
        let mut ready = Ready { places: vec![], ids: vec![] };
        let (mut absent, mut failed) = (vec![], vec![]);
        for (place, standing) in standings.into_iter().enumerate() {
            let file = &manifest.examples()[place].file;
            match standing {
                Standing::Ready(key) => {
                    ready.places.push(place);
                    ready.ids.push((key, PLAIN));
                }
                Standing::Failed { reason } => failed.push((file, reason)),
                Standing::Absent => absent.push(file.clone()),
            }
        }
        self.tell_failures(&failed);
        (ready, absent)
    }

    fn tell_failures(&self, failed: &[(&PathBuf, String)]) {
        let named = if self.failures_named { 0 } else { failed.len().min(FAILURES_NAMED) };
        for (file, reason) in &failed[..named] {
            self.console.warn(format_args!("left out `{}`: {reason}", file.display()));
        }
        let rest = failed.len() - named;
        if rest > 0 {
            let images = count(rest, if named > 0 { "more image" } else { "image" });
            self.console.warn(format_args!("left out {images} without features"));
        }
    }
}

impl Ready {
    /// Of one value per example of the manifest, those of the examples that are ready.
    pub fn pick<T: Clone>(&self, values: &[T]) -> Vec<T> {
        self.places.iter().map(|&place| values[place].clone()).collect()
    }

    /// The paths of the examples, so that they mean the same files from everywhere.
    pub fn located(&self, manifest: &Manifest) -> Vec<String> {
        self.places.iter().map(|&place| manifest.examples()[place].located()).collect()
    }

    /// The paths of the examples, as they are written in the manifest.
    pub fn names(&self, manifest: &Manifest) -> Vec<String> {
        self.places.iter().map(|&place| manifest.examples()[place].path.clone()).collect()
    }
}
