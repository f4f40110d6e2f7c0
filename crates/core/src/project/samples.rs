//! Images with features: what a head learns from, and what it is shown.

use std::path::PathBuf;

use headstart_base::files::path_text;
use headstart_cache::{self as cache, Key, Selection, Store, View};
use headstart_evaluate::{Copies, split};
use headstart_image::Views;

use super::Error;
use crate::dataset::{Classes, Manifest};
use crate::extract::PLAIN;
use crate::run::{CachedRows, CopiesRule, ManifestInfo};

/// An image of a manifest that has features.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Its row in the manifest, from 0.
    pub row: usize,
    /// What its features are kept under.
    pub key: Key,
    /// Its path as the manifest has it.
    pub path: String,
    /// Its class, if it has a label.
    pub label: Option<usize>,
}

/// The images of a manifest that have features, in order; or some of them.
#[derive(Debug, Clone)]
pub struct Samples {
    list: Vec<Sample>,
    left_out: usize,
    /// Where the manifest lies, and its digest.
    manifest: (String, String),
}

impl Samples {
    pub(super) fn new(list: Vec<Sample>, manifest: &Manifest) -> Self {
        let paths: Vec<String> = manifest.sources().map(|path| path_text(path).into_owned()).collect();
        let left_out = manifest.len() - list.len();
        Self { list, left_out, manifest: (paths.join(", "), manifest.digest().to_hex().to_string()) }
    }

    /// Each of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Sample> {
        self.list.iter()
    }

    /// The sample at a place.
    pub fn get(&self, place: usize) -> &Sample {
        &self.list[place]
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Images of the manifest that have no features.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// The class of each.
    pub fn labels(&self) -> Vec<Option<usize>> {
        self.iter().map(|sample| sample.label).collect()
    }

    /// The class of each of those that have a label.
    pub fn known_labels(&self) -> Vec<usize> {
        self.iter().filter_map(|sample| sample.label).collect()
    }

    /// What the features are kept under, in the plain view.
    pub fn ids(&self) -> Vec<(Key, View)> {
        self.iter().map(|sample| (sample.key, PLAIN)).collect()
    }

    /// The same in some views, the plain one first: first all images in one view, then all in the next.
    pub fn ids_in(&self, views: Views) -> Vec<(Key, View)> {
        in_views(&self.ids(), views)
    }

    /// Which images they are, each with its class; those without a label are not among them.
    pub fn keys(&self) -> Vec<(Key, usize)> {
        self.iter().filter_map(|sample| Some((sample.key, sample.label?))).collect()
    }

    /// Their files, as the manifest that they come from has them.
    pub fn files(&self, manifest: &Manifest) -> Vec<PathBuf> {
        self.iter().map(|sample| manifest.examples()[sample.row].file.clone()).collect()
    }

    /// Their features in these views, mapped, not copied: first all images in one view, then all in the next.
    ///
    /// # Errors
    /// If a row is not in the store.
    pub fn select<'a>(&self, store: &'a Store, views: Views) -> Result<Selection<'a>, Error> {
        Ok(store.select(&self.ids_in(views)).map_err(cache::Error::from)?)
    }

    /// The same as rows to train on.
    ///
    /// # Errors
    /// If a row is not in the store.
    pub fn rows<'a>(&self, store: &'a Store, views: Views) -> Result<CachedRows<'a>, Error> {
        let selection = self.select(store, views)?;
        let paths = self.iter().map(|sample| sample.path.clone()).collect();
        Ok(CachedRows::in_views(selection, paths, views.len()))
    }

    /// Those at these places. None of them counts as left out.
    pub fn at(&self, places: &[usize]) -> Self {
        let list = places.iter().map(|&place| self.list[place].clone()).collect();
        Self { list, left_out: 0, manifest: self.manifest.clone() }
    }

    /// As a run remembers those that have a label.
    pub fn info(&self) -> ManifestInfo {
        let (path, digest) = self.manifest.clone();
        let labelled = self.iter().filter_map(|sample| Some(((sample.key, PLAIN), sample.label?)));
        let (ids, labels): (Vec<_>, Vec<_>) = labelled.unzip();
        let rows = Some(ManifestInfo::digest_of_rows(&ids, &labels));
        ManifestInfo { path, digest, images: labels.len(), rows }
    }

    /// Take a fraction of each class out of them: what is left, and what was taken.
    ///
    /// # Errors
    /// If a class cannot be divided so.
    ///
    /// # Panics
    /// If one of them has no label.
    pub fn hold_out(&self, fraction: f64, rule: CopiesRule, seed: u64) -> Result<[Self; 2], Error> {
        let split = split::stratified_images(&self.all_labels(), &self.copies(rule), fraction, seed)?;
        Ok([self.at(&split.train), self.at(&split.validation)])
    }

    /// So many different images of each class.
    ///
    /// # Errors
    /// [`Error::TooFewImages`] if a class has fewer.
    ///
    /// # Panics
    /// If one of them has no label.
    pub fn shots(&self, shots: usize, rule: CopiesRule, classes: &Classes, seed: u64) -> Result<Self, Error> {
        let chosen = split::image_shots(&self.all_labels(), &self.copies(rule), shots, seed);
        Ok(self.at(&chosen.map_err(|error| too_few(error, classes))?))
    }

    /// Which are copies of others, as this rule sees it.
    fn copies(&self, rule: CopiesRule) -> Copies {
        match rule {
            CopiesRule::Together => Copies::of(&self.ids()),
            CopiesRule::Apart => Copies::none(self.len()),
        }
    }

    fn all_labels(&self) -> Vec<usize> {
        self.iter().map(|sample| sample.label.expect("samples to learn from have labels")).collect()
    }

    /// That every class has an image: a class whose images all failed would be one that the head never says.
    ///
    /// # Errors
    /// [`Error::ClassesLost`].
    pub fn require_every_class(&self, classes: &Classes) -> Result<(), Error> {
        let mut is_there = vec![false; classes.len()];
        self.iter().filter_map(|sample| sample.label).for_each(|label| is_there[label] = true);
        let lost = classes.names().iter().zip(is_there).filter(|(_, is_there)| !is_there);
        let lost: Vec<String> = lost.map(|(name, _)| name.clone()).collect();
        if lost.is_empty() { Ok(()) } else { Err(Error::ClassesLost { classes: lost }) }
    }
}

/// The features of these images in some views, the plain one first: first all images in one view, then all in the next.
pub(super) fn in_views(ids: &[(Key, View)], views: Views) -> Vec<(Key, View)> {
    let seen = |view: headstart_image::View| ids.iter().map(move |&(key, _)| (key, view.number()));
    views.iter().flat_map(seen).collect()
}

/// The class by its name, which whoever divides does not know.
pub fn too_few(error: split::Error, classes: &Classes) -> Error {
    match error {
        split::Error::Shots { shots, label, examples } if shots > 0 => {
            Error::TooFewImages { shots, class: classes.name(label).to_owned(), images: examples }
        }
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of two classes by turns; every image is there twice.
    fn samples(images: u32) -> Samples {
        let sample = |row: u32| Sample {
            row: row as usize,
            key: Key::of(&(row / 2 * 2).to_le_bytes()),
            path: format!("{row}.png"),
            label: Some((row / 2 % 2) as usize),
        };
        let manifest = ("photos".to_owned(), "0".to_owned());
        Samples { list: (0..images).map(sample).collect(), left_out: 3, manifest }
    }

    fn classes() -> Classes {
        Classes::new(["cat", "dog"]).unwrap()
    }

    #[test]
    fn copies_are_held_out_together() {
        let all = samples(40);
        let [training, held_out] = all.hold_out(0.2, CopiesRule::Together, 7).unwrap();
        assert_eq!((training.len(), held_out.len(), held_out.left_out()), (32, 8, 0));
        assert!(held_out.iter().all(|out| training.iter().all(|sample| sample.key != out.key)));
    }

    #[test]
    fn shots_are_different_images_of_each_class() {
        let few = samples(40).shots(3, CopiesRule::Together, &classes(), 7).unwrap();
        let mut keys: Vec<Key> = few.iter().map(|sample| sample.key).collect();
        keys.sort();
        keys.dedup();
        assert_eq!((few.len(), keys.len()), (6, 6));
        let error = samples(40).shots(11, CopiesRule::Together, &classes(), 7).unwrap_err();
        let Error::TooFewImages { shots, class, images } = error else { panic!("{error}") };
        assert_eq!((shots, class.as_str(), images), (11, "cat", 10));
    }

    #[test]
    fn a_class_without_an_image_is_named() {
        let all = samples(8);
        all.require_every_class(&classes()).unwrap();
        let error = all.at(&[0, 1]).require_every_class(&classes()).unwrap_err();
        assert!(error.to_string().ends_with("features: `dog`"), "{error}");
    }

    #[test]
    fn what_has_no_label_is_not_among_the_keys() {
        let mut all = samples(4);
        all.list[1].label = None;
        assert_eq!((all.keys().len(), all.info().images, all.labels()[1]), (3, 3, None));
        assert_eq!(all.ids_in(Views::PLAIN), all.ids());
    }
}
