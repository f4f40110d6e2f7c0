//! Manifests and images that are not what they should be: one clear error, or a row in the failures.

use std::fs;

use super::place::{Place, with_features};

#[test]
fn a_manifest_that_will_not_do_is_one_error_with_a_remedy() {
    let place = Place::with_photos();
    let refused = |arguments: &str, words: &[&str]| {
        let said = place.run(arguments).ended(2).says(words).never_says("panicked");
        assert_eq!(said.out, "", "nothing is an answer to {arguments}");
    };
    refused("extract", &["required arguments were not provided", "<MANIFEST>", "Usage: headstart extract"]);
    refused("extract gone.csv", &["no manifest at `gone.csv`", "hint: a manifest is a CSV"]);
    place.write("empty.csv", "");
    refused("extract empty.csv", &["`empty.csv` lists no images", "hint: a manifest is a CSV"]);
    place.write("header.csv", "path,label\n");
    refused("extract header.csv", &["`header.csv` lists no images", "hint: "]);
    place.write("columns.csv", "file,kind\na.jpg,b\n");
    let columns = ["`columns.csv` has no column `path`: found `file`, `kind`", "hint: ", "--path-column"];
    refused("extract columns.csv", &columns);
    let label = ["no column `label`: found `file`, `kind`", "--label-column"];
    refused("train columns.csv --path-column file", &label);
    place.write("ragged.csv", "path,label\na.jpg\n");
    refused("extract ragged.csv", &["`ragged.csv` line 2: expected 2 cells as in the header, found 1"]);
    place.write("photos/some.csv", "path,label\ncat.jpg,cat\ncoffee.jpg,coffee\ngalaxy.jpg,\n");
    refused(
        "train photos/some.csv",
        &["`photos/some.csv` line 4", "`galaxy.jpg` has no label", "hint: fill in the label"],
    );
    place.write("photos/one.csv", "path,label\ncat.jpg,cat\ncoffee.jpg,cat\n");
    refused(
        "train photos/one.csv",
        &["every label in `photos/one.csv` is `cat`", "expected at least two classes", "hint: "],
    );
    place.write("photos/two.csv", "path,label\ncat.jpg,cat\ncat.jpg,dog\n");
    refused("train photos/two.csv", &["`cat`", "`dog`", "line 2", "line 3"]);
    fs::create_dir_all(place.path("nothing")).unwrap();
    refused("train nothing", &["`nothing` has no images in subfolders", "hint: "]);
    refused("extract photos/cat.jpg", &["photos/cat.jpg"]);
}

#[test]
fn labels_that_a_run_does_not_know_or_that_are_not_there_are_told() {
    let place = with_features();
    place.run("train photos/photos.csv --epochs 1 --name a").done();
    place.write("photos/unknown.csv", "path,label\ncat.jpg,dog\n");
    let said = place.run("evaluate a photos/unknown.csv").ended(2);
    said.says(&["`photos/unknown.csv` line 2: label `dog` is not among the 10 known classes", "hint: "]);
    place.write("photos/unlabelled.csv", "path,label\ncat.jpg,\n");
    let said = place.run("evaluate a photos/unlabelled.csv").ended(2);
    said.says(&["no row of `photos/unlabelled.csv` has a label", "hint: fill in the label"]);
    place.write("photos/bare.csv", "path\ncat.jpg\n");
    let said = place.run("evaluate a photos/bare.csv").ended(2);
    said.says(&["`photos/bare.csv` has no column `label`: found `path`", "--label-column"]);
    // Some labels are enough.
    place.write("photos/partly.csv", "path,label\ncat.jpg,\ncoffee.jpg,coffee\n");
    let said = place.run("evaluate a photos/partly.csv").done();
    let last = said.out.lines().last().unwrap();
    assert!(last.contains("of 1), loss") && last.ends_with(", 1 without a label not counted"), "{last}");
}

/// A folder of good images and bad ones, in `mixed.csv`: two are good.
fn mixed() -> Place {
    let place = Place::with_photos();
    let cat = fs::read(place.path("photos/cat.jpg")).unwrap();
    place.write("text.jpg", "this is no image");
    place.write("empty.jpg", "");
    place.write("cut.jpg", &cat[..5000]);
    fs::create_dir(place.path("folder.jpg")).unwrap();
    std::os::unix::fs::symlink("nowhere", place.path("broken.jpg")).unwrap();
    // Whoever reads a pipe waits for a writer that never comes.
    let pipe = std::process::Command::new("mkfifo").arg(place.path("pipe.jpg")).status().unwrap();
    assert!(pipe.success());
    let bad = BAD.map(|(name, _)| format!("{name},cat\n")).concat();
    place.write("mixed.csv", format!("path,label\nphotos/cat.jpg,cat\n{bad}photos/coffee.jpg,coffee\n"));
    place
}

const BAD: [(&str, &str); 7] = [
    ("text.jpg", "expected an image, found text"),
    ("empty.jpg", "the file is empty"),
    ("cut.jpg", "the JPEG file is cut off"),
    ("folder.jpg", "expected an image, found a folder"),
    ("broken.jpg", "there is no such file"),
    ("gone.jpg", "there is no such file"),
    ("pipe.jpg", "expected an image, found a pipe or device"),
];

#[test]
fn images_that_cannot_be_used_are_told_once_and_kept_in_mind() {
    let place = mixed();
    let failures = "--failures failures.csv";
    let said = place.run(&format!("extract mixed.csv {failures}")).ended(1);
    for (name, reason) in BAD {
        let said = &said.err;
        assert!(said.contains(&format!("warning: `{name}`: {reason}")), "{name}: {said}");
    }
    let said = said.says(&["9 images: 2 computed in", "7 failed"]).never_says("as before");
    assert_eq!(said.err.matches("warning: ").count(), 7);
    let table = place.read("failures.csv");
    assert_eq!(table.lines().count(), 8, "{table}");
    assert!(table.starts_with("path,key,stage,kind,reason,time\n"), "{table}");
    assert!(table.contains("\ngone.jpg,,read,missing,there is no such file,"), "{table}");
    assert!(table.contains(",decode,truncated,"), "{table}");

    // Nothing is tried again, which needs no runtime, and nothing is forgotten.
    let said = place.run("extract mixed.csv --onnxruntime /nowhere").ended(1);
    assert_eq!(said.err.matches("(as before)").count(), 7, "{}", said.err);
    said.says(&["9 images: 2 already computed, 7 failed"]);
    let said = place.run("extract mixed.csv --retry-failed").ended(1);
    said.says(&[
        "warning: `cut.jpg`: the JPEG file is cut off: its data end before the image does: ",
        "7 failed",
    ]);

    // Mended, an image is computed, and its failure is no longer told.
    fs::copy(place.path("photos/galaxy.jpg"), place.path("cut.jpg")).unwrap();
    fs::copy(place.path("photos/rocket.jpg"), place.path("gone.jpg")).unwrap();
    place.run(&format!("extract mixed.csv {failures}")).ended(1).says(&[
        "2 computed",
        "2 already computed",
        "5 failed",
    ]);
    let table = place.read("failures.csv");
    assert!(!table.contains("cut.jpg") && !table.contains("gone.jpg"), "{table}");
    assert_eq!(table.lines().count(), 6, "{table}");
}

#[test]
fn even_when_quiet_and_when_all_is_known_failures_are_told() {
    let place = Place::empty();
    place.write("text.jpg", "this is no image");
    place.write("a.csv", "path\ntext.jpg\ngone.jpg\n");
    for _ in 0..2 {
        let said = place.run("extract a.csv --quiet").ended(1);
        assert_eq!(said.err.matches("warning: ").count(), 2, "{}", said.err);
    }
}

#[test]
fn training_goes_on_without_failed_images_unless_a_class_loses_all_of_them() {
    let place = mixed();
    place.run("extract mixed.csv").ended(1);
    let said = place.run("train mixed.csv --epochs 1 --name a").ended(1);
    said.says(&[
        "warning: left out `text.jpg`: expected an image, found text",
        "left out 2 more images",
        "2 images of 2 classes",
    ]);
    place.run("evaluate a mixed.csv").ended(1).says(&["left out `text.jpg`"]);
    place.write("lost.csv", "path,label\nphotos/cat.jpg,cat\nphotos/coffee.jpg,coffee\ntext.jpg,owl\n");
    let said = place.run("train lost.csv --epochs 1 --name b").ended(2);
    said.says(&["1 class without an image that has features: `owl`", "hint: "]);
    place.write("all.csv", "path,label\ntext.jpg,cat\ngone.jpg,owl\n");
    place.run("train all.csv").ended(2).says(&["no image is left", "hint: `headstart extract all.csv`"]);
}
