//! Arguments that several commands share.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use headstart::backbone::device::Choice;
use headstart::backbone::runtime::Runtime;
use headstart::backbone::session::{SessionOptions, copies, default_engines_folder};
use headstart::backbone::{EngineOptions, Libraries};
use headstart::cache::Storage;
use headstart::dataset::{Columns, Manifest};
use headstart::extract::{BatchSize, ExtractOptions};
use headstart::files::Inputs;
use headstart::image::recipe::{Decode, Exif};
use headstart::installed::Chosen;
use headstart::precision::PrecisionChoice;
use headstart::project::{Accept, DataRequest, RunsFolder};
use headstart::{Control, Project, ProjectConfig, UserCache};

use super::console::Console;
use super::installed;
use super::listener::Listener;
use super::system::libraries;

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
    /// Several are read as one.
    pub fn read(&self, control: &mut Control<'_>) -> anyhow::Result<Manifest> {
        Ok(Project::default().read_all(&self.manifests, &self.columns.columns(), control)?)
    }

    /// What was typed.
    pub fn paths(&self) -> &[PathBuf] {
        &self.manifests
    }

    /// What was typed, where a run may say the rest.
    pub fn request(&self) -> DataRequest {
        let ColumnArgs { path_column, label_column, split_column } = &self.columns;
        DataRequest {
            manifests: self.manifests.clone(),
            path_column: path_column.clone(),
            label_column: label_column.clone(),
            split_column: split_column.clone(),
            ..DataRequest::default()
        }
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
    /// Column with the split of the image: `train`, `validation` or `test`, in upper or lower case, or a usual name for one of them,
    /// such as `val` [default: split]
    #[arg(long, value_name = "NAME")]
    split_column: Option<String>,
}

impl ColumnArgs {
    pub fn columns(&self) -> Columns {
        let default = Columns::default();
        Columns {
            path: self.path_column.clone().unwrap_or(default.path),
            label: self.label_column.clone().unwrap_or(default.label),
            split: self.split_column.clone().unwrap_or(default.split),
        }
    }
}

const CACHE: &str = "data/features";

/// The frozen graph, and where its features are kept.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Features")]
pub struct BackboneArgs {
    /// ONNX graph that gives the features; or a name: of `headstart backbone list`, of an installed package, or `org/name[@revision]`
    /// of a model hub
    #[arg(long, value_name = "FILE|NAME", env = "HEADSTART_BACKBONE", default_value = installed::DEFAULT_PATH)]
    pub backbone: PathBuf,
    /// Fetch the backbone from a model hub without asking
    #[arg(long)]
    pub yes: bool,
    /// Preprocess by this preset or TOML file instead of by the backbone's own recipe
    #[arg(long, value_name = "PRESET|FILE")]
    recipe: Option<PathBuf>,
    /// Orientation in EXIF, overriding the recipe: `apply`, or `ignore` as Pillow and torchvision do
    #[arg(long, value_name = "HOW", value_parser = exif)]
    pub exif: Option<Exif>,
    /// Decoding of JPEGs, overriding the recipe: `full`, or `scaled`, which is many times as fast for large photos and gives other features
    #[arg(long, value_name = "HOW", value_parser = decode)]
    pub decode: Option<Decode>,
    /// Tensor that holds the features, if the graph does not say which
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
    /// The file that a name means, looked for once.
    #[arg(skip)]
    chosen: OnceLock<Option<Chosen>>,
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

impl BackboneArgs {
    /// What was typed, where runs lie in `runs` and nothing is to be computed.
    pub fn config(&self) -> ProjectConfig {
        let config = self.config_as_typed();
        match self.chosen(&config) {
            Some(Chosen { path, .. }) => ProjectConfig { backbone: path.clone(), ..config },
            None => config,
        }
    }

    fn chosen(&self, typed: &ProjectConfig) -> Option<&Chosen> {
        self.chosen.get_or_init(|| installed::chosen(typed)).as_ref()
    }

    /// What people should know of the file that a name means; `None` for a file of their own, or the likeliest one.
    pub fn remark(&self) -> Option<&str> {
        self.chosen(&self.config_as_typed())?.note.as_deref()
    }

    /// All backbones that have a name here, with their files.
    pub fn known(&self) -> Vec<(String, PathBuf)> {
        installed::backbones(&self.config_as_typed())
    }

    /// Say it, once for each command that uses the backbone.
    pub fn tell(&self, console: &Console) {
        if let Some(remark) = self.remark() {
            console.note(remark);
        }
    }

    fn config_as_typed(&self) -> ProjectConfig {
        ProjectConfig {
            backbone: self.backbone.clone(),
            recipe: self.recipe.clone(),
            exif: self.exif,
            decode: self.decode,
            feature_tensor: self.feature_tensor.clone(),
            cache: self.cache.clone(),
            storage: self.storage,
            precision: self.precision,
            user_cache: UserCache::of_user(),
            extract: ExtractOptions {
                engine: EngineOptions { libraries: libraries(None), ..EngineOptions::default() },
                ..ExtractOptions::default()
            },
            ..ProjectConfig::default()
        }
    }

    /// The same as a project that computes on this.
    pub fn project(&self, runtime: &RuntimeArgs) -> Project {
        Project::new(ProjectConfig {
            extract: runtime.extract_options(),
            // To look for it takes time, which only those spend who may compute for long.
            smaller: installed::smaller(&self.backbone),
            ..self.config()
        })
    }

    /// What is read: the graph with its weights, the recipe if it is a file, and the whole cache.
    pub fn inputs(&self) -> Inputs {
        self.config().inputs()
    }
}

/// Where runs lie.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Runs")]
pub struct RunsArgs {
    /// Folder of the runs
    #[arg(long, value_name = "DIR", default_value = "runs")]
    runs: PathBuf,
}

impl RunsArgs {
    pub fn folder(&self) -> RunsFolder {
        RunsFolder::new(&self.runs)
    }

    /// The same project with these runs.
    pub fn of(&self, project: Project) -> Project {
        Project::new(ProjectConfig { runs: self.runs.clone(), ..project.config().clone() })
    }
}

/// Whether a head may be shown features that it was not trained on.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "Features")]
pub struct AcceptArgs {
    /// Accept features of another precision than the head was trained on; what is written says so
    #[arg(long)]
    accept_precision: bool,
}

impl AcceptArgs {
    pub fn accept(self) -> Accept {
        if self.accept_precision { Accept::OtherPrecision } else { Accept::OwnOrAsk }
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
    /// How features are computed.
    pub fn extract_options(&self) -> ExtractOptions {
        ExtractOptions { engine: self.engine_options(), ..ExtractOptions::default() }
    }

    /// What a backbone is to run on, in the precision of its own.
    pub fn engine_options(&self) -> EngineOptions {
        let session = SessionOptions {
            threads: self.threads.map(usize::from),
            copies: copies::default_folder(),
            engines: default_engines_folder(),
            ..SessionOptions::default()
        };
        EngineOptions { device: self.device, libraries: libraries(self.onnxruntime.as_deref()), session }
    }
}

/// The ONNX Runtime of a command that always computes on the processor.
#[derive(Debug, clap::Args)]
pub struct LibraryArgs {
    /// Shared library of ONNX Runtime (default: ORT_DYLIB_PATH, models/runtime, beside the program, Python's)
    #[arg(long, value_name = "FILE")]
    onnxruntime: Option<PathBuf>,
}

impl LibraryArgs {
    pub fn libraries(&self) -> Libraries {
        libraries(self.onnxruntime.as_deref())
    }

    pub fn load(&self, console: &Console) -> anyhow::Result<Runtime> {
        let runtime = Runtime::load(&self.libraries())?;
        console.detail(format_args!("ONNX Runtime {} ({})", runtime.version(), runtime.library().display()));
        Ok(runtime)
    }
}

/// A cosine.
pub fn cosine(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|c| (-1.0..=1.0).contains(c)).ok_or("expected a number from -1 to 1".into())
}

/// `auto` or a number.
pub fn batch_size(text: &str) -> Result<BatchSize, String> {
    let number = || text.parse().ok().filter(|size| (1..=1024).contains(size)).map(BatchSize::Fixed);
    if text == "auto" { Ok(BatchSize::Auto) } else { number().ok_or("expected `auto` or 1 to 1024".into()) }
}

/// Several are read as one. What was skipped, what could not be read and what is doubtful is told.
pub fn read_manifests<P: AsRef<Path>>(
    paths: &[P],
    columns: &Columns,
    console: &Console,
) -> anyhow::Result<Manifest> {
    let read = |control: &mut Control<'_>| Project::default().read_all(paths, columns, control);
    Ok(Listener::new(console).hear(read)?)
}
