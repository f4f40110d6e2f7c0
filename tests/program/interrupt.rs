//! Killed or interrupted at any moment, what was computed is kept, and the same command goes on from there.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use headstart::cache::{Storage, Store};
use headstart::onnx::{self, Node};

use super::place::Place;
use super::tiny;

const IMAGES: usize = 96;
/// One in inference, one being written.
const IN_FLIGHT: usize = 16;

fn features(place: &Place, cache: &str) -> ndarray::Array2<f32> {
    place.features(cache, "models/resnet50.onnx", Storage::F32, &cifar_files(place))
}

fn cifar_files(place: &Place) -> Vec<PathBuf> {
    place.read("cifar.csv").lines().skip(1).map(|line| place.path(line.split(',').next().unwrap())).collect()
}

/// Rows that a reader finds; none where there is no cache yet.
fn rows(place: &Place, cache: &str) -> usize {
    place.kinds(cache).first().map_or(0, |dir| Store::open_dir(dir).map_or(0, |store| store.len()))
}

fn bytes_in(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let segments = entries.filter(|entry| entry.path().extension().is_some_and(|e| e == "arrow"));
    segments.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum()
}

/// Wait until so many bytes of features are in the cache; false if the child ended first.
fn wait_for(place: &Place, cache: &str, bytes: u64, child: &mut Child) -> bool {
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        if place.kinds(cache).first().is_some_and(|dir| bytes_in(&dir.join("segments")) >= bytes) {
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("nothing was written for a minute");
}

fn signal(child: &Child, name: &str) {
    let status = std::process::Command::new("sh")
        .args(["-c", &format!("kill -{name} {}", child.id())])
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn killed_at_any_moment_extract_goes_on_and_loses_at_most_the_batches_in_flight() {
    let place = Place::with_cifar(IMAGES);
    place.run("extract cifar.csv --cache undisturbed").done();
    let undisturbed = features(&place, "undisturbed");
    let of_row = bytes_in(&place.kinds("undisturbed")[0].join("segments")) / IMAGES as u64;

    // One cache, killed again and again, each time some rows further.
    for more in [1, 12, 20, 9] {
        let before = rows(&place, "c");
        let segments = place.kinds("c").first().map_or(0, |dir| bytes_in(&dir.join("segments")));
        let mut child = place.command("extract cifar.csv --cache c").stderr(Stdio::null()).spawn().unwrap();
        let alive = wait_for(&place, "c", segments + more * of_row, &mut child);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(alive, "the extraction was over before it was killed");
        let after = rows(&place, "c");
        assert!(after + IN_FLIGHT >= before + more as usize, "{before} rows, then {after}");
        assert!(after >= before, "rows that were there are lost");
    }

    let kept = rows(&place, "c");
    assert!((1..IMAGES).contains(&kept), "{kept} rows");
    let [images, cached, computed, failed] = place.extract("cifar.csv --cache c").map(|n| n as usize);
    assert_eq!((images, computed, cached, failed), (IMAGES, IMAGES - kept, kept, 0));
    let said = place.run("cache verify c").done();
    assert!(said.out.contains("images 96, good rows 96,"), "{}", said.out);
    assert_eq!(features(&place, "c"), undisturbed);
}

#[test]
fn interrupted_extract_keeps_what_it_computed_and_says_how_to_go_on() {
    let place = Place::with_cifar(IMAGES);
    let mut child = place.command("extract cifar.csv --cache c").stderr(Stdio::piped()).spawn().unwrap();
    assert!(wait_for(&place, "c", 20_000, &mut child));
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{words}");
    assert!(words.contains("stopped before the end; run the same command again to continue"), "{words}");
    let kept = rows(&place, "c");
    assert!((1..IMAGES).contains(&kept), "{kept} rows");
    let [_, cached, computed, _] = place.extract("cifar.csv --cache c").map(|n| n as usize);
    assert_eq!((cached, computed), (kept, IMAGES - kept));
}

const ROW: u64 = 4 * 256;
const SLOW: &str = "extract cifar.csv --backbone slow.onnx";

/// With a backbone of 256 features that takes its time.
fn slow() -> Place {
    let place = Place::with_cifar(IMAGES);
    slow_backbone(&place.path("slow.onnx"), 256);
    place
}

/// A small backbone in which each pixel goes through many sines first: some milliseconds an image.
pub fn slow_backbone(path: &Path, features: usize) {
    const SINES: usize = 100;
    let mut model = tiny::model(128, features, 0.01);
    let graph = model.graph.as_mut().unwrap();
    let mut before = "images".to_owned();
    for i in 0..SINES {
        let sine = format!("sine{i}");
        graph.node.insert(i, Node::new("Sin", &[&before], &sine, vec![]));
        before = sine;
    }
    graph.node[SINES].input[0] = before;
    onnx::write(&model, path).unwrap();
}

fn slow_features(place: &Place, cache: &str) -> ndarray::Array2<f32> {
    place.features(cache, "slow.onnx", Storage::F32, &cifar_files(place))
}

/// Wait for the word that a first signal was heard; the lines after it.
fn heard(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("press Ctrl-C again to stop at once")), "no signal was heard");
    lines
}

#[test]
fn terminated_extract_stops_as_by_ctrl_c() {
    let place = slow();
    let mut child = place.command(&format!("{SLOW} --cache c")).stderr(Stdio::piped()).spawn().unwrap();
    assert!(wait_for(&place, "c", 8 * ROW, &mut child));
    signal(&child, "TERM");
    let words: Vec<_> = heard(&mut child).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{words:?}");
    assert!(words.iter().any(|line| line.contains("stopped before the end")), "{words:?}");
    place.run("cache verify c").done();
    assert!((1..IMAGES).contains(&rows(&place, "c")));
}

#[test]
fn interrupted_twice_extract_ends_at_once_and_what_was_appended_is_there() {
    let place = slow();
    place.run(&format!("{SLOW} --cache undisturbed")).done();
    for signals in [["INT", "TERM"], ["TERM", "INT"]] {
        let mut child = place
            .command(&format!("{SLOW} --cache c --batch-size 8"))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let before = place.kinds("c").first().map_or(0, |dir| bytes_in(&dir.join("segments")));
        assert!(wait_for(&place, "c", before + 8 * ROW, &mut child));
        // So that the second comes before the batch can be finished.
        signal(&child, "STOP");
        let appended = rows(&place, "c");
        signals.iter().for_each(|name| signal(&child, name));
        signal(&child, "CONT");
        let words: Vec<_> = heard(&mut child).collect();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{words:?}");
        assert!(!words.iter().any(|line| line.contains("computed in")), "it summed up: {words:?}");
        let kept = rows(&place, "c");
        assert!((8..IMAGES).contains(&kept) && kept >= appended, "{kept} rows, {appended} were appended");
        place.run("cache verify c").done();
    }
    let kept = rows(&place, "c");
    let [_, cached, computed, _] =
        place.extract(&format!("{} --cache c", &SLOW["extract ".len()..])).map(|n| n as usize);
    assert_eq!((cached, computed), (kept, IMAGES - kept));
    assert_eq!(slow_features(&place, "c"), slow_features(&place, "undisturbed"));
}

#[test]
fn ctrl_c_that_also_ends_the_reader_of_the_log_loses_nothing() {
    let place = slow();
    let mut child = place.command(&format!("{SLOW} --cache c")).stderr(Stdio::piped()).spawn().unwrap();
    assert!(wait_for(&place, "c", 8 * ROW, &mut child));
    drop(child.stderr.take());
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let kept = rows(&place, "c");
    let [_, cached, computed, _] =
        place.extract(&format!("{} --cache c", &SLOW["extract ".len()..])).map(|n| n as usize);
    assert_eq!((cached, computed), (kept, IMAGES - kept));
    assert!((1..IMAGES).contains(&kept), "{kept}");
}

#[test]
fn interrupted_training_writes_a_run_with_the_epochs_that_are_done() {
    let place = super::place::with_features();
    let mut child = place
        .command("train photos/photos.csv --epochs 1000000 --name stopped")
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.by_ref().any(|line| line.unwrap().starts_with("epoch")), "no epoch was told");
    signal(&child, "INT");
    // The program must not block on a pipe that nobody reads.
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    let history = place.read("runs/stopped/history.csv");
    let epochs = history.lines().count() - 1;
    assert!((1..1_000_000).contains(&epochs), "{epochs}");
    let metrics: serde_json::Value = serde_json::from_str(&place.read("runs/stopped/metrics.json")).unwrap();
    assert_eq!(metrics["epochs"], epochs);
    place.run("evaluate stopped photos/photos.csv").done();
}

#[test]
fn training_interrupted_before_an_epoch_is_done_writes_no_run() {
    let place = super::place::with_features();
    // So wide, and a batch of one, that the first epoch takes longer than the signal.
    let mut child = place
        .command("train photos/photos.csv --hidden 16384 --batch-size 1 --epochs 5 --name stopped")
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("10 classes: "));
    assert_eq!(lines.next().unwrap().unwrap(), "10 images of 10 classes");
    signal(&child, "INT");
    let words: Vec<String> = lines.map_while(Result::ok).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{words:?}");
    assert!(words.iter().any(|line| line.contains("no run was written")), "{words:?}");
    assert!(!place.path("runs/stopped").exists());
}

fn left_in(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect()
}

#[test]
fn an_interrupted_export_leaves_no_draft_behind() {
    let place = super::place::with_features();
    place.run("train photos/photos.csv --epochs 1 --name a --quiet").done();
    fs::create_dir(place.path("out")).unwrap();
    for signal_name in ["INT", "TERM"] {
        let mut child = place.command("export a -o out/new.onnx").stderr(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while left_in(&place.path("out")).is_empty() {
            assert!(child.try_wait().unwrap().is_none() && Instant::now() < deadline, "no draft was seen");
            thread::sleep(Duration::from_millis(1));
        }
        signal(&child, signal_name);
        assert_eq!(child.wait().unwrap().code(), Some(130));
        assert_eq!(left_in(&place.path("out")), [""; 0].map(PathBuf::from), "{signal_name}");
    }
}

#[test]
fn what_the_caller_has_ignored_stays_ignored() {
    let place = slow();
    let program = env!("CARGO_BIN_EXE_headstart");
    let script =
        format!("trap '' HUP; {program} extract cifar.csv --backbone slow.onnx --cache c & echo $!; wait $!");
    let mut shell = std::process::Command::new("sh")
        .args(["-c", &script])
        .envs(place.command("").get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(place.path(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let id = BufReader::new(shell.stdout.take().unwrap()).lines().next().unwrap().unwrap();
    assert!(wait_for(&place, "c", 8 * ROW, &mut shell));
    std::process::Command::new("sh").args(["-c", &format!("kill -HUP {id}")]).status().unwrap();
    assert!(shell.wait().unwrap().success(), "`nohup` would end it");
    assert_eq!(rows(&place, "c"), IMAGES);
}

#[test]
fn interrupted_prediction_names_a_few_images_and_counts_the_rest() {
    let place = slow();
    place.write("train.csv", place.read("cifar.csv").lines().take(21).collect::<Vec<_>>().join("\n"));
    place.run("train train.csv --extract --backbone slow.onnx --epochs 1 --name a --cache c --quiet").done();
    let mut child = place
        .command("predict a train --backbone slow.onnx --cache none --verbose")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    // Told when the graph is loaded, and before the images.
    lines.next();
    signal(&child, "INT");
    let words: Vec<String> = lines.collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{words:?}");
    let stopped = words.iter().filter(|line| line.contains("not computed: the work was stopped")).count();
    assert!((1..=6).contains(&stopped), "{words:?}");
}
