//! Which images a run learns from: how they were asked for, and which they were.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Error;
use super::{ManifestInfo, RunInfo, Training};
use crate::dataset::{Columns, Whereabouts};
use headstart_base::text::listed;
use headstart_cache::{Key, View};
use headstart_image::ViewKinds;

/// How the images of a run were asked for: what it takes to choose them again. None at all by default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataChoice {
    /// As they were given.
    pub manifests: Vec<String>,
    /// The column with the paths of the images.
    pub path_column: String,
    /// The column with the labels.
    pub label_column: String,
    /// The column that says which part of the data an image belongs to.
    pub split_column: String,
    /// The fraction of each class that was held out.
    pub validation: Option<f64>,
    /// The other manifest that was validated on.
    pub validation_manifest: Option<String>,
    /// Images of each class that were trained on, if not all.
    pub shots: Option<usize>,
    /// Views of each training image that a step draws from, beside the plain one.
    #[serde(default, skip_serializing_if = "ViewKinds::is_empty")]
    pub views: ViewKinds,
    /// How copies of one image are divided into images to train on and images held out.
    #[serde(default = "CopiesRule::of_first_version")]
    pub copies: CopiesRule,
    /// Where the manifests are; runs of version 0.1.0 do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub places: Option<Whereabouts>,
    /// Where the other manifest is that was validated on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_place: Option<Whereabouts>,
}

/// How copies of one image, which have the same bytes, are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopiesRule {
    /// All are trained on or all are held out, and shots are different images.
    Together,
    /// Each for itself, as version 0.1.0 did it: what such a run held out it may know from training.
    Apart,
}

impl CopiesRule {
    fn of_first_version() -> Self {
        Self::Apart
    }
}

impl Default for DataChoice {
    fn default() -> Self {
        let Columns { path, label, split } = Columns::default();
        Self {
            manifests: vec![],
            path_column: path,
            label_column: label,
            split_column: split,
            validation: None,
            validation_manifest: None,
            shots: None,
            views: ViewKinds::default(),
            copies: CopiesRule::Together,
            places: None,
            validation_place: None,
        }
    }
}

impl DataChoice {
    /// The same from here on: the manifests lie at these paths, and `runs` is the folder that a run will keep them in.
    pub fn at(self, manifests: &[PathBuf], validation: Option<&Path>, runs: &Path) -> Self {
        let validation_place = validation.and_then(|path| Whereabouts::of(&[path], runs));
        Self { places: Whereabouts::of(manifests, runs), validation_place, ..self }
    }

    /// What the columns of the manifests are called.
    pub fn columns(&self) -> Columns {
        let Self { path_column, label_column, split_column, .. } = self.clone();
        Columns { path: path_column, label: label_column, split: split_column }
    }
}

impl ManifestInfo {
    /// BLAKE3 over the content and the class of each image, in order, hex: all that a head sees of a manifest. Files may
    /// be renamed, and rows that are not used may come and go; another order, label or pixel gives another digest.
    ///
    /// # Panics
    /// If there are not as many labels as images.
    pub fn digest_of_rows(images: &[(Key, View)], labels: &[usize]) -> String {
        assert_eq!(images.len(), labels.len(), "a label for each image");
        let mut hasher = blake3::Hasher::new();
        for ((key, view), &label) in images.iter().zip(labels) {
            hasher.update(&key.0);
            hasher.update(&u64::from(*view).to_le_bytes());
            hasher.update(&(label as u64).to_le_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// What tells two apart.
    fn identity<'i>(&'i self, other: &'i Self) -> [&'i str; 2] {
        match (&self.rows, &other.rows) {
            (Some(mine), Some(theirs)) => [mine, theirs],
            _ => [&self.digest, &other.digest],
        }
    }
}

impl RunInfo {
    /// The views that it was trained on, beside the plain image.
    pub fn views(&self) -> ViewKinds {
        self.training().map_or_else(ViewKinds::default, Training::views)
    }

    /// That a training of these classes is one that this run's can be gone on with.
    ///
    /// # Errors
    /// [`Error::OtherData`].
    pub fn require_same_classes(&self, classes: &[String]) -> Result<(), Error> {
        let all = |classes: &[String]| format!("{} classes: {}", classes.len(), listed(classes));
        if self.classes == classes {
            Ok(())
        } else {
            Err(Error::OtherData { expected: all(&self.classes), found: all(classes) })
        }
    }
}

impl Training {
    /// The views that were trained on, beside the plain image.
    pub fn views(&self) -> ViewKinds {
        self.data.as_ref().map_or_else(ViewKinds::default, |data| data.views.clone())
    }

    /// That a training on these views is one that this one can be gone on with.
    ///
    /// # Errors
    /// [`Error::OtherData`].
    pub fn require_same_views(&self, views: &ViewKinds) -> Result<(), Error> {
        let mine = self.views();
        let told = |views: &ViewKinds| match views.is_empty() {
            true => "plain images alone".to_owned(),
            false => format!("the views `{views}`"),
        };
        if mine == *views {
            Ok(())
        } else {
            Err(Error::OtherData { expected: told(&mine), found: told(views) })
        }
    }

    /// That a training on these images is one that this one can be gone on with.
    ///
    /// # Errors
    /// [`Error::OtherData`] with the first difference.
    pub fn require_same_images(
        &self,
        training: &ManifestInfo,
        validation: Option<&ManifestInfo>,
    ) -> Result<(), Error> {
        let other = |expected: String, found: String| Err(Error::OtherData { expected, found });
        let parts = [
            ("training", Some(&self.images), Some(training)),
            ("validation", self.validation.as_ref(), validation),
        ];
        for (part, expected, found) in parts {
            let number = |info: Option<&ManifestInfo>| match info {
                Some(ManifestInfo { images: 1, .. }) => format!("1 {part} image"),
                Some(info) => format!("{} {part} images", info.images),
                None => format!("no {part} images"),
            };
            if expected.map(|info| info.images) != found.map(|info| info.images) {
                return other(number(expected), number(found));
            }
            let (Some(expected), Some(found)) = (expected, found) else { continue };
            let [mine, theirs] = expected.identity(found);
            if mine != theirs {
                let told = |info: &ManifestInfo, digest: &str| {
                    format!("the {part} images `{:.12}…` of `{}`", digest, info.path)
                };
                return other(told(expected, mine), told(found, theirs));
            }
        }
        Ok(())
    }
}
