//! Each reason for a miss is told from the others.

use std::fs;
use std::time::{Duration, SystemTime};

use super::*;

const DIM: usize = 4;

struct Scene {
    root: tempfile::TempDir,
    store: Store,
}

impl Scene {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let store = store_at(&root.path().join("cache"), DIM);
        Self { root, store }
    }

    fn cache(&self) -> PathBuf {
        self.root.path().join("cache")
    }

    /// A file that was last changed so many seconds ago, by its time of change at least.
    fn file(&self, name: &str, bytes: &str, age: u64) -> PathBuf {
        let path = self.root.path().join(name);
        fs::write(&path, bytes).unwrap();
        let time = SystemTime::now() - Duration::from_secs(age);
        fs::File::options().append(true).open(&path).unwrap().set_modified(time).unwrap();
        path
    }

    fn compute(&self, bytes: &str) -> PathBuf {
        let ids = [(Key::of(bytes.as_bytes()), 0)];
        let mut writer = self.store.writer(Provenance::default()).unwrap();
        append(&mut writer, &ids, DIM);
        let path = writer.path().unwrap().to_owned();
        writer.close().unwrap();
        path
    }

    /// Has the memo know the file as it is, as if it had been looked at later.
    fn remember(&self, path: &Path, key: Key) {
        let looked = Facts::of(path).unwrap();
        let facts = Facts { seen: looked.seen + Duration::from_secs(9), ..looked };
        Memo::open(&self.cache()).insert(path, &facts, key).unwrap();
    }

    fn explain(&self, path: &Path) -> Explanation {
        let in_force = fingerprint_of(DIM, Storage::F32);
        Explainer::open(&self.cache(), &in_force, PLAIN).unwrap().explain(path)
    }
}

#[test]
fn a_hit_names_its_row() {
    let scene = Scene::new();
    let path = scene.file("a.png", "a", 100);
    let segment = scene.compute("a");
    let found = scene.explain(&path);
    assert_eq!((found.verdict, found.key), (Verdict::Hit, Some(Key::of(b"a"))));
    // The time of change cannot be set, so the file is younger than two seconds.
    assert_eq!((found.size, found.memo), (Some(1), MemoState::TooFresh));
    let [row] = &found.in_force.as_ref().unwrap().rows[..] else { panic!("{found:?}") };
    assert_eq!((&row.segment, row.view, row.slot, row.sound), (&segment, 0, 0, true));
    assert_eq!(row.offset, reopened_offset(&scene));
    scene.remember(&path, Key::of(b"a"));
    assert_eq!(scene.explain(&path).memo, MemoState::Trusted);
}

fn reopened_offset(scene: &Scene) -> u64 {
    Store::open_dir(scene.store.dir()).unwrap().segments()[0].batches[0].start as u64
}

#[test]
fn an_edited_file_is_told_from_one_never_computed() {
    let scene = Scene::new();
    let path = scene.file("a.png", "a", 100);
    assert_eq!(scene.explain(&path).verdict, Verdict::Absent);
    scene.compute("a");
    scene.remember(&path, Key::of(b"a"));
    scene.file("a.png", "edited", 50);
    let found = scene.explain(&path);
    assert_eq!(found.verdict, Verdict::Changed);
    let MemoState::Changed(then) = found.memo else { panic!("{found:?}") };
    assert_eq!((then.key, then.size), (Key::of(b"a"), 1));
    assert!(i128::from(then.modified) < found.modified.unwrap());
    // The same bytes with other times are the same image.
    scene.file("a.png", "a", 30);
    let found = scene.explain(&path);
    assert!(matches!((found.verdict, found.memo), (Verdict::Hit, MemoState::Changed(_))), "{found:?}");
    // A file that was changed behind the memo's back.
    scene.remember(&path, Key::of(b"edited"));
    assert_eq!(scene.explain(&path).memo, MemoState::Wrong { key: Key::of(b"edited") });
    fs::remove_file(&path).unwrap();
    let found = scene.explain(&path);
    assert_eq!((found.verdict, found.key), (Verdict::Unreadable, None));
    assert!(matches!(found.memo, MemoState::Changed(_)) && found.error.is_some());
}

#[test]
fn damage_and_failures_have_their_reasons() {
    let scene = Scene::new();
    let path = scene.file("a.png", "a", 100);
    let segment = scene.compute("a");
    let mut bytes = fs::read(&segment).unwrap();
    let place =
        bytes.windows(4).rposition(|w| w == features(&[(Key::of(b"a"), 0)], DIM)[(0, 1)].to_le_bytes());
    bytes[place.unwrap()] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let found = scene.explain(&path);
    assert_eq!(found.verdict, Verdict::Damaged);
    assert!(!found.in_force.unwrap().rows[0].sound);
    scene.compute("a");
    assert_eq!(scene.explain(&path).verdict, Verdict::Hit, "a sound row stands in");

    let bad = scene.file("bad.png", "bad", 100);
    let failure = Failure {
        path: "elsewhere.png".into(),
        key: Some(Key::of(b"bad")),
        stamp: None,
        stage: "decode".into(),
        kind: FailureKind::Truncated,
        reason: "it ends".into(),
        revision: 1,
        time: "2026-01-01T00:00:00.000Z".into(),
    };
    FailureLog::new(&scene.store).record(&failure).unwrap();
    let found = scene.explain(&bad);
    assert_eq!((found.verdict, found.in_force.unwrap().failure), (Verdict::Failed, Some(failure)));
}

#[test]
fn other_stores_say_in_what_they_differ() {
    let scene = Scene::new();
    let path = scene.file("a.png", "a", 100);
    let other = Store::create_or_open(&scene.cache(), "net", &fingerprint_of(DIM, Storage::F16)).unwrap();
    let mut writer = other.writer(Provenance::default()).unwrap();
    append(&mut writer, &[(Key::of(b"a"), 0), (Key::of(b"a"), 7)], DIM);
    writer.close().unwrap();
    let found = scene.explain(&path);
    assert_eq!(found.verdict, Verdict::Absent);
    assert!(found.in_force.unwrap().rows.is_empty());
    let [elsewhere] = &found.others[..] else { panic!("one other store knows it") };
    assert_eq!(elsewhere.rows.iter().map(|row| row.view).collect::<Vec<_>>(), [0, 7]);
    let [difference] = &elsewhere.differences[..] else { panic!("{elsewhere:?}") };
    assert_eq!(difference.to_string(), "`storage` expected \"f32\", found \"f16\"");
    let unknown = scene.file("b.png", "b", 100);
    assert!(scene.explain(&unknown).others.is_empty());
}
