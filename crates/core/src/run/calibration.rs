//! `calibration.toml`: the temperature of a run, in a file of its own.
//!
//! It comes after the training, may be fitted anew, and goes when the file does; what was trained stays as it was written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::Error;
use super::load::{damaged, read_text};
use super::{ManifestInfo, Run, file::Version};
use headstart_base::files::{WriteError, write_bytes};
use headstart_nn::layers::Temperature;

const FILE: &str = "calibration.toml";
const FORMAT: u32 = 1;

/// The temperature of a run, and where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// When it was fitted, in UTC, as RFC 3339.
    pub created: String,
    /// What logits are divided by.
    pub temperature: Temperature,
    /// Its 95 % interval.
    pub interval: [f64; 2],
    /// What it was fitted on.
    pub fitted_on: ManifestInfo,
    /// Versions of what computed.
    pub versions: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Written<'c> {
    format: u32,
    #[serde(flatten)]
    calibration: &'c Calibration,
}

#[derive(Deserialize)]
struct Found {
    #[serde(rename = "format")]
    _format: u32,
    #[serde(flatten)]
    calibration: Calibration,
}

impl Calibration {
    /// That of the run in this folder, if it has one.
    pub(super) fn load(dir: &Path) -> Result<Option<Self>, Error> {
        let path = dir.join(FILE);
        let Some(text) = read_text(&path)? else { return Ok(None) };
        let Version { format: found } = toml::from_str(&text).map_err(damaged(&path))?;
        if found > FORMAT {
            return Err(Error::NewerRun { path, found, known: FORMAT });
        }
        let Found { calibration, .. } = toml::from_str(&text).map_err(damaged(&path))?;
        Ok(Some(calibration))
    }
}

impl Run {
    /// The temperature in force: 1 if it has none.
    pub fn temperature(&self) -> Temperature {
        self.calibration.as_ref().map_or(Temperature::ONE, |calibration| calibration.temperature)
    }

    /// Probabilities `(n, classes)` of features `(n, d)`, with the run's temperature.
    ///
    /// # Panics
    /// If the features have another width.
    pub fn probabilities(&self, features: ArrayView2<f32>) -> Array2<f32> {
        self.temperature().probabilities(self.head.logits(features))
    }

    /// Give it this temperature, in place of the one that it may have.
    ///
    /// # Errors
    /// [`Error::Write`]; the run is as it was then.
    pub fn calibrate(&mut self, calibration: Calibration) -> Result<(), Error> {
        let path = self.calibration_path();
        let text = toml::to_string(&Written { format: FORMAT, calibration: &calibration })
            .expect("a calibration is TOML");
        let failed = |WriteError { path, source }| Error::Write { path, source };
        write_bytes(&path, text.as_bytes()).map_err(failed)?;
        self.calibration = Some(calibration);
        Ok(())
    }

    /// The head as it was trained, for as long as this is in memory.
    pub fn without_calibration(self) -> Self {
        Self { calibration: None, ..self }
    }

    /// The file with its temperature, if it has one; a run without the file has none.
    pub fn calibration_path(&self) -> PathBuf {
        self.dir.join(FILE)
    }
}
