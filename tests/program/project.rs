//! The use cases of the library, without the program.

use std::fs;

use headstart::cache::Storage;
use headstart::project::{
    Accept, DataRequest, Error, EvaluateOptions, ExtractSettings, Page, PredictOptions, TrainOptions,
};
use headstart::train::{Ended, TrainConfig, TrainEvent as Train};
use headstart::{CancelToken, Control, Event, ImageInput, Level, Project, ProjectConfig};
use image::{Rgb, RgbImage};

use super::place::Place;
use super::tiny;

/// Images of each of the two classes.
const IMAGES: usize = 12;

/// A folder with reddish and bluish images, and a backbone that sees colours.
fn place() -> Place {
    let place = Place::empty();
    tiny::backbone(&place.path("tiny.onnx"), 8, 16);
    for (class, colour) in [("red", [200, 20, 20]), ("blue", [20, 20, 200])] {
        fs::create_dir_all(place.path("photos").join(class)).unwrap();
        for i in 0..IMAGES {
            let [r, g, b]: [u8; 3] = colour;
            let pixel = Rgb([r + i as u8, g + 2 * i as u8, b + i as u8]);
            let path = place.path("photos").join(class).join(format!("{i}.png"));
            RgbImage::from_pixel(9, 9, pixel).save(path).unwrap();
        }
    }
    place
}

fn config(place: &Place) -> ProjectConfig {
    ProjectConfig {
        backbone: place.path("tiny.onnx"),
        cache: place.path("features"),
        runs: place.path("runs"),
        ..ProjectConfig::default()
    }
}

fn options() -> TrainOptions {
    let settings = TrainConfig { epochs: 20, learning_rate: 1e-2, ..TrainConfig::default() };
    TrainOptions { settings, ..TrainOptions::default() }
}

#[test]
fn from_photos_to_predictions_of_files_and_of_bytes() {
    let place = place();
    let (project, control) = (Project::new(config(&place)), &mut Control::silent());
    let photos = project.read(place.path("photos"), control).unwrap();
    let summary = project.extract(&photos, &ExtractSettings::default(), control).unwrap();
    assert_eq!(summary.computed, 2 * IMAGES);

    let trained = project.train(&photos, &options(), control).unwrap();
    let run = trained.run.unwrap();
    assert_eq!(
        (trained.ended, trained.left_out, run.name()),
        (Ended::Completed, 0, project.run("latest").unwrap().name())
    );

    let mut evaluation = project.evaluate(&run, &photos, &EvaluateOptions::default(), control).unwrap();
    assert_eq!(evaluation.metrics.accuracy, 1.0);
    let data = evaluation.report_data();
    assert_eq!((data.evaluations.len(), data.evaluations[0].images.len()), (1, 2 * IMAGES));
    let folder = evaluation.folder(control);
    fs::create_dir_all(&folder).unwrap();
    evaluation.write(&folder, Default::default(), Page::Leave, control).unwrap();
    assert!(project.evaluate_again(&run, &folder, control).is_ok());

    let file = place.path("photos/red/3.png");
    let bytes = ImageInput::bytes("an upload", fs::read(&file).unwrap());
    let images = [file.into(), bytes, ImageInput::bytes("a text", "no image".as_bytes())];
    let summary = project.extract_images(&images, &ExtractSettings::default(), control).unwrap();
    assert_eq!((summary.cached, summary.computed, summary.failed), (2, 0, 1));
    let predicted = project.predict(&run, images, &PredictOptions::default(), control).unwrap();
    assert_eq!(predicted.rows[0], predicted.rows[1], "the same bytes are the same image");
    let said = predicted.predictions(1);
    assert_eq!(predicted.classes[said[0].as_ref().unwrap().class()], "red");
    assert!(said[2].is_err(), "what is wrong with one image is in its row");
}

#[test]
fn messages_go_to_the_listener_and_a_token_stops_the_training() {
    let place = place();
    let project = Project::new(config(&place));
    fs::copy(place.path("photos/red/0.png"), place.path("photos/blue/copy.png")).unwrap();
    let stop = CancelToken::default();
    let (mut warnings, mut watched, mut copies) = (vec![], vec![], 0);
    let mut listener = |event: Event<'_>| match event {
        Event::Message(message) if message.level >= Level::Warning => warnings.push(message.text.to_string()),
        Event::Copies(request) => copies += request.manifests.len(),
        Event::Train(Train::Epoch { record, .. }) => {
            watched.push(stop.is_watched());
            if record.epoch == 3 {
                stop.cancel();
            }
        }
        _ => {}
    };
    let control = &mut Control::new(stop.clone(), &mut listener);
    let train = TrainOptions { extract: true, name: Some("stopped".into()), ..options() };
    let request = DataRequest::from(place.path("photos").as_path());
    let trained = project.train(request, &train, control).unwrap();
    assert_eq!((trained.ended, trained.run.unwrap().history.epochs.len()), (Ended::Stopped, 3));
    assert!(watched.iter().all(|&watched| watched) && !stop.is_watched());
    assert!(warnings.iter().any(|warning| warning.contains("with two labels")), "{warnings:?}");
    assert_eq!(copies, 1);

    // Continued, it is what it would have been.
    let control = &mut Control::silent();
    let base = project.base_run("stopped".as_ref(), true).unwrap();
    let resumed = TrainOptions { base: Some(base), ..options() };
    let resumed = project.train(DataRequest::default(), &resumed, control).unwrap().run.unwrap();
    let whole = project.train(DataRequest::from(place.path("photos").as_path()), &options(), control);
    assert_eq!(resumed.history, whole.unwrap().run.unwrap().history);
}

#[test]
fn what_is_missing_is_told_as_data() {
    let place = place();
    let (project, control) = (Project::new(config(&place)), &mut Control::silent());
    let photos = project.read(place.path("photos"), control).unwrap();
    let error = project.train(&photos, &options(), control).unwrap_err();
    let Error::NoFeatures { missing, images, request, .. } = error else { panic!("{error}") };
    assert_eq!((missing, images), (2 * IMAGES, 2 * IMAGES));
    assert_eq!(
        (request.manifests, request.config.cache),
        (vec![place.path("photos")], place.path("features"))
    );
    assert!(!place.path("runs").exists(), "what was made for it is gone");

    let Err(Error::NoRun { name, found, .. }) = project.run("latest") else { panic!() };
    assert_eq!((name.as_str(), found.len()), ("latest", 0));
}

/// Two projects of different settings in two threads of one process: each has its own cache, storage, runs and seed.
#[test]
fn two_projects_do_not_meet() {
    let place = place();
    let of = |name: &str, storage: Storage| {
        let mut config = ProjectConfig {
            cache: place.path(&format!("{name}-features")),
            runs: place.path(&format!("{name}-runs")),
            storage: Some(storage),
            ..config(&place)
        };
        config.extract.engine.session.threads = Some(if storage == Storage::F32 { 1 } else { 2 });
        Project::new(config)
    };
    let train = |project: &Project, seed: u64| {
        let control = &mut Control::silent();
        let settings = TrainConfig { seed, ..options().settings };
        let train =
            TrainOptions { settings, extract: true, name: Some("a".into()), overwrite: true, ..options() };
        let request = DataRequest::from(place.path("photos").as_path());
        project.train(request, &train, control).unwrap().run.unwrap()
    };
    let projects = [(of("one", Storage::F32), 1), (of("two", Storage::F16), 2)];
    let alone = projects.each_ref().map(|(project, seed)| train(project, *seed));
    let both = std::thread::scope(|scope| {
        let train = &train;
        let started = projects.each_ref().map(|(project, seed)| scope.spawn(move || train(project, *seed)));
        started.map(|thread| thread.join().unwrap())
    });
    for (alone, both) in alone.iter().zip(&both) {
        assert_eq!((&alone.head, &alone.history), (&both.head, &both.history));
    }
    assert_ne!(both[0].info.features.fingerprint, both[1].info.features.fingerprint);
    let other = projects[1].0.features_of(&both[0], Accept::Own);
    assert!(matches!(other, Err(Error::OtherFeatures { .. })), "a head knows its own features alone");
}
