//! An exported graph in ONNX Runtime: arrays in, probabilities out.

use std::path::Path;

use headstart_backbone::ort::value::{PrimitiveTensorElementType, TensorRef};
use ndarray::{Array2, ArrayView4, ArrayViewD, Axis, s};

use super::error::{Error, Result};
use headstart_backbone::runtime::Runtime;
use headstart_backbone::session;

/// A loaded graph with one input and one output.
pub(super) struct Net {
    session: headstart_backbone::ort::session::Session,
    classes: usize,
}

impl Net {
    pub(super) fn load(
        runtime: &Runtime,
        path: &Path,
        classes: usize,
        threads: Option<usize>,
    ) -> Result<Self> {
        let session =
            session::begin(|products| session::builder(runtime, threads, products)?.commit_from_file(path));
        let session = session.map_err(|source| Error::Refused { source })?;
        Ok(Self { session, classes })
    }

    /// Probabilities `(1, classes)` of one image, which fills the batch if the graph was frozen at a size.
    pub(super) fn run_alone(&mut self, image: ArrayView4<'_, f32>) -> Result<Array2<f32>> {
        let copies = vec![image; self.fixed_batch().unwrap_or(1)];
        let batch = ndarray::concatenate(Axis(0), &copies).expect("copies have one shape");
        Ok(self.run(batch.view().into_dyn())?.slice_move(s![..1, ..]))
    }

    fn fixed_batch(&self) -> Option<usize> {
        let shape = self.session.inputs().first()?.dtype().tensor_shape()?;
        usize::try_from(*shape.first()?).ok().filter(|&size| size > 0)
    }

    /// Probabilities `(n, classes)` of `input`, whose first axis counts to n.
    pub(super) fn run<T: PrimitiveTensorElementType + std::fmt::Debug + Clone + 'static>(
        &mut self,
        input: ArrayViewD<'_, T>,
    ) -> Result<Array2<f32>> {
        let failed = |source| Error::Inference { source };
        let n = input.shape().first().copied().unwrap_or_default();
        let input = input.as_standard_layout();
        let value = TensorRef::from_array_view(input.view()).map_err(failed)?;
        let outputs = self.session.run(headstart_backbone::ort::inputs![value]).map_err(failed)?;
        let (shape, values) = outputs[0].try_extract_tensor::<f32>().map_err(failed)?;
        Array2::from_shape_vec((n, self.classes), values.to_vec())
            .map_err(|_| Error::Shape { expected: [n, self.classes], found: shape.to_vec() })
    }
}
