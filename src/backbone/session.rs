//! A backbone ready to run: images in, features out.

use ndarray::{Array2, ArrayView4, Axis, Ix4, s};
use ort::session::builder::GraphOptimizationLevel;
use ort::value::TensorRef;

use super::{Backbone, Error, runtime::Runtime};

/// How ONNX Runtime is to run the graph. None of this changes a bit of the features on the CPU.
#[derive(Debug, Clone, Copy, Default)]
pub struct SessionOptions {
    /// Threads that share one batch; `None` lets ONNX Runtime take every core.
    pub threads: Option<usize>,
}

/// A loaded graph. Needs `&mut` to run, because ONNX Runtime's own state is not safe to share.
#[derive(Debug)]
pub struct Session {
    inner: ort::session::Session,
    input: String,
    output: String,
    feature_size: usize,
    /// The batch size that the graph was frozen at, if it was.
    fixed_batch: Option<usize>,
}

impl Session {
    /// Load the graph of `backbone` for the CPU, optimised for this machine. Takes some tenths of a second.
    ///
    /// # Errors
    /// [`Error::Graph`] with ONNX Runtime's own message if it refuses the graph.
    pub fn new(runtime: &Runtime, backbone: &Backbone, options: SessionOptions) -> Result<Self, Error> {
        let refused = |source| Error::Graph { path: backbone.path().to_path_buf(), source };
        let mut builder = ort::session::Session::builder(runtime.environment())
            .and_then(|builder| Ok(builder.with_optimization_level(GraphOptimizationLevel::Level3)?))
            .map_err(refused)?;
        if let Some(threads) = options.threads {
            builder = builder.with_intra_threads(threads).map_err(|error| refused(error.into()))?;
        }
        let inner = builder.commit_from_file(backbone.path()).map_err(refused)?;
        let fixed_batch = inner
            .inputs()
            .iter()
            .find(|input| input.name() == backbone.input_name())
            .and_then(|input| input.dtype().tensor_shape())
            .and_then(|shape| usize::try_from(*shape.first()?).ok());
        Ok(Self {
            inner,
            input: backbone.input_name().to_owned(),
            output: backbone.feature_tensor().to_owned(),
            feature_size: backbone.feature_size(),
            fixed_batch,
        })
    }

    /// Columns of the result of [`run`](Self::run).
    pub fn feature_size(&self) -> usize {
        self.feature_size
    }

    /// Run the frozen graph over one batch of images.
    ///
    /// # Shapes
    /// - `images`: `(n, 3, height, width)` or `(n, height, width, 3)`, as the backbone's recipe lays them out
    /// - result: `(n, feature_size)`, row `i` for image `i`
    ///
    /// # Units
    /// As the recipe leaves them; raw 0-255 pixels give features that look plausible and train badly.
    ///
    /// # Errors
    /// [`Error::Inference`] if ONNX Runtime fails, [`Error::FeatureShape`] if the graph gives another shape than it declares.
    pub fn run(&mut self, images: ArrayView4<'_, f32>) -> Result<Array2<f32>, Error> {
        match self.fixed_batch {
            Some(size) if size != images.len_of(Axis(0)) => self.run_in_chunks(images, size),
            _ => self.run_batch(images),
        }
    }

    /// For graphs that take `size` images and no other number: the last chunk is filled up with its last image.
    fn run_in_chunks(&mut self, images: ArrayView4<'_, f32>, size: usize) -> Result<Array2<f32>, Error> {
        let n = images.len_of(Axis(0));
        let mut features = Array2::zeros((n, self.feature_size));
        for start in (0..n).step_by(size) {
            let wanted: Vec<usize> = (start..start + size).map(|row| row.min(n - 1)).collect();
            let chunk = images.select(Axis(0), &wanted);
            let rows = size.min(n - start);
            let computed = self.run_batch(chunk.view())?;
            features.slice_mut(s![start..start + rows, ..]).assign(&computed.slice(s![..rows, ..]));
        }
        Ok(features)
    }

    fn run_batch(&mut self, images: ArrayView4<'_, f32>) -> Result<Array2<f32>, Error> {
        let n = images.len_of(Axis(0));
        let images = images.as_standard_layout();
        let input = TensorRef::from_array_view(&images.into_dimensionality::<Ix4>().expect("4 dimensions"))
            .map_err(|source| Error::Inference { source })?;
        let outputs = self
            .inner
            .run(ort::inputs![self.input.as_str() => input])
            .map_err(|source| Error::Inference { source })?;
        let (shape, values) = outputs[self.output.as_str()]
            .try_extract_tensor::<f32>()
            .map_err(|source| Error::Inference { source })?;
        // A map of one position, `(n, d, 1, 1)`, holds its features in the same order as `(n, d)`.
        Array2::from_shape_vec((n, self.feature_size), values.to_vec()).map_err(|_| Error::FeatureShape {
            expected: [n, self.feature_size],
            found: shape.iter().copied().collect(),
        })
    }
}
