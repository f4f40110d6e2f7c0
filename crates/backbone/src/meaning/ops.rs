//! What an operator does to the numbers of one image, as far as finding features goes.

use headstart_onnx::{Elements, Node, Walk};

/// The part that a node plays between an image and its class scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The same numbers in another shape, order, type or quantisation.
    Pass,
    /// Scores become probabilities or a choice.
    Scores(Squash),
    /// Many places become one.
    Pool,
    /// Trained weights, or values of different places, are multiplied with each other.
    Mixing,
    /// Each number by itself, or normalised with those beside it; several inputs are combined place by place.
    Elementwise,
    /// Boxes are chosen or cut out: the work of a detector.
    Detection,
    /// Anything else.
    Other,
}

/// How scores end up as the graph's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Squash {
    Softmax,
    LogSoftmax,
    Sigmoid,
    ArgMax,
    /// Not computed by us: the scores themselves are compared instead.
    Unknown,
}

impl Role {
    pub fn of(walk: &Walk<'_>, node: &Node) -> Self {
        if !is_known_domain(node) {
            return Self::Other;
        }
        match node.op_type() {
            "Identity" | "Cast" | "Flatten" | "Reshape" | "Squeeze" | "Unsqueeze" | "Dropout"
            | "Transpose" | "QuantizeLinear" | "DequantizeLinear" | "ReorderInput" | "ReorderOutput" => {
                Self::Pass
            }
            "Softmax" => Self::Scores(Squash::Softmax),
            "LogSoftmax" => Self::Scores(Squash::LogSoftmax),
            "Sigmoid" => Self::Scores(Squash::Sigmoid),
            "ArgMax" => Self::Scores(Squash::ArgMax),
            "TopK" | "Hardmax" | "BiasSoftmax" | "QLinearSoftmax" | "QLinearSigmoid" | "ZipMap" => {
                Self::Scores(Squash::Unknown)
            }
            // Of scikit-learn's exporter.
            "LinearClassifier" | "SVMClassifier" | "TreeEnsembleClassifier" => Self::Scores(Squash::Unknown),
            "GlobalAveragePool" | "GlobalMaxPool" | "GlobalLpPool" | "QLinearGlobalAveragePool" => Self::Pool,
            "AveragePool" | "MaxPool" | "LpPool" | "QLinearAveragePool" => Self::Pool,
            "ReduceMean" | "ReduceMax" | "ReduceSum" | "ReduceL2" | "QLinearReduceMean" => {
                if is_norm(walk, node) { Self::Elementwise } else { Self::Pool }
            }
            // One token of many, as transformers have it.
            "Gather" | "Slice" if picks_one(walk, node) => Self::Pool,
            "NonMaxSuppression" | "RoiAlign" | "MaxRoiPool" | "NonZero" | "RotatedRoiAlign" => {
                Self::Detection
            }
            "Gemm"
            | "MatMul"
            | "Conv"
            | "ConvTranspose"
            | "Einsum"
            | "LSTM"
            | "GRU"
            | "RNN"
            | "Attention"
            | "MultiHeadAttention"
            | "QAttention"
            | "QGemm"
            | "QLinearMatMul"
            | "QLinearConv"
            | "MatMulInteger"
            | "ConvInteger"
            | "DynamicQuantizeMatMul"
            | "MatMulIntegerToFloat"
            | "FusedMatMul"
            | "FusedGemm"
            | "FusedConv"
            | "NhwcFusedConv"
            | "DeformConv"
            | "GemmFastGelu"
            | "GemmFloat8"
            | "FusedMatMulActivation"
            | "MatMulBnb4"
            | "MatMulFpQ4"
            | "MatMulNBits"
            | "PackedAttention"
            | "GroupQueryAttention" => Self::Mixing,
            op if ELEMENTWISE.contains(&op) => Self::Elementwise,
            _ => Self::Other,
        }
    }
}

const ELEMENTWISE: &[&str] = &[
    "Relu",
    "LeakyRelu",
    "PRelu",
    "Elu",
    "Selu",
    "Celu",
    "Gelu",
    "FastGelu",
    "BiasGelu",
    "Clip",
    "HardSigmoid",
    "HardSwish",
    "Swish",
    "QuickGelu",
    "Mish",
    "Softplus",
    "Softsign",
    "Tanh",
    "ThresholdedRelu",
    "Sign",
    "Round",
    "Floor",
    "Ceil",
    "BiasAdd",
    "Erf",
    "Exp",
    "Log",
    "Sqrt",
    "Reciprocal",
    "Neg",
    "Abs",
    "Pow",
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Sum",
    "Mean",
    "Max",
    "Min",
    "Concat",
    "BatchNormalization",
    "InstanceNormalization",
    "LayerNormalization",
    "SimplifiedLayerNormalization",
    "RMSNormalization",
    "GroupNormalization",
    "LpNormalization",
    "SkipLayerNormalization",
    "LRN",
    "QLinearAdd",
    "QLinearMul",
    "QLinearConcat",
    "QLinearLeakyRelu",
    "DynamicQuantizeLinear",
    "Slice",
    "Pad",
    // Choosing and repeating: the numbers stay what they are.
    "Gather",
    "GatherElements",
    "GatherND",
    "Expand",
    "Tile",
    "Where",
];

/// Operators of domains that nobody here knows may do anything under a familiar name.
pub fn is_known_domain(node: &Node) -> bool {
    matches!(node.domain(), "" | "ai.onnx" | "com.microsoft" | "ai.onnx.ml") || is_laid_out_anew(node)
}

/// Whether ONNX Runtime has laid out the weights of `node` anew, as it does in graphs that it writes: the operator is the one of
/// that name, but its constants are not as the standard has them.
pub fn is_laid_out_anew(node: &Node) -> bool {
    matches!(node.domain(), "com.microsoft.nchwc" | "com.ms.internal.nhwc")
}

/// The inputs of `node` that carry an image's numbers, rather than weights, shapes and settings.
pub fn values<'a>(walk: &Walk<'a>, node: &'a Node) -> Vec<&'a str> {
    let several = matches!(
        node.op_type(),
        "Add"
            | "Sub"
            | "Mul"
            | "Div"
            | "Sum"
            | "Mean"
            | "Max"
            | "Min"
            | "Pow"
            | "Concat"
            | "Where"
            | "QLinearAdd"
            | "QLinearMul"
            | "QLinearConcat"
            | "SkipLayerNormalization"
    );
    let inputs = node.input.iter().map(String::as_str);
    // Of a constant that is repeated for each image, say, the other input is the shape.
    let inputs = inputs.take(if several { usize::MAX } else { 1 });
    inputs.filter(|name| !name.is_empty() && !walk.is_constant(name)).collect()
}

/// The mean over the last axis that a layer normalisation subtracts, written out as older exporters do.
fn is_norm(walk: &Walk<'_>, node: &Node) -> bool {
    let last = axes(walk, node).is_some_and(|axes| axes == [-1] || axes == [2]);
    let [input, ..] = node.input.as_slice() else { return false };
    let Some(output) = node.output.first() else { return false };
    // The mean is subtracted from what it is the mean of, the variance is taken of a power.
    let subtracted = walk.consumers(output).any(|user| user.op_type() == "Sub" && user.input.contains(input));
    let variance = walk.producer(input).is_some_and(|maker| {
        maker.op_type() == "Pow"
            || maker.op_type() == "Mul" && maker.input.iter().all(|x| *x == maker.input[0])
    });
    last && (subtracted || variance && walk.consumers(output).any(|user| user.op_type() == "Add"))
}

/// The axes that a reduction goes over: an attribute, or from operator set 13 or 18 on an input.
pub fn axes(walk: &Walk<'_>, node: &Node) -> Option<Vec<i64>> {
    match node.attribute("axes") {
        Some(axes) => Some(axes.ints.clone()),
        None => node.input.get(1).and_then(|name| integers(walk, name)),
    }
}

/// The integers in a constant, where it stands in the file itself.
pub fn integers(walk: &Walk<'_>, name: &str) -> Option<Vec<i64>> {
    let tensor = match walk.producer(name) {
        Some(node) if node.op_type() == "Constant" => {
            return match (node.attribute("value"), node.attribute("value_ints"), node.attribute("value_int"))
            {
                (Some(value), ..) => whole(value.t.as_deref()?),
                (_, Some(ints), _) => Some(ints.ints.clone()),
                (.., Some(int)) => Some(vec![int.i()]),
                _ => None,
            };
        }
        Some(_) => return None,
        None => walk.initializer(name)?,
    };
    whole(tensor)
}

fn whole(tensor: &headstart_onnx::Tensor) -> Option<Vec<i64>> {
    if tensor.is_external() {
        return None;
    }
    tensor.elements(std::path::Path::new("")).ok().as_ref().and_then(Elements::to_i64)
}

/// One place out of axis 1: a class token.
fn picks_one(walk: &Walk<'_>, node: &Node) -> bool {
    if node.op_type() == "Gather" {
        let one =
            node.input.get(1).and_then(|index| integers(walk, index)).is_some_and(|index| index.len() == 1);
        return one && node.attribute("axis").is_some_and(|axis| axis.i() == 1);
    }
    let attribute = |name: &str| node.attribute(name).map(|values| values.ints.clone());
    let input = |at: usize| node.input.get(at).and_then(|name| integers(walk, name));
    let starts = attribute("starts").or_else(|| input(1));
    let ends = attribute("ends").or_else(|| input(2));
    let axes = attribute("axes").or_else(|| input(3));
    match (starts.as_deref(), ends.as_deref(), axes.as_deref()) {
        (Some([start]), Some([end]), Some([1])) => end.checked_sub(*start) == Some(1),
        _ => false,
    }
}
