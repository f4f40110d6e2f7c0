//! What images show, in every form of question and answer.

use std::fs;

use headstart::nn::Head;

use super::noisy;
use super::place::{Place, with_features};

fn trained() -> Place {
    let place = with_features();
    place.run("train photos/photos.csv --epochs 30 --name a --quiet").done();
    place
}

#[test]
fn cached_images_are_answered_without_a_runtime_in_every_format() {
    let place = trained();
    let cat = "photos/cat.jpg";
    let said = place.run(&format!("predict a {cat} --onnxruntime /nowhere --top 2")).done();
    assert!(said.out.starts_with("photos/cat.jpg: cat "), "{}", said.out);
    assert_eq!(said.out.matches(',').count(), 1, "{}", said.out);

    let said = place.run(&format!("predict a {cat} --format csv --onnxruntime /nowhere")).done();
    let lines: Vec<&str> = said.out.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("path,"), "{}", said.out);
    assert!(lines[1].starts_with("photos/cat.jpg,") && lines[1].contains(",cat,"), "{}", said.out);

    let said = place.run(&format!("predict a {cat} --format jsonl --onnxruntime /nowhere")).done();
    let answer: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&answer["path"], &answer["prediction"]), (&cat.into(), &"cat".into()));
    assert_eq!(answer["top"].as_array().unwrap().len(), 3);
    assert_eq!(answer["top"][0]["class"], "cat");
    assert_eq!(answer["confidence"], answer["top"][0]["probability"]);
}

#[test]
fn images_come_as_files_folders_manifests_and_lines() {
    let place = trained();
    let lines = |said: &str| said.lines().count();
    let folder = place.run("predict latest photos --onnxruntime /nowhere").done().out;
    assert_eq!(lines(&folder), 10);
    // A manifest of images to be told needs no labels.
    place.write("photos/unlabelled.csv", "path\ncat.jpg\ncoffee.jpg\n");
    let manifest = place.run("predict a photos/unlabelled.csv").done().out;
    assert_eq!(lines(&manifest), 2);
    let piped =
        place.run_on("photos/cat.jpg\n\nphotos/galaxy.jpg\n", "predict a - photos/coffee.jpg").done().out;
    let names: Vec<&str> = piped.lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(names, ["photos/cat.jpg", "photos/galaxy.jpg", "photos/coffee.jpg"]);
    place.run_on("", "predict a -").ended(2).says(&["no images were given", "hint: "]);
}

#[test]
fn patterns_are_looked_for_by_the_program_itself() {
    let place = trained();
    let names = |words: &str| -> Vec<String> {
        let said = place.run(&format!("predict a {words} --quiet")).done().out;
        said.lines().map(|line| line.split(": ").next().unwrap().to_owned()).collect()
    };
    assert_eq!(names("photos/c*.jpg"), ["photos/cat.jpg", "photos/coffee.jpg"]);
    assert_eq!(
        names("photos/[rt]?????.jpg photos/cat.jpg"),
        ["photos/rocket.jpg", "photos/temple.jpg", "photos/cat.jpg"]
    );
    assert_eq!(names("photos/**/*.jpg").len(), 10);
    let said = place.run("predict a photos/*").done();
    assert_eq!(said.out.lines().count(), 10);
    said.says(&["`photos/*`: skipped 1 file that is not an image"]);
    // A file whose name only looks like a pattern is meant by its name, and so is one that is no pattern.
    for name in ["photos/IMG[1].jpg", "photos/IMG[.jpg", "photos/a*.jpg"] {
        std::fs::copy(place.path("photos/cat.jpg"), place.path(name)).unwrap();
        assert_eq!(names(name), [name]);
    }
    std::fs::remove_file(place.path("photos/a*.jpg")).unwrap();
    assert_eq!(names("photos/a*.jpg"), ["photos/astronaut.jpg"]);
    place
        .run("predict a photos/gone*.jpg photos")
        .ended(2)
        .says(&["`photos/gone*.jpg` matches no file", "hint: `*` stands for any part of a name"]);
    let said = place.run("predict a photos/*.csv").ended(2);
    said.says(&["`photos/*.csv` matches 1 file, and none is an image by its name"]);
    place
        .run("predict a photos/[gone.jpg photos/cat.jpg")
        .ended(1)
        .says(&["`photos/[gone.jpg`: there is no such file"]);
    // Lines on stdin are names, whatever is in them.
    place.run_on("photos/c*.jpg\n", "predict a -").ended(1).says(&["`photos/c*.jpg`: there is no such file"]);
}

#[test]
fn a_missing_image_does_not_keep_the_others_from_their_answers() {
    let place = trained();
    let said = place.run("predict a photos/cat.jpg gone.jpg photos").ended(1);
    assert!(said.out.contains("gone.jpg: no prediction"), "{}", said.out);
    assert_eq!(said.out.lines().count(), 12, "{}", said.out);
    said.says(&["warning: `gone.jpg`: there is no such file"]);
    let said = place.run("predict a gone.jpg photos/cat.jpg --format jsonl").ended(1);
    let answers: Vec<serde_json::Value> =
        said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (&answers[0]["error"], &answers[1]["prediction"]),
        (&"there is no such file".into(), &"cat".into())
    );
}

#[test]
fn an_image_that_no_cache_has_is_computed_and_answered_alike() {
    let place = trained();
    let cached = place.run("predict a photos/cat.jpg").done().out;
    let computed = place.run("predict a photos/cat.jpg --cache none").done().out;
    assert_eq!(cached, computed);
    assert!(!place.path("none").exists(), "a question writes nothing");
}

#[test]
fn a_run_refuses_features_that_it_was_not_trained_on() {
    let place = trained();
    let said = place.run("predict a photos/cat.jpg --recipe keras-resnet50-nearest").ended(2);
    said.says(&[
        "the run `a` was trained on other features",
        "`filter` of the recipe is \"nearest\"",
        "expected \"bilinear\"",
        "hint: ",
    ]);
    let said = place.run("evaluate a photos/photos.csv --storage f16").ended(2);
    said.says(&["the storage is `f16`, expected `f32`", "hint: "]);
    let import = "backbone import --recipe keras-tf --output small.onnx";
    let model = super::place::repository().join("tests/golden/import_models/no_top/model.json");
    place.run(&format!("{import} {}", model.display())).done();
    for question in ["predict a photos/cat.jpg", "evaluate a photos/photos.csv"] {
        let said = place.run(&format!("{question} --backbone small.onnx")).ended(2);
        said.says(&["the feature size is", "expected 2048", "--backbone"]);
    }
}

/// A head whose weights are numbers, and whose answers are not.
fn diverge(place: &Place, run: &str) {
    let path = place.path(run).join("head.safetensors");
    let mut head: Head = Head::from_bytes(&fs::read(&path).unwrap()).unwrap();
    head.parameters_mut().into_iter().for_each(|parameter| parameter.mapv_inplace(|x| x * 1e30));
    fs::write(path, head.to_bytes()).unwrap();
}

#[test]
fn a_head_that_gives_no_numbers_is_refused() {
    let place = noisy::trained();
    diverge(&place, "runs/a");
    for command in ["predict a held0.png", "evaluate a held.csv --no-report", "export a -o new.onnx"] {
        let said = place.run(&format!("{command} {}", noisy::BACKBONE)).ended(2);
        assert_eq!(said.out, "");
        said.says(&[
            "the output of ",
            "is infinite or not a number",
            "hint: train a new head",
            "`--learning-rate`",
        ]);
    }
    assert!(!place.path("new.onnx").exists());
}

#[test]
fn what_is_not_needed_to_answer_may_be_lost() {
    let place = noisy::trained();
    let predict = format!("predict a held0.png {}", noisy::BACKBONE);
    let whole = place.run(&predict).done().out;
    fs::remove_file(place.path("runs/a/history.csv")).unwrap();
    place.write("runs/a/metrics.json", "{");
    place.write("runs/a/images.bin", "");
    assert_eq!(place.run(&predict).done().out, whole);
    let said = place.run(&format!("evaluate a held.csv {}", noisy::BACKBONE)).ended(2);
    said.says(&["error: the run `runs/a` lacks `history.csv`", "hint: "]).never_says("damaged");
    fs::remove_file(place.path("runs/a/head.safetensors")).unwrap();
    place.run(&predict).ended(2).says(&["the run `runs/a` lacks `head.safetensors`"]);
}

#[test]
fn an_exported_file_takes_no_flags_of_a_run() {
    let place = noisy::trained();
    place.run(&format!("export a -o new.onnx {}", noisy::BACKBONE)).done();
    let answer = place.run("predict new.onnx held0.png").done().out;
    for flag in [
        "--recipe raw",
        "--exif ignore",
        "--decode full",
        "--backbone models/resnet50.onnx",
        "--precision fp32",
        "--feature-tensor features",
        "--storage f16",
        "--cache data/features",
    ] {
        let said = place.run(&format!("predict new.onnx held0.png {flag}")).ended(2);
        let name = flag.split(' ').next().unwrap();
        said.says(&["`new.onnx` is an exported model", &format!("takes no `{name}`"), "hint: remove it"]);
    }
    let said = place.run("predict new.onnx held0.png --exif ignore --storage f16").ended(2);
    said.says(&["`--exif`", "`--storage`", "hint: remove them"]);
    // What stands in the environment was not asked for here.
    let said = place.run_with("predict new.onnx held0.png", |command| {
        command.env("HEADSTART_BACKBONE", "tiny.onnx");
    });
    assert_eq!(said.done().out, answer);
    let said = place.run("predict gone.onnx held0.png").ended(2);
    said.says(&["there is no file `gone.onnx`", "hint: ", "headstart export RUN"]).never_says("setup");
}

#[test]
fn the_backbone_may_stand_in_the_environment() {
    let place = noisy::trained();
    let with = |arguments: &str, backbone: &str| {
        place.run_with(arguments, |command| {
            command.env("HEADSTART_BACKBONE", backbone);
        })
    };
    with("predict a held0.png", "tiny.onnx").done();
    with("predict a held0.png --backbone tiny.onnx", "gone.onnx").done();
    with("predict a held0.png", "gone.onnx").ended(2).says(&["`gone.onnx` does not exist"]);
    // One that is empty is none.
    with("predict a held0.png --backbone tiny.onnx", "").done();
    fs::remove_file(place.path("models")).unwrap();
    let said = with("predict a held0.png", "").ended(2);
    said.says(&["`models/resnet50.onnx` does not exist", "hint: name a backbone by `--backbone FILE`"]);
    let said = place.run("report a").ended(1);
    said.says(&["there are no features: `models/resnet50.onnx` does not exist", "`--backbone FILE`"]);
}
