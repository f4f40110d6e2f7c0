//! Products of matrices of bytes, summed in whole numbers: several times as fast as in floats, and exact.

use headstart_backbone::ort::session::Session;
use headstart_backbone::ort::value::TensorRef;
use ndarray::{ArrayView2, ArrayViewMut2, Zip};

use super::error::{Error, Result};
use super::runner::Machine;
use headstart_onnx::{Attribute, DataType, Dim, Graph, Model, Node, OperatorSetId, ValueInfo};

/// Multiplies by ONNX Runtime, which has the processor's own instructions for bytes.
pub(super) struct Products(Session);

/// So many products of two bytes fit into a sum of 32 bits.
pub(super) const MOST: usize = (i32::MAX as usize) / (255 * 255);

impl Products {
    pub(super) fn new(machine: &Machine<'_>) -> Result<Self> {
        let sizes = |names: [&str; 2]| names.map(|name| Dim::Named(name.to_owned()));
        let input = |name, rows| ValueInfo::tensor_of(DataType::Uint8, name, &sizes([rows, "columns"]));
        // Both unsigned: such products are exact on every processor.
        let zero = |name| ValueInfo::tensor_of(DataType::Uint8, name, &[]);
        let nodes = vec![
            Node::new("Transpose", &["right"], "turned", vec![Attribute::ints("perm", [1, 0])]),
            Node::new("MatMulInteger", &["left", "turned", "zero", "zero"], "product", vec![]),
        ];
        let model = Model {
            ir_version: Some(8),
            opset_import: vec![OperatorSetId { domain: Some(String::new()), version: Some(13) }],
            graph: Some(Graph {
                name: Some("products".into()),
                node: nodes,
                input: vec![input("left", "m"), input("right", "n"), zero("zero")],
                output: vec![ValueInfo { name: Some("product".into()), ..ValueInfo::default() }],
                ..Graph::default()
            }),
            ..Model::default()
        };
        Ok(Self(machine.session(model)?))
    }

    /// Add `(left - zero) · (right - zero)ᵀ` to `sums`.
    ///
    /// # Panics
    /// If there are more than [`MOST`] columns.
    pub(super) fn add(
        &mut self,
        left: ArrayView2<'_, u8>,
        right: ArrayView2<'_, u8>,
        zero: u8,
        mut sums: ArrayViewMut2<'_, f32>,
    ) -> Result<()> {
        assert!(left.ncols() <= MOST, "sums would overflow");
        let failed = |source| Error::Inference { source };
        let zero = ndarray::arr0(zero);
        let value = |array| TensorRef::from_array_view(array).map_err(failed);
        let zero = TensorRef::from_array_view(zero.view()).map_err(failed)?;
        let inputs = headstart_backbone::ort::inputs!["left" => value(left)?, "right" => value(right)?, "zero" => zero];
        let outputs = self.0.run(inputs).map_err(failed)?;
        let (_, product) = outputs["product"].try_extract_tensor::<i32>().map_err(failed)?;
        let product = ArrayView2::from_shape(sums.raw_dim(), product).expect("a product has these sides");
        Zip::from(&mut sums).and(product).for_each(|sum, &product| *sum += product as f32);
        Ok(())
    }
}
