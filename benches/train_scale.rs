//! Training on more rows than memory holds: `cargo bench --bench train_scale -- [ROWS] [FOLDER]`.
//!
//! Writes a cache of drawn features (8 GB for the million rows it has unless told otherwise), trains two epochs on it and prints
//! what they cost, in time beside the same rows in memory and in memory of the program's own.

use std::path::PathBuf;
use std::time::Instant;

use headstart::cache::{Fingerprint, FingerprintParts, Key, Provenance, Storage, Store};
use headstart::machine::Threads;
use headstart::run::CachedRows;
use headstart::train::{Flow, Rows, TrainConfig, TrainEvent, train};
use ndarray::{Array2, s};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const DIM: usize = 2048;
const CLASSES: usize = 10;
const BATCH: usize = 256;
/// Rows of the comparison that are in memory.
const IN_MEMORY: usize = 50_000;

fn main() {
    Threads::for_training(None).expect("a few threads").run(measure);
}

fn measure() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let rows = arguments.first().map_or(1_000_000, |rows| rows.parse().expect("a number of rows"));
    let parent = arguments.get(1).map_or(std::env::temp_dir(), PathBuf::from);
    let root = tempfile::tempdir_in(parent).expect("a folder");
    let ids: Vec<(Key, u16)> = (0..rows).map(|row: usize| (Key::of(&row.to_le_bytes()), 0)).collect();
    let store = written(root.path(), &ids);

    let names = (0..rows).map(|row| format!("photos/{row}.jpg")).collect();
    let cached = CachedRows::new(store.select(&ids).expect("every row is there"), names);
    println!("{rows} rows of {DIM}: {:.1} GB, mapped", (rows * DIM * 4) as f64 / 1e9);
    epochs(&cached);
    let mut held = Array2::zeros((IN_MEMORY.min(rows), DIM));
    cached.gather(&(0..held.nrows()).collect::<Vec<_>>(), held.view_mut()).expect("good rows");
    println!("{} of them, in memory", held.nrows());
    epochs(&held);
}

fn written(folder: &std::path::Path, ids: &[(Key, u16)]) -> Store {
    let fingerprint = Fingerprint::new(FingerprintParts {
        graph: String::new(),
        feature_tensor: String::new(),
        feature_size: DIM,
        precision: "fp32".into(),
        recipe: serde_json::Value::Null,
        storage: Storage::F32,
    });
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let store = Store::create_or_open(folder, "bench", &fingerprint).expect("a store");
    let mut writer = store.writer(Provenance::default()).expect("a writer");
    for ids in ids.chunks(64) {
        let features = Array2::from_shape_simple_fn((ids.len(), DIM), || rng.random::<f32>());
        writer.append(ids, features.slice(s![.., ..])).expect("an append");
    }
    writer.close().expect("a close");
    Store::open(folder, &fingerprint).expect("a store").expect("just written")
}

fn epochs(rows: &dyn Rows) {
    let config = TrainConfig { epochs: 2, batch_size: BATCH, ..TrainConfig::default() };
    let labels: Vec<usize> = (0..rows.len()).map(|row| row % CLASSES).collect();
    let steps = rows.len().div_ceil(BATCH) as f64;
    let (mut started, mut most) = (Instant::now(), 0.0_f64);
    train(&config, rows, &labels, CLASSES, None, &mut |event| {
        match event {
            TrainEvent::Step { step, .. } if step % 50 == 0 => most = most.max(anonymous_megabytes()),
            TrainEvent::Epoch { record, .. } => {
                let seconds = started.elapsed().as_secs_f64();
                let (a_step, rate) = (1e3 * seconds / steps, rows.len() as f64 / seconds);
                println!("  epoch {}: {seconds:.1} s, {a_step:.2} ms a step, {rate:.0} rows/s", record.epoch);
                started = Instant::now();
            }
            _ => {}
        }
        Flow::Continue
    })
    .expect("rows that can be trained on");
    println!("  memory of the program's own, at most: {most:.0} MB");
}

/// Memory of this process that no file stands behind; 0 where the system does not tell.
fn anonymous_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or(0.0) / 1e3
}
