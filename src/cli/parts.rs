//! Which images a training sees: manifests, their parts, and what is held out.

use std::path::PathBuf;

use headstart::cache::{Key, Store, View};
use headstart::dataset::{self, Classes, Manifest, split};
use headstart::extract::FeatureCache;
use headstart::files::{path_of_text, path_text};
use headstart::preprocess::{ViewKinds, Views};
use headstart::train::{CachedRows, DataChoice, ManifestInfo};

use super::args::{ManifestArgs, read_manifests};
use super::console::{Console, count};
use super::error::Error;
use super::extract::Wanted;
use super::features::{Ready, in_views};
use super::from::Earlier;
use super::source::Source;

/// Which images to train on, and which to look at after each epoch without training on them.
#[derive(Debug, clap::Args)]
pub struct DataArgs {
    #[command(flatten)]
    manifest: ManifestArgs,
    /// Train on so many images of each class only, drawn by the seed; `all` for all, which is the default
    #[arg(long, value_name = "K", help_heading = "Manifest", value_parser = shots)]
    shots: Option<Typed<usize>>,
    /// Let each step see each of its images in one view, drawn from the plain one and these: `flip`, `crop5`, `crop10`, as
    /// `extract --views` computes them; `none` for plain images alone, which is the default
    #[arg(long, value_name = "VIEWS")]
    views: Option<ViewKinds>,
    /// Hold out this fraction of each class (default: `none`, or the manifest's `validation` rows)
    #[arg(
        long,
        value_name = "FRACTION",
        help_heading = "Validation",
        allow_negative_numbers = true,
        conflicts_with = "validation_manifest",
        value_parser = fraction
    )]
    validation: Option<Typed<f64>>,
    /// Validate on the images of another manifest
    #[arg(long, value_name = "MANIFEST", help_heading = "Validation")]
    validation_manifest: Option<PathBuf>,
}

/// A value, or the word for none: what a run had can be undone.
#[derive(Debug, Clone, Copy)]
struct Typed<T>(Option<T>);

fn fraction(text: &str) -> Result<Typed<f64>, String> {
    let number = || text.parse().map_err(|_| "expected a fraction such as 0.2, or `none`".to_owned());
    if text == "none" { Ok(Typed(None)) } else { Ok(Typed(Some(number()?))) }
}

fn shots(text: &str) -> Result<Typed<usize>, String> {
    let number = || text.parse().map_err(|_| "expected a number of images, or `all`".to_owned());
    if text == "all" { Ok(Typed(None)) } else { Ok(Typed(Some(number()?))) }
}

impl DataArgs {
    /// What was typed, over what this run was trained on.
    pub fn over(&self, earlier: Option<&Earlier>) -> anyhow::Result<DataChoice> {
        let base = match earlier.map(|earlier| (&earlier.run, &earlier.training.data)) {
            None => DataChoice::default(),
            Some((_, Some(data))) => data.clone(),
            Some((_, None)) if !self.manifest.paths().is_empty() => DataChoice::default(),
            Some((run, None)) => return Err(Error::ImagesUnknown { run: run.name() }.into()),
        };
        let columns = self.manifest.columns_over(base.columns());
        let (validation, validation_manifest) = match (self.validation, &self.validation_manifest) {
            (None, None) => (base.validation, base.validation_manifest),
            (typed, manifest) => {
                (typed.and_then(|typed| typed.0), manifest.as_ref().map(|path| path_text(path).into_owned()))
            }
        };
        let typed: Vec<String> =
            self.manifest.paths().iter().map(|path| path_text(path).into_owned()).collect();
        Ok(DataChoice {
            manifests: if typed.is_empty() { base.manifests } else { typed },
            path_column: columns.path,
            label_column: columns.label,
            split_column: columns.split,
            validation,
            validation_manifest,
            shots: self.shots.map_or(base.shots, |typed| typed.0),
            views: self.views.clone().unwrap_or(base.views),
        })
    }
}

/// The manifests to train and to validate on.
pub struct Parts {
    pub training: Manifest,
    pub validation: Option<Manifest>,
}

impl Parts {
    /// A `split` column decides where there is one: to train on `test` rows would make every later figure worthless.
    pub fn of(choice: &DataChoice, console: &Console) -> anyhow::Result<Self> {
        let columns = choice.columns();
        let paths: Vec<PathBuf> = choice.manifests.iter().map(|path| path_of_text(path)).collect();
        let manifest = read_manifests(&paths, &columns, console)?;
        let told = choice.validation_manifest.as_deref();
        let told = told.map(|path| Manifest::read(&path_of_text(path), &columns)).transpose()?;
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
            splits.iter().find(|name| VALIDATION.contains(name)).filter(|_| choice.validation.is_none());
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

    /// What has to have features: training images in these views, those that are only looked at as they are.
    pub fn wanted(&self, views: &ViewKinds) -> Vec<Wanted> {
        let (mut training, validation) =
            (self.training.files(), self.validation.iter().flat_map(Manifest::files));
        if views.is_empty() {
            training.extend(validation);
            return vec![(training, views.clone())];
        }
        let validation = (validation.collect::<Vec<_>>(), ViewKinds::default());
        [(training, views.clone()), validation].into_iter().filter(|(files, _)| !files.is_empty()).collect()
    }
}

const TRAIN: &str = "train";
const VALIDATION: [&str; 3] = ["validation", "val", "valid"];

/// Images with features and labels.
pub struct Part {
    /// Of each, in the manifest.
    places: Vec<usize>,
    ids: Vec<(Key, View)>,
    names: Vec<String>,
    pub labels: Vec<usize>,
    /// Images of the manifest that have no features.
    pub left_out: usize,
    manifest: (String, String),
}

impl Part {
    pub fn find(
        source: &Source,
        cache: Option<&mut FeatureCache>,
        manifest: &Manifest,
        views: &ViewKinds,
        classes: &Classes,
        console: &Console,
    ) -> anyhow::Result<Self> {
        let labels = manifest.labels(classes)?;
        let ready = Ready::find(source, cache, manifest, views, console)?;
        let paths: Vec<String> = manifest.sources().map(|path| path_text(path).into_owned()).collect();
        Ok(Self {
            labels: ready.pick(&labels),
            names: ready.names(manifest),
            left_out: manifest.len() - ready.ids.len(),
            places: ready.places,
            ids: ready.ids,
            manifest: (paths.join(", "), manifest.digest().to_hex().to_string()),
        })
    }

    /// What the features are kept under, in the plain view.
    pub fn ids(&self) -> &[(Key, View)] {
        &self.ids
    }

    /// Which rows of the manifest they are.
    pub fn places(&self) -> &[usize] {
        &self.places
    }

    /// The features in these views, mapped, not copied.
    pub fn rows<'a>(&self, store: &'a Store, views: Views) -> anyhow::Result<CachedRows<'a>> {
        let selection = store.select(&in_views(&self.ids, views))?;
        Ok(CachedRows::in_views(selection, self.names.clone(), views.len()))
    }

    fn at(&self, places: &[usize]) -> Self {
        Self {
            places: places.iter().map(|&place| self.places[place]).collect(),
            ids: places.iter().map(|&place| self.ids[place]).collect(),
            names: places.iter().map(|&place| self.names[place].clone()).collect(),
            labels: places.iter().map(|&place| self.labels[place]).collect(),
            left_out: 0,
            manifest: self.manifest.clone(),
        }
    }

    pub fn info(&self) -> ManifestInfo {
        let (path, digest) = self.manifest.clone();
        let rows = ManifestInfo::digest_of_rows(&self.ids, &self.labels);
        ManifestInfo { path, digest, images: self.labels.len(), rows: Some(rows) }
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

/// The images to learn from and those to look at.
pub struct Images {
    pub training: Part,
    pub validation: Option<Part>,
}

impl Images {
    /// Take the asked fraction out of the training images, unless there are others to validate on; then of what is left
    /// the asked shots.
    pub fn choose(
        training: Part,
        validation: Option<Part>,
        choice: &DataChoice,
        classes: &Classes,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let (mut training, validation) = match choice.validation {
            Some(fraction) => {
                let split = split::stratified(&training.labels, fraction, seed)?;
                (training.at(&split.train), Some(training.at(&split.validation)))
            }
            None => (training, validation),
        };
        if let Some(shots) = choice.shots {
            let chosen = split::shots(&training.labels, shots, seed);
            training = training.at(&chosen.map_err(|error| too_few(error, classes))?);
        }
        Ok(Self { training, validation })
    }
}

/// The class by its name, which the library does not know.
pub fn too_few(error: dataset::Error, classes: &Classes) -> anyhow::Error {
    match error {
        dataset::Error::Shots { shots, label, examples } if shots > 0 => {
            Error::TooFewImages { shots, class: classes.name(label).to_owned(), images: examples }.into()
        }
        error => error.into(),
    }
}
