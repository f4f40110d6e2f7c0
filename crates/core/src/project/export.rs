//! A run as one ONNX file.

use std::path::Path;

use headstart_backbone::runtime::Runtime;

use super::{Accept, Error, Project};
use crate::Control;
use crate::export::{self, Exported, Options};
use crate::run::Run;

impl Project {
    /// Write a run as one ONNX file: see [`export`](export::export). What the features differ in is asked of the run, whatever the
    /// options say.
    ///
    /// # Errors
    /// As [`features_of`](Self::features_of) and [`export`](export::export).
    pub fn export(
        &self,
        run: &Run,
        output: &Path,
        options: &Options,
        accept: Accept,
        control: &mut Control<'_>,
    ) -> Result<Exported, Error> {
        let source = self.features_of(run, accept)?;
        let runtime = Runtime::load(&self.config().extract.engine.libraries)?;
        let (version, library) = (runtime.version(), runtime.library().display());
        control.detail(format_args!("ONNX Runtime {version} ({library})"));
        let options = Options { other_precision: source.other_precision, ..options.clone() };
        Ok(export::export(&runtime, run, &source.backbone, output, &options)?)
    }
}
