//! Runs a graph that lies in memory, and shows tensors inside it.

use std::collections::BTreeMap;
use std::path::Path;

use headstart_backbone::ort::session::Session;
use headstart_backbone::ort::session::builder::GraphOptimizationLevel;
use headstart_backbone::ort::value::TensorRef;
use ndarray::{Array2, ArrayView4, Axis, concatenate, s};

use super::error::{Error, Result};
use super::graph_mut;
use headstart_backbone::runtime::Runtime;
use headstart_backbone::session;
use headstart_onnx::{self as onnx, Model, ValueInfo};

/// What runs graphs, and on how many threads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Machine<'a> {
    pub runtime: &'a Runtime,
    pub threads: Option<usize>,
    /// The batch size that the graph insists on, if it does.
    pub fixed_batch: Option<usize>,
}

/// A loaded graph with the outputs that were asked for.
pub(super) struct Runner {
    session: Session,
    input: String,
    outputs: Vec<String>,
    fixed_batch: Option<usize>,
}

/// Images that are run at once where everything inside is shown: some tens of megabytes each.
const SHOWN: usize = 2;

/// One tensor, as one image made it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'a> {
    pub name: &'a str,
    /// Of all images that were run together.
    pub shape: &'a [i64],
    pub values: &'a [f32],
    /// How many images `values` are of: copies, if there are several.
    pub images: usize,
}

impl Shown<'_> {
    /// Of one image of so many that were run together.
    fn part(mut self, index: usize, of: usize) -> Self {
        let length = self.values.len() / of;
        self.values = &self.values[index * length..][..length];
        self
    }
}

impl Machine<'_> {
    /// Load `model` with these outputs instead of its own; what they do not need is not computed.
    pub(super) fn load(&self, model: &Model, outputs: &[String]) -> Result<Runner> {
        let mut model = model.clone();
        let graph = graph_mut(&mut model);
        // A name is enough: ONNX Runtime infers the type.
        let named = |name: &String| ValueInfo { name: Some(name.clone()), ..ValueInfo::default() };
        let own = std::mem::take(&mut graph.output);
        let known = |name: &String| own.iter().find(|info| info.name() == name).cloned();
        graph.output = outputs.iter().map(|name| known(name).unwrap_or_else(|| named(name))).collect();
        graph.drop_unused();
        let input = graph.input.first().map(|input| input.name().to_owned()).unwrap_or_default();
        let session = self.session(model)?;
        Ok(Runner { session, input, outputs: outputs.to_vec(), fixed_batch: self.fixed_batch })
    }

    /// ONNX Runtime's own.
    pub(super) fn session(&self, model: Model) -> Result<Session> {
        let bytes = onnx::encode(&model, Path::new("a graph in memory"))?;
        drop(model);
        let session = session::begin(|products| {
            session::builder(self.runtime, self.threads, products)?
                // Its threads must not wait at full speed while others of this program compute.
                .with_config_entry("session.force_spinning_stop", "1")?
                .commit_from_memory(&bytes)
        });
        session.map_err(|source| Error::Refused { source })
    }
}

impl Machine<'_> {
    /// The operators that ONNX Runtime makes of `model`, and how many of each: what it found that it can compute in integers.
    ///
    /// # Errors
    /// [`Error::Refused`], also where it cannot write what it made.
    pub(super) fn operators(&self, model: &Model) -> Result<BTreeMap<String, usize>> {
        let bytes = onnx::encode(model, Path::new("a graph in memory"))?;
        let made = tempfile::NamedTempFile::new().map_err(|error| Error::Refused {
            source: headstart_backbone::ort::Error::new(error.to_string()),
        })?;
        Session::builder(self.runtime.environment())
            // Beyond it are forms for this very processor, which change no type.
            .and_then(|builder| Ok(builder.with_optimization_level(GraphOptimizationLevel::Level2)?))
            .and_then(|builder| Ok(builder.with_optimized_model_path(made.path())?))
            .and_then(|mut builder| builder.commit_from_memory(&bytes))
            .map_err(|source| Error::Refused { source })?;
        let mut operators = BTreeMap::new();
        for node in onnx::read(made.path())?.graph.iter().flat_map(|graph| &graph.node) {
            *operators.entry(node.op_type().to_owned()).or_default() += 1;
        }
        Ok(operators)
    }
}

impl Runner {
    /// Run `images` one after another and show all outputs of each, in the order in which they were asked for.
    pub(super) fn show(
        &mut self,
        images: ArrayView4<'_, f32>,
        visit: &mut dyn FnMut(usize, &[Shown<'_>]) -> Result<()>,
    ) -> Result<()> {
        let failed = |source| Error::Inference { source };
        let count = images.len_of(Axis(0));
        let size = if self.fixed_batch.is_some() { 1 } else { SHOWN };
        for from in (0..count).step_by(size) {
            let to = count.min(from + size);
            // Copies of an image change no range and no mean.
            let views = vec![images.slice(s![from..to, .., .., ..]); self.fixed_batch.unwrap_or(1)];
            let batch = concatenate(Axis(0), &views).expect("copies have one shape");
            let input = TensorRef::from_array_view(batch.view()).map_err(failed)?;
            let outputs = self
                .session
                .run(headstart_backbone::ort::inputs![self.input.as_str() => input])
                .map_err(failed)?;
            let mut all = vec![];
            for name in &self.outputs {
                let (shape, values) = outputs[name.as_str()].try_extract_tensor::<f32>().map_err(failed)?;
                let images = self.fixed_batch.and_then(|_| shape.first());
                let images = images.map_or(1, |&images| images.max(1) as usize);
                all.push(Shown { name, shape, values, images });
            }
            for index in from..to {
                let own: Vec<_> = all.iter().map(|shown| shown.part(index - from, to - from)).collect();
                visit(index, &own)?;
            }
        }
        Ok(())
    }

    /// The first output for every image, as rows, in batches of `batch`.
    pub(super) fn rows(&mut self, images: ArrayView4<'_, f32>, batch: usize) -> Result<Array2<f32>> {
        let n = images.len_of(Axis(0));
        let size = self.fixed_batch.unwrap_or(batch.max(1));
        let mut rows: Vec<Array2<f32>> = vec![];
        for start in (0..n).step_by(size) {
            let end = n.min(start + size);
            rows.push(match self.fixed_batch {
                None => self.batch(images.slice(s![start..end, .., .., ..]))?,
                Some(_) => {
                    // Filled up with the last image.
                    let wanted: Vec<usize> = (start..start + size).map(|row| row.min(n - 1)).collect();
                    let computed = self.batch(images.select(Axis(0), &wanted).view())?;
                    computed.slice(s![..end - start, ..]).to_owned()
                }
            });
        }
        let views: Vec<_> = rows.iter().map(|rows| rows.view()).collect();
        Ok(concatenate(Axis(0), &views).expect("one graph gives rows of one length"))
    }

    fn batch(&mut self, images: ArrayView4<'_, f32>) -> Result<Array2<f32>> {
        let failed = |source| Error::Inference { source };
        let n = images.len_of(Axis(0));
        let images = images.as_standard_layout();
        let input = TensorRef::from_array_view(images.view()).map_err(failed)?;
        let outputs = self
            .session
            .run(headstart_backbone::ort::inputs![self.input.as_str() => input])
            .map_err(failed)?;
        let (_, values) = outputs[self.outputs[0].as_str()].try_extract_tensor::<f32>().map_err(failed)?;
        Ok(Array2::from_shape_vec((n, values.len() / n.max(1)), values.to_vec())
            .expect("features are as many for each image"))
    }
}
