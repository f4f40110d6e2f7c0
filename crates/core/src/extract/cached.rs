//! The feature cache of one backbone, asked by file.

use std::path::Path;

use ndarray::Array2;

use super::failure::read_image;
use super::{DECODERS, Error, ImageFailure, key_of};
use headstart_backbone::Backbone;
use headstart_backbone::device::Precision;
use headstart_cache as cache;
use headstart_cache::{Failures, FileFacts, Fingerprint, FingerprintParts, Key, Memo, Storage, Store, View};
use headstart_image::{Preprocessor, Views};

use crate::ImageInput;

/// The view of an image as it is, without augmentation: the number of [`preprocess::View::PLAIN`](headstart_image::View::PLAIN).
pub const PLAIN: View = 0;

/// What tells the features of one backbone, in [`Precision::Fp32`] or, if its graph is quantised, [`Precision::Int8`], from
/// all others: everything that changes a number in them.
///
/// # Errors
/// If the backbone's recipe cannot be carried out.
pub fn fingerprint(backbone: &Backbone, storage: Storage) -> Result<Fingerprint, Error> {
    fingerprint_in(Precision::Fp32, backbone, storage)
}

/// As [`fingerprint`], for features that are computed in `precision`, as far as the graph leaves a choice: see
/// [`Backbone::precision`].
///
/// # Errors
/// If the backbone's recipe cannot be carried out, or it does not compute so.
pub fn fingerprint_in(
    precision: Precision,
    backbone: &Backbone,
    storage: Storage,
) -> Result<Fingerprint, Error> {
    let preprocessor = Preprocessor::new(backbone.recipe().clone())?;
    Ok(Fingerprint::new(FingerprintParts {
        graph: backbone.digest().to_hex().to_string(),
        feature_tensor: backbone.feature_tensor().to_owned(),
        feature_size: backbone.feature_size(),
        precision: backbone.precision(precision)?.name().to_owned(),
        recipe: preprocessor.recipe().to_value(),
        storage,
    }))
}

/// The cached features of one backbone, and the memo that spares hashing files that did not change.
pub struct FeatureCache {
    pub(super) store: Store,
    pub(super) memo: Memo,
    pub(super) failures: Failures,
}

/// Where an image stands with the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheStatus {
    /// It has features.
    Ready(Key),
    /// It was tried, or cannot be read, and has none.
    Failed {
        /// Why, for people.
        reason: String,
    },
    /// It was never tried by today's decoders.
    Absent,
}

impl FeatureCache {
    /// Open the cache of `fingerprint` under `root`, or begin it in a folder that is called after `name`: it is made when there
    /// is something to keep.
    ///
    /// # Errors
    /// If it cannot be read, or not be made.
    pub fn create_or_open(root: &Path, name: &str, fingerprint: &Fingerprint) -> Result<Self, Error> {
        Self::over(root, Store::prepare(root, name, fingerprint)?)
    }

    /// Open the cache of `fingerprint` under `root`; `None` if there is none yet.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn open(root: &Path, fingerprint: &Fingerprint) -> Result<Option<Self>, Error> {
        Store::open(root, fingerprint)?.map(|store| Self::over(root, store)).transpose()
    }

    fn over(root: &Path, store: Store) -> Result<Self, Error> {
        let failures = store.failures()?;
        Ok(Self { store, memo: Memo::open(root), failures })
    }

    /// The rows themselves.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Images that were tried and gave no features.
    pub fn failures(&self) -> &Failures {
        &self.failures
    }

    /// Where each image stands, in their order. Files that the memo does not know are read and hashed.
    pub fn status(&mut self, images: &[ImageInput]) -> Vec<CacheStatus> {
        self.status_in(Views::PLAIN, images)
    }

    /// The same of several views: an image is ready if it has features in each of them.
    pub fn status_in(&mut self, views: Views, images: &[ImageInput]) -> Vec<CacheStatus> {
        images.iter().map(|image| self.status_of(image, views)).collect()
    }

    /// The features of every image, row `i` for image `i`, for data that fits into memory.
    ///
    /// # Errors
    /// [`Error::NoFeatures`] for the first image that has none, [`Error::Cache`] if a row is damaged.
    pub fn features(&mut self, images: &[ImageInput]) -> Result<Array2<f32>, Error> {
        let key = |(image, status): (&ImageInput, CacheStatus)| match status {
            CacheStatus::Ready(key) => Ok((key, PLAIN)),
            CacheStatus::Failed { reason } => {
                Err(Error::NoFeatures { file: image.path_or_name().to_owned(), reason })
            }
            CacheStatus::Absent => {
                let file = image.path_or_name().to_owned();
                Err(Error::NoFeatures { file, reason: "it was never tried".into() })
            }
        };
        let ids = images.iter().zip(self.status(images)).map(key).collect::<Result<Vec<_>, _>>()?;
        let selection = self.store.select(&ids).map_err(cache::Error::from)?;
        let mut features = Array2::zeros((ids.len(), selection.dim()));
        selection.gather(&(0..ids.len()).collect::<Vec<_>>(), &mut features)?;
        Ok(features)
    }

    /// See what was written since this was opened, by this process or another.
    pub(super) fn reload(&mut self) -> Result<(), Error> {
        self.store.refresh()?;
        self.failures = self.store.failures()?;
        Ok(())
    }

    /// The key of a file that has features, if that is known without reading it.
    pub(super) fn known_key(&self, file: &Path) -> Option<Key> {
        let key = self.memo.get(file, &FileFacts::of(file).ok()?)?;
        self.store.contains(&key, PLAIN).then_some(key)
    }

    fn status_of(&mut self, image: &ImageInput, views: Views) -> CacheStatus {
        match self.key_of(image) {
            Ok(key) if views.iter().all(|view| self.store.contains(&key, view.number())) => {
                CacheStatus::Ready(key)
            }
            Ok(key) => match self.failures.of_key(&key) {
                Some(failure) if failure.is_known_to(DECODERS.revision) => {
                    CacheStatus::Failed { reason: failure.reason.clone() }
                }
                // Decoders that have not tried it yet may well read it.
                _ => CacheStatus::Absent,
            },
            Err(error) => CacheStatus::Failed { reason: ImageFailure::read(&error).reason },
        }
    }

    fn key_of(&mut self, image: &ImageInput) -> std::io::Result<Key> {
        match image {
            ImageInput::File(file) => self.memo.key_of(file, |file| Ok(key_of(&read_image(file)?))),
            ImageInput::Bytes { bytes, .. } => Ok(key_of(bytes)),
        }
    }
}
