//! Which images a training sees: manifests, their parts, and what is held out.

use std::path::{Path, PathBuf};

use headstart::cache::{Key, Store, View};
use headstart::dataset::{self, Classes, Copies, Manifest, Part as SplitPart, Whereabouts, split};
use headstart::extract::FeatureCache;
use headstart::files::{path_of_text, path_text};
use headstart::preprocess::{ViewKinds, Views};
use headstart::train::{CachedRows, CopiesRule, DataChoice, ManifestInfo, Run, Training};

use super::args::{ManifestArgs, tell_manifest};
use super::console::{Console, count};
use super::error::Error;
use super::extract::Wanted;
use super::features::{Lookup, in_views};
use super::found::{self, Found};
use super::from::Earlier;
use super::leaks::Looked;

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

/// A run whose manifests are to be found again.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    pub run: &'a Run,
    pub training: &'a Training,
}

/// Where one of a run's sets of manifests was, and the digest of what was used of it.
type Kept<'a> = (Option<&'a Whereabouts>, Option<&'a str>);

/// Which of a run's manifests.
#[derive(Clone, Copy)]
enum Role {
    Training,
    Validation,
}

impl<'a> Origin<'a> {
    fn kept(self, role: Role) -> Kept<'a> {
        let data = self.training.data.as_ref();
        match role {
            Role::Training => {
                (data.and_then(|data| data.places.as_ref()), Some(&self.training.images.digest))
            }
            Role::Validation => (
                data.and_then(|data| data.validation_place.as_ref()),
                self.training.validation.as_ref().map(|part| part.digest.as_str()),
            ),
        }
    }

    /// The folder of the runs: what its paths are found from.
    pub fn folder(&self) -> PathBuf {
        folder_of(self.run)
    }
}

/// The folder that a run lies in.
pub fn folder_of(run: &Run) -> PathBuf {
    let dir = std::fs::canonicalize(run.dir()).unwrap_or_else(|_| run.dir().to_path_buf());
    dir.parent().map(Path::to_path_buf).unwrap_or(dir)
}

/// Manifests, read as one.
pub struct Located {
    manifest: Manifest,
    pub paths: Vec<PathBuf>,
    whence: Whence,
}

/// How it is known which manifests are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whence {
    Typed,
    /// They lie where they lay when a run was trained on them.
    Run {
        changed: bool,
    },
    /// They have the same relative name and the same rows as those of a run.
    Name,
}

impl Located {
    /// The manifests that were typed; else the `named` ones of a run.
    fn find(
        typed: &[PathBuf],
        named: &[String],
        choice: &DataChoice,
        of_run: Option<&Origin>,
        role: Role,
    ) -> anyhow::Result<Self> {
        let columns = choice.columns();
        let read = |paths: &[PathBuf]| Ok(Manifest::read_all(paths, &columns)?);
        let as_named = || match typed {
            [] => named.iter().map(|path| path_of_text(path)).collect(),
            typed => typed.to_vec(),
        };
        let at = |paths: Vec<PathBuf>, whence| Ok(Self { manifest: read(&paths)?, paths, whence });
        let Some(origin) = of_run else { return at(as_named(), Whence::Typed) };
        let (places, digest) = origin.kept(role);
        // Read by other columns, it cannot be compared.
        let is_comparable = origin.training.data.as_ref().is_none_or(|data| data.columns() == columns);
        let is_same = |manifest: &Manifest| {
            let digests =
                [Some(manifest.digest()), manifest.part(SplitPart::Train).map(|part| part.digest())];
            !is_comparable || digests.into_iter().flatten().any(|found| Some(&*found.to_hex()) == digest)
        };
        let candidates = Whereabouts::candidates(places, named, &origin.folder());
        match found::find(candidates, read, is_same)? {
            // The error names what was typed.
            None => at(as_named(), Whence::Typed),
            Some(Found { read: manifest, paths, is_same, is_known: true }) => {
                Ok(Self { manifest, paths, whence: Whence::Run { changed: !is_same } })
            }
            Some(Found { read: manifest, paths, is_same: true, .. }) => {
                Ok(Self { manifest, paths, whence: Whence::Name })
            }
            Some(Found { paths, .. }) => Err(Error::other_images(origin.run, &paths).into()),
        }
    }

    fn tell(&self, console: &Console) {
        tell_manifest(&self.manifest, console);
        if self.whence == (Whence::Run { changed: true }) {
            console.warn(format_args!("{} has changed since the run was trained on it", names(&self.paths)));
        }
    }
}

/// `a.csv`, `b.csv`
pub fn names(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(", ")
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

/// A manifest, divided by its split column.
pub struct Divided {
    /// The rows to train on: all without a split column.
    pub training: Manifest,
    /// The rows to validate on, if they are wanted and there are such.
    pub validation: Option<Manifest>,
    /// How the rows are used, and what is left out; none without a split column.
    pub note: Option<String>,
}

impl Divided {
    /// Take the rows to train on, and on request those to validate on.
    pub fn of(manifest: Manifest, takes_validation: bool) -> anyhow::Result<Self> {
        if manifest.splits().is_empty() {
            return Ok(Self { training: manifest, validation: None, note: None });
        }
        manifest.require_known_splits()?;
        let Some(training) = manifest.part(SplitPart::Train) else {
            let found = manifest.splits().iter().map(|&name| format!("`{name}`")).collect();
            return Err(Error::NothingToTrainOn { found }.into());
        };
        let validation = takes_validation.then(|| manifest.part(SplitPart::Validation)).flatten();
        let note = Some(Self::note(&manifest, &training, validation.as_ref()));
        Ok(Self { training, validation, note })
    }

    fn note(manifest: &Manifest, training: &Manifest, validation: Option<&Manifest>) -> String {
        let mut words = vec![format!("training on {}", count(training.len(), "image"))];
        words.extend(validation.map(|part| format!("validating on {}", part.len())));
        let mut left_out = |n: usize, of: &str| {
            if n > 0 {
                words.push(format!("leaving out {n} {of}"));
            }
        };
        let of_part = |part| manifest.examples().iter().filter(|example| example.part() == part).count();
        if validation.is_none() {
            left_out(of_part(Some(SplitPart::Validation)), "of `validation`");
        }
        left_out(of_part(Some(SplitPart::Test)), "of `test`");
        left_out(of_part(None), "without a split");
        format!("split column: {}", words.join(", "))
    }
}

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
        lookup: &Lookup,
        cache: Option<&mut FeatureCache>,
        manifest: &Manifest,
        views: &ViewKinds,
        classes: &Classes,
    ) -> anyhow::Result<Self> {
        let labels = manifest.labels(classes)?;
        let ready = lookup.find(cache, manifest, views)?;
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

    /// What is said of copies among them.
    pub fn tell_copies(&self, used: super::leaks::Use, classes: &Classes, console: &Console) -> bool {
        let labels: Vec<Option<usize>> = self.labels.iter().copied().map(Some).collect();
        Looked { ids: &self.ids, names: &self.names, labels: &labels, classes }.tell(used, console)
    }

    /// Which images they are, each with its class.
    pub fn keys(&self) -> Vec<(Key, usize)> {
        self.ids.iter().zip(&self.labels).map(|(&(key, _), &label)| (key, label)).collect()
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

    /// Of those at these places, what tells them from others.
    fn digest_at(&self, places: &[usize]) -> String {
        let ids: Vec<(Key, View)> = places.iter().map(|&place| self.ids[place]).collect();
        let labels: Vec<usize> = places.iter().map(|&place| self.labels[place]).collect();
        ManifestInfo::digest_of_rows(&ids, &labels)
    }

    /// Whether an earlier run, asked for its images again, would be trained on the images that it was trained on.
    pub fn has_images_of(&self, training: &Training, classes: &Classes) -> bool {
        let (Some(choice), Some(rows)) = (&training.data, &training.images.rows) else { return true };
        let chosen = Chosen::of(self, choice, classes, training.settings.seed);
        chosen.is_ok_and(|chosen| self.digest_at(&chosen.training) == *rows)
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

/// Which of a part's images are trained on, and which are held out if some are.
struct Chosen {
    training: Vec<usize>,
    held_out: Option<Vec<usize>>,
}

impl Chosen {
    /// The asked fraction is held out, and of what is left the asked shots are taken.
    fn of(part: &Part, choice: &DataChoice, classes: &Classes, seed: u64) -> anyhow::Result<Self> {
        let copies = |ids: &[(Key, View)]| match choice.copies {
            CopiesRule::Together => Copies::of(ids),
            CopiesRule::Apart => Copies::none(ids.len()),
        };
        let (mut training, held_out) = match choice.validation {
            Some(fraction) => {
                let split = split::stratified_images(&part.labels, &copies(&part.ids), fraction, seed)?;
                (split.train, Some(split.validation))
            }
            None => ((0..part.labels.len()).collect::<Vec<_>>(), None),
        };
        if let Some(shots) = choice.shots {
            let ids: Vec<(Key, View)> = training.iter().map(|&place| part.ids[place]).collect();
            let labels: Vec<usize> = training.iter().map(|&place| part.labels[place]).collect();
            let chosen = split::image_shots(&labels, &copies(&ids), shots, seed);
            let chosen = chosen.map_err(|error| too_few(error, classes))?;
            training = chosen.into_iter().map(|place| training[place]).collect();
        }
        Ok(Self { training, held_out })
    }
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
        if choice.validation.is_none() && choice.shots.is_none() {
            return Ok(Self { training, validation });
        }
        let chosen = Chosen::of(&training, choice, classes, seed)?;
        let held_out = chosen.held_out.map(|places| training.at(&places));
        Ok(Self { training: training.at(&chosen.training), validation: held_out.or(validation) })
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
