use std::collections::BTreeMap;
use std::io::Write;
use std::time::Instant;

use headstart::cache::Store;
use headstart::dataset::{Classes, Manifest};
use headstart::train::{
    BackboneInfo, Ended, FeaturesInfo, Flow, ManifestInfo, NewRun, Outcome, Rows, RunInfo, TrainConfig,
    TrainingMetrics, train,
};

use super::args::{BackboneArgs, ManifestArgs, RuntimeArgs};
use super::console::{Console, count};
use super::features::{Source, extract_options};
use super::live::Live;
use super::parts::{Part, Parts, ValidationArgs, every_class_is_there, hold_out};
use super::progress::clock;
use super::run_name::RunsArgs;
use super::settings::SettingsArgs;
use super::tensorboard::{Curves, TensorBoardArgs};
use super::{Status, extract, interrupt};

/// Train a head on cached features, and write a run
///
/// Without settings this is what Keras would call Dense(256, relu) - Dropout(0.5) - Dense(classes), trained by Adam.
/// Settings come from flags, then from the file given by --config, then from the defaults. Ctrl-C ends the training early:
/// the run is written as it is then, unless no epoch is done yet.
#[derive(Debug, clap::Args)]
pub struct TrainArgs {
    /// Name of the run's folder (default: the date and a number)
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Replace a run of the same name
    #[arg(long, requires = "name")]
    overwrite: bool,
    /// Compute features that are missing first
    #[arg(long)]
    extract: bool,
    #[command(flatten)]
    manifest: ManifestArgs,
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    validation: ValidationArgs,
    #[command(flatten)]
    runs: RunsArgs,
    #[command(flatten)]
    tensorboard: TensorBoardArgs,
    #[command(flatten)]
    backbone: BackboneArgs,
    #[command(flatten)]
    runtime: RuntimeArgs,
}

impl TrainArgs {
    pub fn run(&self, console: &Console) -> anyhow::Result<Status> {
        let config = self.settings.config()?;
        self.runs.check_new(self.name.as_deref(), self.overwrite)?;
        let manifest = self.manifest.read(console)?;
        let parts = Parts::of(manifest, &self.validation, &self.manifest, console)?;
        let classes = parts.training.classes()?;
        let source = Source::open(&self.backbone)?;
        let cancel = interrupt::listen();
        let mut cache = source.open_cache()?;
        if self.extract {
            let cache = source.cache_or_new(&mut cache)?;
            let mut wanted = parts.training.files();
            wanted.extend(parts.validation.iter().flat_map(Manifest::files));
            let summary =
                extract::fill(&source, cache, &wanted, extract_options(&self.runtime), cancel, console)?;
            if summary.cancelled {
                return Ok(Status::Interrupted);
            }
        }
        let training = Part::find(cache.as_mut(), &parts.training, &classes, console)?;
        every_class_is_there(&training.labels, &classes)?;
        let validation = match &parts.validation {
            Some(manifest) => Some(Part::find(cache.as_mut(), manifest, &classes, console)?),
            None => None,
        };
        let left_out = training.left_out + validation.as_ref().map_or(0, |part| part.left_out);
        let cache = cache.expect("a cache that is not there has no features");
        let (training, validation) = hold_out(training, validation, &self.validation, config.seed)?;

        console.note(format_args!(
            "{} of {}{}",
            count(training.labels.len(), "image"),
            count(classes.len(), "class"),
            validation
                .as_ref()
                .map_or(String::new(), |part| format!(", {} to validate on", part.labels.len()))
        ));
        self.runtime.use_threads();
        let mut curves = self.tensorboard.begin(&config, self.runs.folder())?;
        let started = Instant::now();
        let (store, class_count) = (cache.store(), classes.len());
        let outcome = fit(&config, store, &training, validation.as_ref(), class_count, &mut curves, console)?;
        let seconds = started.elapsed();

        if outcome.ended == Ended::Stopped && outcome.history.epochs.is_empty() {
            console.warn("stopped before the end of the first epoch: no run was written");
            return Ok(Status::Interrupted);
        }
        let metrics = TrainingMetrics::of_outcome(&outcome, seconds.as_secs_f64());
        let info = run_info(config, &classes, &source, training.info(), validation.map(|part| part.info()));
        let run = NewRun {
            info: &info,
            head: &outcome.head,
            history: &outcome.history,
            metrics: &metrics,
            checkpoint: Some(&outcome.checkpoint),
        }
        .create(self.runs.folder(), self.name.as_deref(), self.overwrite)?;
        curves.finish(outcome.ended, run.dir(), console)?;
        console.note(format_args!("trained in {}", clock(seconds)));
        writeln!(std::io::stdout(), "{}", run.dir().display())?;
        Ok(match outcome.ended {
            Ended::Completed if left_out > 0 => Status::Partial,
            Ended::Completed => Status::Done,
            Ended::Stopped => Status::Interrupted,
        })
    }
}

fn fit(
    config: &TrainConfig,
    store: &Store,
    training: &Part,
    validation: Option<&Part>,
    classes: usize,
    curves: &mut Curves,
    console: &Console,
) -> anyhow::Result<Outcome> {
    let rows = training.rows(store)?;
    let looked_at =
        validation.map(|part| Ok::<_, anyhow::Error>((part.rows(store)?, &part.labels))).transpose()?;
    let validation = looked_at.as_ref().map(|(rows, labels)| (rows as &dyn Rows, labels.as_slice()));
    let mut live = Live::new(console);
    let outcome = train(config, &rows, &training.labels, classes, validation, &mut |event| {
        live.see(&event);
        curves.see(&event, console);
        if interrupt::asked() { Flow::Stop } else { Flow::Continue }
    })?;
    live.finish();
    Ok(outcome)
}

fn run_info(
    settings: TrainConfig,
    classes: &Classes,
    source: &Source,
    training: ManifestInfo,
    validation: Option<ManifestInfo>,
) -> RunInfo {
    let backbone = &source.backbone;
    RunInfo {
        created: jiff::Timestamp::now().to_string(),
        classes: classes.names().to_vec(),
        recipe: source.fingerprint.parts().recipe.to_string(),
        settings,
        backbone: BackboneInfo {
            name: backbone.name().to_owned(),
            digest: backbone.digest().to_hex().to_string(),
        },
        features: FeaturesInfo {
            size: backbone.feature_size(),
            fingerprint: source.fingerprint.hash().to_hex().to_string(),
            fingerprint_text: source.fingerprint.text().to_owned(),
        },
        training,
        validation,
        versions: BTreeMap::from([("headstart".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]),
    }
}
