//! Every hint, followed to the letter, leads out.

use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};

use super::place::{Place, Said};
use super::{precision, tiny};

/// What stands between backticks in the hint.
fn quoted(said: &Said) -> Vec<String> {
    let (_, hint) = said.err.split_once("hint: ").unwrap_or_else(|| panic!("no hint in: {}", said.err));
    hint.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The commands that the hint names, with `manifest` for the word MANIFEST.
fn commands(said: &Said, manifest: &str) -> Vec<String> {
    let commands = quoted(said).into_iter().filter(|words| words.starts_with("headstart "));
    commands.map(|command| command.replace("MANIFEST", manifest)).collect()
}

/// The flags that it says to add.
fn flags(said: &Said) -> Vec<String> {
    quoted(said).into_iter().filter(|words| words.starts_with("--")).collect()
}

/// A command as a user types it: a shell takes it apart.
fn typed(place: &Place, command: &str) -> Said {
    let program = Path::new(env!("CARGO_BIN_EXE_headstart"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut shell = place.command("");
    let mut shell_command = std::process::Command::new("sh");
    shell_command.args(["-c", command]).current_dir(shell.get_current_dir().unwrap());
    shell_command.envs(shell.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell_command.env("PATH", path);
    shell = shell_command;
    Said::of(shell.output().unwrap())
}

/// That the command fails for want of features, that what its hint says first ends well, and that the command does so then; and that
/// `--extract` does the same without it.
#[track_caller]
fn follow(place: &Place, command: &str, cache: &str) {
    let copy = place.path("kept");
    let _ = fs::remove_dir_all(&copy);
    copy_folder(&place.path(cache), &copy);
    let said = typed(place, command).ended(2).says(&["no features", "or add `--extract`"]);
    let [extract] = &commands(&said, "")[..] else { panic!("one command in: {}", said.err) };
    typed(place, extract).done();
    typed(place, command).done();
    fs::remove_dir_all(place.path(cache)).unwrap();
    fs::rename(&copy, place.path(cache)).unwrap();
    typed(place, &format!("{command} --extract")).done();
    typed(place, command).done();
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).into_iter().flatten() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target)
        } else {
            let _ = fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Manifests of images of two colours, and a backbone whose name needs quotes.
fn place() -> Place {
    let place = Place::empty();
    fs::create_dir(place.path("my models")).unwrap();
    tiny::backbone(&place.path("my models/tiny.onnx"), 4, 12);
    for (manifest, shade) in [("train", 0), ("new", 25), ("more", 50)] {
        let mut rows = String::from("file,what\n");
        for number in 0..8u8 {
            let colour = Rgb([60 + 120 * (number % 2), 90 + shade, 100 + 7 * number]);
            let name = format!("{manifest}{number}.png");
            RgbImage::from_pixel(6, 6, colour).save(place.path(&name)).unwrap();
            rows += &format!("{name},{}\n", ["cold", "warm"][usize::from(number % 2)]);
        }
        place.write(&format!("{manifest}.csv"), rows);
    }
    place
}

const COLUMNS: &str = "--path-column file --label-column what";
const BACKBONE: &str = "--backbone 'my models/tiny.onnx' --cache 'my cache'";

#[test]
fn missing_features_are_had_by_what_the_hint_says() {
    let place = place();
    let run = |arguments: &str| typed(&place, &format!("headstart {arguments} {COLUMNS} {BACKBONE}"));
    run("extract train.csv").done();
    run("train train.csv --epochs 1 --name a").done();
    for command in [
        "evaluate a new.csv --no-report",
        "train new.csv --epochs 1",
        "train new.csv --epochs 1 --views flip",
        "compare new.csv --heads knn --folds 2",
        "train new.csv --validation-manifest more.csv --epochs 1",
        "cache duplicates new.csv more.csv",
        "cache export new.csv -o rows.npy --overwrite",
    ] {
        follow(&place, &format!("headstart {command} {COLUMNS} {BACKBONE}"), "my cache");
        fs::remove_dir_all(place.path("my cache")).unwrap();
        run("extract train.csv").done();
    }
}

#[test]
fn features_of_another_kind_are_had_with_their_flags() {
    let place = place();
    let kinds = ["--storage f16", "--exif ignore", "--decode scaled", "--recipe own.toml"];
    let recipe = typed(&place, "headstart backbone recipes torchvision-v1").done().out;
    place.write("own.toml", recipe.replace("224", "4").replace("256", "4"));
    for (number, kind) in kinds.iter().enumerate() {
        // Both kinds are in the cache.
        for kind in ["", kind] {
            typed(&place, &format!("headstart extract train.csv {kind} {COLUMNS} {BACKBONE}")).done();
        }
        let run = format!("r{number}");
        typed(
            &place,
            &format!("headstart train train.csv --epochs 1 --name {run} {kind} {COLUMNS} {BACKBONE}"),
        )
        .done();
        // The run knows its storage by itself; the rest is said.
        let said = if *kind == "--storage f16" { "" } else { kind };
        let evaluate = format!("headstart evaluate {run} new.csv --no-report {said} {COLUMNS} {BACKBONE}");
        follow(&place, &evaluate, "my cache");
        fs::remove_dir_all(place.path("my cache")).unwrap();
    }
}

#[test]
fn a_run_is_shown_the_features_that_it_was_trained_on() {
    let place = place();
    let extract = |flags: &str| {
        typed(&place, &format!("headstart extract train.csv {flags} {COLUMNS} {BACKBONE}")).done()
    };
    for (number, kind) in
        ["--exif ignore", "--decode scaled", "--exif ignore --decode scaled", ""].iter().enumerate()
    {
        extract(kind);
        let run = format!("r{number}");
        typed(
            &place,
            &format!("headstart train train.csv --epochs 1 --name {run} {kind} {COLUMNS} {BACKBONE}"),
        )
        .done();
        // Others than its own are asked for, by words that are left out or said too much.
        let other = if kind.is_empty() { "--storage f16" } else { "" };
        let evaluate = format!("headstart evaluate {run} train.csv --no-report {COLUMNS} {BACKBONE}");
        let said =
            typed(&place, &format!("{evaluate} {other}")).ended(2).says(&["trained on other features"]);
        let [add] = &flags(&said)[..] else { panic!("{}", said.err) };
        typed(&place, &format!("{evaluate} {add}")).done();
    }
}

#[test]
fn int8_runs_get_int8_features() {
    let place = precision::place();
    let small = "--backbone small.onnx";
    let run = |arguments: &str| typed(&place, &format!("headstart {arguments} {small}"));
    for precision in ["fp32", "int8"] {
        run(&format!("extract train.csv --precision {precision}")).done();
    }
    run("train train.csv --precision int8 --epochs 1 --name a").done();
    run("train train.csv --precision fp32 --epochs 1 --name b").done();
    follow(&place, &format!("headstart evaluate a test.csv --no-report {small}"), "data/features");
    follow(&place, &format!("headstart evaluate b test.csv --no-report {small}"), "data/features");

    // Another int8 graph is in use now, and the run still needs its own.
    run("extract train.csv --precision int8 --recalibrate").done();
    let mut rows = String::from("path,label\n");
    for number in 0..4 {
        let name = format!("fresh{number}.png");
        RgbImage::from_pixel(24, 24, Rgb([50 * number, 90, 100])).save(place.path(&name)).unwrap();
        rows += &format!("{name},cat\n");
    }
    place.write("fresh.csv", rows);
    follow(&place, &format!("headstart evaluate a fresh.csv --no-report {small}"), "data/features");

    // The graph is not in another cache.
    run("extract train.csv --cache other").done();
    let said = run("evaluate a train.csv --no-report --cache other").ended(2);
    let said = said.says(&["was trained on int8 features, but their int8 graph is not in `other/graphs`"]);
    let [train] = &commands(&said, "")[..] else { panic!("{}", said.err) };
    typed(&place, &format!("{train} --name c --epochs 1")).done();
    run("evaluate c train.csv --no-report --cache other").done();
}

#[test]
fn features_that_the_cache_has_in_another_precision_are_named() {
    let place = precision::place();
    let run = |arguments: &str| typed(&place, &format!("headstart {arguments} --backbone small.onnx"));
    run("extract train.csv --precision fp32").done();
    run("extract test.csv --precision int8").done();
    let said = run("train test.csv --epochs 1").ended(2);
    let said = said.says(&["hint: the cache has features of all of them: add `--precision int8`"]);
    let add = flags(&said).remove(0);
    run(&format!("train test.csv --epochs 1 {add}")).done();
    for command in commands(&said, "") {
        typed(&place, &command).done();
    }
    run("train test.csv --epochs 1").done();
}

#[test]
fn what_was_never_made_is_made() {
    let place = precision::place();
    let run =
        |arguments: &str| typed(&place, &format!("headstart {arguments} --backbone small.onnx --cache c"));
    for precision in ["int8", "auto"] {
        let train = format!("train train.csv --epochs 1 --precision {precision}");
        let said = run(&train).ended(2);
        let [extract] = &commands(&said, "train.csv")[..] else { panic!("{}", said.err) };
        typed(&place, extract).done();
        run(&train).done();
        fs::remove_dir_all(place.path("c")).unwrap();
    }
    let said = typed(&place, "headstart cache info").ended(2);
    let [extract] = &commands(&said, "train.csv")[..] else { panic!("{}", said.err) };
    assert!(extract.starts_with("headstart extract train.csv"), "{extract}");
    let said = run("evaluate nobody train.csv --runs none").ended(2);
    let [train] = &commands(&said, "train.csv")[..] else { panic!("{}", said.err) };
    typed(&place, &format!("{train} --extract --epochs 1 --backbone small.onnx --cache c")).done();
}

#[test]
fn trainings_that_cannot_be_are_put_right() {
    let place = place();
    let run = |arguments: &str| typed(&place, &format!("headstart {arguments} {BACKBONE}"));
    run(&format!("extract train.csv new.csv {COLUMNS}")).done();
    let rows = place.read("train.csv").replace("file,what", "path,label,part");
    let rows: Vec<String> = rows
        .lines()
        .enumerate()
        .map(|(n, line)| if n == 0 { line.into() } else { format!("{line},{}", ["test", "val"][n % 2]) })
        .collect();
    place.write("parts.csv", rows.join("\n"));
    let said = run("train parts.csv --split-column part --epochs 1").ended(2);
    let said = said.says(&["the split column has no rows to train on"]);
    let add = flags(&said).remove(0);
    run(&format!("train parts.csv {add} --epochs 1 --name a")).done();

    let said = run("train --from a --resume --epochs 1")
        .ended(2)
        .says(&["already has 1 epoch, and 1 were asked for"]);
    assert_eq!(flags(&said)[0], "--epochs");
    run("train --from a --resume --epochs 2 --name b").done();
    run("train --from a --epochs 1 --name c").done();

    let early = "--set patience=1 --set monitor=loss --set min_delta=100";
    run(&format!("train parts.csv --epochs 50 {early} --name early")).done();
    let said = run("train --from early --resume --epochs 90 --name d").ended(2);
    let add = flags(&said).into_iter().find(|flag| flag.contains("none")).unwrap();
    run(&format!("train --from early --epochs 3 {add} --name d")).done();

    let said = run("train parts.csv --epochs 1 --set patience=1").ended(2);
    for add in flags(&said) {
        run(&format!("train parts.csv --epochs 1 --set patience=1 {add}")).done();
    }
    let said = run("train parts.csv --epochs 1 --name a").ended(2);
    let replace = flags(&said).into_iter().find(|flag| flag == "--overwrite").unwrap();
    run(&format!("train parts.csv --epochs 1 --name a {replace}")).done();
    let said = run("train parts.csv --epochs 1 --calibrate").ended(2);
    assert!(flags(&said).contains(&"--validation 0.2".to_owned()), "{}", said.err);

    // An image that fails has its reason told by the command of the hint.
    place.write("bad.csv", "path,label\nbad.png,a\nworse.png,b\n");
    place.write("bad.png", "text");
    place.write("worse.png", "text, too");
    run("extract bad.csv").ended(1);
    let said = run("train bad.csv --epochs 1").ended(2).says(&["no image is left"]);
    let [extract] = &commands(&said, "")[..] else { panic!("{}", said.err) };
    typed(&place, extract).ended(1).says(&["`bad.png`: ", "`worse.png`: "]);
}

#[test]
fn a_run_whose_images_are_unknown_is_told_them() {
    let place = place();
    let run = |arguments: &str| typed(&place, &format!("headstart {arguments} {BACKBONE}"));
    run(&format!("train train.csv --extract --epochs 1 --runs 'my runs' --name a {COLUMNS}")).done();
    let mut info: toml::Table = place.read("my runs/a/run.toml").parse().unwrap();
    info["format"] = 1.into();
    info.remove("data").unwrap();
    place.write("my runs/a/run.toml", info.to_string());
    let said = run("train --from a --runs 'my runs'").ended(2);
    let [train] = &commands(&said, "train.csv")[..] else { panic!("{}", said.err) };
    typed(&place, &format!("{train} {COLUMNS} {BACKBONE}")).done();
}
