//! A folder to run the program in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use headstart::backbone::Backbone;
use headstart::cache::Storage;
use headstart::extract::{FeatureCache, fingerprint};
use headstart::image_files;
use ndarray::Array2;
use tempfile::TempDir;

pub const PHOTOS: usize = 10;

pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What the program said.
pub struct Said {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    /// What a command of ours said.
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { status: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    #[track_caller]
    pub fn done(self) -> Self {
        self.ended(0)
    }

    #[track_caller]
    pub fn ended(self, status: i32) -> Self {
        assert_eq!(self.status, status, "{}{}", self.out, self.err);
        self
    }

    /// That all these words are among what went to stderr.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.err.contains(word), "no `{word}` in: {}{}", self.out, self.err);
        }
        self
    }

    #[track_caller]
    pub fn never_says(self, word: &str) -> Self {
        assert!(!self.err.contains(word), "`{word}` in: {}", self.err);
        self
    }
}

/// A folder of its own for each test, with the project's `models` in it, so that the program finds its defaults.
pub struct Place(TempDir);

impl Place {
    pub fn empty() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(repository().join("models"), place.path("models")).unwrap();
        place
    }

    /// With copies of the ten photographs and their manifest, `photos/photos.csv`.
    pub fn with_photos() -> Self {
        let place = Self::empty();
        fs::create_dir(place.path("photos")).unwrap();
        for entry in fs::read_dir(repository().join("data/photos")).unwrap() {
            let file = entry.unwrap().path();
            if file.extension().is_some_and(|extension| extension == "jpg") {
                fs::copy(&file, place.path("photos").join(file.file_name().unwrap())).unwrap();
            }
        }
        let manifest = repository().join("data/photos/photos.csv");
        fs::copy(manifest, place.path("photos/photos.csv")).unwrap();
        place
    }

    /// With copies of the first `n` images of CIFAR-10 and their manifest, `cifar.csv`.
    pub fn with_cifar(n: usize) -> Self {
        let place = Self::empty();
        let folder = repository().join("data/cifar10");
        let manifest = fs::read_to_string(folder.join("train.csv")).expect("`just setup` unpacks CIFAR-10");
        let lines: Vec<&str> = manifest.lines().take(n + 1).collect();
        fs::create_dir(place.path("train")).unwrap();
        for line in &lines[1..] {
            let name = line.split(',').next().unwrap();
            fs::copy(folder.join(name), place.path(name)).unwrap();
        }
        place.write("cifar.csv", lines.join("\n"));
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), bytes).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The program with these arguments, separated by spaces.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_headstart"));
        command.args(arguments.split_whitespace());
        self.surround(command)
    }

    /// In this folder, and in surroundings that are the same for all tests.
    fn surround(&self, mut command: Command) -> Command {
        command.current_dir(self.0.path()).stdin(Stdio::null());
        // Whatever is set up on this machine, tests are about the CPU unless they say otherwise.
        command.env("HEADSTART_DEVICE", "cpu");
        command.env_remove("HEADSTART_BACKBONE");
        // No test asks a model hub but its own.
        command.env("HF_HUB_OFFLINE", "1");
        // One for all tests: what is kept there is kept under the hash of what it is made of.
        command.env("XDG_CACHE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/caches"));
        command
    }

    pub fn run(&self, arguments: &str) -> Said {
        Said::of(self.command(arguments).output().unwrap())
    }

    /// What a shell makes of this line, in which `headstart` is the program under test.
    pub fn shell(&self, line: &str) -> Said {
        let folder = Path::new(env!("CARGO_BIN_EXE_headstart")).parent().unwrap();
        let others = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(folder.to_path_buf()).chain(std::env::split_paths(&others));
        let mut shell = Command::new("sh");
        shell.args(["-euc", line]).env("PATH", std::env::join_paths(path).unwrap());
        Said::of(self.surround(shell).output().unwrap())
    }

    /// As [`run`](Self::run), changed in some way.
    pub fn run_with(&self, arguments: &str, change: impl FnOnce(&mut Command)) -> Said {
        let mut command = self.command(arguments);
        change(&mut command);
        Said::of(command.output().unwrap())
    }

    /// As [`run`](Self::run), with `input` on stdin.
    pub fn run_on(&self, input: &str, arguments: &str) -> Said {
        self.write("stdin", input);
        let stdin = fs::File::open(self.path("stdin")).unwrap();
        self.run_with(arguments, |command| {
            command.stdin(stdin);
        })
    }

    /// Numbers in the JSON that `extract --json` prints: images, cached, computed, failed.
    #[track_caller]
    pub fn extract(&self, arguments: &str) -> [u64; 4] {
        let said = self.run(&format!("extract --json {arguments}"));
        let summary: serde_json::Value =
            serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}{}", said.out, said.err));
        ["images", "cached", "computed", "failed"].map(|name| summary[name].as_u64().unwrap())
    }

    /// The folders of the cache, one for each kind of features; none if there is no cache.
    pub fn kinds(&self, cache: &str) -> Vec<PathBuf> {
        let entries =
            fs::read_dir(self.path(cache)).into_iter().flatten().flatten().map(|entry| entry.path());
        entries.filter(|path| path.join("fingerprint.json").exists()).collect()
    }

    /// Features that the cache holds for these files, by way of the library.
    pub fn features(&self, cache: &str, backbone: &str, storage: Storage, files: &[PathBuf]) -> Array2<f32> {
        let backbone = Backbone::open(&self.path(backbone)).unwrap();
        let fingerprint = fingerprint(&backbone, storage).unwrap();
        let cache = FeatureCache::open(&self.path(cache), &fingerprint).unwrap();
        cache.expect("a cache of these features").features(&image_files(files)).unwrap()
    }

    /// As the default backbone gives them, of every photograph.
    pub fn photo_features(&self, cache: &str) -> Array2<f32> {
        self.features(cache, "models/resnet50.onnx", Storage::F32, &self.photos())
    }

    /// A manifest with each photograph twice, `photos/double.csv`, so that a class has two images.
    pub fn double_photos(&self) -> &'static str {
        let rows: String = self
            .read("photos/photos.csv")
            .lines()
            .skip(1)
            .map(|line| format!("{line}\n./{line}\n"))
            .collect();
        self.write("photos/double.csv", format!("path,label\n{rows}"));
        "photos/double.csv"
    }

    /// The same, but with two different files of each photograph, and their features.
    pub fn two_of_each(&self) -> &'static str {
        let mut rows = String::new();
        for line in self.read("photos/photos.csv").lines().skip(1) {
            let mut photo = fs::read(self.path("photos").join(line.split(',').next().unwrap())).unwrap();
            // Behind the image, where it changes no pixel.
            photo.push(0);
            fs::write(self.path("photos").join(format!("second_{}", line.split(',').next().unwrap())), photo)
                .unwrap();
            rows += &format!("{line}\nsecond_{line}\n");
        }
        self.write("photos/double.csv", format!("path,label\n{rows}"));
        // Into a cache of its own: the one that is there is shared by all tests.
        fs::remove_file(self.path("data/features")).unwrap();
        self.run("extract photos/double.csv").done();
        "photos/double.csv"
    }

    /// Settings of a run as it recorded them.
    pub fn settings(&self, run: &str) -> toml::Table {
        let run: toml::Table = self.read(&format!("runs/{run}/run.toml")).parse().unwrap();
        run["settings"].as_table().unwrap().clone()
    }

    /// The trained weights of a run, as bytes.
    pub fn head(&self, run: &str) -> Vec<u8> {
        fs::read(self.path("runs").join(run).join("head.safetensors")).unwrap()
    }

    pub fn photos(&self) -> Vec<PathBuf> {
        let manifest = self.read("photos/photos.csv");
        let names = manifest.lines().skip(1).map(|line| line.split(',').next().unwrap());
        names.map(|name| self.path("photos").join(name)).collect()
    }
}

/// A folder with the photographs' features in `data/features`, extracted once, for tests that only read them.
pub fn with_features() -> Place {
    static EXTRACTED: OnceLock<PathBuf> = OnceLock::new();
    let cache = EXTRACTED.get_or_init(|| {
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("features-of-photos");
        Place::with_photos().run(&format!("extract photos/photos.csv --cache {}", cache.display())).done();
        cache
    });
    let place = Place::with_photos();
    fs::create_dir(place.path("data")).unwrap();
    std::os::unix::fs::symlink(cache, place.path("data/features")).unwrap();
    place
}
