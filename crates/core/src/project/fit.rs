//! The training itself, and the run that comes of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use headstart_cache::Selection;
use headstart_nn::train::{self, Ended, Flow, Rows, TrainOutcome, Trainer};

use super::curves::Curves;
use super::logits::logits;
use super::{BaseRun, Error, FeatureSource, Project, Samples, TrainOptions, Trained};
use crate::dataset::Classes;
use crate::run::{
    FeaturesInfo, NewRun, Origin, Run, RunImages, RunInfo, Training, TrainingMetrics, TrainingRecord,
};
use crate::{Control, Event};

/// A new one, or that of the base run, where its training was left.
pub(super) fn trainer(
    training: &Training,
    classes: &Classes,
    source: &FeatureSource,
    base: Option<&BaseRun>,
) -> Result<Trainer, Error> {
    let config = training.settings.for_classes(classes.names())?;
    let continued = match base {
        Some(base) => base.checkpoint(&config)?.map(|checkpoint| (base, checkpoint)),
        None => None,
    };
    let Some((base, checkpoint)) = continued else {
        return Ok(Trainer::new(&config, source.backbone.feature_size(), classes.len())?);
    };
    // Settings first: another seed also chooses other images.
    let trainer = Trainer::resume(&config, checkpoint)?;
    base.training.require_same_views(&training.views())?;
    base.run.info.require_same_classes(classes.names())?;
    base.training.require_same_images(&training.images, training.validation.as_ref())?;
    Ok(trainer)
}

/// Features and labels.
pub(super) struct Fit<'w> {
    pub(super) training: (&'w dyn Rows, &'w [usize]),
    pub(super) validation: Option<(&'w dyn Rows, &'w [usize])>,
}

pub(super) struct Fitted {
    outcome: TrainOutcome,
    /// What ended it; the outcome is that of the last good step then.
    error: Option<train::Error>,
    curves: Curves,
    elapsed: Duration,
}

impl Fit<'_> {
    pub(super) fn run(&self, mut trainer: Trainer, mut curves: Curves, control: &mut Control<'_>) -> Fitted {
        let started = Instant::now();
        let (rows, labels) = self.training;
        let ended = trainer.run(rows, labels, self.validation, &mut |event| {
            curves.see(&event, control);
            control.tell(Event::Train(event));
            if control.is_cancelled() { Flow::Stop } else { Flow::Continue }
        });
        let elapsed = started.elapsed();
        let outcome = trainer.into_outcome(ended.as_ref().copied().unwrap_or(Ended::Failed));
        control.tell(Event::TrainEnded(outcome.ended));
        Fitted { outcome, error: ended.err(), curves, elapsed }
    }
}

/// Write the run, and let it be calibrated. An error that ended the training is returned when what was trained before it is safe.
pub(super) fn write(
    project: &Project,
    options: &TrainOptions,
    (info, images): (&RunInfo, &RunImages),
    Fitted { outcome, error, curves, elapsed }: Fitted,
    calibrate: &dyn Fn(&mut Run, &mut Control<'_>) -> Result<bool, Error>,
    control: &mut Control<'_>,
) -> Result<Trained, Error> {
    let ended = outcome.ended;
    let resumed = options.base.as_ref().filter(|base| base.resume).map(|base| &base.metrics);
    let (epochs, seconds) = resumed.map_or((0, 0.0), |metrics| (metrics.epochs, metrics.seconds));
    if outcome.history.epochs.len() == epochs {
        // Nothing is lost: what was there before still is.
        if let Some(error) = error {
            return Err(error.into());
        }
        let first = if resumed.is_some() { "another" } else { "the first" };
        control.warn(format_args!("stopped before the end of {first} epoch: no run was written"));
        return Ok(Trained { run: None, ended, elapsed, left_out: 0, calibrated: false });
    }
    let metrics = TrainingMetrics::new(&outcome, seconds + elapsed.as_secs_f64());
    let course = TrainingRecord {
        history: &outcome.history,
        metrics: &metrics,
        checkpoint: Some(&outcome.checkpoint),
        images: Some(images),
    };
    let new = NewRun { info, head: &outcome.head, course: Some(course) };
    let mut run = new.create(project.runs().path(), options.name.as_deref(), options.overwrite)?;
    curves.finish(ended, run.dir(), control)?;
    if let Some(source) = error {
        return Err(Error::BrokenOff { run: run.dir().to_path_buf(), source });
    }
    control.tell(Event::RunWritten { folder: run.dir(), elapsed });
    let calibrated = calibrate(&mut run, control)?;
    Ok(Trained { run: Some(run), ended, elapsed, left_out: 0, calibrated })
}

/// Whether the images held out tell a temperature. A run is no worse for having none, so it stays, and a warning says why.
pub(super) fn calibrated(
    run: &mut Run,
    samples: &Samples,
    rows: &Selection<'_>,
    control: &mut Control<'_>,
) -> Result<bool, Error> {
    let logits = logits(&run.head, rows)?;
    match run.fit_temperature(logits.view(), &samples.known_labels(), samples.info(), control) {
        Err(Error::Calibration(error)) => {
            control.warn(format_args!("could not calibrate: {error}"));
            Ok(false)
        }
        fitted => fitted.map(|()| true),
    }
}

impl FeatureSource {
    /// What a run with a head for these features says of itself.
    pub fn run_info(&self, classes: &Classes, origin: Origin) -> RunInfo {
        RunInfo {
            created: jiff::Timestamp::now().to_string(),
            classes: classes.names().to_vec(),
            recipe: self.fingerprint.parts().recipe.to_string(),
            backbone: self.backbone_info(),
            features: FeaturesInfo {
                size: self.backbone.feature_size(),
                fingerprint: self.fingerprint.hash().to_hex().to_string(),
                fingerprint_text: self.fingerprint.text().to_owned(),
            },
            origin,
            versions: BTreeMap::from([("headstart".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]),
        }
    }
}
