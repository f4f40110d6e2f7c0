//! What people see of work as it goes on: messages as lines, extraction as a bar, training as a line for each epoch.

use headstart::convert::quantize;
use headstart::extract::ExtractEvent as Extract;
use headstart::project::{BaseRun, with_causes};
use headstart::train::Ended;
use headstart::{Control, Event, Level, Message};

use super::console::{Console, count};
use super::epoch_progress::EpochProgress;
use super::extract::{engine_lines, planned, sentence};
use super::flags;
use super::hint;
use super::interrupt;
use super::progress::{Progress, clock};
use super::system::trim_memory;
use super::tip;

/// Failures that are told one by one; the rest is counted.
const FAILURES_SHOWN: usize = 20;

/// Hears what the library tells, and shows it.
pub struct Listener<'c> {
    console: &'c Console,
    progress: Option<Progress>,
    training: Option<EpochProgress>,
    failures: usize,
    /// Whether somebody is going to list all failures.
    failures_listed: bool,
    /// Whether quantising is all that is done, so that each of its stages is of interest.
    stages: bool,
}

impl<'c> Listener<'c> {
    pub fn new(console: &'c Console) -> Self {
        Self { console, progress: None, training: None, failures: 0, failures_listed: false, stages: false }
    }

    /// One that leaves the list of all failures to somebody else.
    pub fn with_failures_listed(mut self, failures_listed: bool) -> Self {
        self.failures_listed = failures_listed;
        self
    }

    /// One that tells each stage of quantising.
    pub fn with_stages(mut self) -> Self {
        self.stages = true;
        self
    }

    /// Do work that tells of itself here, and that Ctrl-C stops where nothing is lost.
    pub fn hear<T>(&mut self, work: impl FnOnce(&mut Control<'_>) -> T) -> T {
        let mut hear = |event: Event<'_>| self.on(event);
        let done = work(&mut Control::new(interrupt::token().clone(), &mut hear));
        self.end();
        done
    }

    fn on(&mut self, event: Event<'_>) {
        match event {
            Event::Message(message) => self.message(message),
            Event::Copies(request) => {
                let command = flags::command("cache duplicates", request);
                self.note(format!("`{command}` lists them, and images that are nearly the same"));
            }
            Event::NoFeatures(error) => {
                let hint = hint::of(error).map_or(String::new(), |hint| format!("; {hint}"));
                let why = with_causes(error);
                self.warn(format!("the page has no images, because there are no features: {why}{hint}"));
            }
            Event::Folds { done: 0, folds } => {
                self.progress = Some(Progress::new(self.console, "folds", folds));
            }
            Event::Folds { .. } => self.advance(1),
            Event::Extract(event) => self.extract(event),
            Event::Tip(tip) => self.note(tip::sentence(&tip)),
            Event::Train(event) => {
                self.training.get_or_insert_with(|| EpochProgress::new(self.console)).see(&event)
            }
            Event::TrainEnded(_) => self.end(),
            Event::BeginsFrom { base, calibrate } => self.begins_from(base, calibrate),
            Event::RunWritten { elapsed, .. } => self.note(format!("trained in {}", clock(elapsed))),
            Event::Quantize(event) => self.quantize(&event),
            _ => {}
        }
    }

    fn message(&self, Message { level, text }: Message<'_>) {
        let is_shown = match level {
            Level::Detail => self.console.is_verbose(),
            Level::Note => !self.console.is_quiet(),
            Level::Warning | Level::PassedOver => true,
        };
        if !is_shown {
            return;
        }
        let bar = self.progress.as_ref();
        match (level, bar) {
            (Level::PassedOver, _) => self.console.passed_over(text),
            (Level::Warning, Some(bar)) => bar.warn(text),
            (Level::Warning, None) => self.console.warn(text),
            (_, Some(bar)) => bar.say(text),
            (Level::Detail, None) => self.console.detail(text),
            (Level::Note, None) => self.console.note(text),
        }
    }

    fn note(&self, text: String) {
        self.message(Message { level: Level::Note, text: &text });
    }

    fn warn(&self, text: String) {
        self.message(Message { level: Level::Warning, text: &text });
    }

    fn detail(&self, text: String) {
        self.message(Message { level: Level::Detail, text: &text });
    }

    fn extract(&mut self, event: Extract<'_>) {
        match event {
            Extract::Planned { backbone, views, images, cached, to_do } => {
                let views = if views == 1 { String::new() } else { format!(" in all of {views} views") };
                self.note(format!("{} for `{}`{views}", planned(images, cached, to_do), backbone.name()));
                self.failures = 0;
                self.progress = Some(Progress::new(self.console, "images", to_do));
            }
            Extract::Computing { images } => {
                self.progress = Some(Progress::new(self.console, "images", images));
            }
            Extract::Loaded { engine } => {
                trim_memory();
                let (notes, details) = engine_lines(engine);
                notes.into_iter().for_each(|line| self.note(line));
                details.into_iter().for_each(|line| self.detail(line));
            }
            Extract::BatchSize { images, out_of_memory: true } => {
                self.warn(format!("memory ran out: continuing with batches of {images}"));
            }
            Extract::BatchSize { images, out_of_memory: false } => {
                self.detail(format!("continuing with batches of {images}"));
            }
            Extract::Progress => self.advance(1),
            Extract::Failed { image, failure, known, .. } => {
                self.failures += 1;
                if self.failures <= FAILURES_SHOWN {
                    let again = if known { " (as before)" } else { "" };
                    self.warn(format!("`{}`: {}{again}", image.name(), failure.reason));
                }
            }
            Extract::Filled { summary, elapsed, folder } => {
                self.end();
                self.note(sentence(summary, elapsed));
                self.note(format!("features: {}", folder.display()));
            }
        }
    }

    fn begins_from(&self, base: &BaseRun, calibrate: bool) {
        let (name, epochs) = (base.run.name(), count(base.metrics.epochs, "epoch"));
        if base.resume {
            self.note(format!("continuing `{name}` after {epochs}"));
        } else if base.metrics.ended == Ended::Stopped {
            self.note(format!(
                "`{name}` was stopped after {epochs}; this starts a new training; add `--resume` to continue it"
            ));
        }
        if !calibrate && base.run.calibration.is_some() {
            self.note("the earlier run has a temperature, which the new run does not take over: `--calibrate` fits one for it".into());
        }
    }

    fn advance(&mut self, by: usize) {
        if let Some(progress) = &mut self.progress {
            progress.advance(by);
        }
    }

    /// Bars go; failures that were not named are counted.
    fn end(&mut self) {
        self.progress = None;
        if let Some(training) = self.training.take() {
            training.finish();
        }
        if self.failures > FAILURES_SHOWN {
            let more = count(self.failures - FAILURES_SHOWN, "more image");
            let how = if self.failures_listed {
                ""
            } else {
                "; `--failures FILE` writes all of them to a CSV file"
            };
            self.warn(format!("{more} failed{how}"));
        }
        self.failures = 0;
    }

    fn quantize(&mut self, event: &quantize::QuantizeEvent<'_>) {
        match event {
            quantize::QuantizeEvent::Drawn { calibration, held_out, failed } => {
                let calibration = count(*calibration, "image");
                let what = if self.stages { "" } else { "int8: " };
                self.note(format!("{what}calibrating on {calibration}, {held_out} held out"));
                for (file, reason) in *failed {
                    self.warn(format!("`{}`: {reason}", file.display()));
                }
            }
            quantize::QuantizeEvent::GoesOn { layers: 0, .. } => {
                self.note("going on with the calibration that was stopped: ranges are chosen already".into());
            }
            quantize::QuantizeEvent::GoesOn { layers, .. } => {
                let layers = count(*layers, "layer");
                self.note(format!(
                    "going on with the calibration that was stopped: {layers} rounded already"
                ));
            }
            quantize::QuantizeEvent::PassedOver { path, why } => {
                self.warn(format!("`{}` is not used: {why}", path.display()));
            }
            quantize::QuantizeEvent::Progress { stage, done } => {
                // Each layer leaves many tensors that are too small to be handed back by themselves.
                if matches!(stage, quantize::Stage::Weights | quantize::Stage::Biases) {
                    trim_memory();
                }
                let what = in_words(*stage);
                self.progress
                    .get_or_insert_with(|| Progress::of_one(self.console, "calibrating"))
                    .share(&what, *done);
            }
            quantize::QuantizeEvent::Stage(stage) => {
                // Each stage has sessions of its own.
                trim_memory();
                if self.stages {
                    self.detail(in_words(*stage));
                }
            }
            quantize::QuantizeEvent::Tried { what, error } => {
                self.detail(format!("{what}: relative error {error:.4}"));
            }
            _ => {}
        }
    }
}

impl Drop for Listener<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

fn in_words(stage: quantize::Stage) -> String {
    let words = match stage {
        quantize::Stage::Images => "reading images",
        quantize::Stage::Observation => "running in floats",
        quantize::Stage::Ranges => "trying ranges",
        quantize::Stage::Weights => "rounding weights",
        quantize::Stage::Biases => "putting biases right",
        quantize::Stage::Harms => "looking for the layers that harm most",
        quantize::Stage::Layers(layers) => return format!("trying {} in floats", count(layers, "layer")),
        quantize::Stage::Measurement => "measuring on the images held out",
        _ => "working",
    };
    words.into()
}
