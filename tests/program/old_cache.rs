//! A cache that version 0.1.0 left (`tests/golden/cache_0_1_0/make.py`): just the rows whose pixels are others today are computed
//! again, and failures are tried again once.

use std::fs;
use std::path::{Path, PathBuf};

use headstart::backbone::Backbone;
use headstart::cache::{Key, Storage, Store};
use headstart::extract::{CacheStatus, FeatureCache, fingerprint, key_of};
use headstart::image::Preprocessor;
use headstart::image_files;

use super::place::{Place, repository};

const FLAGS: &str = "--backbone backbone.onnx --cache features";
const FIXTURE: &str = "tests/golden/cache_0_1_0";

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

/// A copy of the fixture.
fn place() -> Place {
    let place = Place::empty();
    copy(&repository().join(FIXTURE), &place.path(""));
    place
}

fn cache(place: &Place) -> FeatureCache {
    let backbone = Backbone::open(&place.path("backbone.onnx")).unwrap();
    let fingerprint = fingerprint(&backbone, Storage::F32).unwrap();
    FeatureCache::open(&place.path("features"), &fingerprint).unwrap().expect("the fingerprint has not moved")
}

/// The images of the manifest whose names begin so.
fn images(place: &Place, kind: &str) -> Vec<PathBuf> {
    let manifest = place.read("images.csv");
    let names = manifest.lines().skip(1).map(|line| line.split(',').next().unwrap());
    let is_kind = |name: &&str| name.strip_prefix("images/").unwrap().split(['_', '.']).next() == Some(kind);
    let files: Vec<_> = names.filter(is_kind).map(|name| place.path(name)).collect();
    assert!(!files.is_empty(), "no image of the kind `{kind}`");
    files
}

fn bytes(file: &Path) -> Vec<u8> {
    fs::read(file).unwrap()
}

fn row(store: &Store, key: &Key) -> Vec<f32> {
    let row = store.find(key, 0).unwrap_or_else(|| panic!("{key} has no row"));
    store.row(row).unwrap().into_owned()
}

/// Whether an image is one at all, by the decoders alone.
fn can_be_read(place: &Place, file: &Path) -> bool {
    let backbone = Backbone::open(&place.path("backbone.onnx")).unwrap();
    Preprocessor::new(backbone.recipe().clone()).unwrap().pixels(&bytes(file)).is_ok()
}

#[test]
fn only_what_is_read_otherwise_today_is_computed_again() {
    let place = place();
    let mut before = cache(&place);
    let status = |cache: &mut FeatureCache, kind: &str| cache.status(&image_files(images(&place, kind)));
    for (file, one) in images(&place, "same").iter().zip(status(&mut before, "same")) {
        assert!(matches!(one, CacheStatus::Ready(_)), "{}: {one:?}", file.display());
    }
    for kind in ["changed", "refused", "now", "retried"] {
        assert!(status(&mut before, kind).iter().all(|one| *one == CacheStatus::Absent), "{kind}");
    }
    for kind in ["known", "gone"] {
        let failed = status(&mut before, kind);
        assert!(failed.iter().all(|one| matches!(one, CacheStatus::Failed { .. })), "{kind}: {failed:?}");
    }
    drop(before);

    let same = images(&place, "same");
    let again = [images(&place, "changed"), images(&place, "refused"), images(&place, "now")].concat();
    let (computed, refused): (Vec<_>, Vec<_>) = again.iter().partition(|file| can_be_read(&place, file));
    let failed = refused.len()
        + [images(&place, "retried"), images(&place, "known"), images(&place, "gone")].concat().len();
    let all = same.len() + again.len() + failed - refused.len();
    let numbers = [all, same.len(), computed.len(), failed].map(|number| number as u64);
    assert_eq!(place.extract(&format!("images.csv {FLAGS}")), numbers);

    // Bit for bit what 0.1.0 wrote, under the key that it gave them.
    let old = Store::open_dir(&repository().join(FIXTURE).join("features/tiny-0b262596")).unwrap();
    let new = cache(&place);
    assert_eq!(old.len(), same.len() + images(&place, "changed").len() + images(&place, "refused").len());
    for file in &same {
        let key = Key::of(&bytes(file));
        assert_eq!(
            (key, row(&old, &key)),
            (key_of(&bytes(file)), row(new.store(), &key)),
            "{}",
            file.display()
        );
    }
    for file in &computed {
        let (plain, key) = (Key::of(&bytes(file)), key_of(&bytes(file)));
        let features = row(new.store(), &key);
        let name = file.file_name().unwrap().to_str().unwrap();
        assert_eq!(plain != key, name.starts_with("changed"), "{name}");
        // A picture that is turned has other features in any case.
        if ["xmp", "exif", "profile", "byte", "slong"].iter().any(|word| name.contains(word)) {
            assert_ne!(row(&old, &plain), features, "{name}");
        }
    }

    // From now on all of it is known: nothing is computed, no graph is loaded, and no failure noted once more.
    let noted = new.failures().len();
    drop(new);
    let lines = |place: &Place| {
        let folder = fs::read_dir(place.path("features/tiny-0b262596/segments")).unwrap();
        let files = folder.map(|entry| entry.unwrap().path());
        let failures = files.filter(|path| path.to_string_lossy().ends_with(".failures.csv"));
        failures.map(|path| fs::read_to_string(path).unwrap().lines().count()).sum::<usize>()
    };
    let written = lines(&place);
    let cached = (same.len() + computed.len()) as u64;
    let numbers = [all as u64, cached, 0, failed as u64];
    assert_eq!(place.extract(&format!("images.csv {FLAGS} --onnxruntime /nowhere")), numbers);
    assert_eq!((cache(&place).failures().len(), lines(&place)), (noted, written));
    place.run("cache verify features").done();
}

#[test]
fn what_changed_is_named_and_can_be_dropped() {
    let place = place();
    let status = |name: &str| place.run(&format!("cache info features --image images/{name}")).done().out;
    let said = status("changed_xmp.webp");
    assert!(
        said.contains("no features, this version reads other pixels from it than earlier ones did"),
        "{said}"
    );
    let said = status("now_webcam.jpg");
    assert!(said.contains("no features, an earlier version could not read it"), "{said}");
    assert!(status("same.png").ends_with(": features\n"));
    let said = status("known_empty.png");
    assert!(said.contains("no features, read failed (truncated)"), "{said}");

    let outdated = images(&place, "changed").len() + images(&place, "refused").len();
    fs::remove_file(place.path("images.csv")).unwrap();
    let rows: String = images_in(&place).iter().map(|name| format!("images/{name},a\n")).collect();
    place.write("images.csv", format!("path,label\n{rows}"));
    let said = place.run("cache gc features --keep images.csv --json").done().out;
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(report["stores"][0]["unlisted"], outdated);
    // Its memo is of no use, and no damage either.
    place.run("cache verify features").done();
}

fn images_in(place: &Place) -> Vec<String> {
    let entries = fs::read_dir(place.path("images")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// A run of 0.1.0 goes on with features of today.
#[test]
fn its_run_predicts() {
    let place = place();
    let flags = "--backbone backbone.onnx --cache features --runs runs";
    let said = place.run(&format!("predict old images/same.png images/changed_xmp.png {flags}")).done();
    assert!(said.out.contains("same.png") && said.out.contains("changed_xmp.png"), "{}", said.out);
}
