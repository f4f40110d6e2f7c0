use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{
    event_file::{event, first, scalar, text, write_record},
    *,
};
use headstart_nn::train::EpochRecord;

/// By make_tensorboard.py: TensorBoard's own messages, framed by its own writer.
const GOLDEN: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/tensorboard_events.bin"));

#[test]
fn an_event_file_is_that_of_tensorboards_own_writer_byte_for_byte() {
    let table: toml::Table = toml::from_str(
        "activation = 'relu'\ndropout = 0.5\nepochs = 3\nhidden = [256, 64]\nlearning_rate = 1e-3\nmomentum = 0.0\n\
         shuffle = true\nstaircase = false",
    )
    .unwrap();
    let hparams = table.into_iter().map(|(name, value)| (name, setting(value))).collect();
    let start = proto::Session::Start(proto::SessionStart { hparams, start_time_secs: 1_700_000_000.25 });
    let end = end(proto::Status::Success, 1_700_000_009.5);
    let events = [
        (0, session(SESSION_START, start)),
        (0, text("settings", "    epochs = 3\n    name = \"Zürich\"\n")),
        (0, scalar("epoch_loss", 0.0)),
        (1, scalar("epoch_loss", 1.618_034)),
        (70_000, scalar("epoch_accuracy", 1e-40)),
        (0, session(SESSION_END, end)),
    ];
    let mut bytes = Vec::new();
    write_record(&mut bytes, &first(1_700_000_000.0).encode_to_vec()).unwrap();
    for (number, (step, value)) in events.into_iter().enumerate() {
        let event = event(1_700_000_001.5 + number as f64, step, value);
        write_record(&mut bytes, &event.encode_to_vec()).unwrap();
    }
    let differs = bytes.iter().zip(GOLDEN).position(|(ours, theirs)| ours != theirs);
    assert!(bytes == GOLDEN, "{} and {} bytes, differing at {differs:?}", bytes.len(), GOLDEN.len());
}

fn record(epoch: usize, val_loss: Option<f64>) -> EpochRecord {
    EpochRecord {
        epoch,
        loss: 1.0 / epoch as f64,
        accuracy: 0.25,
        val_loss,
        val_accuracy: val_loss.map(|_| 0.125),
        learning_rate: 1e-3,
    }
}

fn history(epochs: usize, val_loss: Option<f64>) -> History {
    History { epochs: (1..=epochs).map(|epoch| record(epoch, val_loss)).collect() }
}

/// Step and value of each tag, of the only event file in a folder.
fn scalars(folder: &Path) -> BTreeMap<String, Vec<(i64, f32)>> {
    let mut scalars: BTreeMap<String, Vec<(i64, f32)>> = BTreeMap::new();
    for event in events(folder) {
        let Some(proto::What::Summary(summary)) = event.what else { continue };
        for value in summary.value {
            if let Some(&number) = value.tensor.as_ref().and_then(|tensor| tensor.float_val.first()) {
                scalars.entry(value.tag).or_default().push((event.step, number));
            }
        }
    }
    scalars
}

fn events(folder: &Path) -> Vec<proto::Event> {
    let files = files(folder);
    assert_eq!(files.len(), 1, "one event file in {}", folder.display());
    let mut bytes = &*fs::read(&files[0]).unwrap();
    let mut events = vec![];
    while !bytes.is_empty() {
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        events.push(proto::Event::decode(&bytes[12..12 + length]).unwrap());
        bytes = &bytes[12 + length + 4..];
    }
    events
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect()
}

#[test]
fn each_epoch_is_written_once_and_can_be_read_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut board = TensorBoard::create(folder.path(), &TrainConfig::default()).unwrap();
    for epochs in [1, 2, 2, 4] {
        board.follow(&history(epochs, Some(0.5))).unwrap();
        let [train, validation] = ["train", "validation"].map(|part| scalars(&folder.path().join(part)));
        let steps: Vec<i64> = train["epoch_loss"].iter().map(|&(step, _)| step).collect();
        assert_eq!(steps, Vec::from_iter(0..epochs as i64));
        assert_eq!(train["epoch_loss"][epochs - 1].1, 1.0 / epochs as f32);
        assert_eq!(train["epoch_learning_rate"].len(), epochs);
        assert_eq!(train["epoch_accuracy"][0], (0, 0.25));
        assert_eq!(validation["epoch_loss"][epochs - 1], (epochs as i64 - 1, 0.5));
        assert_eq!(validation["epoch_accuracy"].len(), epochs);
        assert_eq!((train.len(), validation.len()), (3, 2));
    }
}

#[test]
fn without_validation_there_is_no_curve_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut board = TensorBoard::create(folder.path(), &TrainConfig::default()).unwrap();
    board.follow(&history(2, None)).unwrap();
    assert!(!folder.path().join("validation").exists());
    assert_eq!(scalars(&folder.path().join("train"))["epoch_loss"].len(), 2);
}

#[test]
fn settings_and_the_end_stand_beside_the_curves() {
    for (ended, status) in [
        (Some(Ended::Completed), proto::Status::Success),
        (Some(Ended::Stopped), proto::Status::Failure),
        (None, proto::Status::Failure),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let settings = TrainConfig { seed: 7, hidden: vec![32, 16], ..Default::default() };
        TensorBoard::create(folder.path(), &settings).unwrap().finish(ended).unwrap();
        let sessions: Vec<proto::Session> = events(folder.path())
            .into_iter()
            .filter_map(|event| match event.what {
                Some(proto::What::Summary(summary)) => summary.value.into_iter().next(),
                _ => None,
            })
            .filter_map(|value| value.metadata?.plugin_data)
            .filter(|plugin| plugin.plugin_name == "hparams")
            .map(|plugin| proto::HParams::decode(&*plugin.content).unwrap().session.unwrap())
            .collect();
        let [proto::Session::Start(start), proto::Session::End(end)] = &sessions[..] else {
            panic!("{sessions:?}")
        };
        let kind = |name: &str| start.hparams[name].kind.clone().unwrap();
        assert_eq!(kind("seed"), proto::SettingKind::Number(7.0));
        assert_eq!(kind("hidden"), proto::SettingKind::String("[32, 16]".into()));
        assert_eq!(kind("optimizer"), proto::SettingKind::String("adam".into()));
        assert_eq!(kind("shuffle"), proto::SettingKind::Bool(true));
        assert_eq!(end.status(), status);
        assert!(end.end_time_secs >= start.start_time_secs && start.start_time_secs > 1.7e9);
    }
}

#[test]
fn a_folder_that_holds_curves_is_left_alone() {
    for part in ["", "train", "validation"] {
        let folder = tempfile::tempdir().unwrap();
        EventFile::create(&folder.path().join(part)).unwrap();
        let error = TensorBoard::create(folder.path(), &TrainConfig::default()).unwrap_err();
        assert!(matches!(error, Error::CurvesExist { path } if path == folder.path()), "{part}");
    }
}

#[test]
fn files_of_one_second_have_names_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        EventFile::create(folder.path()).unwrap();
    }
    assert_eq!(files(folder.path()).len(), 3);
}
