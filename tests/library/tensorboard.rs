//! Curves as TensorBoard itself reads them: `read_tensorboard.py` with the PyPI package, which `just test` puts into
//! `models/tools/tensorboard`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use headstart::tensorboard::{EventFile, TensorBoard};
use headstart::train::{Flow, History, TrainConfig, TrainEvent, train};
use ndarray::Array2;
use serde_json::{Value, json};

/// What TensorBoard finds in a folder: scalars, texts and settings of each run.
fn seen_by_tensorboard(folder: &Path) -> Value {
    let output = Command::new("python3")
        .arg("tests/read_tensorboard.py")
        .arg(folder)
        .env("PYTHONPATH", "models/tools/tensorboard")
        .output()
        .unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`just test` installs TensorBoard's reader: {complaints}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {complaints}"))
}

/// Steps from 0, and values as `f32` has them, for that is what TensorBoard keeps.
fn curve(values: impl IntoIterator<Item = f64>) -> Value {
    let points = values.into_iter().enumerate();
    points.map(|(step, value)| json!([step, f64::from(value as f32)])).collect()
}

/// That a folder shows exactly the curves of this history.
fn assert_shows(seen: &Value, history: &History) {
    let epochs = || history.epochs.iter();
    let scalars = json!({
        "epoch_loss": curve(epochs().map(|record| record.loss)),
        "epoch_accuracy": curve(epochs().map(|record| record.accuracy)),
        "epoch_learning_rate": curve(epochs().map(|record| record.learning_rate)),
    });
    assert_eq!(seen["train"]["scalars"], scalars);
    let scalars = json!({
        "epoch_loss": curve(epochs().map(|record| record.val_loss.unwrap())),
        "epoch_accuracy": curve(epochs().map(|record| record.val_accuracy.unwrap())),
    });
    assert_eq!(seen["validation"]["scalars"], scalars);
}

#[test]
fn a_training_is_seen_while_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let rows = Array2::from_shape_fn((24, 6), |(row, column)| ((row * 7 + column * 5) % 11) as f32 / 11.0);
    let labels: Vec<usize> = (0..24).map(|row| row % 3).collect();
    let config = TrainConfig { epochs: 3, batch_size: 8, hidden: vec![4], seed: 11, ..Default::default() };
    let mut board = TensorBoard::create(folder.path(), &config).unwrap();
    let mut looks = 0;
    let outcome = train(&config, &rows, &labels, 3, Some((&rows, &labels)), &mut |event| {
        if let TrainEvent::Epoch { trainer, .. } = event {
            board.follow(trainer.history()).unwrap();
            if trainer.history().epochs.len() == 2 {
                // Nothing is closed yet.
                assert_shows(&seen_by_tensorboard(folder.path()), trainer.history());
                looks += 1;
            }
        }
        Flow::Continue
    })
    .unwrap();
    board.finish(Some(outcome.ended)).unwrap();

    let seen = seen_by_tensorboard(folder.path());
    assert_eq!((looks, outcome.history.epochs.len()), (1, 3));
    assert_shows(&seen, &outcome.history);
    let settings = &seen["."]["settings"];
    assert_eq!((&settings["seed"], &settings["hidden"]), (&json!(11.0), &json!("[4]")), "{settings}");
    assert_eq!(seen["."]["status"], 1, "STATUS_SUCCESS");
    let listing = seen["."]["texts"]["settings"].as_str().unwrap();
    assert!(listing.contains("    batch_size = 8\n"), "{listing}");
}

#[test]
fn numbers_and_texts_of_ones_own_are_seen_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut events = EventFile::create(folder.path()).unwrap();
    for (step, value) in [0.5, f32::NAN, -1e-40, f32::MAX].into_iter().enumerate() {
        events.scalar("größte Norm/layer 1", step as u64, value).unwrap();
    }
    events.text("note", 3, "*naïve*").unwrap();
    drop(events);
    let seen = &seen_by_tensorboard(folder.path())["."];
    // JSON has no NaN: the reader says null.
    let points = seen["scalars"]["größte Norm/layer 1"].as_array().unwrap();
    let values: Vec<Option<f64>> = points.iter().map(|point| point[1].as_f64()).collect();
    assert_eq!(values[..2], [Some(0.5), None]);
    assert_eq!(values[3], Some(f64::from(f32::MAX)));
    assert_eq!(seen["texts"]["note"], "*naïve*");
}

/// The first images of the demo as a manifest of their own.
fn manifest() -> tempfile::NamedTempFile {
    let demo = fs::read_to_string("data/cifar10/demo_train.csv").expect("`just setup` makes it");
    let folder = fs::canonicalize("data/cifar10").unwrap();
    let rows = demo.lines().skip(1).take(60).map(|row| format!("{}/{row}\n", folder.display()));
    let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    fs::write(file.path(), format!("path,label\n{}", rows.collect::<String>())).unwrap();
    file
}

fn headstart_train(manifest: &Path, runs: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headstart"));
    command.args(["train", "--extract", "--epochs", "4", "--validation", "0.5", "--runs"]).arg(runs);
    command.args(arguments).arg(manifest).output().unwrap()
}

fn history(run: &Path) -> History {
    History::read_csv(fs::File::open(run.join("history.csv")).unwrap()).unwrap()
}

#[test]
fn the_program_writes_curves_into_the_run_or_where_it_is_told() {
    let (manifest, folder) = (manifest(), tempfile::tempdir().unwrap());
    let runs = folder.path().join("runs");

    // The manifest comes after a bare flag, and is not taken for its folder.
    let output = headstart_train(manifest.path(), &runs, &["--name", "inside", "--tensorboard"]);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{complaints}");
    let inside = runs.join("inside");
    assert_shows(&seen_by_tensorboard(&inside.join("tensorboard")), &history(&inside));
    let names: Vec<_> = fs::read_dir(&runs).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["inside"], "nothing is left beside the run");
    assert!(!complaints.contains('\u{1b}') && !complaints.contains('│'), "no drawing in a log: {complaints}");
    assert_eq!(complaints.matches("epoch   ").count(), 4, "a line for each epoch: {complaints}");

    let told = folder.path().join("curves");
    let flag = format!("--tensorboard={}", told.display());
    let output = headstart_train(manifest.path(), &runs, &["--name", "told", &flag, "--quiet"]);
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
    assert_shows(&seen_by_tensorboard(&told), &history(&runs.join("told")));

    let output = headstart_train(manifest.path(), &runs, &["--name", "again", &flag]);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{complaints}");
    assert!(
        complaints.contains("already holds the curves of another training\n\nhint: give"),
        "{complaints}"
    );
    assert!(!runs.join("again").exists());
}
