//! Which images a training sees: manifests, their parts, and what is held out.

mod divided;
mod images;
mod located;

use std::path::{Path, PathBuf};

use headstart::dataset::{Classes, Manifest, Whereabouts};
use headstart::files::path_text;
use headstart::image::ViewKinds;
use headstart::run::{CopiesRule, DataChoice};

use super::args::ManifestArgs;
use super::console::Console;
use super::error::Error;
use super::extract::Wanted;
use super::from::Earlier;
pub use divided::Divided;
pub use images::{Images, Part, every_class_is_there, too_few};
use located::{Located, Role};
pub use located::{Origin, Whence, folder_of, names};

/// Which images to train on, and which to look at after each epoch without training on them.
#[derive(Debug, clap::Args)]
pub struct DataArgs {
    #[command(flatten)]
    manifest: ManifestArgs,
    /// Train on only K images of each class, chosen by the seed; `all`, the default, for all
    #[arg(long, value_name = "K", help_heading = "Manifest", value_parser = shots)]
    shots: Option<Typed<usize>>,
    /// At each step, train on one view of each image, chosen by chance from the plain image and these: `flip`, `crop5`,
    /// `crop10`, as `extract --views` computes them; `none`, the default, for plain images alone
    #[arg(long, value_name = "VIEWS")]
    views: Option<ViewKinds>,
    /// Hold out this fraction of each class for validation (default: `none`, or the manifest's `validation` rows)
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
    /// What was typed, over what the earlier run was trained on; `runs` is the folder that is to keep it.
    pub fn over(&self, earlier: Option<&Earlier>, runs: &Path) -> anyhow::Result<DataChoice> {
        let base = match earlier.map(|earlier| (&earlier.run, &earlier.training.data)) {
            None => DataChoice::default(),
            Some((_, Some(data))) => data.clone(),
            Some((_, None)) if !self.manifest.paths().is_empty() => {
                DataChoice { copies: CopiesRule::Apart, ..DataChoice::default() }
            }
            Some((run, None)) => return Err(Error::ImagesUnknown { run: run.dir().to_path_buf() }.into()),
        };
        let columns = self.manifest.columns_over(base.columns());
        let as_text = |path: &PathBuf| path_text(path).into_owned();
        let (validation, validation_manifest, validation_place) =
            match (self.validation, &self.validation_manifest) {
                (None, None) => (base.validation, base.validation_manifest, base.validation_place),
                (typed, manifest) => (
                    typed.and_then(|typed| typed.0),
                    manifest.as_ref().map(as_text),
                    manifest.as_ref().and_then(|path| Whereabouts::of(&[path], runs)),
                ),
            };
        let typed = self.manifest.paths();
        let (manifests, places) = match typed.is_empty() {
            true => (base.manifests, base.places),
            false => (typed.iter().map(as_text).collect(), Whereabouts::of(typed, runs)),
        };
        Ok(DataChoice {
            manifests,
            path_column: columns.path,
            label_column: columns.label,
            split_column: columns.split,
            validation,
            validation_manifest,
            shots: self.shots.map_or(base.shots, |typed| typed.0),
            views: self.views.clone().unwrap_or(base.views),
            // A training that is gone on with has to see the images that it saw.
            copies: match earlier {
                Some(earlier) if earlier.resume => base.copies,
                _ => CopiesRule::Together,
            },
            places,
            validation_place,
        })
    }

    /// The manifests of this choice: those that were typed, and those of the earlier run, wherever they are now. A manifest of the
    /// run that has changed is told; one that may be another one is refused.
    pub fn read(
        &self,
        choice: &DataChoice,
        earlier: Option<&Earlier>,
        console: &Console,
    ) -> anyhow::Result<Parts> {
        let of = |is_typed: bool| earlier.filter(|_| !is_typed).map(Earlier::origin);
        let typed = self.manifest.paths();
        let manifests =
            Located::find(typed, &choice.manifests, choice, of(!typed.is_empty()).as_ref(), Role::Training)?;
        let typed = self.validation_manifest.as_slice();
        let named = choice.validation_manifest.as_slice();
        let validation = match named {
            [] => None,
            named => {
                let of_run = of(!typed.is_empty());
                Some(Located::find(typed, named, choice, of_run.as_ref(), Role::Validation)?)
            }
        };
        for located in [Some(&manifests), validation.as_ref()].into_iter().flatten() {
            located.tell(console);
        }
        let parts = Parts::of(choice, manifests, validation)?;
        if let Some(note) = &parts.split_note {
            console.note(note);
        }
        Ok(parts)
    }
}

/// The manifests to train and to validate on.
pub struct Parts {
    pub training: Manifest,
    pub validation: Option<Manifest>,
    /// Where they were read.
    pub manifests: Vec<PathBuf>,
    pub validation_manifest: Option<PathBuf>,
    pub whence: Whence,
    /// What a split column decides, if there is one.
    split_note: Option<String>,
}

impl Parts {
    /// A `split` column decides where there is one: to train on `test` rows would make every later figure worthless.
    fn of(choice: &DataChoice, manifests: Located, validation: Option<Located>) -> anyhow::Result<Self> {
        let Located { manifest, paths, whence } = manifests;
        // Whoever names other images to validate on, or a fraction to hold out, does not want those of the column.
        let takes_own = validation.is_none() && choice.validation.is_none();
        let Divided { training, validation: own, note } = Divided::of(manifest, takes_own)?;
        let (validation, validation_manifest) = match validation {
            Some(other) => (Some(other.manifest), other.paths.into_iter().next()),
            None => (own, None),
        };
        Ok(Self { training, validation, manifests: paths, validation_manifest, whence, split_note: note })
    }

    /// The classes to train for. A training that is gone on with keeps those of its run, in their order and spelling: names
    /// in another normal form sort otherwise.
    pub fn classes(&self, earlier: Option<&Earlier>) -> anyhow::Result<Classes> {
        let classes = self.training.classes()?;
        let of_run = earlier.filter(|earlier| earlier.resume).map(|earlier| &earlier.run.info.classes);
        match of_run.filter(|names| classes.are(names)) {
            Some(names) => Ok(Classes::new(names.iter().cloned())?),
            None => Ok(classes),
        }
    }

    /// Those that a run was trained on.
    ///
    /// # Errors
    /// If they are not to be found, or have changed.
    pub fn of_run(origin: Origin) -> anyhow::Result<Self> {
        let choice = origin.training.data.as_ref();
        let choice = choice.ok_or_else(|| anyhow::anyhow!("the run does not say which they were"))?;
        let of = Some(&origin);
        let manifests = Located::find(&[], &choice.manifests, choice, of, Role::Training)?;
        let is_changed = manifests.whence == (Whence::Run { changed: true });
        anyhow::ensure!(!is_changed, "{} has changed since", names(&manifests.paths));
        // What was validated on is of no interest here.
        let choice = DataChoice { validation_manifest: None, ..choice.clone() };
        Self::of(&choice, manifests, None)
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
