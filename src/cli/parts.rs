//! Which images a training sees: manifests, their parts, and what is held out.

use std::path::PathBuf;

use headstart::cache::{Key, Store, View};
use headstart::dataset::{Classes, Manifest, split};
use headstart::extract::FeatureCache;
use headstart::train::{CachedRows, ManifestInfo};

use super::args::ManifestArgs;
use super::console::{Console, count};
use super::features::Ready;
use super::hint::Error;

/// What to look at, without training on it, after each epoch.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Validation")]
pub struct ValidationArgs {
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

/// The manifests to train and to validate on.
pub struct Parts {
    pub training: Manifest,
    pub validation: Option<Manifest>,
}

impl Parts {
    /// A `split` column decides where there is one: to train on `test` rows would make every later figure worthless.
    pub fn of(
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
pub struct Part {
    ids: Vec<(Key, View)>,
    names: Vec<String>,
    pub labels: Vec<usize>,
    /// Images of the manifest that have no features.
    pub left_out: usize,
    manifest: (String, String),
}

impl Part {
    pub fn find(
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

    pub fn rows<'a>(&self, store: &'a Store) -> anyhow::Result<CachedRows<'a>> {
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

    pub fn info(&self) -> ManifestInfo {
        let (path, digest) = self.manifest.clone();
        ManifestInfo { path, digest, images: self.labels.len() }
    }
}

/// A class whose images all failed would be one that the head never says.
pub fn every_class_is_there(labels: &[usize], classes: &Classes) -> anyhow::Result<()> {
    let lost: Vec<String> = (0..classes.len())
        .filter(|class| !labels.contains(class))
        .map(|class| format!("`{}`", classes.names()[class]))
        .collect();
    anyhow::ensure!(lost.is_empty(), Error::ClassesLost { classes: lost });
    Ok(())
}

/// Take the asked fraction out of the training images, unless there are others to validate on.
pub fn hold_out(
    training: Part,
    validation: Option<Part>,
    args: &ValidationArgs,
    seed: u64,
) -> anyhow::Result<(Part, Option<Part>)> {
    let Some(fraction) = args.validation else { return Ok((training, validation)) };
    let split = split::stratified(&training.labels, fraction, seed)?;
    Ok((training.at(&split.train), Some(training.at(&split.validation))))
}
