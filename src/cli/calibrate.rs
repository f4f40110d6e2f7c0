//! The temperature of a run: fitted, kept, left out.

use std::collections::BTreeMap;
use std::path::Path;

use headstart::evaluate::{FittedTemperature, Metrics, Sureness, fit_temperature};
use headstart::nn::Temperature;
use headstart::run::{Calibration, ManifestInfo, Run};
use ndarray::ArrayView2;

use super::console::{Console, count};
use super::error::Error;
use super::run_name::RunsArgs;

/// A temperature beyond this factor from one end of its interval to the other is told to be a guess.
const WIDE: f64 = 2.0;

/// Which of a run's probabilities are meant.
#[derive(Debug, clap::Args)]
pub struct TemperatureArgs {
    /// Use the head as it was trained, without the temperature that `--calibrate` gave the run
    #[arg(long, help_heading = "Runs")]
    pub no_temperature: bool,
}

impl TemperatureArgs {
    /// The run that `name` means, with its temperature or without.
    pub fn load(&self, runs: &RunsArgs, name: &Path) -> anyhow::Result<Run> {
        Ok(self.of(runs.load(name)?))
    }

    /// The same with no more than it takes to answer.
    pub fn load_head(&self, runs: &RunsArgs, name: &Path) -> anyhow::Result<Run> {
        Ok(self.of(Run::load_head(&runs.find(name)?)?))
    }

    fn of(&self, run: Run) -> Run {
        if self.no_temperature { run.without_calibration() } else { run }
    }
}

/// Fit a temperature on logits and labels, and keep it in the run.
pub fn calibrate(
    run: &mut Run,
    logits: ArrayView2<f32>,
    labels: &[usize],
    fitted_on: ManifestInfo,
    console: &Console,
) -> anyhow::Result<()> {
    let fitted = fit_temperature(logits, labels)?;
    let FittedTemperature { temperature, interval } = fitted;
    run.calibrate(Calibration {
        created: jiff::Timestamp::now().to_string(),
        temperature,
        interval,
        fitted_on,
        versions: BTreeMap::from([("headstart".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]),
    })?;
    let [low, high] = interval;
    console.note(format_args!(
        "temperature {temperature} (95 % interval {low:.2} to {high:.2}), fitted on {} and kept in the run",
        count(labels.len(), "image")
    ));
    if high > WIDE * low {
        console.warn("the temperature is uncertain with so few images: fit it again when there are more");
    }
    Ok(())
}

/// That a temperature may be fitted on these images: on those that the head learned by heart it would be surer than on others.
pub fn require_others(run: &Run, images: &ManifestInfo, console: &Console) -> anyhow::Result<()> {
    let Some(training) = run.info.training() else { return Ok(()) };
    let trained_on = &training.images;
    anyhow::ensure!(trained_on.rows != images.rows, Error::TrainedOnThese { run: run.name() });
    if trained_on.digest == images.digest {
        console.warn(format_args!(
            "`{}` was trained on images of this manifest: a temperature fitted on them makes the run too sure",
            run.name()
        ));
    }
    Ok(())
}

/// Loss, calibration error and Brier score before and after, if the run has a temperature.
pub fn change(metrics: &Metrics) -> Option<String> {
    let calibrated = metrics.calibration.as_ref()?;
    let (before, after): (Sureness, Sureness) = (calibrated.before, metrics.sureness());
    let temperature = Temperature::new(calibrated.temperature)?;
    let own = if calibrated.fitted_here {
        "; it was fitted on these images: on others it gains a little less"
    } else {
        ""
    };
    Some(format!(
        "temperature {temperature}: loss {:.4} -> {:.4}, calibration error {:.4} -> {:.4}, Brier {:.4} -> {:.4}{own}",
        before.log_loss,
        after.log_loss,
        before.calibration_error,
        after.calibration_error,
        before.brier,
        after.brier
    ))
}
