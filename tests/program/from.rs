//! One run from another: trained again, or gone on with.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::place::{Place, with_features};

fn info(place: &Place, run: &str) -> toml::Table {
    place.read(&format!("runs/{run}/run.toml")).parse().unwrap()
}

#[test]
fn a_run_is_repeated_with_its_settings_on_its_images() {
    let place = with_features();
    let manifest = place.read("photos/photos.csv").replace("path,label", "file,class");
    place.write("photos/other.csv", &manifest);
    place
        .run(
            "train photos/other.csv --path-column file --label-column class --epochs 3 --hidden 8 --set \
        patience=2 --validation-manifest photos/other.csv --name a",
        )
        .done();
    place.run("train --from a --name same").done().says(&["10 images of 10 classes, validating on 10"]);
    assert_eq!(place.head("same"), place.head("a"));
    assert_eq!(place.settings("same"), place.settings("a"));
    assert_eq!(info(&place, "same")["data"], info(&place, "a")["data"]);

    // What is typed goes over the file, the file over the run.
    place.write("settings.toml", "dropout = 0.25\nepochs = 9\n");
    place.run("train --from runs/a --config settings.toml --epochs 2 --set patience=none --name b").done();
    let settings = place.settings("b");
    assert_eq!((settings["dropout"].as_float(), settings["epochs"].as_integer()), (Some(0.25), Some(2)));
    assert_eq!(settings["hidden"].as_array().unwrap().len(), 1);
    assert!(!settings.contains_key("patience"));
    let said = place.run(
        "train photos/photos.csv --from a --path-column path --label-column label \
        --validation none --set monitor=loss --seed 1 --name c",
    );
    said.done().never_says("validating on");
    assert_ne!(place.head("c"), place.head("a"));

    place.run("train").ended(2).says(&["<MANIFEST>"]);
    place.run("train --from nobody").ended(2).says(&["there is no run `nobody` in `runs`", "hint: "]);
    fs::remove_file(place.path("photos/other.csv")).unwrap();
    place.run("train --from a").ended(2).says(&["no manifest at `photos/other.csv`"]);
}

/// Settings with which every epoch depends on those before.
const SETTINGS: &str = "--batch-size 1 --hidden 16 --set schedule=plateau --set monitor=loss --set plateau_patience=1 \
    --set patience=1000 --set weight_decay=0.01";

#[test]
fn an_interrupted_training_goes_on_as_if_it_had_not_been() {
    let place = with_features();
    let mut child = place
        .command(&format!("train photos/photos.csv {SETTINGS} --epochs 1000000 --name stopped"))
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.by_ref().any(|line| line.unwrap().starts_with("epoch   2/")), "no second epoch was told");
    let killed =
        std::process::Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap();
    assert!(killed.success());
    // The program must not block on a pipe that nobody reads.
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    assert!(
        rest.iter().any(|line| line.contains("headstart train --from runs/stopped --resume")),
        "{rest:?}"
    );

    let done = place.read("runs/stopped/history.csv").lines().count() - 1;
    let epochs = done + 3;
    let said = place.run(&format!("train --from stopped --resume --epochs {epochs} --name resumed")).done();
    // Trained anew it would come to the same head: it must have gone on.
    said.says(&[&format!("continuing `stopped` after {done} epochs")]).never_says("epoch   1/");
    place.run(&format!("train photos/photos.csv {SETTINGS} --epochs {epochs} --name straight")).done();
    assert_eq!(place.head("resumed"), place.head("straight"));
    let file = |run: &str, name: &str| fs::read(place.path("runs").join(run).join(name)).unwrap();
    for name in ["history.csv", "checkpoint/train.safetensors"] {
        assert!(file("resumed", name) == file("straight", name), "{name}");
    }
    assert_eq!(info(&place, "resumed")["resumed_from"].as_str(), Some("stopped"));

    // Replacing the run that is gone on with is one more way to finish it.
    let more = epochs + 1;
    let said =
        place.run(&format!("train --from resumed --resume --epochs {more} --name resumed --overwrite"));
    said.done();
    assert_eq!(place.read("runs/resumed/history.csv").lines().count() - 1, more);
}

#[test]
fn what_cannot_be_gone_on_with_is_told_with_what_was_expected_and_found() {
    let place = with_features();
    place.run("train photos/photos.csv --epochs 2 --name a").done();
    let refused = |arguments: &str, words: &[&str]| {
        // Nor is it said that it will be.
        let said = place.run(&format!("train {arguments} --resume --name b")).ended(2);
        said.says(words).never_says("continuing");
        assert!(!place.path("runs/b").exists());
    };
    refused("--from a", &["`a` already has 2 epochs, and 2 were asked for", "hint: `--epochs`"]);
    refused(
        "--from a --epochs 3 --learning-rate 0.1",
        &["`learning_rate` is 0.0003 there, found 0.1", "hint: with `--resume` only `--epochs` may differ"],
    );
    refused("--from a --epochs 3 --seed 4", &["`seed` is 0 there, found 4"]);
    refused("--from a --epochs 3 --storage f16", &["trained on other features than this backbone gives"]);
    let all = place.read("photos/photos.csv");
    let nine: Vec<&str> = all.lines().take(10).collect();
    place.write("photos/nine.csv", nine.join("\n"));
    refused("photos/nine.csv --from a --epochs 3", &["other data: expected 10 classes", "found 9 classes"]);
    let (first, rest) = all.split_once('\n').unwrap();
    let turned: Vec<&str> = rest.lines().rev().collect();
    place.write("photos/turned.csv", format!("{first}\n{}", turned.join("\n")));
    refused(
        "photos/turned.csv --from a --epochs 3",
        &["expected the training images `", "of `photos/photos.csv`, found the training images `", "hint: "],
    );
    refused(
        "--from a --epochs 3 --validation-manifest photos/nine.csv",
        &["expected no validation images, found 9 validation images"],
    );
    // Only what is in the images counts: not what the files are called.
    fs::copy(place.path("photos/cat.jpg"), place.path("photos/tabby.jpg")).unwrap();
    place.write("photos/renamed.csv", all.replace("cat.jpg", "tabby.jpg"));
    place.run("train photos/renamed.csv --from a --resume --epochs 3 --name renamed").done();

    place.run("train photos/photos.csv --epochs 50 --set patience=1 --set monitor=loss --set min_delta=100 --name early").done();
    refused("--from early --epochs 90", &["early stopping ended the run `early` after 2 epochs", "hint: "]);
    fs::remove_dir_all(place.path("runs/a/checkpoint")).unwrap();
    refused("--from a --epochs 3", &["cannot read `runs/a/checkpoint/train.safetensors`"]);
}

#[test]
fn a_run_of_the_first_format_needs_its_manifest_named() {
    let place = with_features();
    place.run("train photos/photos.csv --epochs 1 --name a").done();
    let mut info = info(&place, "a");
    info["format"] = 1.into();
    info.remove("data").unwrap();
    info["training"].as_table_mut().unwrap().remove("rows").unwrap();
    place.write("runs/a/run.toml", info.to_string());
    place.run("train --from a").ended(2).says(&[
        "the run `runs/a` does not say which images it was trained on",
        "hint: name them: `headstart train MANIFEST --from runs/a`",
    ]);
    place.run("train photos/photos.csv --from a --resume --epochs 2 --name b").done();
}
