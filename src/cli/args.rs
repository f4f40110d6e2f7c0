//! Arguments that several commands share.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::Context;
use headstart::backbone::device::{Choice, Precision};
use headstart::backbone::session::copies;
use headstart::backbone::{EngineOptions, OpenOptions};
use headstart::cache::Storage;
use headstart::dataset::{Columns, Manifest, Skipped};
use headstart::extract::BatchSize;
use headstart::files::{Inputs, read_text};
use headstart::image::Recipe;
use headstart::image::recipe::{Decode, Exif};

use super::console::{Console, count};
use super::hint::quoted;
use super::output::network_files;
use headstart::precision::PrecisionChoice;

/// Images to work on.
#[derive(Debug, clap::Args)]
pub struct ManifestArgs {
    /// CSV with the columns `path` and `label`, or a folder with one subfolder of images per class
    #[arg(value_name = "MANIFEST", required = true)]
    manifests: Vec<PathBuf>,
    #[command(flatten)]
    columns: ColumnArgs,
}

impl ManifestArgs {
    pub fn read(&self, console: &Console) -> anyhow::Result<Manifest> {
        read_manifests(&self.manifests, &self.columns.columns(), console)
    }

    /// What was typed.
    pub fn paths(&self) -> &[PathBuf] {
        &self.manifests
    }

    /// What was typed over these.
    pub fn columns_over(&self, base: Columns) -> Columns {
        self.columns.over(base)
    }
}

/// Several are read as one. What was skipped, what could not be read and what is doubtful is told.
pub fn read_manifests<P: AsRef<Path>>(
    paths: &[P],
    columns: &Columns,
    console: &Console,
) -> anyhow::Result<Manifest> {
    let manifest = Manifest::read_all(paths, columns)?;
    tell_manifest(&manifest, console);
    Ok(manifest)
}

/// What was found in folders and not taken, and labels that may be mistakes.
pub fn tell_manifest(manifest: &Manifest, console: &Console) {
    tell_skipped(manifest.skipped(), console);
    for doubt in manifest.doubts().iter().take(DOUBTS_SHOWN) {
        console.warn(doubt);
    }
    let more = manifest.doubts().len().saturating_sub(DOUBTS_SHOWN);
    if more > 0 {
        console.warn(format_args!("{} like these", count(more, "more case")));
    }
}

const DOUBTS_SHOWN: usize = 3;
const UNREADABLE_SHOWN: usize = 5;

/// What was found in folders and not taken. With a folder that could not be read, the exit status will be 1.
pub fn tell_skipped(skipped: &Skipped, console: &Console) {
    if skipped.has_more() {
        console.note(skipped);
    }
    for unreadable in skipped.unreadable.iter().take(UNREADABLE_SHOWN) {
        console.passed_over(format_args!("skipped {unreadable}"));
    }
    let all = skipped.unreadable.len();
    if all > 1 {
        console.passed_over(format_args!("skipped {} that cannot be read", count(all, "folder")));
    }
}

/// What the columns of a manifest are called.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Manifest")]
pub struct ColumnArgs {
    /// Column with the path of the image, relative to the manifest's own folder [default: path]
    #[arg(long, value_name = "NAME")]
    path_column: Option<String>,
    /// Column with the class [default: label]
    #[arg(long, value_name = "NAME")]
    label_column: Option<String>,
    /// Column with the part of the data: `train`, `validation` or `test`, in whatever case, or a usual name for one of them,
    /// such as `val` [default: split]
    #[arg(long, value_name = "NAME")]
    split_column: Option<String>,
}

impl ColumnArgs {
    pub fn columns(&self) -> Columns {
        self.over(Columns::default())
    }

    /// What was typed over these.
    fn over(&self, base: Columns) -> Columns {
        Columns {
            path: self.path_column.clone().unwrap_or(base.path),
            label: self.label_column.clone().unwrap_or(base.label),
            split: self.split_column.clone().unwrap_or(base.split),
        }
    }
}

const BACKBONE: &str = "models/resnet50.onnx";
const CACHE: &str = "data/features";

/// The frozen graph, and where its features are kept.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Features")]
pub struct BackboneArgs {
    /// ONNX graph that gives the features
    #[arg(long, value_name = "FILE", env = "HEADSTART_BACKBONE", default_value = BACKBONE)]
    pub backbone: PathBuf,
    /// Preprocess by this preset or TOML file instead of by the backbone's own recipe
    #[arg(long, value_name = "PRESET|FILE")]
    recipe: Option<PathBuf>,
    /// Orientation in EXIF, overriding the recipe: `apply`, or `ignore` as Pillow and torchvision do
    #[arg(long, value_name = "HOW", value_parser = exif)]
    pub exif: Option<Exif>,
    /// Decoding of JPEGs, overriding the recipe: `full`, or `scaled`, which is many times as fast for large photos and gives other features
    #[arg(long, value_name = "HOW", value_parser = decode)]
    pub decode: Option<Decode>,
    /// Tensor that holds the features, for a graph that does not say
    #[arg(long, value_name = "NAME")]
    pub feature_tensor: Option<String>,
    /// Folder of the feature cache
    #[arg(long, value_name = "DIR", default_value = CACHE)]
    pub cache: PathBuf,
    /// Storage of the features: `f32`, or `f16` in half the space [default: that of the existing cache, else f32]
    #[arg(long, value_name = "TYPE", value_parser = storage)]
    pub storage: Option<Storage>,
    /// Precision of the features: `fp32`; `int8`, several times as fast, calibrated on your own images; `bf16` (OpenVINO only);
    /// `auto`, the fastest that is close enough to fp32. Each gives other features [default: that of the existing cache, else fp32]
    #[arg(long, value_name = "TYPE")]
    pub precision: Option<PrecisionChoice>,
}

fn exif(text: &str) -> Result<Exif, String> {
    match text {
        "apply" => Ok(Exif::Apply),
        "ignore" => Ok(Exif::Ignore),
        _ => Err("expected `apply` or `ignore`".into()),
    }
}

fn decode(text: &str) -> Result<Decode, String> {
    match text {
        "full" => Ok(Decode::Full),
        "scaled" => Ok(Decode::Scaled),
        _ => Err("expected `full` or `scaled`".into()),
    }
}

fn storage(text: &str) -> Result<Storage, String> {
    match text {
        "f32" => Ok(Storage::F32),
        "f16" => Ok(Storage::F16),
        _ => Err("expected `f32` or `f16`".into()),
    }
}

/// As `--storage` takes it.
pub fn storage_name(storage: Storage) -> &'static str {
    match storage {
        Storage::F32 => "f32",
        Storage::F16 => "f16",
    }
}

impl RuntimeArgs {
    /// Has the head be trained on these threads too. Said twice, the first time counts.
    pub fn use_threads(&self) {
        let threads = self.threads.and_then(|threads| NonZeroUsize::new(threads.into()));
        let _ = headstart::machine::use_threads(threads);
    }
}

impl BackboneArgs {
    /// What is told of the backbone beside its file.
    pub fn options(&self) -> anyhow::Result<OpenOptions> {
        Ok(OpenOptions {
            recipe: self.recipe()?,
            exif: self.exif,
            decode: self.decode,
            feature_tensor: self.feature_tensor.clone(),
        })
    }

    /// What is read: the graph with its weights, the recipe if it is a file, and the whole cache.
    pub fn inputs(&self) -> Inputs {
        Inputs::default().files(network_files(&self.backbone)).files(&self.recipe).all_in([&self.cache])
    }

    /// The flags that say all of this but the precision and the storage, as they can be typed; none for what is the default.
    pub fn flags(&self) -> Vec<String> {
        let mut flags = vec![];
        let mut say = |flag: &str, value: &Path| flags.push(format!("{flag} {}", quoted(value)));
        if self.backbone != Path::new(BACKBONE) {
            say("--backbone", &self.backbone);
        }
        if let Some(recipe) = &self.recipe {
            say("--recipe", recipe);
        }
        if let Some(exif) = self.exif {
            say("--exif", if exif == Exif::Apply { "apply" } else { "ignore" }.as_ref());
        }
        if let Some(decode) = self.decode {
            say("--decode", if decode == Decode::Full { "full" } else { "scaled" }.as_ref());
        }
        if let Some(tensor) = &self.feature_tensor {
            say("--feature-tensor", tensor.as_ref());
        }
        if self.cache != Path::new(CACHE) {
            say("--cache", &self.cache);
        }
        flags
    }

    /// All of them.
    pub fn all_flags(&self) -> Vec<String> {
        let mut flags = self.flags();
        flags.extend(self.precision.map(|precision| format!("--precision {precision}")));
        flags.extend(self.storage.map(|storage| format!("--storage {}", storage_name(storage))));
        flags
    }

    /// The same in another precision and storage.
    pub fn with(self, precision: Option<Precision>, storage: Option<Storage>) -> Self {
        Self { precision: precision.map(PrecisionChoice::Only), storage, ..self }
    }

    pub fn recipe(&self) -> anyhow::Result<Option<Recipe>> {
        self.recipe.as_deref().map(read_recipe).transpose()
    }
}

/// The ONNX Runtime to use.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "ONNX Runtime")]
pub struct RuntimeArgs {
    /// Device that computes: `cpu`, `cuda`, `tensorrt`, `openvino`, `coreml`, `directml`, `cuda:1` for the second GPU; `auto` takes
    /// CUDA or OpenVINO where they are set up and work, and says so
    #[arg(long, value_name = "DEVICE", env = "HEADSTART_DEVICE", default_value_t = Choice::Auto)]
    pub device: Choice,
    /// Shared library of ONNX Runtime (default: ORT_DYLIB_PATH, models/runtime…, beside the program, Python's)
    #[arg(long, value_name = "FILE")]
    pub onnxruntime: Option<PathBuf>,
    /// Threads to compute with (default: all cores; for the head at most 8)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

impl RuntimeArgs {
    /// What a backbone is to run on, in the precision of its own.
    pub fn engine_options(&self) -> EngineOptions {
        EngineOptions {
            device: self.device,
            threads: self.threads.map(usize::from),
            onnxruntime: self.onnxruntime.clone(),
            copies: copies::default_folder(),
            ..EngineOptions::default()
        }
    }
}

/// `auto` or a number.
pub fn batch_size(text: &str) -> Result<BatchSize, String> {
    let number = || text.parse().ok().filter(|size| (1..=1024).contains(size)).map(BatchSize::Fixed);
    if text == "auto" { Ok(BatchSize::Auto) } else { number().ok_or("expected `auto` or 1 to 1024".into()) }
}

/// A preset's name, or a TOML file.
pub fn read_recipe(path: &Path) -> anyhow::Result<Recipe> {
    // No preset is called like a path, so what looks like one is one, and is missed rather than unknown.
    let is_file = path.extension().is_some() || path.components().count() > 1 || path.is_file();
    if !is_file {
        return Ok(Recipe::preset(&path.to_string_lossy())?);
    }
    let text = read_text(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    Recipe::from_toml(&text).with_context(|| format!("`{}` is not a recipe", path.display()))
}
