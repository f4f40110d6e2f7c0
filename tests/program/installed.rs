//! The program where pip puts it: beside packages that hold ONNX Runtime and backbones.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use headstart::onnx;

use super::place::{Place, Said, repository};
use super::tiny;

const PACKAGES: &str = "env/lib/python3.12/site-packages";

/// An environment with the program, ONNX Runtime and a small backbone `resnet50`, said to be in int8; and ten photographs to work on.
fn environment() -> Place {
    let place = Place::with_photos();
    fs::remove_file(place.path("models")).unwrap();
    place.write(&format!("{PACKAGES}/headstart/__init__.py"), "");
    fs::create_dir_all(place.path("env/bin")).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_headstart"), place.path("env/bin/headstart")).unwrap();
    let runtime = place.path(&format!("{PACKAGES}/headstart/_runtime"));
    symlink(repository().join("models/runtime"), runtime).unwrap();
    let backbones = place.path(&format!("{PACKAGES}/headstart/_backbones"));
    fs::create_dir(&backbones).unwrap();
    write(&backbones.join("resnet50-int8.onnx"), 16);
    write(&backbones.join("small.onnx"), 4);
    place
}

/// A small backbone that is called as its file is.
fn write(path: &Path, features: usize) {
    let mut model = tiny::model(8, features, 0.01);
    let name = path.file_stem().unwrap().to_str().unwrap();
    let told = model.metadata_props.iter_mut().filter(|entry| entry.value.as_deref() == Some("tiny"));
    told.for_each(|entry| entry.value = Some(name.into()));
    onnx::write(&model, path).unwrap();
}

/// With nothing on the PATH, so that no Python can be asked.
fn run(place: &Place, arguments: &str) -> Said {
    let mut command = Command::new(place.path("env/bin/headstart"));
    command.args(arguments.split_whitespace()).current_dir(place.path("")).stdin(Stdio::null());
    command.env_clear().env("HOME", place.path("home"));
    Said::of(command.output().unwrap())
}

#[test]
fn the_wheels_own_runtime_and_backbones_are_found_without_a_flag() {
    let place = environment();
    run(&place, "extract photos/photos.csv").done().says(&["10 images for `resnet50-int8`"]);
    run(&place, "train photos/photos.csv --epochs 1 --name a").done();
    run(&place, "predict a photos/cat.jpg").done();
    run(&place, "extract photos/photos.csv --backbone small").done().says(&["10 images for `small`"]);
    // A hint says the name, and nothing where nothing has to be said.
    let said = run(&place, "train photos/photos.csv --backbone small --cache other").ended(2);
    said.says(&["--backbone small --cache other"]).never_says("site-packages");
    let said = run(&place, "train photos/photos.csv --cache other").ended(2);
    said.says(&["--cache other"]).never_says("--backbone");
    run(&place, "extract photos/photos.csv --backbone vgg").ended(2).says(&["vgg"]);
    let said = run(&place, "doctor");
    assert!(
        said.out.contains("_runtime/libonnxruntime") && said.out.contains("resnet50-int8.onnx"),
        "{}",
        said.out
    );
}

/// Once for each command, for people; nobody is told who named a file or asked for silence.
#[test]
fn that_a_name_means_the_file_in_int8_is_said() {
    const REMARK: &str = "`resnet50` is the one in int8";
    let place = environment();
    let said = run(&place, "extract photos/photos.csv --json").done();
    assert_eq!((said.err.matches(REMARK).count(), said.out.matches(REMARK).count()), (1, 0), "{}", said.err);
    run(&place, "train photos/photos.csv --epochs 1 --name a").done().says(&[REMARK]);
    let said = run(&place, "predict a photos/cat.jpg --format jsonl").done();
    assert_eq!((said.err.matches(REMARK).count(), said.out.matches(REMARK).count()), (1, 0), "{}", said.err);
    run(&place, "predict a photos/cat.jpg --quiet").done().never_says(REMARK);
    run(&place, "extract photos/photos.csv --backbone small").done().never_says("in int8");
    let said = run(&place, "doctor");
    assert!(said.out.contains("the one in fp32 is not installed"), "{}", said.out);
    let names = said.out.lines().find(|line| line.contains("names")).unwrap();
    assert!(names.contains("`resnet50` (`") && names.contains("_backbones/small.onnx`"), "{names}");
}

#[test]
fn what_a_cache_holds_decides_before_what_was_installed_later() {
    let place = environment();
    run(&place, "extract photos/photos.csv").done();
    let package = place.path(&format!("{PACKAGES}/more"));
    fs::create_dir(&package).unwrap();
    write(&package.join("resnet50.onnx"), 8);
    let told = "[headstart.backbones]\nresnet50 = more\n";
    place.write(&format!("{PACKAGES}/more-0.1.0.dist-info/entry_points.txt"), told);
    let said = run(&place, "extract photos/photos.csv").done();
    said.says(&["`resnet50-int8`", "10 already computed", "the features that are kept are of this one"]);
    run(&place, "extract photos/photos.csv --cache new").done().says(&["10 images for `resnet50`"]);
}
