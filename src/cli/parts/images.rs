//! Images with features and labels: those to learn from, and those that are held out.

use headstart::cache::{Key, Store, View};
use headstart::dataset::{Classes, Copies, Manifest, split};
use headstart::extract::FeatureCache;
use headstart::files::path_text;
use headstart::image::{ViewKinds, Views};
use headstart::run::{CachedRows, CopiesRule, DataChoice, ManifestInfo, Training};

use crate::cli::console::Console;
use crate::cli::error::Error;
use crate::cli::features::{Lookup, in_views};
use crate::cli::leaks::{self, Looked};

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
    pub fn tell_copies(&self, used: leaks::Use, classes: &Classes, console: &Console) -> bool {
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
pub fn too_few(error: split::Error, classes: &Classes) -> anyhow::Error {
    match error {
        split::Error::Shots { shots, label, examples } if shots > 0 => {
            Error::TooFewImages { shots, class: classes.name(label).to_owned(), images: examples }.into()
        }
        error => error.into(),
    }
}
