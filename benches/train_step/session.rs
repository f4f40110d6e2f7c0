//! A training that goes on from one measurement to the next.

use std::path::Path;
use std::time::{Duration, Instant};

use headstart::cache::{Fingerprint, FingerprintParts, Key, Provenance, Storage, Store};
use headstart::run::CachedRows;
use headstart::train::{Flow, Rows, TrainConfig, TrainEvent, Trainer};
use ndarray::{Array2, s};

use crate::Result;

pub const HIDDEN: usize = 256;
pub const CLASSES: usize = 10;

/// Rows, and the training on them.
pub struct Session<'a> {
    rows: Box<dyn Rows + 'a>,
    labels: Vec<usize>,
    batch: usize,
    trainer: Trainer,
}

impl<'a> Session<'a> {
    pub fn new(rows: Box<dyn Rows + 'a>, batch: usize) -> Result<Self> {
        // As many epochs as anybody could ask for.
        let config = TrainConfig {
            hidden: vec![HIDDEN],
            dropout: 0.5,
            batch_size: batch,
            epochs: 1_000_000,
            ..TrainConfig::default()
        };
        // The time does not depend on what the labels are.
        let labels = (0..rows.len()).map(|row| row % CLASSES).collect();
        Ok(Self { labels, batch, trainer: Trainer::new(&config, rows.dim(), CLASSES)?, rows })
    }

    /// Rows of a step in the mean: the last of an epoch takes what is left.
    pub fn rows_a_step(&self) -> f64 {
        self.rows.len() as f64 / self.rows.len().div_ceil(self.batch) as f64
    }

    /// Seconds per step, of at least one and at most so many.
    pub fn run(&mut self, steps: usize, patience: Duration) -> Result<f64> {
        let (started, mut done) = (Instant::now(), 0);
        self.trainer.run(&*self.rows, &self.labels, None, &mut |event| {
            done += usize::from(matches!(event, TrainEvent::Step { .. }));
            if done >= steps || started.elapsed() > patience { Flow::Stop } else { Flow::Continue }
        })?;
        Ok(started.elapsed().as_secs_f64() / done as f64)
    }
}

/// A cache that holds these rows under their numbers.
pub fn store(folder: &Path, rows: &Array2<f32>) -> Result<Store> {
    let fingerprint = Fingerprint::new(FingerprintParts {
        graph: String::new(),
        feature_tensor: String::new(),
        feature_size: rows.ncols(),
        precision: "fp32".into(),
        recipe: serde_json::Value::Null,
        storage: Storage::F32,
    });
    let store = Store::create_or_open(folder, "bench", &fingerprint)?;
    let mut writer = store.writer(Provenance::default())?;
    let ids = ids(rows.nrows());
    for (at, ids) in ids.chunks(32).enumerate() {
        writer.append(ids, rows.slice(s![at * 32..at * 32 + ids.len(), ..]))?;
    }
    writer.close()?;
    Ok(Store::open(folder, &fingerprint)?.ok_or("the cache that was just written is not there")?)
}

/// The first rows of such a cache.
pub fn cached_rows(store: &Store, rows: usize) -> Result<CachedRows<'_>> {
    let names = (0..rows).map(|row| row.to_string()).collect();
    Ok(CachedRows::new(store.select(&ids(rows))?, names))
}

fn ids(rows: usize) -> Vec<(Key, u16)> {
    (0..rows).map(|row| (Key::of(&row.to_le_bytes()), 0)).collect()
}
