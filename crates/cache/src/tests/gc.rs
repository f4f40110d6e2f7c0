//! Tidying up loses nothing that can be used, changes no bit, and disturbs nobody.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

const DIM: usize = 40;

fn tidy(store: &Store) -> GcReport {
    gc(store.dir(), &GcOptions::default(), |_| {}).unwrap()
}

fn reopen(store: &Store) -> Store {
    Store::open_dir(store.dir()).unwrap()
}

/// The bits of every row, by what it is of.
fn bits(store: &Store) -> BTreeMap<(Key, View), Vec<u32>> {
    let row = |(key, view): (Key, View)| store.row(store.find(&key, view).unwrap()).unwrap().into_owned();
    store.ids().map(|id| (id, row(id).into_iter().map(f32::to_bits).collect())).collect()
}

/// Numbers as they come, among them the smallest and both zeros, rather than those that every type holds.
fn odd_features(ids: &[(Key, View)]) -> Array2<f32> {
    let number = |(row, i): (usize, usize)| {
        let seed = f32::from(ids[row].0.0[i % 32]) - 128.0 + i as f32;
        [seed / 7.0, seed * 1e-9, 1e-40, -0.0, 0.0, seed.exp2().min(60_000.0)][i % 6]
    };
    Array2::from_shape_fn((ids.len(), DIM), number)
}

fn write_odd(store: &Store, provenance: &Provenance, batches: &[std::ops::Range<u32>]) -> PathBuf {
    let mut writer = store.writer(provenance.clone()).unwrap();
    for batch in batches {
        let ids = ids(batch.clone());
        writer.append(&ids, odd_features(&ids).view()).unwrap();
    }
    let path = writer.path().unwrap().to_owned();
    writer.close().unwrap();
    path
}

fn flip(path: &Path, byte: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[byte] ^= 4;
    fs::write(path, bytes).unwrap();
}

#[test]
fn rows_are_the_same_bits_in_fewer_segments_and_batches() {
    for storage in [Storage::F32, Storage::F16] {
        let root = tempfile::tempdir().unwrap();
        let store = Store::create_or_open(root.path(), "net", &fingerprint_of(DIM, storage)).unwrap();
        let on = |device: &str| Provenance {
            version: "0.0.1".into(),
            device: device.into(),
            ..Default::default()
        };
        write_odd(&store, &on("cpu"), &[0..3, 3..4, 4..9]);
        write_odd(&store, &on("cuda"), &[9..12, 2..5]);
        let torn = write_odd(&store, &on("cpu"), &[12..15, 15..18]);
        let length = fs::metadata(&torn).unwrap().len();
        // The end mark and a part of the last batch: what a kill leaves.
        fs::OpenOptions::new().write(true).open(&torn).unwrap().set_len(length - 100).unwrap();
        let before = reopen(&store);
        let (rows, all) = (bits(&before), before.segments().iter().map(|s| s.rows()).sum::<usize>());
        assert_eq!((rows.len(), all), (15, 18));

        let dry = gc(store.dir(), &GcOptions { dry_run: true, keep: None }, |_| {}).unwrap();
        assert_eq!(bits(&reopen(&store)), rows);
        assert_eq!(reopen(&store).segments().len(), 3, "a dry run changes nothing");
        let report = tidy(&store);
        assert_eq!((report.duplicates, report.damaged, report.contradictions, report.in_use), (3, 0, 0, 0));
        assert_eq!((report.before.segments, report.after.segments, report.replaced), (3, 2, 3));
        assert_eq!((report.before.rows, report.after.rows), (18, 15));
        assert!(report.after.bytes < report.before.bytes, "{report:?}");
        assert_eq!((dry.after.segments, dry.after.rows), (2, 15), "as was foretold");
        assert_eq!(GcReport { dry_run: false, after: report.after, ..dry }, report);

        let after = reopen(&store);
        assert_eq!(bits(&after), rows);
        let check = verify(&after, |_| {});
        assert!(check.is_clean() && check.torn_tails.is_empty() && check.duplicates == 0, "{check}");
        assert_eq!(check.batches, 2);
        let mut origins: Vec<_> = after.segments().iter().map(|s| s.header.provenance.clone()).collect();
        origins.sort();
        assert_eq!(origins, [on("cpu"), on("cuda")], "where rows come from is not mixed up");
        let again = tidy(&store);
        assert!(again.is_tidy() && again.before == again.after, "{again:?}");
    }
}

#[test]
fn damaged_rows_go_with_the_notes_of_them() {
    let root = tempfile::tempdir().unwrap();
    let store = store_at(root.path(), DIM);
    let path = write(&store, &[0..4]);
    // Of the one segment that is there: of two, either may come first.
    let batch = reopen(&store).segments()[0].batches[0].clone();
    write(&store, &[3..6]);
    // The last features of the batch and those of the first row; row 3 stands elsewhere too.
    flip(&path, batch.end - 64 - 4 * DIM);
    flip(&path, batch.end - 64 - 4 * 4 * DIM + 8);
    let found = reopen(&store);
    assert_eq!(verify(&found, |_| {}).bad_rows.len(), 2);
    drop(found);
    let report = tidy(&store);
    assert_eq!((report.damaged, report.duplicates, report.marks), (2, 0, 2), "{report:?}");
    let after = reopen(&store);
    assert_eq!((after.len(), count_right(&after, &ids(0..6))), (5, 5));
    assert!(verify(&after, |_| {}).is_clean());
    let left = fs::read_dir(store.segments_dir()).unwrap().count();
    assert_eq!(left, 1, "no mark is left");
}

#[test]
fn readers_keep_what_they_had() {
    let root = tempfile::tempdir().unwrap();
    let store = store_at(root.path(), DIM);
    (0..6).for_each(|i| _ = write(&store, &[i * 4..i * 4 + 5]));
    let mut reader = reopen(&store);
    let selected = ids(0..25);
    let selection = reader.select(&selected).unwrap();
    assert!(tidy(&store).replaced == 6);
    let mut numbers = Array2::zeros((25, DIM));
    selection.gather(&(0..25).collect::<Vec<_>>(), &mut numbers).unwrap();
    assert_eq!(numbers, features(&selected, DIM));
    reader.refresh().unwrap();
    assert_eq!(count_right(&reader, &selected), 25);
}

#[test]
fn readers_that_come_meanwhile_miss_nothing() {
    let root = tempfile::tempdir().unwrap();
    let store = store_at(root.path(), 4);
    write(&store, &[0..3]);
    let (done, store) = (AtomicBool::new(false), &store);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut looks = 0;
            while !done.load(Ordering::SeqCst) {
                assert_eq!(count_right(&reopen(store), &ids(0..3)), 3, "look {looks}");
                looks += 1;
            }
            looks
        });
        for round in 1..60 {
            write(store, &[round * 3..round * 3 + 3]);
            tidy(store);
        }
        done.store(true, Ordering::SeqCst);
        assert!(reader.join().unwrap() > 0);
    });
    assert_eq!(reopen(store).segments().len(), 1);
}

#[cfg(unix)]
#[test]
fn what_is_being_written_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let store = store_at(root.path(), DIM);
    let mut writer = store.writer(Provenance::default()).unwrap();
    append(&mut writer, &ids(0..2), DIM);
    write(&store, &[1..5]);
    let report = tidy(&store);
    assert_eq!((report.in_use, report.replaced, report.duplicates), (1, 0, 0), "{report:?}");
    append(&mut writer, &ids(5..7), DIM);
    writer.close().unwrap();
    assert_eq!(count_right(&reopen(&store), &ids(0..7)), 7);
    let report = tidy(&store);
    assert_eq!((report.in_use, report.duplicates, report.after.segments), (0, 1, 1));
    assert_eq!(count_right(&reopen(&store), &ids(0..7)), 7);
}

#[test]
fn two_that_contradict_each_other_both_stay() {
    let root = tempfile::tempdir().unwrap();
    let store = store_at(root.path(), DIM);
    write(&store, &[0..3]);
    for off in [5e-4, 0.5] {
        // Segments are in order of the millisecond in which they were made.
        std::thread::sleep(std::time::Duration::from_millis(2));
        let mut writer = store.writer(Provenance::default()).unwrap();
        writer.append(&[id(1)], (features(&[id(1)], DIM) + off).view()).unwrap();
        writer.close().unwrap();
    }
    let report = tidy(&store);
    assert_eq!((report.duplicates, report.contradictions, report.after.rows), (1, 1, 4), "{report:?}");
    assert_eq!(verify(&reopen(&store), |_| {}).disagreements.len(), 1);
    assert!(tidy(&store).is_tidy());
}

#[test]
fn only_on_request_an_image_goes() {
    let root = tempfile::tempdir().unwrap();
    let store = store_at(root.path(), DIM);
    write(&store, &[0..6]);
    let keep = HashSet::from([id(1).0, id(4).0, id(90).0]);
    let report = gc(store.dir(), &GcOptions { keep: Some(keep), ..GcOptions::default() }, |_| {}).unwrap();
    assert_eq!((report.unlisted, report.after.rows), (4, 2));
    assert_eq!(reopen(&store).ids().collect::<HashSet<_>>(), HashSet::from([id(1), id(4)]));
    let none = GcOptions { keep: Some(HashSet::new()), ..GcOptions::default() };
    assert_eq!(gc(store.dir(), &none, |_| {}).unwrap().after.segments, 0);

    fs::write(root.path().join("a.png"), "a").unwrap();
    let [a, missing] = ["a.png", "missing.png"].map(|name| root.path().join(name));
    assert_eq!(keys_of(root.path(), [a.as_path()], &PLAIN).unwrap(), HashSet::from([Key::of(b"a")]));
    let error = keys_of(root.path(), [a.as_path(), &missing], &PLAIN).unwrap_err();
    assert!(matches!(error, Error::Read { path, .. } if path == missing), "its row may be all that is left");
}

#[test]
fn strangers_stay_and_empty_segments_go() {
    let root = tempfile::tempdir().unwrap();
    let (store, other) = (store_at(root.path(), DIM), store_at(&root.path().join("other"), 7));
    let stranger = store.segments_dir().join("stranger.arrow");
    fs::copy(write(&other, &[0..3]), &stranger).unwrap();
    let path = write(&store, &[0..3]);
    let header = &fs::read(&path).unwrap()[..reopen(&store).segments()[0].batches[0].start];
    fs::write(store.segments_dir().join("killed.arrow"), header).unwrap();
    let report = tidy(&store);
    assert_eq!((report.foreign, report.replaced), (1, 2), "{report:?}");
    assert!(stranger.exists());
    assert_eq!((reopen(&store).segments().len(), count_right(&reopen(&store), &ids(0..3))), (2, 3));
}

#[test]
fn one_at_a_time() {
    let root = tempfile::tempdir().unwrap();
    let store = store_at(root.path(), DIM);
    write(&store, &[0..3, 3..6]);
    let mut turned_away = 0;
    gc(store.dir(), &GcOptions::default(), |_| {
        let second = gc(store.dir(), &GcOptions::default(), |_| {});
        assert!(matches!(second, Err(Error::GcAtWork { .. })));
        turned_away += 1;
    })
    .unwrap();
    assert!(turned_away > 0);
    tidy(&store);
}

#[test]
fn failures_that_no_longer_stand_go() {
    let root = tempfile::tempdir().unwrap();
    let mut store = store_at(root.path(), DIM);
    let failure = |name: &str, key, time: &str| Failure {
        path: name.into(),
        key,
        stamp: Some(Stamp { size: 3, modified: 4 }),
        stage: "decode".into(),
        kind: FailureKind::Truncated,
        reason: "it, ends".into(),
        revision: 1,
        time: time.into(),
    };
    let (mut a, mut b) = (FailureLog::new(&store), FailureLog::new(&store));
    a.record(&failure("stands", Some(Key([1; 32])), "2026-01-01T00:00:00.000Z")).unwrap();
    a.record(&failure("computed", Some(id(0).0), "2026-01-01T00:00:00.000Z")).unwrap();
    a.record(&failure("resolved", None, "2026-01-01T00:00:00.000Z")).unwrap();
    b.record(&failure("stands", Some(Key([2; 32])), "2026-01-02T00:00:00.000Z")).unwrap();
    b.resolve(Path::new("resolved")).unwrap();
    write(&store, &[0..1]);
    store.refresh().unwrap();
    let standing = |store: &Store| store.failures().unwrap().iter().cloned().collect::<Vec<_>>();
    let before = standing(&store);
    assert_eq!(before.len(), 1);
    assert_eq!(tidy(&store).failures, 0, "as long as somebody adds to them");
    drop((a, b));
    let report = tidy(&store);
    assert_eq!((report.failures, report.is_tidy()), (4, false));
    assert_eq!(standing(&store), before);
    let files = fs::read_dir(store.segments_dir()).unwrap();
    let files = files.filter(|e| e.as_ref().unwrap().path().to_string_lossy().ends_with(".failures.csv"));
    assert_eq!((files.count(), tidy(&store).failures), (1, 0));
}

#[test]
fn the_memo_forgets_images_that_no_store_knows() {
    let root = tempfile::tempdir().unwrap();
    let store = store_at(root.path(), DIM);
    write(&store, &[0..3]);
    let file = |i: u32| root.path().join(format!("{i}.png"));
    let mut facts = vec![];
    for i in 0..5 {
        fs::write(file(i), i.to_le_bytes()).unwrap();
        let looked = FileFacts::of(&file(i)).unwrap();
        // As if it had been looked at later: a file that is younger than two seconds is not remembered.
        facts.push(FileFacts { seen: looked.seen + std::time::Duration::from_secs(9), ..looked });
    }
    for half in [0..2, 2..5_usize] {
        let mut memo = Memo::open(root.path());
        half.for_each(|i| memo.insert(&file(i as u32), &facts[i], id(i as u32).0).unwrap());
    }
    let known = || (0..5).map(|i| Memo::open(root.path()).get(&file(i as u32), &facts[i]).is_some());
    assert_eq!(gc_memo(root.path(), true).unwrap(), MemoReport { files: 2, records: 5, orphaned: 2 });
    assert_eq!(known().filter(|known| *known).count(), 5);
    gc_memo(root.path(), false).unwrap();
    assert_eq!(known().collect::<Vec<_>>(), [true, true, true, false, false]);
    assert_eq!(gc_memo(root.path(), false).unwrap(), MemoReport { files: 1, records: 3, orphaned: 0 });
    assert_eq!(crate::memo::last_key(root.path(), &file(1)), Some(id(1).0));
    // With a store that cannot be read nothing is known to be of no use.
    Memo::open(root.path()).insert(&file(4), &facts[4], id(4).0).unwrap();
    fs::write(store.dir().join("fingerprint.json"), "{").unwrap();
    assert_eq!(gc_memo(root.path(), false).unwrap(), MemoReport { files: 2, records: 4, orphaned: 0 });
}
