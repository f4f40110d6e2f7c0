//! Figures are of the images that they are said to be of, wherever a command is given.

use std::fs;
use std::path::PathBuf;

use image::{Rgb, RgbImage};

use super::place::{Place, Said, repository};
use super::tiny;

/// `project/site_a/test` and `project/site_b/test`: the same names and labels, other pictures.
fn place() -> Place {
    let place = Place::empty();
    fs::create_dir_all(place.path("project")).unwrap();
    tiny::backbone(&place.path("project/tiny.onnx"), 4, 12);
    for (site, shade) in [("site_a", 0), ("site_b", 60)] {
        for (class, red) in [("cold", 20), ("warm", 160)] {
            for number in 0..6 {
                let colour = Rgb([red + shade, 90 + number, 100 + shade]);
                picture(&place, &format!("project/{site}/test/{class}/{number}.png"), colour);
            }
        }
    }
    place
}

fn picture(place: &Place, name: &str, colour: Rgb<u8>) {
    let path = place.path(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    RgbImage::from_pixel(4, 4, colour).save(path).unwrap();
}

/// In this folder of the project, with the project's backbone and cache.
fn run(place: &Place, folder: &str, arguments: &str) -> Said {
    let arguments = format!("{arguments} --backbone ../tiny.onnx --cache ../cache");
    place.run_with(&arguments, |command| {
        command.current_dir(place.path(folder)).env("ORT_DYLIB_PATH", runtime());
    })
}

/// ONNX Runtime, which is not to be found from every folder.
fn runtime() -> PathBuf {
    let entries = fs::read_dir(repository().join("models/runtime")).expect("`just setup` fetches it");
    let mut files = entries.map(|entry| entry.unwrap().path());
    files.find(|path| path.to_string_lossy().contains("libonnxruntime")).expect("the library")
}

/// A run `a`, trained and evaluated in `site_a`; both sites have features.
fn trained() -> Place {
    let place = place();
    for site in ["project/site_a", "project/site_b"] {
        run(&place, site, "extract test").done();
    }
    run(&place, "project/site_a", "train test --runs ../runs --name a --epochs 40 --set learning_rate=0.01")
        .done();
    run(&place, "project/site_a", "evaluate ../runs/a test --no-report").done();
    place
}

fn trained_on(place: &Place, run: &str) -> String {
    let info: toml::Table = place.read(&format!("{run}/run.toml")).parse().unwrap();
    info["data"]["places"]["paths"][0].as_str().unwrap().to_owned()
}

/// As version 0.1.0 left a run: it kept what was typed, and nothing of where that was.
fn forget_places(place: &Place, run: &str) {
    let name = format!("{run}/run.toml");
    let mut info: toml::Table = place.read(&name).parse().unwrap();
    info["format"] = 3.into();
    let data = info["data"].as_table_mut().unwrap();
    data.remove("places").unwrap();
    data.remove("copies").unwrap();
    place.write(&name, info.to_string());
    fs::remove_file(place.path(&format!("{run}/images.bin"))).unwrap();
    for entry in fs::read_dir(place.path(&format!("{run}/evaluation"))).unwrap() {
        let path = entry.unwrap().path().join("evaluation.toml");
        let mut record: toml::Table = fs::read_to_string(&path).unwrap().parse().unwrap();
        for field in ["places", "digest", "rows"] {
            record.remove(field).unwrap();
        }
        fs::write(path, record.to_string()).unwrap();
    }
}

#[test]
fn a_run_finds_its_own_images_from_another_folder() {
    let place = trained();
    // A folder of the same name lies here, with other images of the same names in it.
    let said = run(&place, "project/site_b", "train --from ../runs/a --runs ../runs --name b").done();
    said.never_says("warning");
    let head = |run: &str| fs::read(place.path(&format!("project/runs/{run}/head.safetensors"))).unwrap();
    assert_eq!(head("b"), head("a"));
    assert!(trained_on(&place, "project/runs/b").ends_with("project/site_a/test"));
    run(&place, "project/site_b", "train --from ../runs/a --resume --epochs 42 --runs ../runs --name c")
        .done();
    let pictures = |folder: &str| {
        run(&place, folder, "report ../runs/a --folds 0").done();
        let page = place.read("project/runs/a/report.html");
        page.split("src=\"data:")
            .skip(1)
            .map(|text| text.split('"').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let of_site_a = pictures("project/site_a");
    assert!(!of_site_a.is_empty());
    assert_eq!(pictures("project/site_b"), of_site_a);

    // The whole project is moved.
    fs::rename(place.path("project"), place.path("moved")).unwrap();
    let said = run(&place, "moved/site_b", "train --from ../runs/a --runs ../runs --name d").done();
    said.never_says("warning");
    assert!(trained_on(&place, "moved/runs/d").ends_with("moved/site_a/test"));
    run(&place, "moved/site_b", "report ../runs/a --folds 0").done();
}

#[test]
fn other_images_of_the_same_name_are_refused_and_changed_ones_are_told() {
    let place = trained();
    fs::rename(place.path("project/site_a"), place.path("project/gone")).unwrap();
    let refused = "other images than the run `a` was trained on";
    let from = "train --from ../runs/a --runs ../runs";
    // Manifests are alike; what is in the files is not.
    run(&place, "project/site_b", &format!("{from} --name b")).ended(2).says(&[
        refused,
        "hint: if these are the images that you mean, name them: `headstart train MANIFEST --from ../runs/a`",
    ]);
    run(&place, "project/site_b", "report ../runs/a --folds 0")
        .ended(1)
        .says(&["`../runs/a/evaluation/test` could not be made again", "not those that were evaluated"]);
    run(&place, "project/site_b", &format!("{from} test --name b")).done().never_says("warning");
    // Other rows are refused before anything is looked up.
    picture(&place, "project/site_b/test/warm/new.png", Rgb([250, 0, 0]));
    run(&place, "project/site_b", &format!("{from} --name c")).ended(2).says(&[refused]);
    run(&place, "project/site_b", "report ../runs/a --folds 0").ended(1).says(&["its rows are others"]);

    // At their own place, images that have changed are a matter of course, and are told.
    fs::rename(place.path("project/gone"), place.path("project/site_a")).unwrap();
    picture(&place, "project/site_a/test/warm/0.png", Rgb([210, 91, 40]));
    run(&place, "project/site_a", "extract test").done();
    let said = run(&place, "project/site_b", &format!("{from} --name d")).done();
    said.says(&["warning: images of `", "have changed since `a` was trained on them"]);
    picture(&place, "project/site_a/test/warm/more.png", Rgb([220, 91, 40]));
    run(&place, "project/site_a", "extract test").done();
    let said = run(&place, "project/site_a", &format!("{from} --name e")).done();
    said.says(&["warning: `test` has changed since the run was trained on it", "13 images"]);
}

#[test]
fn runs_of_the_first_version_are_known_by_their_digests() {
    let place = trained();
    forget_places(&place, "project/runs/a");
    let from = "train --from ../runs/a --runs ../runs";
    run(&place, "project/site_a", &format!("{from} --name b")).done().never_says("warning");
    run(&place, "project/site_a", "report ../runs/a --folds 0").done();
    let said = run(&place, "project/site_b", &format!("{from} --name c")).ended(2);
    said.says(&["`test` holds other images than the run `a` was trained on"]);
    assert!(!place.path("project/runs/c").exists());
    run(&place, "project/site_b", "report ../runs/a --folds 0").ended(1).says(&["could not be made again"]);
    // What was typed where the runs lie is found by the digest too, wherever the command is given.
    run(&place, "project/site_a", "evaluate ../runs/a test --no-report").done();
    run(&place, "project/site_a", "train ../site_a/test --runs ../runs --name far --epochs 1").done();
    run(&place, "project/site_a", "evaluate ../runs/far test --no-report").done();
    forget_places(&place, "project/runs/far");
    fs::create_dir_all(place.path("project/deep/er")).unwrap();
    let said = place.run_with("train --from ../../runs/far --runs ../../runs --name near", |command| {
        command.current_dir(place.path("project/deep/er"));
        command.args(["--backbone", "../../tiny.onnx", "--cache", "../../cache"]);
    });
    // `../site_a/test` is no path from here, nor from the project.
    said.ended(2).says(&["no manifest at `../site_a/test`"]);
}

fn evaluations(place: &Place, run: &str) -> Vec<String> {
    let entries = fs::read_dir(place.path(&format!("project/runs/{run}/evaluation"))).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn evaluations_of_other_images_do_not_replace_each_other() {
    let place = trained();
    let said = run(&place, "project/site_a", "evaluate ../runs/a ../site_b/test --no-report").done();
    said.says(&["holds the evaluation of `test` of other images", "evaluation/site_b-test`"]);
    assert_eq!(evaluations(&place, "a"), ["site_b-test", "test"]);
    let first = place.read("project/runs/a/evaluation/test/predictions.csv");
    // The same images again, by other words for them.
    run(&place, "project/site_b", "evaluate ../runs/a test --no-report")
        .done()
        .says(&["evaluation/site_b-test`"]);
    run(&place, "project/site_b", "evaluate ../runs/a ../site_a/test --no-report").done();
    assert_eq!(evaluations(&place, "a"), ["site_b-test", "test"]);
    // Paths go by where the command was given.
    let second = place.read("project/runs/a/evaluation/test/predictions.csv");
    assert_eq!(second.replace("site_b/../", ""), first);

    // A manifest that has grown is the same one; parts of it are not.
    let rows = "cold/0.png,cold,val\nwarm/0.png,warm,val\ncold/1.png,cold,test\nwarm/1.png,warm,test\n";
    place.write("project/site_a/test/all.csv", format!("path,label,split\n{rows}"));
    for part in ["val", "test", "val"] {
        let evaluate = format!("evaluate ../runs/a test/all.csv --split {part} --no-report");
        run(&place, "project/site_a", &evaluate).done();
    }
    assert_eq!(evaluations(&place, "a"), ["all", "all-test", "site_b-test", "test"]);
    place.write("project/site_a/test/all.csv", format!("path,label,split\n{rows}cold/2.png,cold,val\n"));
    run(&place, "project/site_a", "evaluate ../runs/a test/all.csv --split val --no-report").done();
    assert_eq!(evaluations(&place, "a").len(), 4);

    // Lists bring together what is of the same images, whatever it is called in each run.
    run(&place, "project/site_a", "train test --runs ../runs --name b --epochs 2").done();
    run(&place, "project/site_b", "evaluate ../runs/b test --no-report").done();
    let said = place.run_with("runs a b", |command| {
        command.current_dir(place.path("project"));
    });
    let line = |title: &str| -> Vec<String> {
        let line =
            said.out.lines().find(|line| line.starts_with(title)).unwrap_or_else(|| panic!("{}", said.out));
        line[title.len()..].split_whitespace().map(str::to_owned).collect()
    };
    assert_eq!(line("accuracy on site_b-test").len(), 2, "{}", said.out);
    assert_eq!(line("accuracy on test ").len(), 1, "{}", said.out);
    place
        .run_with("report a b", |command| {
            command.current_dir(place.path("project"));
        })
        .done();
    let page = place.read("project/runs/comparison.html");
    assert!(page.contains("site_b-test") && !page.contains("evaluated on other images or labels"));
}

#[test]
fn an_evaluation_of_the_first_version_is_replaced_by_one_of_the_same_images_alone() {
    let place = trained();
    forget_places(&place, "project/runs/a");
    run(&place, "project/site_a", "evaluate ../runs/a test --no-report").done().never_says("other images");
    assert_eq!(evaluations(&place, "a"), ["test"]);
    fs::remove_file(place.path("project/site_b/test/warm/0.png")).unwrap();
    let record = PathBuf::from("project/runs/a/evaluation/test/evaluation.toml");
    let mut old: toml::Table = place.read(record.to_str().unwrap()).parse().unwrap();
    for field in ["places", "digest", "rows"] {
        old.remove(field).unwrap();
    }
    place.write(record.to_str().unwrap(), old.to_string());
    run(&place, "project/site_b", "evaluate ../runs/a test --no-report").done().says(&["of other images"]);
    assert_eq!(evaluations(&place, "a"), ["site_b-test", "test"]);
}

#[test]
fn all_right_is_not_certainly_all() {
    let place = trained();
    let said = run(&place, "project/site_a", "evaluate ../runs/a test --no-report").done();
    assert!(said.out.contains("accuracy 1.0000 (12 of 12)"), "{}", said.out);
    assert!(
        said.out.contains("95 % intervals: accuracy 0.7575 to 1.0000, balanced accuracy 0."),
        "{}",
        said.out
    );
    let said = run(&place, "project/site_a", "evaluate ../runs/a test --no-report --json").done();
    let metrics: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(metrics["intervals"]["shares"], "wilson");
    assert_eq!(metrics["intervals"]["macro_f1"], serde_json::Value::Null);
    assert!(metrics["classes"][0]["recall_interval"][0].as_f64().unwrap() < 0.7);
}
