//! Which images a training sees: what was asked for, and the manifests that were read for it.

use std::path::{Path, PathBuf};

use headstart_base::files::path_text;
use headstart_image::ViewKinds;

use super::error::{path_names, with_causes};
use super::manifests::{FoundBy, Located, Role, TrainedRun};
use super::split_column::Divided;
use super::{BaseRun, Error};
use crate::Control;
use crate::dataset::{Classes, Columns, Manifest, Whereabouts};
use crate::run::{CopiesRule, DataChoice};

/// Images to train on, as they are asked for. What is `None` is as the base run had it, or else the default.
#[derive(Debug, Clone, Default)]
pub struct DataRequest {
    /// Folders or CSVs; none: those of the base run.
    pub manifests: Vec<PathBuf>,
    /// What was read of them already; else they are read.
    pub manifest: Option<Manifest>,
    /// The column with the paths of the images.
    pub path_column: Option<String>,
    /// The column with the labels.
    pub label_column: Option<String>,
    /// The column with the parts of the data.
    pub split_column: Option<String>,
    /// Images of each class to train on, chosen by the seed; `Some(None)` for all, the default.
    pub shots: Option<Option<usize>>,
    /// Views that each step draws from, beside the plain one; none by default.
    pub views: Option<ViewKinds>,
    /// The fraction of each class that is held out; `Some(None)` for none, the default.
    pub validation: Option<Option<f64>>,
    /// Another manifest to validate on.
    pub validation_manifest: Option<PathBuf>,
}

impl From<&Manifest> for DataRequest {
    fn from(manifest: &Manifest) -> Self {
        let Columns { path, label, split } = manifest.columns().clone();
        Self {
            manifests: manifest.sources().map(Path::to_path_buf).collect(),
            manifest: Some(manifest.clone()),
            path_column: Some(path),
            label_column: Some(label),
            split_column: Some(split),
            ..Self::default()
        }
    }
}

impl From<&Path> for DataRequest {
    fn from(path: &Path) -> Self {
        Self { manifests: vec![path.into()], ..Self::default() }
    }
}

impl From<&str> for DataRequest {
    fn from(path: &str) -> Self {
        Path::new(path).into()
    }
}

impl DataRequest {
    /// The columns of the manifests, where nothing else says what they are called.
    pub fn columns(&self) -> Columns {
        self.columns_over(Columns::default())
    }

    fn columns_over(&self, base: Columns) -> Columns {
        Columns {
            path: self.path_column.clone().unwrap_or(base.path),
            label: self.label_column.clone().unwrap_or(base.label),
            split: self.split_column.clone().unwrap_or(base.split),
        }
    }

    /// What is asked for, over what the base run was trained on; `runs` is the folder that is to keep it.
    pub(super) fn over(&self, base: Option<&BaseRun>, runs: &Path) -> Result<DataChoice, Error> {
        let before = match base.map(|base| (&base.run, &base.training.data)) {
            None => DataChoice::default(),
            // A run of images that were in memory names no manifest.
            Some((run, Some(data))) if data.manifests.is_empty() && self.manifests.is_empty() => {
                return Err(Error::ImagesUnknown { run: run.dir().to_path_buf() });
            }
            Some((_, Some(data))) => data.clone(),
            Some((_, None)) if !self.manifests.is_empty() => {
                DataChoice { copies: CopiesRule::Apart, ..DataChoice::default() }
            }
            Some((run, None)) => return Err(Error::ImagesUnknown { run: run.dir().to_path_buf() }),
        };
        let columns = self.columns_over(before.columns());
        let as_text = |path: &PathBuf| path_text(path).into_owned();
        let (validation, validation_manifest, validation_place) =
            match (self.validation, &self.validation_manifest) {
                (None, None) => (before.validation, before.validation_manifest, before.validation_place),
                (fraction, manifest) => (
                    fraction.flatten(),
                    manifest.as_ref().map(as_text),
                    manifest.as_ref().and_then(|path| Whereabouts::of(&[path], runs)),
                ),
            };
        let (manifests, places) = match self.manifests.is_empty() {
            true => (before.manifests, before.places),
            false => (self.manifests.iter().map(as_text).collect(), Whereabouts::of(&self.manifests, runs)),
        };
        Ok(DataChoice {
            manifests,
            path_column: columns.path,
            label_column: columns.label,
            split_column: columns.split,
            validation,
            validation_manifest,
            shots: self.shots.unwrap_or(before.shots),
            views: self.views.clone().unwrap_or(before.views),
            // A training that is continued has to see the images that it saw.
            copies: match base {
                Some(base) if base.resume => before.copies,
                _ => CopiesRule::Together,
            },
            places,
            validation_place,
        })
    }

    /// The manifests of this choice: those that were asked for, and those of the base run, wherever they are now. A manifest of
    /// the run that has changed is told; one that may be another one is refused.
    pub(super) fn read(
        &self,
        choice: &DataChoice,
        base: Option<&BaseRun>,
        control: &mut Control<'_>,
    ) -> Result<TrainingData, Error> {
        let of = |is_asked_for: bool| base.filter(|_| !is_asked_for).map(BaseRun::trained_run);
        let manifests = match &self.manifest {
            Some(manifest) => Located::read(manifest.clone(), &self.manifests),
            None => {
                let of_run = of(!self.manifests.is_empty());
                Located::find(&self.manifests, &choice.manifests, choice, of_run.as_ref(), Role::Training)?
            }
        };
        let asked_for = self.validation_manifest.as_slice();
        let validation = match choice.validation_manifest.as_slice() {
            [] => None,
            named => {
                let of_run = of(!asked_for.is_empty());
                Some(Located::find(asked_for, named, choice, of_run.as_ref(), Role::Validation)?)
            }
        };
        // What was read before is told of already.
        let told = [Some(&manifests).filter(|_| self.manifest.is_none()), validation.as_ref()];
        for located in told.into_iter().flatten() {
            located.tell(control);
        }
        let data = TrainingData::of(choice, manifests, validation)?;
        if let Some(note) = &data.split_note {
            control.note(note);
        }
        Ok(data)
    }
}

/// The manifests to train and to validate on.
#[derive(Debug)]
pub(super) struct TrainingData {
    pub(super) training: Manifest,
    pub(super) validation: Option<Manifest>,
    /// Where they were read.
    pub(super) manifests: Vec<PathBuf>,
    pub(super) validation_manifest: Option<PathBuf>,
    pub(super) found_by: FoundBy,
    /// What a split column decides, if there is one.
    split_note: Option<String>,
}

impl TrainingData {
    /// A `split` column decides where there is one: to train on `test` rows would make every later figure worthless.
    fn of(choice: &DataChoice, manifests: Located, validation: Option<Located>) -> Result<Self, Error> {
        let Located { manifest, paths, found_by } = manifests;
        // Whoever names other images to validate on, or a fraction to hold out, does not want those of the column.
        let takes_own = validation.is_none() && choice.validation.is_none();
        let Divided { training, validation: own, note } = Divided::of(manifest, takes_own)?;
        let (validation, validation_manifest) = match validation {
            Some(other) => (Some(other.manifest), other.paths.into_iter().next()),
            None => (own, None),
        };
        Ok(Self { training, validation, manifests: paths, validation_manifest, found_by, split_note: note })
    }

    /// The classes to train for. A training that is continued keeps those of its run, in their order and spelling: names
    /// in another normal form sort otherwise.
    pub(super) fn classes(&self, base: Option<&BaseRun>) -> Result<Classes, Error> {
        let classes = self.training.classes()?;
        let of_run = base.filter(|base| base.resume).map(|base| &base.run.info.classes);
        match of_run.filter(|names| classes.are(names)) {
            Some(names) => Ok(Classes::new(names.iter().cloned())?),
            None => Ok(classes),
        }
    }

    /// Those that a run was trained on; a sentence that says why, if they are not to be found or have changed.
    pub(super) fn of_run(origin: TrainedRun<'_>) -> Result<Self, String> {
        let named = origin.training.data.as_ref().filter(|choice| !choice.manifests.is_empty());
        let choice = named.ok_or("the run does not say which they were")?;
        let in_words = |error: Error| with_causes(&error);
        let found = Located::find(&[], &choice.manifests, choice, Some(&origin), Role::Training);
        let manifests = found.map_err(in_words)?;
        if manifests.found_by == (FoundBy::Run { changed: true }) {
            return Err(format!("{} has changed since", path_names(&manifests.paths)));
        }
        // What was validated on is of no interest here.
        let choice = DataChoice { validation_manifest: None, ..choice.clone() };
        Self::of(&choice, manifests, None).map_err(in_words)
    }

    /// All manifests that were read.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.manifests.iter().chain(&self.validation_manifest).cloned().collect()
    }

    /// What has to have features: training images in these views, those that are only looked at as they are.
    pub(super) fn wanted(&self, views: &ViewKinds) -> Vec<(Vec<PathBuf>, ViewKinds)> {
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
