//! The temperature of a run: fitted, and kept.

use std::collections::BTreeMap;

use headstart_base::text::counted;
use headstart_evaluate::{FittedTemperature, fit_temperature};
use ndarray::ArrayView2;

use super::Error;
use crate::Control;
use crate::run::{Calibration, ManifestInfo, Run};

/// A temperature beyond this factor from one end of its interval to the other is told to be a guess.
const WIDE: f64 = 2.0;

impl Run {
    /// Fit a temperature on logits `(images, classes)` and labels, and keep it in the run.
    ///
    /// # Errors
    /// [`Error::Calibration`] if none can be fitted on these; if it cannot be written.
    pub fn fit_temperature(
        &mut self,
        logits: ArrayView2<'_, f32>,
        labels: &[usize],
        fitted_on: ManifestInfo,
        control: &mut Control<'_>,
    ) -> Result<(), Error> {
        let FittedTemperature { temperature, interval } = fit_temperature(logits, labels)?;
        self.calibrate(Calibration {
            created: jiff::Timestamp::now().to_string(),
            temperature,
            interval,
            fitted_on,
            versions: BTreeMap::from([("headstart".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]),
        })?;
        let [low, high] = interval;
        control.note(format_args!(
            "temperature {temperature} (95 % interval {low:.2} to {high:.2}), fitted on {} and kept in the run",
            counted(labels.len() as u64, "image")
        ));
        if high > WIDE * low {
            control.warn("the temperature is uncertain with so few images: fit it again when there are more");
        }
        Ok(())
    }

    /// That a temperature may be fitted on these images: of those that the head has learned it would be surer than of others.
    pub(super) fn require_others(
        &self,
        images: &ManifestInfo,
        control: &mut Control<'_>,
    ) -> Result<(), Error> {
        let Some(training) = self.info.training() else { return Ok(()) };
        let trained_on = &training.images;
        if trained_on.rows == images.rows {
            return Err(Error::TrainedOnThese { run: self.name() });
        }
        if trained_on.digest == images.digest {
            control.warn(format_args!(
                "`{}` was trained on images of this manifest: a temperature fitted on them makes the run too sure",
                self.name()
            ));
        }
        Ok(())
    }
}
