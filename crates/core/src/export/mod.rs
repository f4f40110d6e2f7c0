//! A run as one ONNX file: backbone and head in one graph, with classes, recipe and origin inside.
//!
//! [`export`] writes such a file after it has held it against the run on real images; [`Classifier`] runs one, without the
//! run's directory. Any other program with ONNX Runtime can do so as well: the file is an ordinary graph with one input and one
//! output, and its metadata say the rest ([`Card`]).

mod build;
mod card;
mod check;
mod classifier;
mod error;
mod fuse;
mod half;
mod head;
mod net;
mod pixels;

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use card::{Card, Form, Provenance};
pub use check::Check;
pub use classifier::Classifier;
pub use error::{Error, Result};

use crate::run::Run;
use headstart_backbone::Backbone;
use headstart_backbone::runtime::Runtime;
use headstart_base::files::{Draft, Inputs, as_path_text};
use headstart_base::text::counted;
use headstart_evaluate::OtherPrecision;
use headstart_onnx as onnx;
pub use headstart_onnx::OPSETS;

/// What an exported file is to be like.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What it takes.
    pub form: Form,
    /// 16-bit floats inside.
    pub half: bool,
    /// The operator set, one of [`OPSETS`]; `None` leaves the backbone's.
    pub opset: Option<i64>,
    /// Files of images to hold it against the run on, instead of four photographs that the library brings.
    pub images: Vec<PathBuf>,
    /// Replace the file if it exists.
    pub overwrite: bool,
    /// The backbone is the head's own in another precision, and that is wanted; the file tells it.
    pub other_precision: Option<OtherPrecision>,
}

/// What was written, and how near it is to the run.
#[derive(Debug, Clone, Serialize)]
pub struct Exported {
    /// The file.
    #[serde(serialize_with = "as_path_text")]
    pub path: PathBuf,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// What the file says about itself.
    pub card: Card,
    /// How near its probabilities are to those of the run.
    pub check: Check,
}

/// Write `run` and the `backbone` that its features came from to `output`, as one file.
///
/// The graph is run before it gets its name: it must give the probabilities that the run gives, on each image, within
/// [`Check::bound`].
///
/// # Errors
/// [`Error::OtherBackbone`] if head and backbone do not belong together; [`onnx::Error::Opset`] and [`Error::Half`] if the graph has no
/// such form; [`Error::Differs`] if it says something else than the run, and then nothing is written.
pub fn export(
    runtime: &Runtime,
    run: &Run,
    backbone: &Backbone,
    output: &Path,
    options: &Options,
) -> Result<Exported> {
    if options.other_precision.is_none() {
        fuse::check_backbone(run, backbone)?;
    }
    Inputs::default().files([backbone.path()]).check(&[output.to_owned()], || options.overwrite)?;
    let model = fuse::model(run, backbone, options)?;
    let card = Card::read(&model, output)?;
    let bytes = onnx::encode(&model, output)?;
    let cannot = |source| onnx::Error::Write { path: output.to_owned(), source };
    let draft = Draft::begin(output).map_err(|error| cannot(error.source))?;
    draft.file().write_all(&bytes).map_err(cannot)?;
    let check = check::against_run(runtime, run, backbone, draft.path(), options)?;
    draft.put().map_err(cannot)?;
    Ok(Exported { path: output.to_owned(), bytes: bytes.len() as u64, card, check })
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, bytes, card, check } = self;
        let takes = match card.form {
            Form::Tensor => "images as the recipe prepares them",
            Form::Image => "one decoded image of any size",
            Form::Features => "features",
        };
        writeln!(
            f,
            "{} ({:.1} MB): {}, takes {takes}",
            path.display(),
            *bytes as f64 / 1e6,
            counted(card.classes.len() as u64, "class")
        )?;
        write!(f, "{check}")
    }
}
