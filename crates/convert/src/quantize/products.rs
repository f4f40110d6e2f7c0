//! Products of matrices of bytes, summed in whole numbers: several times as fast as in floats, and exact.

use headstart_backbone::ort::session::{Session, SessionInputValue};
use headstart_backbone::ort::value::{PrimitiveTensorElementType, TensorRef};
use ndarray::{ArrayView, ArrayView2, ArrayViewMut2, Dimension, Zip};

use super::error::{Error, Result};
use super::runner::Machine;
use headstart_backbone::session::bytes_overflow;
use headstart_onnx::{Attribute, DataType, Dim, Graph, Model, Node, OperatorSetId, ValueInfo};

/// Multiplies by ONNX Runtime, which has the processor's own instructions for bytes.
pub(super) struct Products {
    session: Session,
    /// The right side is passed on as signed numbers: the instructions for bytes (VNNI) take one side of each kind, and two unsigned sides go a way
    /// that is half as fast. Without VNNI it is the other way round: products with a signed side are cut off at 16 bits.
    signed: bool,
}

/// So many products of two bytes fit into a sum of 32 bits.
pub(super) const MOST: usize = (i32::MAX as usize) / (255 * 255);

impl Products {
    pub(super) fn new(machine: &Machine<'_>) -> Result<Self> {
        let signed = !bytes_overflow();
        let kind = if signed { DataType::Int8 } else { DataType::Uint8 };
        let sizes = |rows: &str| [rows, "columns"].map(|name| Dim::Named(name.to_owned()));
        let side = |kind, name, rows| ValueInfo::tensor_of(kind, name, &sizes(rows));
        let zero = |kind, name| ValueInfo::tensor_of(kind, name, &[]);
        let nodes = vec![
            Node::new("Transpose", &["right"], "turned", vec![Attribute::ints("perm", [1, 0])]),
            Node::new("MatMulInteger", &["left", "turned", "zero", "right zero"], "product", vec![]),
        ];
        let model = Model {
            ir_version: Some(8),
            opset_import: vec![OperatorSetId { domain: Some(String::new()), version: Some(13) }],
            graph: Some(Graph {
                name: Some("products".into()),
                node: nodes,
                input: vec![
                    side(DataType::Uint8, "left", "m"),
                    side(kind, "right", "n"),
                    zero(DataType::Uint8, "zero"),
                    zero(kind, "right zero"),
                ],
                output: vec![ValueInfo { name: Some("product".into()), ..ValueInfo::default() }],
                ..Graph::default()
            }),
            ..Model::default()
        };
        Ok(Self { session: machine.session(model)?, signed })
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
        // The difference to zero stays the same.
        let turn = |code: u8| (code ^ 0x80) as i8;
        let turned = self.signed.then(|| (right.mapv(turn), zero.mapv(turn)));
        let (right, right_zero) = match &turned {
            Some((right, zero)) => (value(right.view())?, value(zero.view())?),
            None => (value(right)?, value(zero.view())?),
        };
        let inputs = headstart_backbone::ort::inputs![
            "left" => value(left)?, "right" => right, "zero" => value(zero.view())?, "right zero" => right_zero
        ];
        let outputs = self.session.run(inputs).map_err(failed)?;
        let (_, product) = outputs["product"].try_extract_tensor::<i32>().map_err(failed)?;
        let product = ArrayView2::from_shape(sums.raw_dim(), product).expect("a product has these sides");
        Zip::from(&mut sums).and(product).for_each(|sum, &product| *sum += product as f32);
        Ok(())
    }
}

fn value<T, D>(array: ArrayView<'_, T, D>) -> Result<SessionInputValue<'_>>
where
    T: PrimitiveTensorElementType + std::fmt::Debug + Clone + 'static,
    D: Dimension + 'static,
{
    Ok(TensorRef::from_array_view(array).map_err(|source| Error::Inference { source })?.into())
}
