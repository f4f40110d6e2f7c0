//! The cache at full size: `cargo bench --bench cache_scale -- [ROWS] [DIM] [BATCH] [FOLDER]`.
//!
//! Prints what appending, opening, finding and gathering cost. Files are in the page cache when they are read, so
//! this is the work of the program, not of the disk.

use std::path::PathBuf;
use std::time::Instant;

use headstart::cache::{Fingerprint, FingerprintParts, Key, Provenance, Storage, Store, verify};
use ndarray::Array2;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let number =
        |i: usize, default: usize| arguments.get(i).map_or(default, |a| a.parse().expect("a number"));
    let (rows, dim, batch) = (number(0, 1_000_000), number(1, 64), number(2, 32));
    let parent = arguments.get(3).map_or(std::env::temp_dir(), PathBuf::from);
    let root = tempfile::tempdir_in(parent).expect("a folder");
    let fingerprint = Fingerprint::new(FingerprintParts {
        graph: String::new(),
        feature_tensor: String::new(),
        feature_size: dim,
        precision: "fp32".into(),
        recipe: serde_json::Value::Null,
        storage: Storage::F32,
    });
    let ids: Vec<_> = (0..rows).map(|row| (Key::of(&row.to_le_bytes()), 0)).collect();
    let features = Array2::from_shape_fn((batch, dim), |(row, i)| (row * dim + i) as f32);
    let megabytes = (rows * dim * 4) as f64 / 1e6;
    println!("{rows} rows of {dim} numbers in batches of {batch}: {megabytes:.0} MB of features");

    let store = Store::create_or_open(root.path(), "bench", &fingerprint).expect("a store");
    let start = Instant::now();
    let mut writer = store.writer(Provenance::default()).expect("a writer");
    for ids in ids.chunks(batch) {
        writer.append(ids, features.slice(ndarray::s![..ids.len(), ..])).expect("an append");
    }
    let appended = start.elapsed().as_secs_f64();
    writer.close().expect("a close");
    let closed = start.elapsed().as_secs_f64();
    println!("append: {:.0} MB/s, {:.0} MB/s with the last flush", megabytes / appended, megabytes / closed);

    let before = anonymous_megabytes();
    let start = Instant::now();
    let store = Store::open(root.path(), &fingerprint).expect("a store").expect("one");
    println!(
        "open: {:.3} s, {:.0} MB of memory",
        start.elapsed().as_secs_f64(),
        anonymous_megabytes() - before
    );
    assert_eq!(store.len(), rows);

    let start = Instant::now();
    let selection = store.select(&ids).expect("all rows");
    println!("select: {:.0} ns a row", start.elapsed().as_secs_f64() * 1e9 / rows as f64);

    // A stride that is prime to most sizes visits rows in no order that a processor could foresee.
    let shuffled: Vec<usize> = (0..rows).map(|i| i * 611_953 % rows).collect();
    let mut out = Array2::zeros((256, dim));
    for pass in ["first, with checksums", "later"] {
        let start = Instant::now();
        for chunk in shuffled.chunks_exact(256) {
            selection.gather(chunk, &mut out).expect("good rows");
        }
        let seconds = start.elapsed().as_secs_f64();
        println!("gather ({pass}): {:.0} rows/s, {:.0} MB/s", rows as f64 / seconds, megabytes / seconds);
    }

    let start = Instant::now();
    assert!(verify(&store, |_| {}).is_clean());
    println!("verify: {:.0} MB/s", megabytes / start.elapsed().as_secs_f64());
}

/// Memory of this process that no file stands behind; 0 where the system does not tell.
fn anonymous_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or(0.0) / 1e3
}
