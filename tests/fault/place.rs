//! Images, a backbone, and folders for caches.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use headstart::backbone::Backbone;
use headstart::cache::{Fingerprint, Key, Storage, Store};
use headstart::extract::fingerprint;
use tempfile::TempDir;

/// Different images.
pub const IMAGES: usize = 20;
/// Files that are asked for: one more has the bytes of another, and one is no image.
pub const FILES: usize = IMAGES + 2;
pub const BATCH: usize = 4;

/// What all tests share: made once, so that files are old enough to be remembered.
pub struct Ground {
    pub backbone: PathBuf,
    pub manifest: PathBuf,
    pub files: Vec<PathBuf>,
    pub fingerprint: Fingerprint,
}

pub fn ground() -> &'static Ground {
    static GROUND: OnceLock<Ground> = OnceLock::new();
    GROUND.get_or_init(|| {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fault");
        fs::create_dir_all(dir.join("images")).unwrap();
        let files: Vec<_> = (0..FILES).map(|number| dir.join(format!("images/{number:02}.png"))).collect();
        for (number, file) in files.iter().enumerate() {
            keep(file, &image(number));
        }
        let rows: String =
            files.iter().map(|f| format!("{},a\n", f.file_name().unwrap().display())).collect();
        keep(&dir.join("images/all.csv"), format!("path,label\n{rows}").as_bytes());
        settle(&files);
        let backbone = cut_backbone(&dir);
        let fingerprint = fingerprint(&Backbone::open(&backbone).unwrap(), Storage::F32).unwrap();
        Ground { backbone, manifest: dir.join("images/all.csv"), files, fingerprint }
    })
}

/// Noise of 8x8 pixels; the last but one repeats the first, and the last is no image.
fn image(number: usize) -> Vec<u8> {
    if number == IMAGES + 1 {
        return b"no image".to_vec();
    }
    let seed = (number % IMAGES).to_le_bytes();
    let mut pixels = [0; 192];
    blake3::Hasher::new().update(&seed).finalize_xof().fill(&mut pixels);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 8, 8);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    bytes
}

/// Writes a file unless it is what it should be.
fn keep(path: &Path, bytes: &[u8]) {
    if fs::read(path).is_ok_and(|found| found == bytes) {
        return;
    }
    fs::write(path, bytes).unwrap();
}

/// Waits until the memo trusts the files' times.
fn settle(files: &[PathBuf]) {
    let changed = files.iter().map(|file| fs::metadata(file).unwrap().modified().unwrap()).max().unwrap();
    let age = SystemTime::now().duration_since(changed).unwrap_or_default();
    std::thread::sleep(Duration::from_millis(2100).saturating_sub(age));
}

/// A small convolutional network, with features of 12 numbers that differ from image to image.
fn cut_backbone(dir: &Path) -> PathBuf {
    let recipe = "filter = \"bilinear\"\ndivisor = 255.0\nchannels = \"rgb\"\nlayout = \"nchw\"\n\
        resize = { stretch = { width = 64, height = 64 } }\nmean = [0.5, 0.5, 0.5]\nstd = [0.25, 0.25, 0.25]\n";
    keep(&dir.join("recipe.toml"), recipe.as_bytes());
    let backbone = dir.join("backbone.onnx");
    let _ = fs::remove_file(&backbone);
    let mut command = program(&["backbone", "cut", "tests/golden/cut/models/conv_classifier.onnx"]);
    command.arg("-o").arg(&backbone).arg("--recipe").arg(dir.join("recipe.toml"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    backbone
}

/// The program, run in the repository.
pub fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headstart"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
    command.env("HEADSTART_DEVICE", "cpu").env_remove("LD_PRELOAD");
    command
}

/// The bits of all rows that there are.
pub type Rows = BTreeMap<Key, Vec<u32>>;

/// A folder with a cache in it, or none yet.
pub struct Place(TempDir);

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// As the program sees it, without symbolic links.
    pub fn path(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap()
    }

    pub fn cache(&self) -> PathBuf {
        self.path().join("cache")
    }

    /// `extract` of all files to this place's cache.
    pub fn command(&self) -> Command {
        self.command_for(&ground().manifest)
    }

    /// `extract` of these files to this place's cache.
    pub fn command_for(&self, manifest: &Path) -> Command {
        let mut command = program(&["extract", "--json", "--threads", "1", "--decoders", "2"]);
        command.arg("--batch-size").arg(BATCH.to_string());
        command.arg("--cache").arg(self.cache()).arg("--backbone").arg(&ground().backbone).arg(manifest);
        command
    }

    pub fn extract(&self) -> Said {
        Said::new(self.command().output().unwrap())
    }

    /// The store, if there is one that can be opened.
    pub fn store(&self) -> Option<Store> {
        Store::open(&self.cache(), &ground().fingerprint).unwrap()
    }

    /// All rows that a reader gets.
    pub fn rows(&self) -> Rows {
        let Some(store) = self.store() else { return Rows::new() };
        let row = |(key, view)| {
            let row = store.row(store.find(&key, view)?).ok()?;
            Some((key, row.iter().map(|value| value.to_bits()).collect()))
        };
        store.ids().filter_map(row).collect()
    }

    /// Runs `cache verify`, which must find nothing.
    #[track_caller]
    pub fn verify(&self) {
        let output = program(&["cache", "verify"]).arg(self.cache()).output().unwrap();
        let words = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{words}{}", String::from_utf8_lossy(&output.stderr));
        assert!(words.trim_end().ends_with("clean"), "{words}");
    }

    /// Runs `extract` once more: it finishes, computes just what is missing, and all is as if nothing had happened.
    #[track_caller]
    pub fn goes_on(&self) {
        let kept = self.rows();
        let right = undisturbed();
        assert!(kept.iter().all(|(key, row)| right.get(key) == Some(row)), "a wrong feature");
        let said = self.extract();
        assert_eq!(said.status, Some(1), "{}", said.err);
        // The file that repeats another counts as cached.
        assert_eq!(said.summary, [FILES, kept.len() + 1, IMAGES - kept.len(), 1], "{}", said.err);
        assert_eq!(self.rows(), *right);
    }
}

/// The features of a run that nothing happened to.
pub fn undisturbed() -> &'static Rows {
    static ROWS: OnceLock<Rows> = OnceLock::new();
    ROWS.get_or_init(|| {
        let place = Place::new();
        assert_eq!(place.extract().summary, [FILES, 1, IMAGES, 1]);
        let rows = place.rows();
        assert_eq!(rows.len(), IMAGES);
        let different: std::collections::HashSet<_> = rows.values().collect();
        assert_eq!(different.len(), IMAGES, "each image has features of its own");
        rows
    })
}

/// What `extract --json` said.
#[derive(Debug)]
pub struct Said {
    /// None if it was killed.
    pub status: Option<i32>,
    /// Images, cached, computed, failed; zeros if it did not come so far.
    pub summary: [usize; 4],
    pub err: String,
}

impl Said {
    pub fn new(output: Output) -> Self {
        let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let number = |name: &str| summary[name].as_u64().unwrap_or(0) as usize;
        Self {
            status: output.status.code(),
            summary: ["images", "cached", "computed", "failed"].map(number),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
