//! The features of a manifest's images.

use std::path::{Path, PathBuf};

use headstart::cache::{Key, View};
use headstart::dataset::Manifest;
use headstart::extract::{FeatureCache, PLAIN, Standing};
use headstart::preprocess::{ViewKinds, Views};

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
    let seen = |view: headstart::preprocess::View| ids.iter().map(move |&(key, _)| (key, view.number()));
    views.iter().flat_map(seen).collect()
}

impl Ready {
    /// Look every example up. Images that were tried and gave no features are left out and named; one that was never
    /// tried, or not in all of these views, is an error, for then the answer would depend on how far an extraction got.
    pub fn find(
        source: &Source,
        cache: Option<&mut FeatureCache>,
        manifest: &Manifest,
        views: &ViewKinds,
        console: &Console,
    ) -> anyhow::Result<Self> {
        let (ready, absent) = Self::look_up(source.views(views), cache, manifest, console);
        if let Some(first) = absent.first() {
            let (missing, images) = (absent.len(), manifest.len());
            let manifests = manifest.sources().map(Path::to_path_buf).collect();
            let (first, views) = (first.clone(), views.clone());
            return Err(Error::NoFeatures { missing, images, first, manifests, views }.into());
        }
        ready.or_nothing_left(manifest)
    }

    /// As [`find`](Self::find), but images that were never tried are left out too, and told.
    pub fn find_some(
        cache: Option<&mut FeatureCache>,
        manifest: &Manifest,
        console: &Console,
    ) -> anyhow::Result<Self> {
        let (ready, absent) = Self::look_up(Views::PLAIN, cache, manifest, console);
        if !absent.is_empty() {
            console.warn(format_args!("left out {} without features", count(absent.len(), "image")));
        }
        ready.or_nothing_left(manifest)
    }

    fn or_nothing_left(self, manifest: &Manifest) -> anyhow::Result<Self> {
        anyhow::ensure!(!self.ids.is_empty(), Error::NothingLeft { images: manifest.len() });
        Ok(self)
    }

    /// Those that have features, and the files that were never tried; failures are told.
    fn look_up(
        views: Views,
        cache: Option<&mut FeatureCache>,
        manifest: &Manifest,
        console: &Console,
    ) -> (Self, Vec<PathBuf>) {
        let files = manifest.files();
        let standings = match cache {
            Some(cache) => cache.standing_in(views, &files),
            None => vec![Standing::Absent; files.len()],
        };
        let mut ready = Self { places: vec![], ids: vec![] };
        let (mut absent, mut failed) = (vec![], vec![]);
        for (place, standing) in standings.into_iter().enumerate() {
            let file = &files[place];
            match standing {
                Standing::Ready(key) => {
                    ready.places.push(place);
                    ready.ids.push((key, PLAIN));
                }
                Standing::Failed { reason } => failed.push((file, reason)),
                Standing::Absent => absent.push(file.clone()),
            }
        }
        for (file, reason) in failed.iter().take(5) {
            console.warn(format_args!("left out `{}`: {reason}", file.display()));
        }
        if failed.len() > 5 {
            console.warn(format_args!("left out {} without features", count(failed.len() - 5, "more image")));
        }
        (ready, absent)
    }

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
