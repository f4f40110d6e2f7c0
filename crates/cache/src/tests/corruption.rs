//! Whatever happens to the bytes, a row is right or missing.

use std::fs::{self, OpenOptions};
use std::io::Write;

use proptest::prelude::*;

use super::*;

const DIM: usize = 6;

/// Opens a store of which the one segment has these bytes.
fn with_segment(root: &Path, bytes: &[u8]) -> Store {
    let store = store_at(root, DIM);
    for entry in fs::read_dir(store.segments_dir()).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    fs::write(store.segments_dir().join("a.arrow"), bytes).unwrap();
    store_at(root, DIM)
}

fn segment(batches: &[std::ops::Range<u32>]) -> Vec<u8> {
    let root = tempfile::tempdir().unwrap();
    fs::read(write(&store_at(root.path(), DIM), batches)).unwrap()
}

#[test]
fn a_torn_tail_at_every_byte() {
    let root = tempfile::tempdir().unwrap();
    let bytes = segment(&[0..2, 2..4, 4..6]);
    let batch = (bytes.len() - segment(&[0..2]).len()) / 2;
    let schema = bytes.len() - 3 * batch - 8;
    let mut counts = Vec::new();
    for length in 0..=bytes.len() {
        let store = with_segment(root.path(), &bytes[..length]);
        let right = count_right(&store, &ids(0..6));
        assert_eq!(store.len(), right, "no row is promised that is not there");
        let report = verify(&store, |_| {});
        assert!(report.is_clean(), "cut to {length} bytes: {report}");
        let torn: u64 = report.torn_tails.iter().map(|tail| tail.length).sum();
        assert!(torn < schema.max(batch) as u64, "only what was torn off is torn: {report}");
        counts.push(right);
    }
    assert!(counts.is_sorted(), "{counts:?}");
    counts.dedup();
    assert_eq!(counts, [0, 2, 4, 6]);
}

#[test]
fn a_flipped_bit_at_every_byte_costs_at_most_its_batch() {
    let root = tempfile::tempdir().unwrap();
    let bytes = segment(&[0..2, 2..4, 4..6]);
    for byte in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[byte] ^= 1 << (byte % 8);
        let store = with_segment(root.path(), &damaged);
        let right = count_right(&store, &ids(0..6));
        assert!(right >= 4, "byte {byte}: {right} rows left");
        let report = verify(&store_at(root.path(), DIM), |_| {});
        assert_eq!(report.rows, right, "byte {byte}: {report}");
        let named =
            !report.bad_rows.is_empty() || !report.regions.is_empty() || !report.torn_tails.is_empty();
        assert!(right == 6 || named, "byte {byte} is not named: {report}");
    }
}

/// Every bit, by the scanner alone, which is quick: among them are lengths that lead past the next message.
#[test]
fn any_flipped_bit_leaves_all_other_batches() {
    let bytes = segment(&[0..2, 2..4, 4..6]);
    let layout = format::RowLayout::new(&fingerprint_of(DIM, Storage::F32)).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let found = segment::scan(&damaged, 0, &layout);
        let rows = found.batches.iter().flat_map(|batch| (0..batch.rows).map(move |slot| (batch, slot)));
        let mut right = 0;
        for (batch, slot) in rows.filter(|(batch, slot)| layout.holds(&damaged, batch, *slot)) {
            let id = layout.id(&damaged, batch, slot).unwrap();
            let mut numbers = [0.0; DIM];
            layout.decode(layout.features(&damaged, batch, slot).unwrap(), &mut numbers);
            assert!(ids(0..6).contains(&id) && numbers[..] == features_of(id, DIM), "bit {bit}");
            right += 1;
        }
        assert!(right >= 4, "bit {bit}: {right} rows left");
    }
}

#[test]
fn damage_in_the_middle_is_passed_over_and_named() {
    let root = tempfile::tempdir().unwrap();
    let bytes = segment(&[0..2, 2..4, 4..6]);
    let batch = (bytes.len() - segment(&[0..2]).len()) / 2;
    let start = bytes.len() - 8 - 2 * batch;
    let mut damaged = bytes.clone();
    damaged[start..start + 40].fill(0);
    let store = with_segment(root.path(), &damaged);
    assert_eq!(count_right(&store, &ids(0..6)), 4);
    let report = verify(&store, |_| {});
    let [region] = &report.regions[..] else { panic!("{report}") };
    assert_eq!((region.offset, region.length), (start as u64, batch as u64));
    assert!(report.to_string().contains(&format!("{batch} bytes at byte {start}: no message begins here")));
    // The same bytes cut out instead: what follows is no longer aligned, and is still found.
    let cut = [&bytes[..start], &bytes[start + 41..]].concat();
    assert_eq!(count_right(&with_segment(root.path(), &cut), &ids(0..6)), 4);
}

#[test]
fn a_bad_row_is_a_miss_for_the_next_process_too() {
    let root = tempfile::tempdir().unwrap();
    let mut bytes = segment(&[0..2, 2..4]);
    let wanted = features_of(id(1), DIM)[0].to_le_bytes();
    let place = bytes.windows(4).position(|w| w == wanted).unwrap();
    bytes[place] ^= 1;
    let store = with_segment(root.path(), &bytes);
    assert!(store.contains(&id(1).0, id(1).1), "checksums are tested on use");
    let selection = store.select(&[id(1)]).unwrap();
    let error = selection.row(0).unwrap_err();
    assert!(matches!(error, Error::BadRow { key, .. } if key == id(1).0), "{error}");
    assert!(store.select(&[id(1)]).is_err());
    assert_eq!(store.len(), 3);
    let mut next = store_at(root.path(), DIM);
    assert!(!next.contains(&id(1).0, id(1).1));
    assert_eq!(next.len(), 3);
    // Computed again, it is there again, for those that are open and for those to come.
    write(&next, &[1..2]);
    next.refresh().unwrap();
    assert_eq!((next.len(), count_right(&next, &ids(0..4))), (4, 4));
    let report = verify(&store_at(root.path(), DIM), |_| {});
    assert!(report.bad_rows.len() == 1 && report.bad_rows[0].replaced, "{report}");
}

#[test]
fn marks_are_only_hints() {
    let root = tempfile::tempdir().unwrap();
    let store = with_segment(root.path(), &segment(&[0..4]));
    let text = "a.arrow\t512\t1\na.arrow\t99999999\t0\nb.arrow\t1\t1\n\u{1}\t\nno\n";
    for offset in 0..2000 {
        let line = format!("a.arrow\t{offset}\t0\na.arrow\t{offset}\t77\n{text}");
        fs::write(store.segments_dir().join("x.damaged"), line).unwrap();
        assert_eq!(store_at(root.path(), DIM).len(), 4);
    }
}

#[test]
fn rows_of_another_store_are_never_taken() {
    let root = tempfile::tempdir().unwrap();
    let mut parts = fingerprint_of(DIM, Storage::F32).parts().clone();
    parts.graph = "another".into();
    let other = Store::create_or_open(root.path(), "other", &Fingerprint::new(parts)).unwrap();
    let mut bytes = fs::read(write(&other, &[0..2, 2..4])).unwrap();
    let store = with_segment(root.path(), &bytes);
    assert_eq!(store.len(), 0);
    assert_eq!(verify(&store, |_| {}).foreign.len(), 1);
    // Nor if its header no longer says whose it is.
    bytes[..64].fill(0);
    assert_eq!(count_right(&with_segment(root.path(), &bytes), &ids(0..4)), 0);
    // Nor if it stands behind a good one.
    let joined = [segment(&[0..2]), bytes].concat();
    assert_eq!(count_right(&with_segment(root.path(), &joined), &ids(0..4)), 2);
}

#[test]
fn a_row_whose_bytes_are_still_on_their_way_is_taken_when_they_are_there() {
    let root = tempfile::tempdir().unwrap();
    let bytes = segment(&[0..2, 2..4]);
    let bytes = &bytes[..bytes.len() - 8];
    let mut early = bytes.to_vec();
    let length = early.len();
    early[length - 300..].fill(0);
    let mut store = with_segment(root.path(), &early);
    assert_eq!(count_right(&store, &ids(0..4)), 2);
    fs::write(store.segments_dir().join("a.arrow"), bytes).unwrap();
    store.refresh().unwrap();
    assert_eq!(count_right(&store, &ids(0..4)), 4);
    let mut file = OpenOptions::new().append(true).open(store.segments_dir().join("a.arrow")).unwrap();
    file.write_all(&segment(&[4..6])).unwrap();
    store.refresh().unwrap();
    assert_eq!(count_right(&store, &ids(0..6)), 6);
}

#[test]
fn a_shortened_file_loses_rows_and_no_more() {
    let root = tempfile::tempdir().unwrap();
    let bytes = segment(&[0..2, 2..4]);
    let mut store = with_segment(root.path(), &bytes);
    let file = OpenOptions::new().write(true).open(store.segments_dir().join("a.arrow")).unwrap();
    file.set_len(bytes.len() as u64 - 100).unwrap();
    store.refresh().unwrap();
    assert_eq!(count_right(&store, &ids(0..4)), 2);
    file.set_len(0).unwrap();
    store.refresh().unwrap();
    assert_eq!(count_right(&store, &ids(0..4)), 0);
}

/// A power failure can leave a file of its full length without the bytes.
#[test]
fn an_end_of_zeros_is_torn() {
    let root = tempfile::tempdir().unwrap();
    let bytes = segment(&[0..2, 2..4]);
    for end in [8, 100, 5000] {
        let store = with_segment(root.path(), &[&bytes[..], &vec![0; end]].concat());
        let report = verify(&store, |_| {});
        assert!(report.is_clean() && report.torn_tails.len() == 1, "{report}");
        assert_eq!(count_right(&store, &ids(0..4)), 4);
    }
}

/// Every bit of a memo and of failures: what is not used is named.
#[test]
fn damage_to_memo_and_failures_is_named() {
    let root = tempfile::tempdir().unwrap();
    let store = store_at(root.path(), DIM);
    let image = root.path().join("x.png");
    let mut memo = Memo::open(root.path());
    let facts = FileFacts { size: 1, modified: 0, changed: 0, inode: 0, seen: std::time::SystemTime::now() };
    (0..3).for_each(|i| memo.insert(&image.join(i.to_string()), &facts, id(i).0).unwrap());
    drop(memo);
    let mut log = FailureLog::new(&store);
    let text = String::new;
    (0..3_u8).for_each(|i| {
        let (path, stage, kind) = (PathBuf::from(format!("{i}")), "read".into(), FailureKind::Missing);
        let (reason, revision, time) = (text(), 1, text());
        log.record(&Failure { path, key: None, stamp: None, stage, kind, reason, revision, time }).unwrap();
    });
    assert!(verify(&store, |_| {}).is_clean());
    let files = [store.segments_dir(), root.path().join("memo")].map(|dir| paths(&dir).pop().unwrap());
    for file in files {
        let whole = fs::read(&file).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            fs::write(&file, &damaged).unwrap();
            let report = verify(&store, |_| {});
            let named = report.regions.iter().chain(&report.torn_tails).any(|region| region.segment == file);
            assert!(named, "bit {bit} of {}: {report}", file.display());
            // Only what is taken for an end that was cut off needs no care.
            assert!(!report.is_clean() || bit / 8 == whole.len() - 1, "bit {bit}: {report}");
        }
        for length in 0..whole.len() {
            fs::write(&file, &whole[..length]).unwrap();
            assert!(verify(&store, |_| {}).is_clean(), "an end that was cut off at {length} is no damage");
        }
        fs::write(&file, &whole).unwrap();
    }
}

fn paths(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Bytes that a fuzzer or a disk once made: whatever is wrong with them, rows are right or missing.
#[test]
fn segments_that_were_found_give_right_rows_or_none() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/segments");
    let files = paths(&golden);
    assert!(files.len() >= 5, "{}", files.len());
    let root = tempfile::tempdir().unwrap();
    for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "arrow")) {
        let store = with_segment(root.path(), &fs::read(file).unwrap());
        let report = verify(&store, |_| {});
        let expected = if file.ends_with("sound.arrow") { 6 } else { 0 };
        assert!(report.images >= expected, "{}: {report}", file.display());
        store.ids().for_each(|id| assert_eq!(count_right(&store, &[id]), 1));
    }
}

#[derive(Debug, Clone)]
enum Harm {
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index, usize),
    Insert(prop::sample::Index, Vec<u8>),
    Truncate(prop::sample::Index),
    Repeat(prop::sample::Index, usize),
}

fn harm() -> impl Strategy<Value = Harm> {
    let place = any::<prop::sample::Index>;
    prop_oneof![
        4 => (place(), 0..8_u8).prop_map(|(at, bit)| Harm::Flip(at, bit)),
        1 => (place(), 1..700_usize).prop_map(|(at, length)| Harm::Cut(at, length)),
        1 => (place(), prop::collection::vec(prop_oneof![Just(0xFF), Just(0), any::<u8>()], 1..100))
            .prop_map(|(at, bytes)| Harm::Insert(at, bytes)),
        1 => place().prop_map(Harm::Truncate),
        1 => (place(), 1..700_usize).prop_map(|(at, length)| Harm::Repeat(at, length)),
    ]
}

fn inflict(bytes: &mut Vec<u8>, harm: &Harm) {
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len();
    match harm {
        Harm::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
        Harm::Cut(at, n) => drop(bytes.drain(at.index(length)..(at.index(length) + n).min(length))),
        Harm::Insert(at, new) => drop(bytes.splice(at.index(length)..at.index(length), new.iter().copied())),
        Harm::Truncate(at) => bytes.truncate(at.index(length)),
        Harm::Repeat(at, n) => {
            let copy = bytes[at.index(length)..(at.index(length) + n).min(length)].to_vec();
            bytes.extend(copy);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// Some writers, each with some batches, some of the same images; then harm to any of the files.
    #[test]
    fn every_row_is_right_or_missing(
        writers in prop::collection::vec(prop::collection::vec((0..40_u32, 1..9_u32), 0..5), 1..4),
        harms in prop::collection::vec((any::<prop::sample::Index>(), harm()), 0..6),
    ) {
        let root = tempfile::tempdir().unwrap();
        let store = store_at(root.path(), DIM);
        let mut paths = Vec::new();
        for batches in writers.iter().filter(|batches| !batches.is_empty()) {
            let batches: Vec<_> = batches.iter().map(|(from, n)| *from..from + n).collect();
            paths.push(write(&store, &batches));
        }
        let written: std::collections::HashSet<_> =
            writers.iter().flatten().flat_map(|(from, n)| ids(*from..from + n)).collect();
        let mut open = store_at(root.path(), DIM);
        prop_assert_eq!(count_right(&open, &ids(0..50)), written.len());
        for (which, harm) in harms.iter().filter(|_| !paths.is_empty()) {
            let path = which.get(&paths);
            let mut bytes = fs::read(path).unwrap();
            inflict(&mut bytes, harm);
            // As another file of that name, for who shortens a mapped one kills its readers.
            fs::remove_file(path).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let store = store_at(root.path(), DIM);
        let right = count_right(&store, &ids(0..50));
        prop_assert!(right <= written.len());
        prop_assert!(!harms.is_empty() || right == written.len());
        let report = verify(&store, |_| {});
        // Only now: a damaged key may have stood for an image that never was.
        prop_assert_eq!(report.images, right);
        prop_assert_eq!(store.len(), right);
        // What is mapped stays right, whatever has its name now.
        open.refresh().unwrap();
        prop_assert_eq!(count_right(&open, &ids(0..50)), written.len());
    }

    /// The scanner takes any bytes at all.
    #[test]
    fn a_scan_never_panics(
        prefix in 0..3_usize,
        noise in prop::collection::vec(prop_oneof![Just(0xFF), Just(0), Just(64), any::<u8>()], 0..300),
    ) {
        let good = segment(&[0..2]);
        let bytes = [&good[..good.len() * prefix / 2], &noise[..]].concat();
        let layout = format::RowLayout::new(&fingerprint_of(DIM, Storage::F32)).unwrap();
        let found = segment::scan(&bytes, 0, &layout);
        prop_assert!(found.batches.iter().all(|batch| batch.end <= bytes.len()));
    }
}
