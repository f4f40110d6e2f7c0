//! Which file of a repository is the network, and which of its outputs holds the features.

use headstart_convert::cut::Pool;
use headstart_onnx::{Graph, Model};

use super::error::{Error, Result};

/// Marks in names of files whose activations are quantised again for each batch, or whose weights are in a few bits.
const QUANTISED: [&str; 8] = ["_bnb4", "_int8", "_q2", "_q4", "_q8", "_quantized", "_quint8", "_uint8"];
/// Operators that only such files have.
const OPERATORS: [&str; 8] = [
    "ConvInteger",
    "DynamicQuantizeLSTM",
    "DynamicQuantizeLinear",
    "DynamicQuantizeMatMul",
    "GatherBlockQuantized",
    "MatMulBnb4",
    "MatMulInteger",
    "MatMulNBits",
];

/// The files that may be the network in fp32, the likeliest first: of two towers the one for images.
pub(super) fn candidates(model_type: &str) -> Vec<&'static str> {
    let towers = ["onnx/vision_model.onnx", "vision_model.onnx"];
    let whole = ["onnx/model.onnx", "model.onnx"];
    let has_towers = model_type.contains("clip") || model_type.starts_with("siglip");
    if has_towers { [towers, whole].concat() } else { whole.to_vec() }
}

/// Whether a file that was asked for can be a network whose features are those of one image.
pub(super) fn check_name(file: &str) -> Result<()> {
    let stem = file.to_lowercase();
    let Some(stem) = stem.strip_suffix(".onnx") else { return Err(Error::NotOnnx { file: file.to_owned() }) };
    let is_quantised = QUANTISED.iter().any(|mark| stem.contains(mark));
    if is_quantised { Err(Error::Quantised { file: file.to_owned() }) } else { Ok(()) }
}

/// The same, by what is in it: a name can be any.
pub(super) fn check_model(file: &str, model: &Model) -> Result<()> {
    let mut nodes =
        model.graph.iter().flat_map(|graph| &graph.node).chain(model.functions.iter().flat_map(|f| &f.node));
    let is_quantised = nodes.any(|node| OPERATORS.contains(&node.op_type()));
    if is_quantised { Err(Error::Quantised { file: file.to_owned() }) } else { Ok(()) }
}

/// The tensor with the features, and how its tokens become one vector. `None` leaves it to what the graph shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Output {
    pub(super) tensor: Option<&'static str>,
    pub(super) pool: Option<Pool>,
}

/// By the kind of network and the outputs it has.
pub(super) fn output(model_type: &str, graph: &Graph) -> Output {
    let axes = |name: &str| {
        let output = graph.output.iter().find(|output| output.name() == name)?;
        Some(output.tensor().and_then(|(_, dims)| Some(dims?.len())))
    };
    let class_token =
        matches!(model_type, "deit" | "dinov2" | "dinov2_with_registers" | "dinov3_vit" | "vit" | "vit_msn");
    let mean = matches!(model_type, "ijepa" | "swin" | "swinv2");
    // ViT's own pooler, a layer with tanh, is noise unless it was trained, and it was not with the weights that people take.
    let usable = |name: &&str| axes(name).is_some() && !(*name == "pooler_output" && class_token);
    if let Some(tensor) = ["image_embeds", "pooler_output"].into_iter().find(usable) {
        return Output { tensor: Some(tensor), pool: None };
    }
    let Some(rank) = axes("last_hidden_state") else { return Output { tensor: None, pool: None } };
    // Of a map the mean is taken, without being asked.
    let pool = match (class_token, mean) {
        _ if rank == Some(4) => None,
        (true, _) => Some(Pool::Cls),
        (_, true) => Some(Pool::Mean),
        _ => None,
    };
    Output { tensor: Some("last_hidden_state"), pool }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headstart_onnx::{Dim, Node, ValueInfo};

    #[test]
    fn of_several_files_the_one_in_fp32_is_taken() {
        assert_eq!(candidates("dinov2"), ["onnx/model.onnx", "model.onnx"]);
        for towers in ["clip", "siglip", "siglip2", "chinese_clip"] {
            assert_eq!(candidates(towers)[0], "onnx/vision_model.onnx", "{towers}");
        }
        for file in ["onnx/model.onnx", "model_fp16.onnx", "Vision_Model.ONNX"] {
            assert!(check_name(file).is_ok(), "{file}");
        }
        for kind in ["quantized", "int8", "uint8", "q4", "q4f16", "bnb4"] {
            let error = check_name(&format!("onnx/vision_model_{kind}.onnx")).unwrap_err();
            assert!(
                matches!(error, Error::Quantised { .. }) && error.to_string().contains("batch"),
                "{error}"
            );
        }
        assert!(matches!(check_name("model.safetensors"), Err(Error::NotOnnx { .. })));
    }

    #[test]
    fn a_quantised_network_is_known_by_its_operators_too() {
        let with = |op: &str| Model {
            graph: Some(Graph { node: vec![Node::new(op, &["a"], "b", vec![])], ..Graph::default() }),
            ..Model::default()
        };
        assert!(matches!(
            check_model("a.onnx", &with("DynamicQuantizeLinear")),
            Err(Error::Quantised { .. })
        ));
        assert!(
            check_model("a.onnx", &with("QuantizeLinear")).is_ok(),
            "with scales of its own it is the same in any batch"
        );
    }

    #[test]
    fn the_output_goes_by_the_kind_of_network() {
        let graph = |outputs: &[(&str, usize)]| Graph {
            output: outputs
                .iter()
                .map(|(name, rank)| ValueInfo::float_tensor(name, &vec![Dim::Unknown(()); *rank]))
                .collect(),
            ..Graph::default()
        };
        let both = graph(&[("last_hidden_state", 3), ("pooler_output", 2)]);
        let of = |model_type: &str, graph: &Graph| {
            let Output { tensor, pool } = output(model_type, graph);
            (tensor, pool)
        };
        assert_eq!(of("vit", &both), (Some("last_hidden_state"), Some(Pool::Cls)));
        assert_eq!(of("siglip", &both), (Some("pooler_output"), None));
        assert_eq!(
            of("clip", &graph(&[("pooler_output", 2), ("image_embeds", 2)])),
            (Some("image_embeds"), None)
        );
        let states = graph(&[("last_hidden_state", 3)]);
        assert_eq!(of("dinov2", &states), (Some("last_hidden_state"), Some(Pool::Cls)));
        assert_eq!(of("swin", &states), (Some("last_hidden_state"), Some(Pool::Mean)));
        // What is not known is not guessed: the cut asks, or finds that there is only one answer.
        assert_eq!(of("something", &states), (Some("last_hidden_state"), None));
        assert_eq!(of("convnext", &graph(&[("last_hidden_state", 4)])), (Some("last_hidden_state"), None));
        assert_eq!(of("vit", &graph(&[("logits", 2)])), (None, None));
    }
}
