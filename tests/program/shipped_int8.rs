//! int8 from the first image: the graph that the program brings, on the real backbone and real photographs.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use headstart::backbone::Backbone;
use headstart::backbone::device::Precision;
use headstart::convert::quantize::Calibration;
use headstart::extract::ExtractEvent;
use headstart::project::{ExtractSettings, Instead, SmallerBackbone, Tip, Way};
use headstart::{CancelToken, Control, Event, Project, ProjectConfig, Rate, UserCache};

use super::place::{PHOTOS, Place, repository};

/// Files in the folder of graphs that end so.
fn graphs(place: &Place, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(place.path("data/features/graphs")).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(ending));
    files
}

#[test]
fn it_is_checked_on_the_images_once_and_its_figures_stand_in_cache_and_run() {
    let place = Place::with_photos();
    let whole = fs::read(place.path("photos/cat.jpg")).unwrap();
    place.write("photos/cut.jpg", &whole[..whole.len() / 2]);
    let manifest = place.read("photos/photos.csv");
    place.write("photos/eleven.csv", format!("{}\ncut.jpg,cut\n", manifest.trim_end()));
    let said = place.run("extract photos/eleven.csv --precision int8").ended(1);
    said.says(&["int8: checking the graph that the program brings on 11 images", "truncated"])
        .never_says("calibrating")
        // It is met here for the first time, whatever the check saw.
        .never_says("as before");

    let backbone = Backbone::open(&place.path("models/resnet50.onnx")).unwrap();
    let calibration = Calibration::shipped(&backbone).unwrap();
    let [graph] = &graphs(&place, ".int8.onnx")[..] else { panic!("one graph") };
    assert_eq!(blake3::hash(&fs::read(graph).unwrap()).to_hex().as_str(), calibration.result());
    let [check] = &graphs(&place, ".check.json")[..] else { panic!("one check") };
    let check: serde_json::Value = serde_json::from_slice(&fs::read(check).unwrap()).unwrap();
    assert_eq!(check["images"], PHOTOS);
    // Measured 0.998 and 0.993.
    assert!(check["cosine_mean"].as_f64().unwrap() > 0.99 && check["cosine_min"].as_f64().unwrap() > 0.97);

    let said = place.run("extract photos/photos.csv --precision int8").done();
    said.never_says("checking").says(&["10 already computed"]);
    place.run("train photos/photos.csv --epochs 2 --name a").done();
    let run = place.read("runs/a/run.toml");
    assert!(run.contains("[backbone.int8_check]") && run.contains("cosine_mean"), "{run}");
    place.run("predict a photos/cat.jpg").done();
}

#[test]
fn where_it_is_not_near_enough_a_graph_is_calibrated_on_the_images() {
    let place = Place::with_photos();
    place.run("extract photos/photos.csv --precision int8 --min-cosine 0.9").done();
    let [check] = &graphs(&place, ".check.json")[..] else { panic!("one check") };
    let text = fs::read_to_string(check).unwrap();
    let mean = text.lines().find(|line| line.contains("cosine_mean")).unwrap();
    fs::write(check, text.replace(mean, "  \"cosine_mean\": 0.5,")).unwrap();
    let said = place.run("extract photos/photos.csv --precision int8 --min-cosine 0.9").done();
    said.says(&[
        "mean cosine to fp32 0.5000 on 10 images, expected 0.9 or more",
        "int8: calibrating `resnet50`",
    ]);
    // The first stays: runs may have been trained on its features.
    assert_eq!(graphs(&place, ".int8.onnx").len(), 2);
    place.run("extract photos/photos.csv --precision int8").done().never_says("calibrating");
}

#[test]
fn the_same_file_is_made_without_any_image() {
    let place = Place::with_photos();
    place.run("backbone quantize models/resnet50.onnx -o int8.onnx").done();
    let backbone = Backbone::open(&place.path("models/resnet50.onnx")).unwrap();
    let result = blake3::hash(&fs::read(place.path("int8.onnx")).unwrap()).to_hex();
    assert_eq!(result.as_str(), Calibration::shipped(&backbone).unwrap().result());
    let said = place.run("backbone quantize int8.onnx -o again.onnx").ended(2);
    said.says(&["the program brings no calibration for `int8.onnx`", "--calibrate FOLDER"]);
    let said = place
        .run("backbone quantize models/resnet50.onnx --calibrate photos/photos.csv -o a.onnx --save-calibration a.onnx");
    said.ended(2).says(&["both name", "give `--save-calibration` another name"]);
    place.write("wrong.calibration", "HSCALIB1 and no more");
    let said = place.run("backbone quantize models/resnet50.onnx --calibration wrong.calibration -o x.onnx");
    said.ended(2).says(&["cannot use `wrong.calibration`", "expected a calibration"]);
    assert!(!place.path("x.onnx").exists());
}

#[test]
fn it_is_kept_for_the_next_project_and_made_again_if_that_file_is_damaged() {
    let place = Place::with_photos();
    let extract = |cache: &str| {
        let arguments = format!("extract photos/photos.csv --precision int8 --cache {cache}");
        let in_own_cache = |command: &mut Command| {
            command.env("XDG_CACHE_HOME", place.path("user"));
        };
        place.run_with(&arguments, in_own_cache).done();
        let graphs =
            fs::read_dir(place.path(cache).join("graphs")).unwrap().map(|entry| entry.unwrap().path());
        let graph = { graphs }.find(|path| path.to_string_lossy().ends_with(".int8.onnx")).unwrap();
        blake3::hash(&fs::read(graph).unwrap()).to_hex().to_string()
    };
    let digest = extract("a");
    let kept = place.path("user/headstart/int8").join(format!("{digest}.onnx"));
    let modified = || fs::metadata(&kept).unwrap().modified().unwrap();
    let before = modified();
    assert_eq!((extract("b"), modified()), (digest.clone(), before));
    let mut bytes = fs::read(&kept).unwrap();
    bytes[1000] ^= 1;
    fs::write(&kept, &bytes).unwrap();
    assert_eq!(extract("c"), digest);
    assert_eq!(blake3::hash(&fs::read(&kept).unwrap()).to_hex().to_string(), digest);
}

/// The tips of an extraction in fp32 of many images, which is stopped with the first of them, or after so many images. Rates are those of fp32, of
/// int8 and of a smaller backbone, of which there is none if its rate is not given.
fn tips<const N: usize>(place: &Place, rates: [f64; N], stop_after: usize) -> Vec<Tip> {
    let backbone = Backbone::open(&place.path("models/resnet50.onnx")).unwrap();
    let int8 = Calibration::shipped(&backbone).unwrap().result().to_owned();
    let small = repository().join("models/efficientnet-lite0.onnx");
    let digest = |backbone: &Backbone| backbone.digest().to_hex().to_string();
    let kept = UserCache::in_folder(place.path("user"));
    let graphs = [
        (digest(&backbone), Precision::Fp32),
        (int8, Precision::Int8),
        (digest(&Backbone::open(&small).unwrap()), Precision::Fp32),
    ];
    for ((graph, precision), images_per_second) in graphs.into_iter().zip(rates) {
        let rate = Rate { graph, precision, device: "cpu".into(), images_per_second, ..Rate::default() };
        kept.keep_rate(rate.here());
    }
    let project = Project::new(ProjectConfig {
        backbone: place.path("models/resnet50.onnx"),
        cache: place.path("features"),
        user_cache: Some(kept),
        smaller: (N == 3).then(|| SmallerBackbone { name: "small".into(), graph: small }),
        ..ProjectConfig::default()
    });
    let cancel = CancelToken::default();
    let (mut tips, mut done) = (vec![], 0);
    let mut listener = |event: Event<'_>| match event {
        Event::Tip(tip) => {
            tips.push(tip);
            cancel.cancel();
        }
        Event::Extract(ExtractEvent::Progress) => {
            done += 1;
            if done == stop_after {
                cancel.cancel();
            }
        }
        _ => {}
    };
    let mut control = Control::new(cancel.clone(), &mut listener);
    let images = project.read(repository().join("data/cifar10/test.csv"), &mut control).unwrap();
    project.extract(&images, &ExtractSettings::default(), &mut control).unwrap();
    tips
}

#[test]
fn a_long_extraction_in_fp32_says_once_what_int8_would_take() {
    let place = Place::empty();
    let [Tip { expected, instead }] = &tips(&place, [0.01, 0.04], 2000)[..] else { panic!("one tip") };
    let [Instead { way: Way::Precision(Precision::Int8), takes }] = instead[..] else {
        panic!("{instead:?}")
    };
    // By these rates the network is all of the time that it takes, on any machine.
    let ratio = takes.as_secs_f64() / expected.as_secs_f64();
    assert!((ratio - 0.25).abs() < 1e-6, "{ratio}");
}

#[test]
fn a_smaller_backbone_is_told_of_too() {
    let place = Place::empty();
    let [Tip { expected, instead }] = &tips(&place, [0.01, 0.04, 0.1], 2000)[..] else { panic!("one tip") };
    let [_, Instead { way: Way::Backbone(name), takes }] = &instead[..] else { panic!("{instead:?}") };
    let ratio = takes.as_secs_f64() / expected.as_secs_f64();
    assert!(name == "small" && (ratio - 0.1).abs() < 1e-6, "{name} {ratio}");
}

#[test]
fn where_int8_is_no_faster_there_is_no_tip() {
    assert_eq!(tips(&Place::empty(), [0.01, 0.01], 64), []);
}
