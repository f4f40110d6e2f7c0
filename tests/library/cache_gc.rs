//! `gc` killed between any two of its steps, and at any moment: no row is lost, and the next one tidies up.
//!
//! The test runs its own binary once more as the one that tidies up, with the store's folder in an environment variable.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use headstart::cache::{
    Fingerprint, FingerprintParts, GcOptions, Key, Provenance, Storage, Store, gc, verify,
};
use ndarray::Array2;

const STORE: &str = "HEADSTART_TEST_STORE";
const STEPS: &str = "HEADSTART_TEST_STEPS";
const DIM: usize = 1024;
const ROWS: u64 = 1200;

/// Thirty segments of a row or some dozens, each image in two of them, of two origins.
fn make(root: &Path) -> PathBuf {
    let fingerprint = Fingerprint::new(FingerprintParts {
        graph: "ab".into(),
        feature_tensor: "pool".into(),
        feature_size: DIM,
        precision: "fp32".into(),
        recipe: serde_json::json!({}),
        storage: Storage::F32,
    });
    let store = Store::create_or_open(root, "net", &fingerprint).unwrap();
    for segment in 0..30 {
        let device = ["cpu", "cuda"][segment as usize % 2].to_owned();
        let mut writer = store.writer(Provenance { device, ..Provenance::default() }).unwrap();
        for batch in 0..8 {
            let ids: Vec<_> = (0..10).map(|i| key((segment * 80 + batch * 10 + i) % ROWS)).collect();
            let features = Array2::from_shape_fn((10, DIM), |(row, i)| feature(ids[row].0, i));
            writer.append(&ids, features.view()).unwrap();
        }
        writer.close().unwrap();
    }
    store.dir().into()
}

fn key(number: u64) -> (Key, u16) {
    (Key::of(&number.to_le_bytes()), 0)
}

fn feature(Key(key): Key, i: usize) -> f32 {
    f32::from(key[i % 32]) + i as f32
}

/// Every row is there and right; how many stand twice.
fn check(store: &Path) -> usize {
    let store = Store::open_dir(store).unwrap();
    for (key, view) in (0..ROWS).map(key) {
        let row = store.find(&key, view).expect("a row is lost");
        assert!(store.row(row).unwrap().iter().enumerate().all(|(i, number)| *number == feature(key, i)));
    }
    let report = verify(&store, |_| {});
    assert!(report.is_clean(), "{report}");
    report.duplicates
}

/// The one that tidies up: no test when run by hand.
#[test]
fn child() {
    let Some(store) = std::env::var_os(STORE) else { return };
    let mut left = std::env::var(STEPS).ok().map(|steps| steps.parse::<usize>().unwrap());
    gc(Path::new(&store), &GcOptions::default(), |_| {
        match &mut left {
            // As sudden as a kill: nothing is written, dropped or unlocked.
            Some(0) => std::process::abort(),
            Some(left) => *left -= 1,
            None => {}
        }
    })
    .unwrap();
}

fn tidier(store: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "cache_gc::child"])
        .env(STORE, store)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

#[test]
fn killed_between_any_two_steps_it_loses_nothing() {
    let root = tempfile::tempdir().unwrap();
    let (mut steps, mut duplicates) = (0, vec![]);
    loop {
        let store = make(&root.path().join(steps.to_string()));
        let ended = tidier(&store).env(STEPS, steps.to_string()).status().unwrap();
        duplicates.push(check(&store));
        if ended.success() {
            break;
        }
        assert!(tidier(&store).status().unwrap().success(), "no lock is left behind");
        assert_eq!(check(&store), 0);
        steps += 7;
    }
    // Looking at 30 segments, copying them, writing 2 and removing 30: 92 steps.
    assert!(steps > 90 && duplicates[0] == ROWS as usize, "{duplicates:?}");
    assert!(
        duplicates.iter().any(|n| *n > ROWS as usize),
        "never killed between write and unlink: {duplicates:?}"
    );
    assert_eq!(duplicates.last(), Some(&0));
}

#[test]
fn killed_at_any_moment_it_loses_nothing() {
    let root = tempfile::tempdir().unwrap();
    let store = make(root.path());
    for round in 0..12_u64 {
        let mut child = tidier(&store).spawn().unwrap();
        // Primes against the rhythm of its work, which takes some tens of milliseconds.
        std::thread::sleep(Duration::from_micros(round * 7_919 % 60_013));
        child.kill().unwrap();
        child.wait().unwrap();
        check(&store);
    }
    assert!(tidier(&store).status().unwrap().success());
    assert_eq!(check(&store), 0);
}
