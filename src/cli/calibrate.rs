//! The temperature of a run: left out, and what it changed.

use headstart::evaluate::{Metrics, Sureness};
use headstart::nn::Temperature;
use headstart::run::Run;

/// Which of a run's probabilities are meant.
#[derive(Debug, clap::Args)]
pub struct TemperatureArgs {
    /// Use the head as it was trained, without the temperature that `--calibrate` gave the run
    #[arg(long, help_heading = "Runs")]
    pub no_temperature: bool,
}

impl TemperatureArgs {
    /// The run with its temperature or without.
    pub fn of(&self, run: Run) -> Run {
        if self.no_temperature { run.without_calibration() } else { run }
    }
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
