use std::{collections::BTreeMap, fs, path::Path};

use ndarray::array;

use super::*;
use crate::dataset::Whereabouts;
use headstart_cache::Key;
use headstart_nn::train::{EpochRecord, Flow, TrainConfig, TrainOutcome, train};

fn outcome() -> TrainOutcome {
    let config = TrainConfig { hidden: vec![3], epochs: 2, seed: 5, ..Default::default() };
    let rows = array![[0.0, 1.0], [1.0, 0.0], [0.1, 0.9]];
    train(&config, &rows, &[0, 1, 0], 2, None, &mut |_| Flow::Continue).unwrap()
}

fn training(outcome: &TrainOutcome) -> Training {
    Training {
        settings: outcome.checkpoint.config().clone(),
        data: Some(DataChoice {
            manifests: vec!["data/train.csv".into()],
            path_column: "path".into(),
            label_column: "what it is".into(),
            validation: Some(0.1 + 0.2),
            places: Some(Whereabouts {
                paths: vec!["/data/train.csv".into()],
                kept_in: "/runs \"1\"".into(),
            }),
            ..DataChoice::default()
        }),
        resumed_from: None,
        images: ManifestInfo { path: "data/train.csv".into(), digest: "ef56".into(), images: 3, rows: None },
        validation: None,
    }
}

fn info(outcome: &TrainOutcome) -> RunInfo {
    RunInfo {
        created: "2026-11-23T08:00:00Z".into(),
        classes: vec!["it's a \"cat\"".into(), "dog\n🐕".into()],
        recipe: r#"{"resize":{"width":224}}"#.into(),
        backbone: BackboneInfo {
            name: "resnet50".into(),
            digest: "ab12".into(),
            quantised_from: None,
            int8_check: None,
        },
        features: FeaturesInfo {
            size: 2,
            fingerprint: "cd34".into(),
            fingerprint_text: "{\n  \"a\": 1\n}".into(),
        },
        origin: Origin::Trained(Box::new(training(outcome))),
        versions: BTreeMap::from([("headstart".into(), "0.1.0".into())]),
    }
}

fn create(runs: &Path, name: Option<&str>, overwrite: bool) -> Result<Run, Error> {
    let outcome = outcome();
    let metrics = TrainingMetrics::new(&outcome, 0.25);
    let TrainOutcome { head, history, checkpoint, .. } = &outcome;
    let images = images();
    let course =
        TrainingRecord { history, metrics: &metrics, checkpoint: Some(checkpoint), images: Some(&images) };
    NewRun { info: &info(&outcome), head, course: Some(course) }.create(runs, name, overwrite)
}

/// Three images to learn from, and one to look at.
fn images() -> RunImages {
    let key = |name: &str| Key::of(name.as_bytes());
    RunImages::new(&[(key("a"), 0), (key("b"), 1), (key("c"), 0)], &[(key("d"), 1)])
}

/// A folder for runs that does not exist yet.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("some/runs");
    (folder, runs)
}

#[test]
fn what_is_created_is_loaded() {
    let (_folder, runs) = folder();
    let created = create(&runs, Some("mine"), false).unwrap();
    let loaded = Run::load(&runs.join("mine")).unwrap();
    let outcome = outcome();
    assert_eq!((&loaded.info, loaded.name()), (&info(&outcome), "mine".into()));
    assert_eq!((&loaded.head, &loaded.history), (&outcome.head, &outcome.history));
    assert_eq!((loaded.dir(), &loaded.metrics), (created.dir(), &created.metrics));
    assert_eq!(loaded.checkpoint().unwrap(), outcome.checkpoint);
    assert_eq!(fs::read_dir(&runs).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_run_is_replaced_only_when_asked() {
    let (_folder, runs) = folder();
    create(&runs, Some("mine"), false).unwrap();
    fs::write(runs.join("mine/report.html"), "old").unwrap();
    assert!(matches!(create(&runs, Some("mine"), false), Err(Error::RunExists { .. })));
    create(&runs, Some("mine"), true).unwrap();
    assert!(!runs.join("mine/report.html").exists());
    Run::load(&runs.join("mine")).unwrap();
    assert_eq!(fs::read_dir(&runs).unwrap().count(), 1);
}

#[test]
fn what_is_not_a_run_is_never_replaced() {
    let (_folder, runs) = folder();
    fs::create_dir_all(runs.join("photos")).unwrap();
    fs::write(runs.join("photos/dear.jpg"), "").unwrap();
    assert!(matches!(create(&runs, Some("photos"), true), Err(Error::NotARun { .. })));
    assert!(runs.join("photos/dear.jpg").exists());
}

#[test]
fn names_by_date_are_numbered_on() {
    let (_folder, runs) = folder();
    let first = create(&runs, None, false).unwrap().name();
    assert!(first.ends_with("-0001") && first.starts_with("20"), "{first}");
    let date = first.strip_suffix("0001").unwrap();
    fs::create_dir(runs.join(format!("{date}0041"))).unwrap();
    let next = create(&runs, None, false).unwrap().name();
    assert!(next.ends_with("-0042"), "{next}");
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let (_folder, runs) = folder();
    for name in ["", ".", "..", "../other", "a/b", "a\\b", ".hidden", "-rf", "a b", "c:d"] {
        assert!(matches!(create(&runs, Some(name), true), Err(Error::RunName { .. })), "{name}");
    }
    for name in ["latest", "LATEST", "con", "Nul.txt", "com1", "LPT9.a", "photos.", &"x".repeat(101)] {
        assert!(matches!(create(&runs, Some(name), true), Err(Error::ReservedRunName { .. })), "{name}");
    }
    assert!(!runs.exists());
    for name in ["latest2", "console", "com", "com10", "lpt", "a.b", "10"] {
        assert_eq!(checked_name(name).unwrap(), name);
    }
}

#[test]
fn what_is_not_a_run_is_not_loaded() {
    let (folder, runs) = folder();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [folder.path(), &runs, &file] {
        assert!(matches!(Run::load(path), Err(Error::NotARun { .. })), "{path:?}");
    }
}

/// The error of loading a run whose file was changed.
fn after(file: &str, change: impl Fn(Vec<u8>) -> Vec<u8>) -> Error {
    let (_folder, runs) = folder();
    let run = create(&runs, Some("mine"), false).unwrap();
    let path = run.dir().join(file);
    fs::write(&path, change(fs::read(&path).unwrap())).unwrap();
    Run::load(run.dir()).unwrap_err()
}

fn replace(from: &'static str, to: &'static str) -> impl Fn(Vec<u8>) -> Vec<u8> {
    move |bytes| {
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains(from), "{text}");
        text.replace(from, to).into_bytes()
    }
}

#[test]
fn damage_is_named_by_file() {
    for file in [INFO, HEAD, METRICS] {
        for length in [0, 1, 2] {
            let error = after(file, |bytes| bytes[..bytes.len() * length / 3].to_vec());
            let Error::Damaged { path, .. } = &error else { panic!("{file}, {length}/3: {error:?}") };
            assert!(path.ends_with(file));
        }
    }
    assert!(matches!(after(HISTORY, replace("loss", "lost")), Error::Damaged { .. }));
    assert!(matches!(after(INFO, replace("dropout", "drop")), Error::Damaged { .. }));
    assert!(matches!(after(INFO, |_| vec![0xff]), Error::Damaged { .. }));
}

#[test]
fn a_later_version_and_a_contradiction_are_told_apart() {
    let error = after(INFO, replace("format = 4", "format = 5\nshape = \"round\""));
    assert!(matches!(error, Error::NewerRun { found: 5, known: 4, .. }), "{error:?}");
    let error = after(INFO, replace("size = 2", "size = 3"));
    assert!(matches!(error, Error::Contradiction { expected: 3, found: 2, .. }), "{error:?}");
}

#[test]
fn a_missing_file_is_named_and_what_is_needed_to_answer_is_enough_for_that() {
    let (_folder, runs) = folder();
    let run = create(&runs, Some("mine"), false).unwrap();
    for (missing, needed) in [(METRICS, false), (HISTORY, false), (HEAD, true)] {
        fs::remove_file(run.dir().join(missing)).unwrap();
        let Err(Error::Lacks { path, file }) = Run::load(run.dir()) else { panic!("{missing}") };
        // The first that is missing, in the order in which they are read.
        assert_eq!((&*path, file == missing), (run.dir(), missing != METRICS || file == METRICS));
        match Run::load_head(run.dir()) {
            Ok(loaded) => assert!(!needed && loaded.head == run.head, "{missing}"),
            Err(error) => assert!(needed && matches!(error, Error::Lacks { .. }), "{error}"),
        }
    }
}

fn part(images: usize, rows: &str) -> ManifestInfo {
    ManifestInfo { path: "a.csv".into(), digest: "ab".into(), images, rows: Some(rows.into()) }
}

#[test]
fn the_same_data_are_the_same_classes_and_images() {
    let outcome = outcome();
    let run = info(&outcome);
    let told = |compared: Result<(), Error>| match compared {
        Ok(()) => "the same".to_owned(),
        Err(Error::OtherData { expected, found }) => format!("{expected} / {found}"),
        Err(error) => panic!("{error}"),
    };
    assert_eq!(told(run.require_same_classes(&run.classes)), "the same");
    assert!(told(run.require_same_classes(&run.classes[..1])).starts_with("2 classes: "));
    let mine = Training { images: part(3, "aaa"), validation: Some(part(2, "bbb")), ..training(&outcome) };
    let found = |training: &ManifestInfo, validation: Option<&ManifestInfo>| {
        told(mine.require_same_images(training, validation))
    };
    let (training, validation) = (part(3, "aaa"), part(2, "bbb"));
    let looked_at = Some(&validation);
    assert_eq!(found(&training, looked_at), "the same");
    // Another name, and other rows that are not used, are no other data.
    let renamed = ManifestInfo { path: "b.csv".into(), digest: "cd".into(), ..training.clone() };
    assert_eq!(found(&renamed, looked_at), "the same");
    assert_eq!(found(&part(4, "aaa"), looked_at), "3 training images / 4 training images");
    assert_eq!(found(&training, None), "2 validation images / no validation images");
    assert!(found(&training, Some(&part(2, "ccc"))).starts_with("the validation images `bbb"));
    // What an earlier version did not write down is told apart by its manifest.
    let old = ManifestInfo { rows: None, ..training.clone() };
    assert_eq!(found(&old, looked_at), "the same");
    assert_ne!(found(&ManifestInfo { digest: "cd".into(), ..old }, looked_at), "the same");
}

#[test]
fn rows_are_known_by_content_class_and_order() {
    let (a, b) = (Key::of(b"a"), Key::of(b"b"));
    let digest = ManifestInfo::digest_of_rows(&[(a, 0), (b, 0)], &[0, 1]);
    assert_eq!(digest, ManifestInfo::digest_of_rows(&[(a, 0), (b, 0)], &[0, 1]));
    for (images, labels) in
        [([(b, 0), (a, 0)], [1, 0]), ([(a, 0), (b, 0)], [1, 0]), ([(a, 0), (b, 1)], [0, 1])]
    {
        assert_ne!(digest, ManifestInfo::digest_of_rows(&images, &labels));
    }
}

#[test]
fn a_summary_is_the_run_without_its_weights() {
    let (_folder, runs) = folder();
    let run = create(&runs, Some("mine"), false).unwrap();
    let summary = RunSummary::load(run.dir()).unwrap();
    assert_eq!((&summary.info, &summary.metrics, summary.name()), (&run.info, &run.metrics, run.name()));
    fs::remove_file(runs.join("mine").join(HEAD)).unwrap();
    assert!(matches!(RunSummary::load(run.dir()), Err(Error::Lacks { .. })));
    assert!(matches!(RunSummary::load(&runs), Err(Error::NotARun { .. })));
}

#[test]
fn the_first_format_is_read() {
    let (_folder, runs) = folder();
    let run = create(&runs, Some("mine"), false).unwrap();
    let mut info: toml::Table = fs::read_to_string(run.dir().join(INFO)).unwrap().parse().unwrap();
    info["format"] = 1.into();
    info.remove("data").unwrap();
    fs::write(run.dir().join(INFO), info.to_string()).unwrap();
    let metrics = fs::read_to_string(run.dir().join(METRICS)).unwrap();
    let metrics = metrics.replace("\"ended\": \"completed\",", "");
    assert!(!metrics.contains("ended"));
    fs::write(run.dir().join(METRICS), metrics).unwrap();
    let loaded = Run::load(run.dir()).unwrap();
    assert_eq!(loaded.info.training().unwrap().data, None);
    assert_eq!(loaded.metrics, run.metrics);
}

#[test]
fn an_imported_head_has_no_training_and_a_file_says_the_one_or_the_other() {
    let (_folder, runs) = folder();
    let outcome = outcome();
    let import = Import { file: "head.safetensors".into(), digest: "77".into(), layers: vec!["fc".into()] };
    let imported = RunInfo { origin: Origin::Imported(import.clone()), ..info(&outcome) };
    let run = NewRun { info: &imported, head: &outcome.head, course: None };
    let run = run.create(&runs, Some("mine"), false).unwrap();
    let loaded = Run::load(run.dir()).unwrap();
    assert_eq!((&loaded.info, &loaded.head), (&imported, &outcome.head));
    assert_eq!((loaded.metrics, loaded.history.epochs.len()), (None, 0));
    assert_eq!(RunSummary::load(run.dir()).unwrap().metrics, None);
    let files: usize = fs::read_dir(run.dir()).unwrap().count();
    assert_eq!(files, 2, "run.toml and the head");

    let path = run.dir().join(INFO);
    let text = fs::read_to_string(&path).unwrap();
    let damaged = |text: &str| {
        fs::write(&path, text).unwrap();
        let Err(Error::Damaged { source, .. }) = Run::load(run.dir()) else { panic!("{text}") };
        source.to_string()
    };
    let mut neither: toml::Table = text.parse().unwrap();
    neither.remove("imported").unwrap();
    assert!(damaged(&neither.to_string()).contains("either `settings` and `training`, or `imported`"));
    let trained = create(&runs, Some("trained"), false).unwrap();
    let mut both: toml::Table = fs::read_to_string(trained.dir().join(INFO)).unwrap().parse().unwrap();
    both.insert("imported".into(), toml::Value::try_from(&import).unwrap());
    assert!(damaged(&both.to_string()).contains("either"));
}

#[test]
fn a_temperature_is_kept_beside_what_was_trained_and_goes_with_its_file() {
    let (_folder, runs) = folder();
    let mut run = create(&runs, Some("mine"), false).unwrap();
    let before = fs::read(run.dir().join(INFO)).unwrap();
    let features = array![[0.3, 0.4]];
    let untouched = run.probabilities(features.view());
    assert_eq!(untouched, run.head.probabilities(features.view()));
    let calibration = |degrees: f64| Calibration {
        created: "2026-11-23T08:00:00Z".into(),
        temperature: headstart_nn::layers::Temperature::new(degrees).unwrap(),
        interval: [degrees / 1.5, degrees * 1.5],
        fitted_on: part(3, "aaa"),
        versions: BTreeMap::new(),
    };
    run.calibrate(calibration(3.0)).unwrap();
    run.calibrate(calibration(2.0)).unwrap();
    let loaded = Run::load(run.dir()).unwrap();
    assert_eq!(loaded.calibration, Some(calibration(2.0)));
    assert_eq!(RunSummary::load(run.dir()).unwrap().calibration, loaded.calibration);
    let halved = headstart_nn::layers::softmax((run.head.logits(features.view()) / 2.0).view());
    assert_eq!(loaded.probabilities(features.view()), halved);
    assert_eq!(loaded.clone().without_calibration().probabilities(features.view()), untouched);
    assert_eq!(fs::read(run.dir().join(INFO)).unwrap(), before);
    fs::remove_file(loaded.calibration_path()).unwrap();
    assert_eq!(Run::load(run.dir()).unwrap().calibration, None);
}

#[test]
fn a_run_knows_its_images_by_their_content() {
    let (_folder, runs) = folder();
    let run = create(&runs, Some("mine"), false).unwrap();
    let loaded = Run::load(run.dir()).unwrap();
    assert_eq!(loaded.images().unwrap(), Some(images()));
    let path = run.dir().join("images.bin");
    let whole = fs::read(&path).unwrap();
    assert_eq!(whole.len(), 36 + 4 * 20 + 32, "twenty bytes an image");
    for length in [0, 20, 36, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(matches!(loaded.images(), Err(Error::Damaged { .. })), "{length}");
    }
    let changed = |place: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[place] = byte;
        fs::write(&path, bytes).unwrap();
        loaded.images()
    };
    assert!(matches!(changed(50, whole[50] ^ 1), Err(Error::Damaged { .. })));
    // Numbers of images that no file has.
    assert!(matches!(changed(27, 0xff), Err(Error::Damaged { .. })));
    assert!(matches!(changed(16, 2), Err(Error::NewerRun { found: 2, known: 1, .. })));
    fs::remove_file(&path).unwrap();
    assert_eq!(loaded.images().unwrap(), None, "as version 0.1.0 leaves it");
}

#[test]
fn runs_of_the_first_version_divide_copies_as_it_did() {
    let text = "manifests = [\"a.csv\"]\npath_column = \"path\"\nlabel_column = \"label\"\nsplit_column = \"split\"\nvalidation = 0.3\n";
    let choice: DataChoice = toml::from_str(text).unwrap();
    assert_eq!((choice.copies, &choice.places), (CopiesRule::Apart, &None));
    let again: DataChoice = toml::from_str(&toml::to_string(&choice).unwrap()).unwrap();
    assert_eq!(again, choice);
}

#[test]
fn figures_are_those_of_the_epoch_whose_head_is_kept() {
    let epoch = |epoch: usize, val_loss: f64| EpochRecord {
        epoch,
        loss: 1.0 / epoch as f64,
        accuracy: 0.5,
        val_loss: Some(val_loss),
        val_accuracy: Some(0.25),
        learning_rate: 1e-3,
    };
    let history = History { epochs: vec![epoch(1, 0.9), epoch(2, 0.7), epoch(3, 0.8)] };
    let of = |best_epoch| {
        TrainingMetrics::new(&TrainOutcome { history: history.clone(), best_epoch, ..outcome() }, 1.0)
    };
    let best = of(Some(2));
    assert_eq!((best.epochs, best.best_epoch, best.val_loss, best.loss), (3, Some(2), Some(0.7), Some(0.5)));
    assert_eq!(of(None).val_loss, Some(0.8));
}
