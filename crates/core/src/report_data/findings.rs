//! What is looked for in the features of evaluated images.

use std::collections::HashMap;

use headstart_base::machine::Threads;
use headstart_cache::{self as cache, Key, Store, View, leaks};
use headstart_evaluate::label_errors::{Suspect, suspects};
use headstart_evaluate::scored;
use ndarray::{Array2, ArrayView2, Axis};
use rand::SeedableRng;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;

use super::{LeakData, LeaksData, MapData};
use crate::project::{Error, TrainingImages};

/// Images on a map: more are slow to place, and too many to see.
const ON_MAP: usize = 600;
/// Least cosine of nearly the same images, as `cache duplicates` has it.
const NEAR: f32 = 0.95;
/// Beyond this many multiplications only files are compared: it would take minutes.
const MOST_WORK: f64 = 2e12;

impl LeaksData {
    /// Compare evaluated images with those that were trained on.
    pub(super) fn find(
        store: &Store,
        trained_on: &TrainingImages,
        evaluated: &[(Key, View)],
    ) -> Result<Self, Error> {
        let leak = |image: usize, place: usize, cosine: f32, identical: bool| LeakData {
            image,
            path: trained_on.path(place).to_owned(),
            file: trained_on.file(place).to_path_buf(),
            label: trained_on.label(place),
            cosine,
            identical,
        };
        let mut first = HashMap::new();
        let known = trained_on.ids();
        for (place, (key, _)) in known.iter().enumerate() {
            first.entry(*key).or_insert(place);
        }
        let same = |(image, (key, _)): (usize, &(Key, View))| Some(leak(image, *first.get(key)?, 1.0, true));
        let mut pairs: Vec<LeakData> = evaluated.iter().enumerate().filter_map(same).collect();

        let trained = known.len();
        let work = trained as f64 * evaluated.len() as f64 * store.dim() as f64;
        if work > MOST_WORK {
            return Ok(Self { training: trained, threshold: None, pairs });
        }
        let ids: Vec<(Key, View)> = known.iter().chain(evaluated).copied().collect();
        let parts: Vec<usize> = (0..ids.len()).map(|row| usize::from(row >= trained)).collect();
        let rows = store.select(&ids).map_err(cache::Error::from)?;
        let near = Threads::new(None)?.run(|| leaks(&rows, &parts, NEAR, |_| {}))?;
        // The earlier row is the one that was trained on.
        let near = near.into_iter().filter(|pair| !pair.identical);
        pairs.extend(near.map(|pair| leak(pair.b - trained, pair.a, pair.cosine, false)));
        Ok(Self { training: trained, threshold: Some(NEAR), pairs })
    }

    /// Whether an image was trained on, of all of them.
    fn are_trained_on(&self, images: usize) -> Vec<bool> {
        let mut trained_on = vec![false; images];
        self.pairs.iter().filter(|pair| pair.identical).for_each(|pair| trained_on[pair.image] = true);
        trained_on
    }
}

/// Labels that are likely wrong, among the images that the run had not seen; a sentence if it has seen all.
pub(super) fn doubted(
    probabilities: ArrayView2<f32>,
    labels: &[Option<usize>],
    leaks: Option<&LeaksData>,
) -> Result<Vec<Suspect>, String> {
    let trained_on =
        leaks.map_or_else(|| vec![false; labels.len()], |leaks| leaks.are_trained_on(labels.len()));
    let is_judged = |&image: &usize| labels[image].is_some() && !trained_on[image];
    let judged: Vec<usize> = (0..labels.len()).filter(is_judged).collect();
    if judged.is_empty() {
        return Err(
            "It was trained on all of these images, so it cannot give a second opinion on their labels. \
                    `headstart report` uses heads that were not trained on them."
                .into(),
        );
    }
    let own: Vec<Option<usize>> = judged.iter().map(|&image| labels[image]).collect();
    let said = probabilities.select(Axis(0), &judged);
    let (said, known) = scored(said.view(), &own);
    let found = suspects(said.view(), &known).into_iter();
    Ok(found.map(|suspect| Suspect { row: judged[suspect.row], ..suspect }).collect())
}

impl MapData {
    /// The features of the images, or of so many of them as a map can show; the same ones each time.
    pub(super) fn draw(store: &Store, evaluated: &[(Key, View)]) -> Result<Self, Error> {
        let all = evaluated.len();
        let images = if all <= ON_MAP {
            (0..all).collect()
        } else {
            let mut drawn = sample(&mut ChaCha8Rng::seed_from_u64(0), all, ON_MAP).into_vec();
            drawn.sort_unstable();
            drawn
        };
        let mut features = Array2::zeros((0, 0));
        store.select(evaluated).map_err(cache::Error::from)?.gather(&images, &mut features)?;
        Ok(Self { images, features })
    }
}
