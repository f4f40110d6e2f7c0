//! Many writers, many readers, failures and duplicates.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;

#[test]
fn readers_never_see_a_torn_row_while_writers_append() {
    const WRITERS: u32 = 4;
    const BATCHES: u32 = 40;
    const ROWS: u32 = 7;
    let root = tempfile::tempdir().unwrap();
    let store = store_at(root.path(), 100);
    let written: Vec<AtomicUsize> = (0..WRITERS).map(|_| AtomicUsize::new(0)).collect();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut store = store_at(root.path(), 100);
                    let mut last = false;
                    while !last {
                        last = done.load(Ordering::SeqCst);
                        let promised: Vec<usize> = written.iter().map(|n| n.load(Ordering::SeqCst)).collect();
                        store.refresh().unwrap();
                        let all = ids(0..WRITERS * BATCHES * ROWS);
                        assert_eq!(count_right(&store, &all), store.len(), "a torn row");
                        for (writer, batches) in promised.into_iter().enumerate() {
                            let first = writer as u32 * BATCHES * ROWS;
                            let ids = ids(first..first + batches as u32 * ROWS);
                            assert_eq!(count_right(&store, &ids), ids.len(), "an appended row is not seen");
                        }
                    }
                    assert!(verify(&store, |_| {}).is_clean());
                    store.len()
                })
            })
            .collect();
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| {
                let (store, written) = (&store, &written);
                scope.spawn(move || {
                    let mut writer = store.writer(Provenance::default()).unwrap();
                    for batch in 0..BATCHES {
                        let first = (number * BATCHES + batch) * ROWS;
                        append(&mut writer, &ids(first..first + ROWS), 100);
                        written[number as usize].fetch_add(1, Ordering::SeqCst);
                    }
                    writer.close().unwrap();
                })
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        done.store(true, Ordering::SeqCst);
        for reader in readers {
            assert_eq!(reader.join().unwrap(), (WRITERS * BATCHES * ROWS) as usize);
        }
    });
}

#[test]
fn duplicates_are_counted_and_disagreements_named() {
    let root = tempfile::tempdir().unwrap();
    let mut store = store_at(root.path(), 4);
    write(&store, &[0..3]);
    write(&store, &[1..4]);
    let mut writer = store.writer(Provenance::default()).unwrap();
    let mut other = features(&[id(0)], 4);
    other[(0, 2)] += 0.5;
    writer.append(&[id(0)], other.view()).unwrap();
    writer.close().unwrap();
    store.refresh().unwrap();
    let mut progress = Vec::new();
    let report = verify(&store, |p| progress.push(p));
    assert_eq!((report.images, report.rows, report.duplicates), (4, 7, 3));
    let [disagreement] = &report.disagreements[..] else { panic!("{report}") };
    assert_eq!((disagreement.key, disagreement.difference), (id(0).0, 0.5));
    assert!(!report.is_clean());
    assert!(progress.is_sorted_by_key(|p| p.done) && progress.last().is_some_and(|p| p.done == p.total));
}

#[test]
fn folders_are_joined_by_copying() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = store_at(here.path(), 4);
    write(&store, &[0..3]);
    let path = write(&store_at(there.path(), 4), &[2..5]);
    std::fs::copy(&path, store.segments_dir().join(path.file_name().unwrap())).unwrap();
    let store = store_at(here.path(), 4);
    assert_eq!((store.len(), count_right(&store, &ids(0..5))), (5, 5));
}

fn failure(path: &str, key: Option<Key>, size: u64) -> Failure {
    Failure {
        path: path.into(),
        key,
        stamp: Some(Stamp { size, modified: 17 }),
        stage: "decode".into(),
        kind: FailureKind::Truncated,
        reason: "it ends,\n\"early\"".into(),
        revision: 1,
        time: String::new(),
    }
}

#[test]
fn a_failure_is_known_to_the_decoders_that_tried() {
    let root = tempfile::tempdir().unwrap();
    let store = store_at(root.path(), 4);
    let key = Key([7; 32]);
    let of = |path: &str, revision, stage: &str| Failure {
        revision,
        stage: stage.into(),
        ..failure(path, Some(key), 3)
    };
    let mut log = FailureLog::new(&store);
    for (path, revision) in [("a", 1), ("b", 3), ("c", 2)] {
        log.record(&of(path, revision, "decode")).unwrap();
    }
    let failures = store.failures().unwrap();
    assert_eq!(failures.iter().map(|f| f.revision).collect::<Vec<_>>(), [1, 3, 2]);
    assert!(failures.iter().all(|failure| failure.stage == "decode"), "the number is no part of the stage");
    assert_eq!(failures.of_key(&key).unwrap().revision, 3, "of several the latest decoders count");
    // Tried by these, by later and by earlier ones; and no matter of decoders.
    assert!(of("", 2, "decode").is_known_to(2) && of("", 3, "resize").is_known_to(2));
    assert!(!of("", 1, "decode").is_known_to(2) && !of("", 1, "resize").is_known_to(2));
    assert!(of("", 1, "infer").is_known_to(2) && of("", 1, "read").is_known_to(2));
    // A library may be there tomorrow.
    assert!(!of("", 2, "library").is_known_to(2));
    // A line of version 0.1.0, and what is written for the first decoders, is the same.
    let first = std::fs::read_dir(store.segments_dir()).unwrap().next().unwrap().unwrap().path();
    let lines = std::fs::read_to_string(first).unwrap();
    assert!(lines.contains(",decode,") && lines.contains(",decode@3,"), "{lines}");
}

#[test]
fn failures_of_all_writers_are_one_list() {
    let root = tempfile::tempdir().unwrap();
    let mut store = store_at(root.path(), 4);
    assert!(store.failures().unwrap().is_empty());
    let (mut a, mut b) = (FailureLog::new(&store), FailureLog::new(&store));
    let at = |time: &str, failure: Failure| Failure { time: time.into(), ..failure };
    a.record(&at("2026-01-01T00:00:00.000Z", failure("x.png", Some(Key([7; 32])), 3))).unwrap();
    a.record(&at("2026-01-03T00:00:00.000Z", failure("y.png", None, 4))).unwrap();
    b.record(&at("2026-01-02T00:00:00.000Z", failure("x.png", Some(Key([8; 32])), 5))).unwrap();
    b.record(&failure("later.png", Some(id(0).0), 6)).unwrap();
    b.record(&failure("resolved.png", None, 6)).unwrap();
    b.resolve(Path::new("resolved.png")).unwrap();
    let failures = store.failures().unwrap();
    assert_eq!(
        failures.iter().map(|f| f.path.to_str().unwrap()).collect::<Vec<_>>(),
        ["later.png", "x.png", "y.png"]
    );
    assert!(failures.of_key(&Key([7; 32])).is_none(), "the file was edited since");
    assert_eq!(failures.of_key(&Key([8; 32])).unwrap().stamp.unwrap().size, 5);
    let stamp = |size| Some(Stamp { size, modified: 17 });
    assert!(failures.of_file(Path::new("y.png"), stamp(4)).is_some());
    assert!(failures.of_file(Path::new("y.png"), stamp(5)).is_none(), "it has changed: try again");
    assert!(failures.of_file(Path::new("y.png"), None).is_none());
    write(&store, &[0..1]);
    store.refresh().unwrap();
    let failures = store.failures().unwrap();
    assert_eq!(failures.len(), 2, "an image that succeeded later drops out");
    let mut csv = Vec::new();
    failures.write_csv(&mut csv).unwrap();
    let csv = String::from_utf8(csv).unwrap();
    let key = Key([8; 32]);
    let want = format!("x.png,{key},decode,truncated,\"it ends, \"\"early\"\"\",2026-01-02T00:00:00.000Z\n");
    assert!(csv.starts_with("path,key,stage,kind,reason,time\n") && csv.contains(&want), "{csv}");
}

#[cfg(unix)]
#[test]
fn any_path_survives_the_failure_log() {
    use std::os::unix::ffi::OsStrExt;
    let root = tempfile::tempdir().unwrap();
    let store = store_at(root.path(), 4);
    let mut log = FailureLog::new(&store);
    let names: [&[u8]; 6] =
        [b"path", b"a,b\"c", b"two\nlines\r", b"\xff\xfe.png", b"100%41", "grün 😀".as_bytes()];
    for name in names {
        let path = PathBuf::from(std::ffi::OsStr::from_bytes(name));
        log.record(&Failure { path, ..failure("", None, 1) }).unwrap();
    }
    let failures = store.failures().unwrap();
    assert_eq!((failures.len(), failures.damaged_lines()), (6, 0));
    for name in names {
        let path = Path::new(std::ffi::OsStr::from_bytes(name));
        assert_eq!(failures.of_file(path, failure("", None, 1).stamp).unwrap().path, path);
    }
}

#[test]
fn damage_to_the_failure_log_costs_only_the_lines_it_hits() {
    let root = tempfile::tempdir().unwrap();
    let store = store_at(root.path(), 4);
    let mut log = FailureLog::new(&store);
    let path = |i: u8| format!("image{i}.png");
    (0..3).for_each(|i| log.record(&failure(&path(i), Some(Key([i; 32])), u64::from(i))).unwrap());
    let file = std::fs::read_dir(store.segments_dir()).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&file).unwrap();
    for byte in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[byte] ^= 1 << (byte % 8);
        for (bytes, least) in [(&damaged[..], 1), (&whole[..byte], 0)] {
            std::fs::write(&file, bytes).unwrap();
            let failures = store.failures().unwrap();
            assert!(failures.len() >= least, "byte {byte}");
            for found in failures.iter() {
                let i = found.key.unwrap().0[0];
                let want = failure(&path(i), Some(Key([i; 32])), u64::from(i));
                assert_eq!(
                    Failure { reason: want.reason.clone(), time: String::new(), ..found.clone() },
                    want
                );
            }
        }
    }
}
