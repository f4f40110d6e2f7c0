//! What further views of each image bring: heads that were trained with and without them, asked with and without them.
//!
//! ```text
//! headstart extract TRAINING TEST --views flip,crop5
//! cargo run --release --example views -- TRAINING TEST flip crop5 flip,crop5
//! ```
//!
//! Ten seeds each, the same ones everywhere, so differences are taken seed by seed. Prints a table in Markdown.

use std::error::Error;
use std::path::Path;

use headstart::backbone::Backbone;
use headstart::baselines::Spread;
use headstart::cache::{Key, Storage, Store, View};
use headstart::dataset::{Classes, Columns, Manifest};
use headstart::evaluate::{mean_over_views, metrics};
use headstart::extract::{CacheStatus, FeatureCache, fingerprint};
use headstart::image::{ViewKinds, Views};
use headstart::machine::Threads;
use headstart::nn::Head;
use headstart::run::CachedRows;
use headstart::train::{Flow, Rows, TrainConfig, train};
use ndarray::Array2;

const SEEDS: u64 = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [training, test, kinds @ ..] = arguments.as_slice() else {
        return Err("usage: views TRAINING_MANIFEST TEST_MANIFEST VIEWS...".into());
    };
    let backbone = Backbone::open("models/resnet50.onnx".as_ref())?;
    let mut cache = FeatureCache::open(Path::new("data/features"), &fingerprint(&backbone, Storage::F32)?)?
        .ok_or("no features yet: run `headstart extract` on both manifests")?;
    let training = Manifest::read(training.as_ref(), &Columns::default())?;
    let classes = training.classes()?;
    let training = Images::find(&mut cache, &training, &classes)?;
    let test = Images::find(&mut cache, &Manifest::read(test.as_ref(), &Columns::default())?, &classes)?;
    let kinds = kinds.iter().map(|kinds| kinds.parse()).collect::<Result<Vec<ViewKinds>, _>>()?;

    println!("| trained on | evaluated on | accuracy | log-loss | accuracy, difference by seed |");
    println!("|---|---|---|---|---|");
    let plain = heads(&training, cache.store(), Views::PLAIN, classes.len())?;
    let base = test.ask(cache.store(), &plain, Views::PLAIN)?;
    print("plain", "plain", &base, None);
    for kinds in kinds {
        let views = kinds.of(backbone.recipe());
        // A test set that has views which the training set lacks shows what averaging alone brings.
        if let Ok(seen) = heads(&training, cache.store(), views, classes.len()) {
            print(&kinds.to_string(), "plain", &test.ask(cache.store(), &seen, Views::PLAIN)?, Some(&base));
            print(
                &kinds.to_string(),
                &kinds.to_string(),
                &test.ask(cache.store(), &seen, views)?,
                Some(&base),
            );
        }
        print("plain", &kinds.to_string(), &test.ask(cache.store(), &plain, views)?, Some(&base));
    }
    Ok(())
}

/// Images by what their features are kept under.
struct Images {
    keys: Vec<Key>,
    labels: Vec<usize>,
}

/// What one head reaches.
struct Score {
    accuracy: f64,
    log_loss: f64,
}

impl Images {
    fn find(
        cache: &mut FeatureCache,
        manifest: &Manifest,
        classes: &Classes,
    ) -> Result<Self, Box<dyn Error>> {
        let key = |status| match status {
            CacheStatus::Ready(key) => Ok(key),
            other => Err(format!("an image has no features: {other:?}")),
        };
        let keys = cache.status(&manifest.images()).into_iter().map(key).collect::<Result<_, _>>()?;
        Ok(Self { keys, labels: manifest.labels(classes)? })
    }

    fn rows<'a>(&self, store: &'a Store, views: Views) -> Result<CachedRows<'a>, Box<dyn Error>> {
        let seen = |number: View| self.keys.iter().map(move |&key| (key, number));
        let ids: Vec<_> = views.iter().flat_map(|view| seen(view.number())).collect();
        let names = self.keys.iter().map(Key::to_string).collect();
        Ok(CachedRows::in_views(store.select(&ids)?, names, views.len()))
    }

    /// How well each head does on the mean of what it says of these views.
    fn ask(&self, store: &Store, heads: &[Head], views: Views) -> Result<Vec<Score>, Box<dyn Error>> {
        let rows = self.rows(store, views)?;
        let places: Vec<usize> = (0..rows.len() * views.len()).collect();
        let mut features = Array2::zeros((places.len(), rows.dim()));
        rows.gather(&places, features.view_mut()).map_err(|error| error as Box<dyn Error>)?;
        let score = |head: &Head| {
            let said = mean_over_views(head.probabilities(features.view()).view(), views.len());
            let predicted = metrics::predictions(said.view());
            let right = predicted.iter().zip(&self.labels).filter(|(class, label)| class == label).count();
            let losses =
                said.rows().into_iter().zip(&self.labels).map(|(row, &label)| -f64::from(row[label]).ln());
            let n = self.labels.len() as f64;
            Score { accuracy: right as f64 / n, log_loss: losses.sum::<f64>() / n }
        };
        Ok(heads.iter().map(score).collect())
    }
}

/// A head for each seed, with the default settings.
fn heads(
    training: &Images,
    store: &Store,
    views: Views,
    classes: usize,
) -> Result<Vec<Head>, Box<dyn Error>> {
    let rows = training.rows(store, views)?;
    let threads = Threads::for_training(None)?;
    let head = |seed| {
        let config = TrainConfig { seed, ..TrainConfig::default() };
        let train = || train(&config, &rows, &training.labels, classes, None, &mut |_| Flow::Continue);
        Ok(threads.run(train)?.head)
    };
    (0..SEEDS).map(head).collect()
}

fn print(trained: &str, evaluated: &str, scores: &[Score], base: Option<&[Score]>) {
    let spread = |values: &[f64]| {
        let Spread { mean, deviation, .. } = Spread::of(values).expect("there are several seeds");
        (mean, deviation.expect("there are several seeds"))
    };
    let figures = |figure: fn(&Score) -> f64| spread(&scores.iter().map(figure).collect::<Vec<_>>());
    let (accuracy, loss) = (figures(|score| score.accuracy), figures(|score| score.log_loss));
    let difference = base.map_or(String::new(), |base| {
        let pairs = scores.iter().zip(base);
        let (mean, deviation) = spread(&pairs.map(|(a, b)| a.accuracy - b.accuracy).collect::<Vec<_>>());
        format!("{mean:+.4} ± {deviation:.4}")
    });
    println!(
        "| {trained} | {evaluated} | {:.4} ± {:.4} | {:.4} ± {:.4} | {difference} |",
        accuracy.0, accuracy.1, loss.0, loss.1
    );
}
