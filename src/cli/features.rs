//! From a manifest to the features of its images: what every command but `backbone` and `cache` begins with.

use std::path::{Path, PathBuf};

use headstart::backbone::Backbone;
use headstart::backbone::device::Precision;
use headstart::backbone::session::copies;
use headstart::cache::{Fingerprint, Key, Storage, View, has_store};
use headstart::dataset::Manifest;
use headstart::extract::{ExtractOptions, FeatureCache, PLAIN, Standing, fingerprint_in};
use headstart::preprocess::{ViewKinds, Views};
use headstart::train::Run;

use super::args::{BackboneArgs, RuntimeArgs};
use super::console::{Console, count};
use super::hint::Error;

/// An opened backbone, and what names its features.
pub struct Source {
    pub backbone: Backbone,
    pub fingerprint: Fingerprint,
    precision: Precision,
    cache: PathBuf,
}

impl Source {
    pub fn open(args: &BackboneArgs) -> anyhow::Result<Self> {
        let is_kept = |fingerprint: &Fingerprint| has_store(&args.cache, fingerprint);
        Self::kept_as(args, is_kept)
    }

    /// As [`open`](Self::open), for a run: its head understands the features that it was trained on, and no others.
    pub fn open_for(run: &Run, args: &BackboneArgs) -> anyhow::Result<Self> {
        let is_its = |fingerprint: &Fingerprint| {
            run.info.features.fingerprint == fingerprint.hash().to_hex().to_string()
        };
        let source = Self::kept_as(args, is_its)?;
        anyhow::ensure!(is_its(&source.fingerprint), Error::other_features(run, &source));
        Ok(source)
    }

    /// With the storage that was typed, else the first with a suitable fingerprint, else full precision.
    fn kept_as(args: &BackboneArgs, suits: impl Fn(&Fingerprint) -> bool) -> anyhow::Result<Self> {
        let backbone = Backbone::open_with(&args.backbone, &args.options()?)?;
        let of = |storage| fingerprint_in(args.precision, &backbone, storage);
        let fingerprint = match args.storage {
            Some(storage) => of(storage)?,
            None => match (of(Storage::F32)?, of(Storage::F16)?) {
                (full, half) if !suits(&full) && suits(&half) => half,
                (full, _) => full,
            },
        };
        Ok(Self { backbone, fingerprint, precision: args.precision, cache: args.cache.clone() })
    }

    /// The cache, begun if there is none.
    pub fn create_cache(&self) -> anyhow::Result<FeatureCache> {
        Ok(FeatureCache::create_or_open(&self.cache, self.backbone.name(), &self.fingerprint)?)
    }

    /// How to compute what the cache lacks.
    pub fn extract_options(&self, runtime: &RuntimeArgs) -> ExtractOptions {
        ExtractOptions {
            device: runtime.device,
            precision: self.precision,
            threads: runtime.threads.map(usize::from),
            onnxruntime: runtime.onnxruntime.clone(),
            copies: copies::default_folder(),
            ..ExtractOptions::default()
        }
    }

    /// The views that these words mean for this backbone.
    pub fn views(&self, kinds: &ViewKinds) -> Views {
        kinds.of(self.backbone.recipe())
    }

    /// The cache, if there is one.
    pub fn open_cache(&self) -> anyhow::Result<Option<FeatureCache>> {
        Ok(FeatureCache::open(&self.cache, &self.fingerprint)?)
    }
}

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

    /// The paths of the examples, as they are written in the manifest.
    pub fn names(&self, manifest: &Manifest) -> Vec<String> {
        self.places.iter().map(|&place| manifest.examples()[place].path.clone()).collect()
    }
}
