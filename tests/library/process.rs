//! Several users of the library in one process, each with settings of his own; and the process is left as it was.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use half::f16;
use headstart::backbone::libraries::Place;
use headstart::backbone::library::Library;
use headstart::backbone::runtime::Runtime;
use headstart::backbone::session::{Session, SessionOptions, copies};
use headstart::backbone::{Backbone, EngineOptions, Libraries};
use headstart::cache::Storage;
use headstart::convert::quantize::{Method, QuantizeOptions, Ranges, quantize};
use headstart::extract::{BatchSize, ExtractOptions, Extractor, FeatureCache, FillOptions, fingerprint};
use headstart::image::Preprocessor;
use headstart::image::Views;
use headstart::machine::Threads;
use headstart::train::{Checkpoint, Flow, TrainConfig, TrainEvent, train};
use headstart::{CancelToken, Control, image_files};
use ndarray::{Array2, Array4};

use crate::quantize::nets;

/// A user, and what is right for him.
struct User {
    backbone: Backbone,
    files: Vec<PathBuf>,
    threads: usize,
    storage: Storage,
    batch: usize,
    /// Whether optimised copies of graphs are kept.
    copies: bool,
    config: TrainConfig,
}

/// What he has in the end.
#[derive(Debug, PartialEq)]
struct Work {
    features: Array2<f32>,
    steps: usize,
    checkpoint: Checkpoint,
}

fn photos() -> Vec<PathBuf> {
    let entries = std::fs::read_dir("data/photos").unwrap().map(|entry| entry.unwrap().path());
    let mut photos: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "jpg")).collect();
    photos.sort();
    photos
}

/// In floats, on one thread, with all bits kept.
fn first() -> User {
    User {
        backbone: Backbone::open("models/resnet50.onnx".as_ref()).expect("`just setup` makes the backbone"),
        files: photos(),
        threads: 1,
        storage: Storage::F32,
        batch: 3,
        copies: true,
        config: TrainConfig { epochs: 3, batch_size: 2, ..TrainConfig::default() },
    }
}

/// In integers, on two threads, with half of the bits kept.
fn second(folder: &Path) -> User {
    let floats = Backbone::open(&nets::write(&nets::direct(nets::recipe()), folder)).unwrap();
    let files = nets::pictures(folder, 60, 1);
    let options = QuantizeOptions {
        ranges: Ranges::By(Method::MeanSquare),
        equalise: Some(1.0),
        min_cosine: 0.9,
        threads: Some(2),
        ..QuantizeOptions::default()
    };
    let (runtime, never) = (runtime(), AtomicBool::new(false));
    let done = quantize(&runtime, &floats, &files, &options, &never, &mut |_| ()).unwrap();
    let path = folder.join("net.int8.onnx");
    done.write(&path, false).unwrap();
    User {
        backbone: Backbone::open(&path).unwrap(),
        files,
        threads: 2,
        storage: Storage::F16,
        batch: 8,
        copies: false,
        config: TrainConfig { hidden: vec![40, 20], epochs: 5, seed: 7, ..TrainConfig::default() },
    }
}

fn runtime() -> Runtime {
    Runtime::load(&Libraries::default()).expect("`just setup` fetches ONNX Runtime")
}

impl User {
    /// Extract into a cache in `folder`, and train on what it holds then.
    fn work(&self, folder: &Path) -> Work {
        let session = SessionOptions {
            threads: Some(self.threads),
            copies: self.copies.then(|| folder.join("copies")),
            ..SessionOptions::default()
        };
        let options = ExtractOptions {
            engine: EngineOptions { session, ..EngineOptions::default() },
            batch_size: BatchSize::Fixed(self.batch),
            decoders: self.threads,
        };
        let (images, name) = (image_files(&self.files), self.backbone.name());
        let fingerprint = fingerprint(&self.backbone, self.storage).unwrap();
        let mut cache = FeatureCache::create_or_open(&folder.join("cache"), name, &fingerprint).unwrap();
        let mut listener = |_: headstart::Event<'_>| {};
        let mut control = Control::new(CancelToken::default(), &mut listener);
        let summary = Extractor::new(&self.backbone, options)
            .fill(&mut cache, Views::PLAIN, &images, FillOptions::default(), &mut control)
            .unwrap();
        assert_eq!((summary.computed, summary.failed), (self.files.len(), 0));
        assert_eq!(copies::list(&folder.join("copies")).len(), usize::from(self.copies));
        let features = cache.features(&images).unwrap();
        let labels: Vec<usize> = (0..self.files.len()).map(|row| row % 2).collect();
        let mut steps = 0;
        let mut count = |event: TrainEvent<'_>| {
            steps += usize::from(matches!(event, TrainEvent::Step { .. }));
            Flow::Continue
        };
        let threads = Threads::new(NonZeroUsize::new(self.threads)).unwrap();
        let outcome = threads.run(|| train(&self.config, &features, &labels, 2, None, &mut count)).unwrap();
        Work { features, steps, checkpoint: outcome.checkpoint }
    }

    /// The features, by the graph alone.
    fn features(&self) -> Array2<f32> {
        let mut preprocessor = Preprocessor::new(self.backbone.recipe().clone()).unwrap();
        let [a, b, c] = self.backbone.recipe().input_shape();
        let mut images = Array4::zeros((self.files.len(), a, b, c));
        for (file, mut image) in self.files.iter().zip(images.outer_iter_mut()) {
            preprocessor.run(&std::fs::read(file).unwrap(), image.as_slice_mut().unwrap()).unwrap();
        }
        let mut session = Session::new(&runtime(), &self.backbone, &SessionOptions::default()).unwrap();
        let features = session.run(images.view()).unwrap();
        match self.storage {
            Storage::F32 => features,
            Storage::F16 => features.mapv(|value| f16::from_f32(value).to_f32()),
        }
    }
}

#[test]
fn two_users_with_other_settings_do_not_meet() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let (first, second) = (first(), second(folder.path()));
    // One after the other.
    let (one, two) = (first.work(&place("1")), second.work(&place("2")));
    assert_eq!((&one.features, &two.features), (&first.features(), &second.features()));
    // In the other order, where what the first one set would be there for the second.
    let again = (second.work(&place("3")), first.work(&place("4")));
    assert!(again == (two, one));
    // Side by side.
    let (two, one) = again;
    let side_by_side = std::thread::scope(|scope| {
        let other = scope.spawn(|| second.work(&place("5")));
        (first.work(&place("6")), other.join().unwrap())
    });
    assert!(side_by_side == (one, two));
}

#[test]
fn another_library_is_refused_by_the_paths_of_both() {
    let loaded = runtime();
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("libonnxruntime.so.1");
    std::fs::copy(loaded.library(), &other).unwrap();
    let error = Runtime::load(&Libraries::named(&other)).unwrap_err().to_string();
    for path in [loaded.library(), &other] {
        assert!(error.contains(&format!("`{}`", path.display())), "{error}");
    }
    // The same one by its name, and whichever there is.
    Runtime::load(&Libraries::named(loaded.library())).unwrap();
    Runtime::load(&Libraries { places: vec![], ..Libraries::default() }).unwrap();
}

const CHILD: &str = "HEADSTART_TEST_PROCESS";

/// Everything that is done with the library, in a process of its own in which nothing else happens: no test when run by hand.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    let state = || (std::env::vars_os().collect::<Vec<_>>(), signals());
    let before = state();
    first().work(&folder.join("first"));
    second(&folder).work(&folder.join("second"));
    let places = vec![Place::folder("nowhere"), Place::system()];
    let (for_nvidia, for_openvino) = (None, None);
    // It looks everywhere.
    let _ = Library::find(&Libraries { places, for_nvidia, for_openvino, ..Libraries::default() });
    let _ = Libraries::default().heif.library();
    assert_eq!(state(), before);
    assert!(!folder.join("python was here").exists());
    // The pool of the whole process, which is made once.
    rayon::ThreadPoolBuilder::new().build_global().expect("nobody has made it");
}

/// The signals that are handled, as Linux tells.
fn signals() -> Vec<String> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let about = |line: &&str| line.starts_with("SigCgt") || line.starts_with("SigIgn");
    status.lines().filter(about).map(str::to_owned).collect()
}

#[cfg(unix)]
#[test]
fn the_process_is_left_as_it_was() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    for name in ["python", "python3"] {
        let path = folder.path().join(name);
        let script = format!("#!/bin/sh\n: > '{}/python was here'\n", folder.path().display());
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "process::child", "--nocapture"]).env(CHILD, folder.path());
    let output = child.env("PATH", folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && folder.path().join("first/cache").exists(), "{said}");
}
