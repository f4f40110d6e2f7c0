use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use headstart::cache::{Key, Store, View};
use headstart::dataset::{Classes, Manifest, split};
use headstart::extract::FeatureCache;
use headstart::nn::Activation;
use headstart::train::{
    BackboneInfo, CachedRows, Ended, Event, FeaturesInfo, Flow, ManifestInfo, NewRun, OptimizerKind, Outcome,
    Rows, RunInfo, TrainConfig, TrainingMetrics, train,
};

use super::args::{BackboneArgs, ManifestArgs, RuntimeArgs};
use super::console::{Console, count};
use super::features::{Ready, Source, extract_options};
use super::hint::Error;
use super::progress::{Progress, clock};
use super::run_name::RunsArgs;
use super::setting::{Axis, set};
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
    backbone: BackboneArgs,
    #[command(flatten)]
    runtime: RuntimeArgs,
}

/// What decides how the head is trained. Absent: as in the settings file, else the default.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Settings")]
pub(super) struct SettingsArgs {
    /// TOML file with settings, named as below with `_` for `-`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Passes over the images [default: 50]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    epochs: Option<usize>,
    /// Images per step [default: 64]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    batch_size: Option<usize>,
    /// Size of a step [default: 0.0003]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    learning_rate: Option<f64>,
    /// Fraction of hidden units dropped while training, in [0, 1) [default: 0.5]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    dropout: Option<f64>,
    /// Units of each hidden layer, such as `256` or `512,128`; `none` for a linear head [default: 256]
    #[arg(long, value_name = "UNITS", value_parser = hidden_sizes)]
    hidden: Option<HiddenSizes>,
    /// Activation of the hidden layers: relu, tanh or sigmoid [default: relu]
    #[arg(long, value_name = "NAME", value_parser = named::<Activation>)]
    activation: Option<Activation>,
    /// Optimizer: adam, adamw or sgd [default: adam]
    #[arg(long, value_name = "NAME", value_parser = named::<OptimizerKind>)]
    optimizer: Option<OptimizerKind>,
    /// Momentum of sgd, in [0, 1)
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    momentum: Option<f64>,
    /// The same seed gives the same head, bit for bit [default: 0]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    seed: Option<u64>,
    /// Any setting by its name in a settings file, such as `patience=5` or `schedule=cosine`; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = Axis::parse)]
    set: Vec<Axis>,
}

/// What to look at, without training on it, after each epoch.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Validation")]
struct ValidationArgs {
    /// Hold out this fraction of each class (default: none, or the manifest's `validation` rows)
    #[arg(
        long,
        value_name = "FRACTION",
        allow_negative_numbers = true,
        conflicts_with = "validation_manifest"
    )]
    validation: Option<f64>,
    /// Validate on the images of another manifest
    #[arg(long, value_name = "MANIFEST")]
    validation_manifest: Option<PathBuf>,
}

/// A newtype, for clap takes a bare `Vec` for a repeated flag.
#[derive(Debug, Clone, PartialEq, Eq)]
struct HiddenSizes(Vec<usize>);

fn hidden_sizes(text: &str) -> Result<HiddenSizes, String> {
    if text == "none" {
        return Ok(HiddenSizes(vec![]));
    }
    let size =
        |part: &str| part.trim().parse().map_err(|_| format!("expected a number of units, found `{part}`"));
    text.split(',').map(size).collect::<Result<_, _>>().map(HiddenSizes)
}

/// A setting by the name that it has in a settings file.
fn named<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

impl SettingsArgs {
    /// Flags over the file over the defaults, checked.
    pub(super) fn config(&self) -> anyhow::Result<TrainConfig> {
        let mut config = match &self.config {
            Some(path) => read_config(path)?,
            None => TrainConfig::default(),
        };
        fn over<T: Clone>(setting: &mut T, flag: &Option<T>) {
            if let Some(value) = flag {
                *setting = value.clone();
            }
        }
        over(&mut config.epochs, &self.epochs);
        over(&mut config.batch_size, &self.batch_size);
        over(&mut config.learning_rate, &self.learning_rate);
        over(&mut config.dropout, &self.dropout);
        over(&mut config.hidden, &self.hidden.as_ref().map(|sizes| sizes.0.clone()));
        over(&mut config.activation, &self.activation);
        over(&mut config.optimizer, &self.optimizer);
        over(&mut config.momentum, &self.momentum);
        over(&mut config.seed, &self.seed);
        Ok(set(config, &self.set)?.check()?)
    }
}

fn read_config(path: &Path) -> anyhow::Result<TrainConfig> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the settings `{}`", path.display()))?;
    toml::from_str(&text).with_context(|| format!("`{}` does not hold settings", path.display()))
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
        let started = Instant::now();
        let outcome = fit(&config, cache.store(), &training, validation.as_ref(), classes.len(), console)?;
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
        console.note(format_args!("trained in {}; the run is in", clock(seconds)));
        writeln!(std::io::stdout(), "{}", run.dir().display())?;
        Ok(match outcome.ended {
            Ended::Completed if left_out > 0 => Status::Partial,
            Ended::Completed => Status::Done,
            Ended::Stopped => Status::Interrupted,
        })
    }
}

/// The manifests to train and to validate on.
struct Parts {
    training: Manifest,
    validation: Option<Manifest>,
}

impl Parts {
    /// A `split` column decides where there is one: to train on `test` rows would make every later figure worthless.
    fn of(
        manifest: Manifest,
        validation: &ValidationArgs,
        args: &ManifestArgs,
        console: &Console,
    ) -> anyhow::Result<Self> {
        let told = match &validation.validation_manifest {
            Some(path) => Some(args.read_other(path)?),
            None => None,
        };
        let splits = manifest.splits();
        if splits.is_empty() {
            return Ok(Self { training: manifest, validation: told });
        }
        anyhow::ensure!(
            splits.contains(&TRAIN),
            Error::NoSuchPart { wanted: TRAIN, found: splits.iter().map(|&name| name.to_owned()).collect() }
        );
        let training = manifest.split(TRAIN)?;
        let own =
            splits.iter().find(|name| VALIDATION.contains(name)).filter(|_| validation.validation.is_none());
        let validation = match (told, own) {
            (Some(told), _) => Some(told),
            (None, Some(name)) => Some(manifest.split(name)?),
            (None, None) => None,
        };
        let used = training.len() + validation.as_ref().map_or(0, Manifest::len);
        console.note(format_args!(
            "the manifest names parts: {} to train on, {} left out",
            count(training.len(), "image"),
            manifest.len().saturating_sub(used)
        ));
        Ok(Self { training, validation })
    }
}

const TRAIN: &str = "train";
const VALIDATION: [&str; 3] = ["validation", "val", "valid"];

/// Images with features and labels.
struct Part {
    ids: Vec<(Key, View)>,
    names: Vec<String>,
    labels: Vec<usize>,
    /// Images of the manifest that have no features.
    left_out: usize,
    manifest: (String, String),
}

impl Part {
    fn find(
        cache: Option<&mut FeatureCache>,
        manifest: &Manifest,
        classes: &Classes,
        console: &Console,
    ) -> anyhow::Result<Self> {
        let labels = manifest.labels(classes)?;
        let ready = Ready::find(cache, manifest, console)?;
        let paths: Vec<String> = manifest.sources().map(|path| path.display().to_string()).collect();
        Ok(Self {
            labels: ready.pick(&labels),
            names: ready.names(manifest),
            left_out: manifest.len() - ready.ids.len(),
            ids: ready.ids,
            manifest: (paths.join(", "), manifest.digest().to_hex().to_string()),
        })
    }

    fn rows<'a>(&self, store: &'a Store) -> anyhow::Result<CachedRows<'a>> {
        Ok(CachedRows::new(store.select(&self.ids)?, self.names.clone()))
    }

    fn at(&self, places: &[usize]) -> Self {
        Self {
            ids: places.iter().map(|&place| self.ids[place]).collect(),
            names: places.iter().map(|&place| self.names[place].clone()).collect(),
            labels: places.iter().map(|&place| self.labels[place]).collect(),
            left_out: 0,
            manifest: self.manifest.clone(),
        }
    }

    fn info(&self) -> ManifestInfo {
        let (path, digest) = self.manifest.clone();
        ManifestInfo { path, digest, images: self.labels.len() }
    }
}

/// A class whose images all failed would be one that the head never says.
fn every_class_is_there(labels: &[usize], classes: &Classes) -> anyhow::Result<()> {
    let lost: Vec<String> = (0..classes.len())
        .filter(|class| !labels.contains(class))
        .map(|class| format!("`{}`", classes.names()[class]))
        .collect();
    anyhow::ensure!(lost.is_empty(), Error::ClassesLost { classes: lost });
    Ok(())
}

/// Take the asked fraction out of the training images, unless there are others to validate on.
fn hold_out(
    training: Part,
    validation: Option<Part>,
    args: &ValidationArgs,
    seed: u64,
) -> anyhow::Result<(Part, Option<Part>)> {
    let Some(fraction) = args.validation else { return Ok((training, validation)) };
    let split = split::stratified(&training.labels, fraction, seed)?;
    Ok((training.at(&split.train), Some(training.at(&split.validation))))
}

fn fit(
    config: &TrainConfig,
    store: &Store,
    training: &Part,
    validation: Option<&Part>,
    classes: usize,
    console: &Console,
) -> anyhow::Result<Outcome> {
    let rows = training.rows(store)?;
    let looked_at =
        validation.map(|part| Ok::<_, anyhow::Error>((part.rows(store)?, &part.labels))).transpose()?;
    let validation = looked_at.as_ref().map(|(rows, labels)| (rows as &dyn Rows, labels.as_slice()));
    let mut progress = None;
    let outcome = train(config, &rows, &training.labels, classes, validation, &mut |event| {
        match event {
            Event::Step { epochs, steps, .. } => {
                progress.get_or_insert_with(|| Progress::new(console, "steps", epochs * steps)).advance(1);
            }
            Event::Epoch { record, epochs, .. } => {
                let validated = match (record.val_loss, record.val_accuracy) {
                    (Some(loss), Some(accuracy)) => {
                        format!("  val_loss {loss:.4}  val_accuracy {accuracy:.4}")
                    }
                    _ => String::new(),
                };
                let line = format!(
                    "epoch {:>3}/{epochs}  loss {:.4}  accuracy {:.4}{validated}",
                    record.epoch, record.loss, record.accuracy
                );
                progress.as_ref().expect("an epoch has steps").say(line);
            }
            _ => {}
        }
        if interrupt::asked() { Flow::Stop } else { Flow::Continue }
    })?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_sizes_are_numbers_or_none() {
        assert_eq!(hidden_sizes("none"), Ok(HiddenSizes(vec![])));
        assert_eq!(hidden_sizes("512, 128"), Ok(HiddenSizes(vec![512, 128])));
        assert!(hidden_sizes("256,").is_err());
        assert!(hidden_sizes("").is_err());
    }

    #[test]
    fn settings_go_by_their_names_in_a_file() {
        assert_eq!(named::<OptimizerKind>("sgd"), Ok(OptimizerKind::Sgd));
        assert!(named::<Activation>("softmax").unwrap_err().contains("relu"));
    }
}
