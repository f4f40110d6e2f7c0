//! Copies of images: kept together, and told.

use std::collections::HashSet;
use std::fs;

use headstart::run::Run;
use image::{Rgb, RgbImage};

use super::place::{Place, Said};
use super::tiny;

const BACKBONE: &str = "--backbone tiny.onnx";

fn run(place: &Place, arguments: &str) -> Said {
    place.run(&format!("{arguments} {BACKBONE}"))
}

/// Twelve pictures, three files of each; half of the pictures bear one label and half the other, which nothing in them tells.
fn place() -> Place {
    let place = Place::empty();
    tiny::backbone(&place.path("tiny.onnx"), 4, 12);
    let mut rows = String::from("path,label\n");
    for picture in 0..12u8 {
        let colour = Rgb([40 + 17 * picture % 160, 200 - 13 * picture, 50 + 29 * picture % 130]);
        for copy in 0..3 {
            let name = format!("{picture}_{copy}.png");
            RgbImage::from_pixel(4, 4, colour).save(place.path(&name)).unwrap();
            rows += &format!("{name},{}\n", ["a", "b"][usize::from(picture * picture % 5 % 2)]);
        }
    }
    place.write("copies.csv", &rows);
    let firsts: String = rows
        .lines()
        .filter(|line| !line.contains("_1.") && !line.contains("_2."))
        .map(|line| line.to_owned() + "\n")
        .collect();
    place.write("firsts.csv", firsts);
    run(&place, "extract copies.csv --quiet").done();
    place
}

#[test]
fn copies_are_held_out_together_and_told() {
    let place = place();
    let said = run(&place, "train copies.csv --validation 0.3 --epochs 1 --name leak").done();
    said.says(&[
        "warning: 24 of 36 images are copies of others: copies of an image are held out together or trained on together",
        "`headstart cache duplicates copies.csv --backbone tiny.onnx` lists them",
    ]);
    let images = Run::load(&place.path("runs/leak")).unwrap().images().unwrap().unwrap();
    assert_eq!(images.training.len() + images.validation.len(), 36);
    let trained: HashSet<_> = images.training.iter().map(|(id, _)| id).collect();
    assert!(images.validation.iter().all(|(id, _)| !trained.contains(id)), "a copy is on both sides");
    assert_eq!(images.validation.len() % 3, 0);

    // Shots are different images.
    run(&place, "train copies.csv --shots 4 --epochs 1 --name few").done();
    let images = Run::load(&place.path("runs/few")).unwrap().images().unwrap().unwrap();
    let different: HashSet<_> = images.training.iter().collect();
    assert_eq!((images.training.len(), different.len()), (8, 8));

    let said = run(&place, "compare copies.csv --heads knn --folds 3 --json").done();
    said.says(&["24 of 36 images are copies of others"]);
    // Without copies nothing is said.
    run(&place, "train firsts.csv --validation 0.3 --epochs 1 --name clean").done().never_says("copies");
    let said = run(&place, "evaluate leak copies.csv --no-report").done();
    said.says(&["24 of 36 images are copies of others: the figures count each copy"]);
}

#[test]
fn a_run_of_the_first_version_goes_on_with_the_images_that_it_held_out() {
    let place = place();
    run(&place, "train copies.csv --validation 0.3 --epochs 1 --name new").done();
    // Version 0.1.0 held copies out one by one; its runs say nothing of a rule.
    let mut info: toml::Table = place.read("runs/new/run.toml").parse().unwrap();
    info["data"].as_table_mut().unwrap().remove("copies").unwrap();
    place.write("runs/new/run.toml", info.to_string());
    let said = run(&place, "train --from new --resume --epochs 2 --name old").ended(2);
    said.says(&["the run was trained on other data", "warning: ", "held out as in version 0.1.0"]);
}

#[test]
fn one_image_under_two_labels_is_told_whatever_its_files_are_called() {
    let place = place();
    let firsts = place.read("firsts.csv");
    let label = |line: &str| line.split(',').nth(1).unwrap().to_owned();
    let first = firsts.lines().nth(1).unwrap();
    let other = if label(first) == "a" { "b" } else { "a" };
    fs::create_dir(place.path("folder")).unwrap();
    std::os::unix::fs::symlink(place.path("0_0.png"), place.path("link.png")).unwrap();
    for (name, spelling) in [("spelled", "folder/../0_0.png"), ("copy", "0_1.png"), ("link", "link.png")] {
        place.write(&format!("{name}.csv"), format!("{firsts}{spelling},{other}\n"));
        let warning =
            format!("warning: 1 image with two labels: `0_0.png` is `{}`, `{spelling}`", label(first));
        let said = run(&place, &format!("train {name}.csv --extract --epochs 1 --name {name}")).done();
        said.says(&[&warning, "with the same content is"]);
        run(&place, &format!("compare {name}.csv --heads knn --folds 2")).done().says(&[&warning]);
        run(&place, &format!("evaluate {name} {name}.csv --no-report")).done().says(&[&warning]);
    }
}

#[test]
fn validating_and_evaluating_on_what_was_trained_on_is_told() {
    let place = place();
    let said = run(&place, "train firsts.csv --validation-manifest firsts.csv --epochs 1 --name a").done();
    said.says(&[
        "warning: validating on the training images: the validation figures say nothing about other images",
    ]);
    let firsts = place.read("firsts.csv");
    let lines: Vec<&str> = firsts.lines().collect();
    place.write("train.csv", lines[..9].join("\n"));
    // The last two of those that are trained on, as other files, and the rest.
    let again: Vec<String> = lines[7..].iter().map(|line| line.replace("_0.", "_2.")).collect();
    place.write("held.csv", format!("path,label\n{}", again.join("\n")));
    let said = run(&place, "train train.csv --validation-manifest held.csv --epochs 1 --name b").done();
    said.says(&["warning: 2 of 6 validation images are trained on too"]);

    let told = ["warning: `b` was trained on 8 of 12 images: the figures look better than they are"];
    let said = run(&place, "evaluate b firsts.csv --no-report").done();
    said.says(&told).says(&["`b` was validated on 4 of 12 images while it was trained"]);
    // The run knows its images though the manifest is gone.
    fs::rename(place.path("train.csv"), place.path("gone.csv")).unwrap();
    run(&place, "evaluate b firsts.csv --no-report").done().says(&told);
    // One of version 0.1.0 is asked by way of its manifest.
    fs::remove_file(place.path("runs/b/images.bin")).unwrap();
    run(&place, "evaluate b firsts.csv --no-report").done().never_says("trained on 8");
    fs::rename(place.path("gone.csv"), place.path("train.csv")).unwrap();
    run(&place, "evaluate b firsts.csv --no-report").done().says(&told);
    run(&place, "evaluate b held.csv --no-report").done().says(&["trained on 2 of 6 images"]);
    place.write("new.csv", format!("path,label\n{}", again[3..].join("\n")));
    run(&place, "evaluate b new.csv --no-report").done().never_says("was trained on");
}

#[test]
fn a_fold_without_a_class_is_named_and_used_for_nobody() {
    let place = place();
    let rows: Vec<String> =
        (0..12).map(|n| format!("{n}_0.png,{}", if n == 11 { "rare" } else { "many" })).collect();
    place.write("imbalanced.csv", format!("path,label\n{}", rows.join("\n")));
    let said = run(&place, "compare imbalanced.csv --heads knn,linear,bayes --epochs 2").ended(1);
    assert!(
        said.out.contains(" of 5 was not used: only images of `many` are left to learn from"),
        "{}",
        said.out
    );
    assert!(!said.out.contains("unfinished") && said.out.contains("best"), "{}", said.out);
    said.says(&["warning: no image of `rare` is left to learn from in fold "]);
    let said = run(&place, "compare imbalanced.csv --heads knn,linear,bayes --epochs 2 --json").ended(1);
    let table: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(table["unused"].as_array().unwrap().len(), 1);
    for method in table["methods"].as_array().unwrap() {
        assert_eq!((&method["folds"], &method["finished"]), (&4.into(), &true.into()), "{method}");
    }
}

#[test]
fn failed_images_are_named_once_and_end_with_status_1() {
    let place = place();
    place.write("text.png", "no image");
    let firsts = place.read("firsts.csv");
    place.write("mixed.csv", format!("{firsts}text.png,a\n"));
    for command in [
        "train mixed.csv --epochs 1",
        "compare mixed.csv --heads knn --folds 2",
        "evaluate latest mixed.csv --no-report",
    ] {
        let said = run(&place, &format!("{command} --extract")).ended(1);
        assert_eq!(said.err.matches("text.png").count(), 1, "{command}: {}", said.err);
        assert!(said.err.contains("left out 1 image without features"), "{}", said.err);
        run(&place, command).ended(1).says(&["left out `text.png`"]);
    }
}
