//! Kills at moments that nobody chose. They need no shim, and so run on every Unix.
//!
//! `extract` is killed, and a writer of half a megabyte at a time, for which a test runs its own binary once more with the
//! cache's folder in an environment variable.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use headstart::cache::{Fingerprint, FingerprintParts, Key, Provenance, Storage, Store, View, verify};
use ndarray::Array2;

use super::place::Place;
use super::thorough;

const ROOT: &str = "HEADSTART_TEST_CACHE";
const FIRST: &str = "HEADSTART_TEST_FIRST";
const BATCHES: &str = "HEADSTART_TEST_BATCHES";
/// Half a megabyte a batch, so that a kill often falls into the middle of a write.
const DIM: usize = 2048;
const ROWS: u64 = 64;

fn store(root: &Path) -> Store {
    let fingerprint = Fingerprint::new(FingerprintParts {
        graph: "ab".into(),
        feature_tensor: "pool".into(),
        feature_size: DIM,
        precision: "fp32".into(),
        recipe: serde_json::json!({}),
        storage: Storage::F32,
    });
    Store::create_or_open(root, "net", &fingerprint).unwrap()
}

fn ids(batch: u64) -> Vec<(Key, View)> {
    (batch * ROWS..(batch + 1) * ROWS).map(|row| (Key::of(&row.to_le_bytes()), 0)).collect()
}

fn features(ids: &[(Key, View)]) -> Array2<f32> {
    Array2::from_shape_fn((ids.len(), DIM), |(row, i)| f32::from(ids[row].0.0[i % 32]) + i as f32)
}

/// The writer: no test when run by hand.
#[test]
fn child() {
    let Some(root) = std::env::var_os(ROOT) else { return };
    let number = |name: &str| std::env::var(name).unwrap().parse::<u64>().unwrap();
    let mut writer = store(Path::new(&root)).writer(Provenance::default()).unwrap();
    for batch in number(FIRST)..number(FIRST) + number(BATCHES) {
        let ids = ids(batch);
        writer.append(&ids, features(&ids).view()).unwrap();
        // Past the test harness, which would keep it back.
        writeln!(std::io::stdout(), "appended {batch}").unwrap();
    }
    writer.close().unwrap();
}

fn spawn(root: &Path, first: u64, batches: u64) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "by_time::child", "--nocapture"]).stdout(Stdio::piped());
    command.env(ROOT, root).env(FIRST, first.to_string()).env(BATCHES, batches.to_string());
    command.spawn().unwrap()
}

/// Batches that the child says it appended, to the end of its output.
fn appended(child: &mut Child) -> impl Iterator<Item = u64> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    lines.filter_map(|line| line.strip_prefix("appended ")?.parse().ok())
}

/// Checks every row of the batches that are promised, and that no other row is wrong.
fn check(root: &Path, promised: &[u64], written_by: std::ops::Range<u64>) {
    let store = store(root);
    for batch in written_by {
        let ids = ids(batch);
        let want = features(&ids);
        for ((key, view), want) in ids.iter().zip(want.rows()) {
            match store.find(key, *view) {
                Some(row) => assert_eq!(*store.row(row).unwrap(), *want.as_slice().unwrap(), "batch {batch}"),
                None => assert!(!promised.contains(&batch), "batch {batch} is lost"),
            }
        }
    }
    let report = verify(&store, |_| {});
    assert!(report.is_clean(), "{report}");
}

/// Moments from the start of the process to its end, and a little beyond.
#[test]
fn killed_at_random_moments_extract_goes_on() {
    super::place::ground();
    let began = Instant::now();
    Place::new().extract();
    let whole = began.elapsed();
    let seed = std::env::var("HEADSTART_SEED").map_or(20_231, |seed| seed.parse().unwrap());
    println!("seed {seed}, over {whole:?}");
    let (mut random, mut kills) = (seed, 0);
    for _ in 0..if thorough() { 150 } else { 5 } {
        // A generator of Lehmer's.
        random = random * 48_271 % 2_147_483_647_u64;
        let place = Place::new();
        let mut child = place.command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole.mul_f64((random % 1000) as f64 / 900.0));
        child.kill().unwrap();
        kills += usize::from(child.wait().unwrap().code().is_none());
        place.goes_on();
        place.verify();
    }
    println!("{kills} kills at random moments");
}

#[test]
fn killed_at_any_moment_a_writer_loses_nothing_that_it_had_appended() {
    let root = tempfile::tempdir().unwrap();
    let (mut first, mut promised) = (0, Vec::new());
    for round in 0..20 {
        let mut child = spawn(root.path(), first, 200);
        let mut lines = appended(&mut child);
        promised.extend(lines.next());
        // Primes against the rhythm of the writer.
        std::thread::sleep(Duration::from_micros(round * 7_919 % 40_009));
        child.kill().unwrap();
        promised.extend(lines);
        child.wait().unwrap();
        check(root.path(), &promised, first..first + 200);
        first += 200;
    }
    assert!(promised.len() >= 20, "{} batches in all: the writers never got going", promised.len());
    check(root.path(), &promised, 0..first);
    let torn = verify(&store(root.path()), |_| {}).torn_tails.len();
    println!("{} batches kept, {torn} of 20 kills tore one", promised.len());
}

#[test]
fn two_processes_write_side_by_side() {
    let root = tempfile::tempdir().unwrap();
    let mut children = [spawn(root.path(), 0, 12), spawn(root.path(), 8, 12)];
    for child in &mut children {
        assert_eq!(appended(child).count(), 12);
        assert!(child.wait().unwrap().success());
    }
    check(root.path(), &(0..20).collect::<Vec<_>>(), 0..20);
    let report = verify(&store(root.path()), |_| {});
    assert_eq!((report.images, report.duplicates), (20 * ROWS as usize, 4 * ROWS as usize));
}
