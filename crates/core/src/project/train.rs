//! From images to a run: features, a head, and what is kept of its training.

use std::time::Duration;

use headstart_base::files::Inputs;
use headstart_base::text::counted;
use headstart_image::{ViewKinds, Views};
use headstart_nn::train::{Ended, Rows, TrainConfig};

use super::class_counts::class_counts;
use super::curves::Curves;
use super::error::path_names;
use super::fit::{Fit, calibrated, trainer, write};
use super::manifests::FoundBy;
use super::samples::Samples;
use super::training_data::TrainingData;
use super::{
    BaseRun, CalibrationOptions, CurvesFolder, DataRequest, Error, FeatureRequest, FeatureSource, Lookup,
    Project, UseOfCopies,
};
use crate::dataset::{Classes, Manifest};
use crate::extract::FeatureCache;
use crate::run::{CopiesRule, DataChoice, Origin, Run, RunImages, Training};
use crate::{Control, Event};

/// How to train, and what to make of it.
#[derive(Debug, Clone, Default)]
pub struct TrainOptions {
    /// Settings of the head and its training.
    pub settings: TrainConfig,
    /// The run to begin from.
    pub base: Option<BaseRun>,
    /// The name of the new run; `None`: the date and a number.
    pub name: Option<String>,
    /// Replace a run of that name.
    pub overwrite: bool,
    /// Compute features that are missing first.
    pub extract: bool,
    /// Fit a temperature on the images held out, and keep it in the run.
    pub calibrate: bool,
    /// Write curves for TensorBoard.
    pub curves: Option<CurvesFolder>,
    /// Files that are read for the training, beside those that the core reads: a run that holds one of them is not replaced.
    pub inputs: Inputs,
}

/// What came of a training.
#[derive(Debug)]
pub struct Trained {
    /// The run; none if the training was stopped before the end of its first epoch.
    pub run: Option<Run>,
    /// How it ended.
    pub ended: Ended,
    /// How long it took.
    pub elapsed: Duration,
    /// Images that were left out, because they have no features.
    pub left_out: usize,
    /// Whether a temperature that was asked for could be fitted.
    pub calibrated: bool,
}

impl Project {
    /// Train a head on cached features, and write a run.
    ///
    /// A cancelled `control` ends the training after the step in hand; its run is written as it is then, and
    /// [`base_run`](Self::base_run) continues it.
    ///
    /// # Errors
    /// What is wrong with the images, the settings, the features or the folder of the runs is told before the training.
    /// [`Error::BrokenOff`] if it fails later; what was trained until then is kept.
    pub fn train(
        &self,
        data: impl Into<DataRequest>,
        options: &TrainOptions,
        control: &mut Control<'_>,
    ) -> Result<Trained, Error> {
        let (runs, base) = (self.runs(), options.base.as_ref());
        let request: DataRequest = data.into();
        let choice = request.over(base, runs.path())?;
        let _made = runs.check_new(options.name.as_deref(), options.overwrite)?;
        let data = request.read(&choice, base, control)?;
        let choice = choice.at(&data.manifests, data.validation_manifest.as_deref(), runs.path());
        runs.check_inputs(options.name.as_deref(), || self.inputs(options, &data))?;
        let work = Work::prepare(self, choice, data, options, control)?;
        work.train(self, options, control)
    }

    /// All that is read for a training. A run that is continued may be replaced: all that it was is in the new one.
    fn inputs(&self, options: &TrainOptions, data: &TrainingData) -> Inputs {
        let inputs = self.config().inputs().and(&options.inputs).all_in(data.paths());
        let inputs = inputs.files(data.training.files());
        let inputs = inputs.files(data.validation.iter().flat_map(Manifest::files));
        let base = options.base.as_ref().filter(|base| !base.resume);
        inputs.files(base.map(|base| base.run.files()).into_iter().flatten())
    }
}

/// Everything that a training needs.
struct Work {
    choice: DataChoice,
    data: TrainingData,
    classes: Classes,
    source: FeatureSource,
    cache: FeatureCache,
    training: Samples,
    validation: Option<Samples>,
    left_out: usize,
}

impl Work {
    fn prepare(
        project: &Project,
        choice: DataChoice,
        data: TrainingData,
        options: &TrainOptions,
        control: &mut Control<'_>,
    ) -> Result<Self, Error> {
        let base = options.base.as_ref();
        let classes = data.classes(base)?;
        // Before what may take hours: whoever gave the wrong folder sees it here.
        control.note(class_counts(&classes, &data.training.labels(&classes)?));
        let files = || data.training.files();
        let calibrator = project.calibrator(&files, CalibrationOptions::default());
        let calibrator = options.extract.then_some(&calibrator);
        let source = match base {
            Some(base) => base.features(project, calibrator, control)?,
            None => FeatureSource::open(project.config(), calibrator, control)?,
        };
        let mut cache = source.cache_with(|| data.wanted(&choice.views), options.extract, control)?;
        let all = data.paths();
        let lookup = Lookup { failures_told: options.extract, all: &all, ..Lookup::default() };
        let mut find = |manifest: &Manifest, views: &ViewKinds, control: &mut Control<'_>| {
            let labels: Vec<_> = manifest.labels(&classes)?.into_iter().map(Some).collect();
            source.samples(cache.as_mut(), manifest, &labels, views, lookup, control)
        };
        let training = find(&data.training, &choice.views, control)?;
        training.require_every_class(&classes)?;
        let validation = match &data.validation {
            Some(manifest) => Some(find(manifest, &ViewKinds::default(), control)?),
            None => None,
        };
        let left_out = training.left_out() + validation.as_ref().map_or(0, Samples::left_out);
        if let Some(base) = base.filter(|base| !base.resume) {
            same_images_or_told(base, &data, &training, &classes, control)?;
        }
        let cache = cache.expect("a cache that is not there has no features");
        Ok(Self { choice, data, classes, source, cache, training, validation, left_out })
    }

    fn train(
        self,
        project: &Project,
        options: &TrainOptions,
        control: &mut Control<'_>,
    ) -> Result<Trained, Error> {
        let Self { choice, data, classes, source, cache, training, validation, left_out } = self;
        let base = options.base.as_ref();
        let found_copies = training.tell_copies(use_of_copies(&choice), &classes, control);
        let holds_out = choice.validation.is_some();
        let (training, validation) = divide(training, validation, &choice, &classes, options.settings.seed)?;
        if options.calibrate && validation.is_none() {
            return Err(Error::NothingHeldOut);
        }
        let views = source.views(&choice.views);
        let about = Training {
            settings: options.settings.clone(),
            data: Some(choice),
            resumed_from: base.filter(|base| base.resume).map(|base| base.run.name()),
            images: training.info(),
            validation: validation.as_ref().map(Samples::info),
        };
        let trainer = trainer(&about, &classes, &source, base)?;
        let rows = training.rows(cache.store(), views)?;
        let looked_at = validation.as_ref().map(|samples| samples.rows(cache.store(), Views::PLAIN));
        let looked_at = looked_at.transpose()?;
        // From here on there is something to lose.
        let _watch = control.watch();
        let strangers = validation.as_ref().filter(|_| !holds_out);
        let found_leaks = strangers.is_some_and(|samples| samples.tell_trained_on(&training, control));
        if found_copies || found_leaks {
            tell_more(&source, &data, control);
        }
        if let Some(base) = base {
            control.tell(Event::BeginsFrom { base, calibrate: options.calibrate });
        }
        tell(&training, validation.as_ref(), views, &classes, control);
        let curves = Curves::begin(options.curves.as_ref(), &about.settings, project.runs().path())?;
        let (labels, known) = (training.known_labels(), validation.as_ref().map(Samples::known_labels));
        let fit = Fit {
            training: (&rows, &labels),
            validation: looked_at.as_ref().map(|rows| rows as &dyn Rows).zip(known.as_deref()),
        };
        let threads = project.threads()?;
        let fitted = threads.run(|| fit.run(trainer, curves, control));

        let info = source.run_info(&classes, Origin::Trained(Box::new(about)));
        let held_out = validation.as_ref().map(Samples::keys).unwrap_or_default();
        let images = RunImages::new(&training.keys(), &held_out);
        let calibrate = |run: &mut Run, control: &mut Control<'_>| {
            let Some(samples) = validation.as_ref().filter(|_| options.calibrate) else { return Ok(true) };
            let rows = samples.select(cache.store(), Views::PLAIN)?;
            threads.run(|| calibrated(run, samples, &rows, control))
        };
        write(project, options, (&info, &images), fitted, &calibrate, control)
            .map(|trained| Trained { left_out, ..trained })
    }
}

/// Take the asked fraction out of the training images, unless there are others to validate on; then of what is left the asked
/// shots.
fn divide(
    training: Samples,
    validation: Option<Samples>,
    choice: &DataChoice,
    classes: &Classes,
    seed: u64,
) -> Result<(Samples, Option<Samples>), Error> {
    let (training, held_out) = match choice.validation {
        Some(fraction) => {
            let [training, held_out] = training.hold_out(fraction, choice.copies, seed)?;
            (training, Some(held_out))
        }
        None => (training, None),
    };
    let training = match choice.shots {
        Some(shots) => training.shots(shots, choice.copies, classes, seed)?,
        None => training,
    };
    Ok((training, held_out.or(validation)))
}

/// The images that a run with this choice is trained on, of all that it could be trained on.
pub(super) fn chosen(
    all: Samples,
    choice: &DataChoice,
    classes: &Classes,
    seed: u64,
) -> Result<Samples, Error> {
    Ok(divide(all, None, choice, classes, seed)?.0)
}

/// The images of the base run are asked for again, and manifests alone do not say whether they are the same: files may have
/// changed, or be others of the same names.
fn same_images_or_told(
    base: &BaseRun,
    data: &TrainingData,
    training: &Samples,
    classes: &Classes,
    control: &mut Control<'_>,
) -> Result<(), Error> {
    let is_same = || {
        let Training { data: Some(choice), images, settings, .. } = &base.training else { return true };
        let Some(rows) = &images.rows else { return true };
        let chosen = chosen(training.clone(), choice, classes, settings.seed);
        chosen.is_ok_and(|samples| samples.info().rows.as_ref() == Some(rows))
    };
    match data.found_by {
        FoundBy::Run { changed: false } if !is_same() => control.warn(format_args!(
            "images of {} have changed since `{}` was trained on them",
            path_names(&data.manifests),
            base.run.name()
        )),
        FoundBy::Name if !is_same() => return Err(Error::other_images(&base.run, &data.manifests)),
        _ => {}
    }
    Ok(())
}

fn use_of_copies(choice: &DataChoice) -> UseOfCopies {
    match (choice.validation, choice.copies) {
        (None, _) => UseOfCopies::TrainedOn,
        (Some(_), CopiesRule::Together) => UseOfCopies::HeldOutTogether,
        (Some(_), CopiesRule::Apart) => UseOfCopies::HeldOutApart,
    }
}

/// Say how all copies can be seen.
fn tell_more(source: &FeatureSource, data: &TrainingData, control: &mut Control<'_>) {
    let request: FeatureRequest = source.request(&data.training, &data.paths(), &ViewKinds::default());
    control.tell(Event::Copies(&request));
}

fn tell(
    training: &Samples,
    validation: Option<&Samples>,
    views: Views,
    classes: &Classes,
    control: &mut Control<'_>,
) {
    control.note(format_args!(
        "{} of {}{}{}",
        counted(training.len() as u64, "image"),
        counted(classes.len() as u64, "class"),
        if views == Views::PLAIN { String::new() } else { format!(" in {} views", views.len()) },
        validation.map_or(String::new(), |samples| format!(", validating on {}", samples.len()))
    ));
}
