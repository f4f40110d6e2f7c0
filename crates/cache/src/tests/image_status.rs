//! Each reason for having no features is told from the others.

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
        let looked = FileFacts::of(path).unwrap();
        let facts = FileFacts { seen: looked.seen + Duration::from_secs(9), ..looked };
        Memo::open(&self.cache()).insert(path, &facts, key).unwrap();
    }

    fn status(&self, path: &Path) -> ImageStatus {
        ImageLookup::open(&self.cache(), PLAIN).unwrap().status(path)
    }

    /// In its only store.
    fn state(&self, path: &Path) -> ImageState {
        let [stored] = &self.status(path).stores[..] else { panic!("one store") };
        stored.state
    }
}

#[test]
fn an_edited_file_is_told_from_one_never_computed() {
    let scene = Scene::new();
    let path = scene.file("a.png", "a", 100);
    let found = scene.status(&path);
    assert_eq!((found.stores[0].state, found.change), (ImageState::Absent, None));
    scene.compute("a");
    scene.remember(&path, Key::of(b"a"));
    let found = scene.status(&path);
    assert_eq!((found.key, found.change), (Some(Key::of(b"a")), None));
    assert_eq!((found.stores[0].state, &found.stores[0].views[..]), (ImageState::Computed, &[0][..]));
    scene.file("a.png", "edited", 50);
    let found = scene.status(&path);
    assert_eq!((found.stores[0].state, found.change), (ImageState::Absent, Some(FileChange::Seen)));
    // The same bytes with other times are the same image.
    scene.file("a.png", "a", 30);
    let found = scene.status(&path);
    assert_eq!((found.stores[0].state, found.change), (ImageState::Computed, None));
    // A file that was changed behind the memo's back.
    scene.remember(&path, Key::of(b"edited"));
    assert_eq!(scene.status(&path).change, Some(FileChange::Unseen));
    fs::remove_file(&path).unwrap();
    let found = scene.status(&path);
    assert!(found.key.is_none() && found.error.is_some() && found.stores.is_empty(), "{found:?}");
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
    assert_eq!(scene.state(&path), ImageState::Damaged);
    scene.compute("a");
    assert_eq!(scene.state(&path), ImageState::Computed, "a sound row stands in");

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
    let found = scene.status(&bad);
    assert_eq!((found.stores[0].state, &found.stores[0].failure), (ImageState::Failed, &Some(failure)));
}

#[test]
fn each_store_says_what_it_has() {
    let scene = Scene::new();
    let path = scene.file("a.png", "a", 100);
    let other = Store::create_or_open(&scene.cache(), "net", &fingerprint_of(DIM, Storage::F16)).unwrap();
    let mut writer = other.writer(Provenance::default()).unwrap();
    append(&mut writer, &[(Key::of(b"a"), 0), (Key::of(b"a"), 7)], DIM);
    writer.close().unwrap();
    let found = scene.status(&path);
    let mut stores: Vec<_> =
        found.stores.iter().map(|one| (one.directory == other.dir(), one.state, &one.views[..])).collect();
    stores.sort_by_key(|one| one.0);
    assert_eq!(stores, [(false, ImageState::Absent, &[][..]), (true, ImageState::Computed, &[0, 7])]);
}
