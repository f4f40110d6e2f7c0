//! Further views of an image: computed, trained on, averaged.

use std::path::PathBuf;

use headstart::cache::{Key, Storage, View};
use headstart::extract::FeatureCache;
use headstart::{backbone::Backbone, extract::fingerprint};

use super::place::{Place, with_features};

/// Images, cached, computed, failed; and rows.
fn extract(place: &Place, arguments: &str) -> [u64; 5] {
    let said = place.run(&format!("extract cifar.csv --json {arguments}"));
    let summary: serde_json::Value =
        serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}", said.err));
    ["images", "cached", "computed", "failed", "rows"].map(|name| summary[name].as_u64().unwrap())
}

/// One row of the cache.
fn row(place: &Place, file: &PathBuf, view: View) -> Vec<f32> {
    let backbone = Backbone::open(&place.path("models/resnet50.onnx")).unwrap();
    let fingerprint = fingerprint(&backbone, Storage::F32).unwrap();
    let cache = FeatureCache::open(&place.path("data/features"), &fingerprint).unwrap().unwrap();
    let key = Key::of(&std::fs::read(file).unwrap());
    let id = cache.store().find(&key, view).unwrap_or_else(|| panic!("no view {view} of {}", file.display()));
    cache.store().row(id).unwrap().into_owned()
}

fn images(place: &Place) -> Vec<PathBuf> {
    place.read("cifar.csv").lines().skip(1).map(|line| place.path(line.split(',').next().unwrap())).collect()
}

#[test]
fn only_views_that_are_missing_are_computed_and_a_flip_is_the_flipped_image() {
    let place = Place::with_cifar(4);
    assert_eq!(extract(&place, ""), [4, 0, 4, 0, 4]);
    // Plain features are there already; of one image everything is new.
    let first = &images(&place)[0];
    let mirrored = image::open(first).unwrap().fliph();
    mirrored.save(place.path("train/mirrored.png")).unwrap();
    place.write("cifar.csv", place.read("cifar.csv") + "\ntrain/mirrored.png,cat");
    assert_eq!(extract(&place, "--views flip"), [5, 0, 5, 0, 6]);
    assert_eq!(extract(&place, "--views flip --onnxruntime /nowhere"), [5, 5, 0, 0, 0]);
    assert_eq!(extract(&place, "--onnxruntime /nowhere"), [5, 5, 0, 0, 0]);
    assert_eq!(place.kinds("data/features").len(), 1, "views share the folder of the plain images");

    let other = place.path("train/mirrored.png");
    assert_eq!(row(&place, first, 1), row(&place, &other, 0));
    assert_eq!(row(&place, first, 0), row(&place, &other, 1));
    assert_ne!(row(&place, first, 0), row(&place, first, 1));

    place
        .run("extract cifar.csv --views flip,crop5 --batch-size 3")
        .done()
        .says(&["5 images for `resnet50` in all of 7 views", "5 images: 5 in 25 views computed in"]);
    let said = place.run("cache info").done().out;
    for line in ["images        5 in ", "views         plain 5, flip 5, top-left 5,"] {
        assert!(said.contains(line), "{said}");
    }
    let json: serde_json::Value = serde_json::from_str(&place.run("cache info --json").done().out).unwrap();
    assert_eq!((&json[0]["images"], &json[0]["views"]["10"]), (&5.into(), &5.into()));
    place.run("cache verify").done();
}

/// A folder with eight images of two classes in plain and flipped view.
fn flipped() -> Place {
    let place = Place::with_cifar(8);
    let lines = place.read("cifar.csv");
    let lines = lines.lines().map(|line| line.split(',').next().unwrap());
    let two = |(number, path): (usize, &str)| match number {
        0 => "path,label\n".to_owned(),
        _ => format!("{path},{}\n", ["a", "b"][number % 2]),
    };
    place.write("cifar.csv", lines.enumerate().map(two).collect::<String>());
    assert_eq!(extract(&place, "--views flip"), [8, 0, 8, 0, 16]);
    place
}

#[test]
fn a_run_keeps_its_views_and_hands_them_on() {
    let place = flipped();
    let train = |arguments: &str| place.run(&format!("train {arguments} --batch-size 3 --quiet"));
    train("cifar.csv --epochs 9 --name plain").done();
    place
        .run("train cifar.csv --batch-size 3 --epochs 9 --views flip --name a")
        .done()
        .says(&["8 images of 2 classes in 2 views"]);
    assert_ne!(place.head("a"), place.head("plain"));
    assert!(place.read("runs/a/run.toml").contains("views = [\"flip\"]"));
    assert!(!place.read("runs/plain/run.toml").contains("views"), "what has none is as it was");

    train("--from a --name again").done();
    assert_eq!(place.head("again"), place.head("a"));
    train("--from a --views none --name without").done();
    assert_eq!(place.head("without"), place.head("plain"));
    train("cifar.csv --epochs 9 --views flip --threads 1 --name single").done();
    assert_eq!(place.head("single"), place.head("a"));

    train("cifar.csv --epochs 4 --views flip --name begun").done();
    train("--from begun --resume --epochs 9 --name whole").done();
    assert_eq!(place.head("whole"), place.head("a"));
    train("--from begun --resume --epochs 9 --views none --name other").ended(2).says(&[
        "the run was trained on other data: expected the views `flip`, found plain images alone",
        "hint: ",
    ]);

    let listed = place.run("runs").done().out;
    assert!(listed.lines().any(|line| line.starts_with("a ") && line.contains("views=flip")), "{listed}");
    let beside = place.run("runs plain a").done().out;
    assert!(beside.lines().any(|line| line.starts_with("views ") && line.ends_with("flip")), "{beside}");
    // An image to validate on is looked at plainly, so it needs no other view.
    place.write("one.csv", "path,label\nplain.png,a\n");
    image::open(&images(&place)[0]).unwrap().brighten(40).save(place.path("plain.png")).unwrap();
    train("cifar.csv --epochs 1 --views flip --validation-manifest one.csv --extract --name looked").done();
    place.run("extract one.csv --onnxruntime /nowhere").done().says(&["1 image: 1 already computed"]);
}

#[test]
fn evaluation_and_prediction_take_the_mean_over_the_views() {
    let place = flipped();
    place.run("train cifar.csv --epochs 5 --name a").done();
    let evaluated = |arguments: &str| {
        let said = place.run(&format!("evaluate a cifar.csv --json {arguments}")).done().out;
        serde_json::from_str::<serde_json::Value>(&said).unwrap()
    };
    let plain = evaluated("");
    let both = evaluated("--views flip");
    assert_ne!(plain["log_loss"], both["log_loss"]);
    // Each in a folder of its own: the plain figure is not overwritten, and `runs` tells them apart.
    let predictions = |folder: &str| place.read(&format!("runs/a/evaluation/{folder}/predictions.csv"));
    let confidence = |csv: &str| -> Vec<(String, f64)> {
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let of = |row: csv::StringRecord| (row[2].to_owned(), row[3].parse().unwrap());
        reader.records().map(|row| of(row.unwrap())).collect()
    };
    let (alone, averaged) = (confidence(&predictions("cifar")), confidence(&predictions("cifar+flip")));
    assert_ne!(alone, averaged);
    assert!(place.run("runs a").done().out.contains("accuracy on cifar+flip"));
    assert!(place.read("runs/a/evaluation/cifar+flip/report.html").contains("cifar.csv, views flip"));

    // The mean of what is said of the image and of its mirror image, which is a file here.
    let first = &images(&place)[0];
    image::open(first).unwrap().fliph().save(place.path("mirrored.png")).unwrap();
    let predict = |arguments: &str| -> serde_json::Value {
        let said = place.run(&format!("predict a {arguments} --top 2 --format jsonl")).done().out;
        serde_json::from_str(&said).unwrap()
    };
    let of_a = |answer: &serde_json::Value| {
        let top = answer["top"].as_array().unwrap();
        top.iter().find(|guess| guess["class"] == "a").unwrap()["probability"].as_f64().unwrap()
    };
    let name = first.display();
    let [one, other] = [predict(&name.to_string()), predict("mirrored.png")].map(|answer| of_a(&answer));
    let cached = of_a(&predict(&format!("{name} --views flip --onnxruntime /nowhere")));
    // Decimals of probabilities in f32.
    assert!((cached - (one + other) / 2.0).abs() < 2e-6, "{cached}, {one}, {other}");
    let computed = of_a(&predict("mirrored.png --views flip"));
    assert!((computed - cached).abs() < 2e-6, "{computed}, {cached}");
}

#[test]
fn a_missing_view_names_the_command_and_an_unknown_one_those_there_are() {
    let place = with_features();
    place.run("train photos/photos.csv --epochs 1 --name a --quiet").done();
    for command in
        ["train photos/photos.csv --views flip,crop5", "evaluate a photos/photos.csv --views crop5,flip"]
    {
        place.run(command).ended(2).says(&[
            "10 of 10 images have no features in the views `flip,crop5` yet, the first is",
            "hint: run `headstart extract photos/photos.csv --views flip,crop5` first, or add `--extract`",
        ]);
    }
    for command in ["extract photos", "train photos", "evaluate a photos", "predict a photos"] {
        place
            .run(&format!("{command} --views flop"))
            .ended(2)
            .says(&["`flop`", "`flip`", "`crop5`", "`crop10`"]);
    }
}
