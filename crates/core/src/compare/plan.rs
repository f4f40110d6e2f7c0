//! What is to be fitted, and how a fit is measured; every fit may be in a process of its own.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use headstart_base::files::{as_path_text, of_path_text};
use headstart_baselines::{Choice, HeadMethod, Look, Score, evaluate, evaluate_in_views};
use headstart_cache::{self as cache, Key, Store, View};
use headstart_evaluate::Copies;
use headstart_evaluate::split::{self, Split};
use headstart_nn::train::TrainConfig;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::project::Error;
use crate::run::CachedRows;

/// A method in the comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contender {
    /// As the table calls it.
    pub name: String,
    /// What it is.
    pub choice: Choice,
    /// What it makes of further views.
    pub views: Use,
}

/// What a method makes of the further views of the images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    /// Nothing: it learns from plain images, and is measured on plain images.
    None,
    /// Each step of its training draws one; it is measured on plain images.
    Drawn,
    /// The same, and measured on the mean over all views.
    Averaged,
}

/// What is held out, once or in turn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Division {
    /// So many parts, each held out once.
    Folds(usize),
    /// This fraction of each class, once: the images that `train --validation` holds out with the same seed.
    Fraction(f64),
}

impl Division {
    /// Fits of each contender.
    pub fn rounds(self) -> usize {
        match self {
            Self::Folds(folds) => folds,
            Self::Fraction(_) => 1,
        }
    }
}

/// The data, how it is divided, and the contenders. Features are not among it: each fit maps them from the cache.
#[derive(Debug, Serialize, Deserialize)]
pub struct Plan {
    /// Folder of the store with the features.
    #[serde(serialize_with = "as_path_text", deserialize_with = "of_path_text")]
    pub store: PathBuf,
    /// The plain features of the image of each label.
    pub ids: Vec<(Key, View)>,
    /// The same in all views, if any contender has use for them: first all images in one, then all in the next.
    pub in_views: Vec<(Key, View)>,
    /// The class of each image.
    pub labels: Vec<usize>,
    /// How many classes there are.
    pub classes: usize,
    /// What is held out.
    pub division: Division,
    /// Images of each class to learn from in each round, if not all.
    pub shots: Option<usize>,
    /// Of the division and the shots; contenders have one of their own.
    pub seed: u64,
    /// The rounds that methods can learn in, from 0: all, unless [`unusable`](Self::unusable) tells some.
    pub rounds: Vec<usize>,
    /// The methods.
    pub contenders: Vec<Contender>,
}

/// A round that no method can learn in, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unusable {
    /// From 1.
    pub fold: usize,
    /// The only class whose images are left to learn from; `None` if none are.
    pub only: Option<usize>,
}

impl Plan {
    /// How many fits there are.
    pub fn fits(&self) -> usize {
        self.contenders.len() * self.rounds.len()
    }

    /// The rounds in which fewer than two classes are left to learn from.
    ///
    /// # Errors
    /// As [`splits`](Self::splits).
    pub fn unusable(&self) -> Result<Vec<Unusable>, split::Error> {
        let splits = self.splits()?;
        let unusable = |(round, split): (usize, &Split)| {
            let first = split.train.first().map(|&image| self.labels[image]);
            let is_single = split.train.iter().all(|&image| Some(self.labels[image]) == first);
            is_single.then_some(Unusable { fold: round + 1, only: first })
        };
        Ok(splits.iter().enumerate().filter_map(unusable).collect())
    }

    /// Contender and fold of a fit. All contenders come to the first fold before any comes to the second, so that a
    /// comparison that is broken off still compares.
    pub fn fit(&self, fit: usize) -> (usize, usize) {
        (fit % self.contenders.len(), self.rounds[fit / self.contenders.len()])
    }

    /// What each round trains on and holds out.
    ///
    /// # Errors
    /// If the labels cannot be divided so, or a class has too few images left to learn from.
    pub fn splits(&self) -> Result<Vec<Split>, split::Error> {
        let copies = self.copies();
        let mut splits = match self.division {
            Division::Folds(folds) => split::image_folds(&self.labels, &copies, folds, self.seed)?,
            Division::Fraction(fraction) => {
                vec![split::stratified_images(&self.labels, &copies, fraction, self.seed)?]
            }
        };
        let Some(shots) = self.shots else { return Ok(splits) };
        for split in &mut splits {
            let labels: Vec<usize> = split.train.iter().map(|&image| self.labels[image]).collect();
            let ids: Vec<(Key, View)> = split.train.iter().map(|&image| self.ids[image]).collect();
            let chosen = split::image_shots(&labels, &Copies::of(&ids), shots, self.seed)?;
            split.train = chosen.into_iter().map(|place| split.train[place]).collect();
        }
        Ok(splits)
    }

    /// Which images are copies of others: they are held out together.
    pub fn copies(&self) -> Copies {
        Copies::of(&self.ids)
    }

    /// Fit a contender to what a fold leaves, and measure it on what the fold holds out.
    ///
    /// # Errors
    /// If features are missing or damaged, or the method gives up.
    ///
    /// # Panics
    /// If there is no such contender or fold.
    pub fn score(&self, contender: usize, fold: usize) -> Result<Score, Error> {
        let contender = &self.contenders[contender];
        let splits = self.splits()?;
        let (store, split) = (Store::open_dir(&self.store)?, &splits[fold]);
        match (&contender.choice, contender.views) {
            (Choice::Head(config), Use::Drawn) => self.score_in_views(&store, config, split, Look::Plain),
            (Choice::Head(config), Use::Averaged) => {
                self.score_in_views(&store, config, split, Look::Averaged)
            }
            (choice, _) => {
                let selection = store.select(&self.ids).map_err(cache::Error::from)?;
                let mut features = Array2::zeros((0, 0));
                selection.gather(&(0..selection.len()).collect::<Vec<_>>(), &mut features)?;
                let (method, labels) = (choice.method(), &self.labels);
                Ok(evaluate(method.as_ref(), &features, labels, self.classes, split)?)
            }
        }
    }

    /// Rows come from the cache as they are asked for: in all their views they may be more than memory holds.
    fn score_in_views(
        &self,
        store: &Store,
        config: &TrainConfig,
        split: &Split,
        look: Look,
    ) -> Result<Score, Error> {
        let names = (1..=self.labels.len()).map(|image| format!("image {image}")).collect();
        let views = self.in_views.len() / self.labels.len();
        let selection = store.select(&self.in_views).map_err(cache::Error::from)?;
        let rows = CachedRows::in_views(selection, names, views);
        let method = HeadMethod(config.clone());
        Ok(evaluate_in_views(&method, &rows, &self.labels, self.classes, split, look)?)
    }

    /// Write it to a temporary file, which a process of its own [reads](Self::read).
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self) -> io::Result<tempfile::NamedTempFile> {
        let mut file = tempfile::NamedTempFile::new()?;
        serde_json::to_writer(&mut file, self)?;
        file.flush()?;
        Ok(file)
    }

    /// Read it.
    ///
    /// # Errors
    /// What the system says; if it is no plan.
    pub fn read(path: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&std::fs::read(path)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(division: Division) -> Plan {
        let choice = Choice::named("knn", 0).unwrap();
        let contenders = ["a", "b", "c"].map(|name| Contender {
            name: name.into(),
            choice: choice.clone(),
            views: Use::None,
        });
        Plan {
            store: PathBuf::new(),
            ids: (0..40).map(|row: u32| (Key::of(&row.to_le_bytes()), 0)).collect(),
            in_views: vec![],
            labels: (0..40).map(|row| row % 4).collect(),
            classes: 4,
            division,
            rounds: (0..division.rounds()).collect(),
            shots: None,
            seed: 5,
            contenders: contenders.into(),
        }
    }

    #[test]
    fn each_contender_has_a_fit_for_each_fold_or_one_for_a_fraction() {
        let folds = plan(Division::Folds(5));
        assert_eq!((folds.fits(), folds.splits().unwrap().len()), (15, 5));
        assert_eq!([0, 2, 3, 14].map(|fit| folds.fit(fit)), [(0, 0), (2, 0), (0, 1), (2, 4)]);

        let fraction = plan(Division::Fraction(0.25));
        assert_eq!(fraction.fits(), 3);
        let [split] = &fraction.splits().unwrap()[..] else { panic!("one split") };
        assert_eq!(*split, split::stratified(&fraction.labels, 0.25, 5).unwrap());
        assert!(plan(Division::Fraction(1.0)).splits().is_err());
        assert!(plan(Division::Folds(41)).splits().is_err());
    }

    #[test]
    fn a_fold_that_leaves_one_class_is_not_fitted() {
        let labels: Vec<usize> = (0..40).map(|row| usize::from(row == 17)).collect();
        let lone = Plan { labels, classes: 2, ..plan(Division::Folds(5)) };
        let [unusable] = &lone.unusable().unwrap()[..] else { panic!("one fold holds the lone image out") };
        assert_eq!(unusable.only, Some(0));
        assert!(lone.splits().unwrap()[unusable.fold - 1].validation.contains(&17));
        let rounds: Vec<usize> = (0..5).filter(|round| round + 1 != unusable.fold).collect();
        let lone = Plan { rounds, ..lone };
        assert_eq!(lone.fits(), 12);
        assert!((0..12).all(|fit| lone.fit(fit).1 + 1 != unusable.fold));
        assert_eq!(plan(Division::Folds(5)).unusable().unwrap(), []);
    }

    #[test]
    fn copies_are_held_out_together() {
        // Each image twice, under the same label.
        let ids = (0..40).map(|row: u32| (Key::of(&(row % 20).to_le_bytes()), 0)).collect();
        let folds = Plan { ids, ..plan(Division::Folds(5)) };
        assert_eq!(folds.copies().repeated(), 20);
        for split in folds.splits().unwrap() {
            assert_eq!(split.validation.len(), 8);
            assert!(split.validation.iter().all(|image| split.validation.contains(&((image + 20) % 40))));
        }
    }

    #[test]
    fn a_fit_reads_the_plan_that_was_written() {
        let written = plan(Division::Fraction(0.1 + 0.2));
        let read = Plan::read(written.write().unwrap().path()).unwrap();
        assert_eq!((read.division, read.contenders), (written.division, written.contenders));
    }

    #[test]
    fn shots_are_of_what_is_not_held_out() {
        for division in [Division::Folds(5), Division::Fraction(0.25)] {
            let whole = plan(division).splits().unwrap();
            let few = Plan { shots: Some(3), ..plan(division) }.splits().unwrap();
            for (whole, few) in whole.iter().zip(&few) {
                assert_eq!(few.validation, whole.validation);
                assert!(few.train.iter().all(|image| whole.train.contains(image)));
                assert_eq!(
                    (0..4).map(|class| few.train.iter().filter(|&image| image % 4 == class).count()).max(),
                    Some(3)
                );
                assert_eq!(few.train.len(), 12);
            }
            // Ten of each class, of which some are held out.
            assert!(Plan { shots: Some(10), ..plan(division) }.splits().is_err());
        }
    }
}
