//! `run.toml` as it stands on disk, in all its formats.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{BackboneInfo, DataChoice, FeaturesInfo, Import, ManifestInfo, Origin, RunInfo, Training};
use headstart_nn::train::TrainConfig;

/// The first line of a file, read before the rest, which a later format may spell in another way.
#[derive(Serialize, Deserialize)]
pub(super) struct Version {
    pub format: u32,
}

/// 4: where manifests are, and how copies of an image are divided. 3: heads that were trained elsewhere. 2: how the images were
/// asked for, and which they were. All can be read.
pub(super) const FORMAT: u32 = 4;

/// A run that was trained has `settings` and `training`; one that was imported has `imported`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InfoFile {
    format: u32,
    created: String,
    classes: Vec<String>,
    recipe: String,
    settings: Option<TrainConfig>,
    data: Option<DataChoice>,
    resumed_from: Option<String>,
    backbone: BackboneInfo,
    features: FeaturesInfo,
    training: Option<ManifestInfo>,
    validation: Option<ManifestInfo>,
    imported: Option<Import>,
    versions: BTreeMap<String, String>,
}

/// A file that does not say whether its head was trained here or elsewhere, or says both.
#[derive(Debug, thiserror::Error)]
#[error("expected either `settings` and `training`, or `imported`")]
pub(super) struct NoOrigin;

impl From<RunInfo> for InfoFile {
    fn from(info: RunInfo) -> Self {
        let RunInfo { created, classes, recipe, backbone, features, origin, versions } = info;
        let (training, imported) = match origin {
            Origin::Trained(training) => (Some(*training), None),
            Origin::Imported(import) => (None, Some(import)),
        };
        let (settings, data, resumed_from, training, validation) = match training {
            Some(Training { settings, data, resumed_from, images, validation }) => {
                (Some(settings), data, resumed_from, Some(images), validation)
            }
            None => (None, None, None, None, None),
        };
        Self {
            format: FORMAT,
            created,
            classes,
            recipe,
            settings,
            data,
            resumed_from,
            backbone,
            features,
            training,
            validation,
            imported,
            versions,
        }
    }
}

impl TryFrom<InfoFile> for RunInfo {
    type Error = NoOrigin;

    fn try_from(file: InfoFile) -> Result<Self, NoOrigin> {
        let InfoFile { created, classes, recipe, backbone, features, versions, .. } = file;
        let origin = match (file.settings, file.training, file.imported) {
            (Some(settings), Some(images), None) => {
                let InfoFile { data, resumed_from, validation, .. } = file;
                Origin::Trained(Box::new(Training { settings, data, resumed_from, images, validation }))
            }
            (None, None, Some(import)) => Origin::Imported(import),
            _ => return Err(NoOrigin),
        };
        Ok(Self { created, classes, recipe, backbone, features, origin, versions })
    }
}
