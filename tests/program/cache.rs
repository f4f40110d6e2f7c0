//! Looking after the cache, as a user does.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::place::{Place, with_features};

fn json(said: &str) -> Value {
    serde_json::from_str(said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

#[track_caller]
fn has(text: &str, words: &[&str]) {
    words.iter().for_each(|word| assert!(text.contains(word), "no `{word}` in: {text}"));
}

/// The features of the photographs, in a folder of this place.
fn with_own_features() -> Place {
    let place = with_features();
    let there = fs::canonicalize(place.path("data/features")).unwrap();
    fs::remove_file(place.path("data/features")).unwrap();
    copy(&there, &place.path("data/features"));
    place
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &to) } else { _ = fs::copy(&path, &to).unwrap() }
    }
}

#[test]
fn what_two_extractions_left_is_folded_and_used_on() {
    let place = with_own_features();
    // A second cache of the same features, joined by copying.
    place.run("extract photos/photos.csv --cache other").done();
    let [here, there] = ["data/features", "other"].map(|cache| place.kinds(cache)[0].join("segments"));
    for entry in fs::read_dir(there).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, here.join(path.file_name().unwrap())).unwrap();
    }
    let before = place.photo_features("data/features");
    let said = place.run("cache gc --dry-run").done();
    has(&said.out, &["would drop", "rows: 10 duplicate", "2 -> 1"]);
    let info = json(&place.run("cache info --json").done().out);
    assert_eq!(
        (&info[0]["rows"], &info[0]["segments"], &info[0]["images"]),
        (&20.into(), &2.into(), &10.into())
    );
    let report = json(&place.run("cache gc --json").done().out);
    let store = &report["stores"][0];
    assert_eq!((&store["duplicates"], &store["after"]["segments"]), (&10.into(), &1.into()), "{report}");
    assert_eq!(place.photo_features("data/features"), before);
    has(&place.run("cache verify").done().out, &["good rows 10", "clean"]);
    has(&place.run("cache gc").done().out, &["nothing to do"]);
    assert_eq!(place.extract("photos/photos.csv --onnxruntime /nowhere"), [10, 10, 0, 0]);
    has(&place.run("cache info").done().out, &["10 in 10 rows", "10 rows in 1 segment", "f32"]);
}

#[test]
fn only_the_manifests_that_are_named_decide_what_goes() {
    let place = with_own_features();
    place.write("photos/two.csv", "path,label\ncat.jpg,cat\nflower.jpg,flower\n");
    has(&place.run("cache gc --keep photos/two.csv photos/photos.csv").done().out, &["nothing to do"]);
    place.write("photos/gone.csv", "path,label\ncat.jpg,cat\nunmounted.jpg,cat\n");
    place.run("cache gc --keep photos/gone.csv").ended(2).says(&["nothing was dropped", "unmounted.jpg"]);
    has(
        &place.run("cache gc --keep photos/two.csv").done().out,
        &["8 of images that no manifest lists", "10 -> 2"],
    );
    assert_eq!(place.extract("photos/two.csv --onnxruntime /nowhere"), [2, 2, 0, 0]);
}

#[test]
fn the_cache_tells_what_it_has_of_an_image() {
    let place = with_own_features();
    fs::write(place.path("photos/new.jpg"), "no image").unwrap();
    let asked = "cache info --image photos/cat.jpg photos/new.jpg photos/none.jpg";
    let said = place.run(asked).ended(1);
    has(&said.out, &["photos/cat.jpg\n  key ", "data/features/resnet50-", ": features\n\nphotos/new.jpg\n"]);
    has(&said.out, &[": no features yet\n\nphotos/none.jpg\n  cannot be read: No such file"]);

    // The folder of one backbone's features will do, for the whole and for an image.
    let stores = fs::read_dir(place.path("data/features")).unwrap().map(|entry| entry.unwrap().path());
    let store = stores
        .filter(|path| path.join("fingerprint.json").is_file())
        .map(|path| path.display().to_string())
        .next()
        .unwrap();
    has(&place.run(&format!("cache info {store}")).done().out, &["10 in 10 rows"]);
    has(&place.run(&format!("cache info {store} --image photos/cat.jpg")).done().out, &[": features"]);

    place.write("photos/new.csv", "path,label\nnew.jpg,cat\n");
    place.run("extract photos/new.csv").ended(1);
    let said = place.run("cache info --image photos/new.jpg").done();
    has(&said.out, &[": no features, decode failed ("]);
    place.run("extract photos/photos.csv --recipe keras-resnet50-nearest").done();
    fs::copy(place.path("photos/flower.jpg"), place.path("photos/cat.jpg")).unwrap();
    let all = json(&place.run("cache info --image photos/cat.jpg photos/new.jpg --json").done().out);
    let states = |image: usize| -> Vec<_> {
        all[image]["stores"].as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap()).collect()
    };
    assert_eq!((states(0), states(1).len()), (vec!["computed"; 2], 2), "cat is flower now");
    assert!(states(1).contains(&"failed"), "{all}");
}

#[test]
fn features_are_exported_in_the_order_of_the_manifest() {
    let place = with_features();
    let said = place.run("cache export photos/photos.csv -o f.npy").done().says(&["10 rows of 2048 numbers"]);
    assert_eq!(said.out, "f.npy\nf.csv\n");
    let bytes = fs::read(place.path("f.npy")).unwrap();
    let numbers = bytes[128..].as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
    assert!(numbers.eq(place.photo_features("data/features")));
    let (manifest, csv) = (place.read("photos/photos.csv"), place.read("f.csv"));
    for (line, exported) in manifest.lines().zip(csv.lines()).skip(1) {
        assert!(exported.starts_with(&format!("{line},,")), "{exported}");
    }
    place
        .run("cache export photos/photos.csv -o f.npy")
        .ended(2)
        .says(&["`f.npy` exists already", "--overwrite"]);
    place.run("cache export photos/photos.csv -o f.parquet --quiet").done();
    place.run("cache export photos/photos.csv -o f.xyz").ended(2).says(&["add `--format`"]);

    fs::write(place.path("photos/new.jpg"), "new").unwrap();
    place.write("photos/more.csv", "path,label\nnew.jpg,cat\ncat.jpg,cat\n");
    let export = "cache export photos/more.csv --format npy -o more.npy";
    place
        .run(export)
        .ended(2)
        .says(&["1 of 2 images has no features yet", "headstart extract photos/more.csv"]);
    place.run(&format!("{export} --allow-missing")).ended(1).says(&["left out 1 image", "1 row of 2048"]);
}

#[test]
fn duplicates_and_leaks_are_found_in_pictures() {
    let place = with_own_features();
    let photo = |name: &str| image::open(place.path(&format!("photos/{name}.jpg"))).unwrap();
    fs::create_dir(place.path("test")).unwrap();
    fs::copy(place.path("photos/cat.jpg"), place.path("test/copy.jpg")).unwrap();
    photo("coffee").save(place.path("test/coffee.png")).unwrap();
    let small = photo("temple");
    let (width, height) = (small.width() * 4 / 5, small.height() * 4 / 5);
    small
        .resize(width, height, image::imageops::FilterType::Triangle)
        .save(place.path("test/small.jpg"))
        .unwrap();
    photo("flower").fliph().save(place.path("test/flipped.png")).unwrap();
    place.write(
        "test/test.csv",
        "path,label\ncopy.jpg,dog\ncoffee.png,coffee\nsmall.jpg,temple\nflipped.png,flower\n",
    );
    place.run("extract test/test.csv").done();

    let command = "cache duplicates photos/photos.csv test/test.csv";
    let said = place.run(command).done();
    let lines: Vec<Vec<&str>> = said.out.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!((lines.len(), lines[0][0]), (5, "kind"), "{}", said.out);
    assert_eq!(lines[1][..4], ["identical", "1.0", "true", "true"]);
    for (line, name) in lines[2..].iter().zip(["coffee.png", "temple.jpg", "flower.jpg"]) {
        assert!(line[0] == "near" && line[2] == "true" && line[3] == "false", "{line:?}");
        assert!(said.out.contains(name), "{}", said.out);
    }
    let said = said.says(&["14 images: 1 pair of the same file, 3 nearly the same"]);
    said.says(&["leak: 4 of 4 images of test/test.csv are in photos/photos.csv too (1 as the same file), 1 under another label"]);
    place.run(&format!("{command} --fail-on leaks --threshold 0.9999")).ended(1).says(&["1 nearly the same"]);
    place.run("cache duplicates photos/photos.csv --fail-on any").done();

    // One manifest with parts of its own, which may be those of a folder above.
    let rows = "path,label,split\nphotos/cat.jpg,cat,train\nphotos/coffee.jpg,coffee,train\ntest/coffee.png,coffee,test\n";
    place.write("all.csv", rows);
    let found = json(&place.run("cache duplicates all.csv --json --quiet").done().out);
    assert_eq!(found["parts"], serde_json::json!(["train", "test"]));
    let leak = &found["leaks"][0];
    assert_eq!((&leak["of"], &leak["in"], &leak["images"]), (&"test".into(), &"train".into(), &1.into()));
    assert!(found["pairs"][0]["cosine"].as_f64().unwrap() > 0.99);
}

#[test]
fn half_precision_is_found_where_it_is_all_there_is() {
    let place = Place::with_photos();
    let photos = place.double_photos();
    place.run(&format!("extract {photos} --storage f16")).done();
    place.run(&format!("train {photos} --name half --epochs 2")).done();
    place.run(&format!("evaluate half {photos}")).done();
    place.run("predict half photos/cat.jpg").done();
    has(&place.run(&format!("compare {photos} --folds 2 --epochs 2")).done().out, &["accuracy"]);
    assert_eq!(place.extract(&format!("{photos} --onnxruntime /nowhere")), [10, 10, 0, 0]);
    assert_eq!(place.kinds("data/features").len(), 1);
    place
        .run(&format!("evaluate half {photos} --storage f32"))
        .ended(2)
        .says(&["the storage is `f32`, expected `f16`", "--storage"]);
}
