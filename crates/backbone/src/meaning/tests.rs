//! Classifiers as exporters end them, and embeddings that look nearly alike.

use super::*;
use headstart_onnx::{Attribute, Node, StringStringEntry, Tensor};

/// A pooled trunk of 64 features, called `pooled`, and what follows it.
struct Net {
    graph: Graph,
    metadata: Vec<(&'static str, String)>,
}

impl Net {
    fn new() -> Self {
        let dims = [Dim::Named("n".into()), Dim::Static(3), Dim::Static(32), Dim::Static(32)];
        let mut net = Self {
            graph: Graph { input: vec![ValueInfo::float_tensor("x", &dims)], ..Graph::default() },
            metadata: vec![],
        };
        net.constant("stem.w", &[64, 3, 3, 3]);
        net.node("Conv", &["x", "stem.w"], "map");
        net.node("Relu", &["map"], "active");
        net.node("GlobalAveragePool", &["active"], "pooled4");
        net.node("Flatten", &["pooled4"], "pooled");
        net
    }

    fn constant(&mut self, name: &str, dims: &[usize]) {
        let zeros = vec![0.0; dims.iter().product()];
        self.graph.initializer.push(Tensor::from_f32(name, dims, &zeros));
    }

    fn node(&mut self, operator: &str, inputs: &[&str], output: &str) {
        self.node_with(operator, inputs, output, vec![]);
    }

    fn node_with(&mut self, operator: &str, inputs: &[&str], output: &str, attributes: Vec<Attribute>) {
        let (domain, operator) = operator.rsplit_once(':').unwrap_or(("", operator));
        let domain = (!domain.is_empty()).then(|| domain.to_owned());
        self.graph.node.push(Node { domain, ..Node::new(operator, inputs, output, attributes) });
    }

    /// `from · w + b` of 64 numbers.
    fn gemm(&mut self, from: &str, to: &str, gives: usize) {
        let (weight, bias) = (format!("{to}.w"), format!("{to}.b"));
        self.constant(&weight, &[64, gives]);
        self.constant(&bias, &[gives]);
        self.node("Gemm", &[from, &weight, &bias], to);
    }

    fn meaning(mut self, output: &str, dims: &[i64]) -> Meaning {
        let dims: Vec<Dim> =
            std::iter::once(Dim::Named("n".into())).chain(dims.iter().copied().map(Dim::Static)).collect();
        self.graph.output = vec![ValueInfo::float_tensor(output, &dims)];
        let metadata_props =
            self.metadata.iter().map(|(key, value)| StringStringEntry::new(key, value.clone())).collect();
        let model = Model { graph: Some(self.graph), metadata_props, ..Model::default() };
        of(&model, output)
    }
}

/// What `end` behind the pooled trunk means; it names the output and its size.
fn of_end(end: impl FnOnce(&mut Net) -> (&'static str, i64)) -> Meaning {
    let mut net = Net::new();
    let (output, size) = end(&mut net);
    net.meaning(output, &[size])
}

#[track_caller]
fn scores(meaning: &Meaning, words: &str) {
    let Meaning::Scores(why) = meaning else { panic!("{meaning:?}") };
    assert!(why.join(", ").contains(words), "{why:?}");
}

#[track_caller]
fn unclear(meaning: &Meaning, words: &str) {
    let Meaning::Unclear(why) = meaning else { panic!("{meaning:?}") };
    assert!(why.join(", ").contains(words), "{why:?}");
}

#[test]
fn what_was_pooled_and_not_touched_since_is_features() {
    assert_eq!(Net::new().meaning("pooled", &[64]), Meaning::Features);
    assert_eq!(Net::new().meaning("pooled4", &[64, 1, 1]), Meaning::Features);
    let dequantised = of_end(|net| {
        net.constant("s", &[1]);
        net.node("QuantizeLinear", &["pooled", "s"], "q");
        net.node("DequantizeLinear", &["q", "s"], "y");
        ("y", 64)
    });
    assert_eq!(dequantised, Meaning::Features);
}

/// Whatever makes the numbers of the last layer, and whatever stands behind it.
#[test]
fn every_last_layer_of_a_thousand_classes_is_a_classifier() {
    type End = fn(&mut Net);
    let ends: &[(&str, End)] = &[
        ("Gemm", |net| net.gemm("pooled", "y", 1000)),
        ("MatMul", |net| {
            net.constant("w", &[64, 1000]);
            net.node("MatMul", &["pooled", "w"], "y");
        }),
        ("MatMul and Add", |net| {
            net.constant("w", &[64, 1000]);
            net.constant("b", &[1000]);
            net.node("MatMul", &["pooled", "w"], "p");
            net.node("Add", &["b", "p"], "y");
        }),
        ("a pointwise convolution", |net| {
            net.constant("w", &[1000, 64, 1, 1]);
            net.node("Conv", &["pooled4", "w"], "c");
            net.node("Flatten", &["c"], "y");
        }),
        ("a convolution as wide as its map", |net| {
            net.constant("w", &[1000, 64, 7, 7]);
            net.node("Conv", &["active", "w"], "c");
            net.node("Reshape", &["c", "shape"], "y");
        }),
        ("MatMulInteger", |net| {
            net.constant("w", &[64, 1000]);
            net.constant("ws", &[1]);
            let outputs = ["q", "s", "z"].map(str::to_owned).to_vec();
            net.node("DynamicQuantizeLinear", &["pooled"], "q");
            net.graph.node.last_mut().unwrap().output = outputs;
            net.node("MatMulInteger", &["q", "w", "z"], "p");
            net.node("Cast", &["p"], "c");
            net.node("Mul", &["s", "ws"], "both");
            net.node("Mul", &["c", "both"], "y");
        }),
        ("MatMulInteger with one scale after the other", |net| {
            net.constant("w", &[64, 1000]);
            net.constant("ws", &[1]);
            net.node("DynamicQuantizeLinear", &["pooled"], "q");
            net.graph.node.last_mut().unwrap().output = ["q", "s", "z"].map(str::to_owned).to_vec();
            net.node("MatMulInteger", &["q", "w", "z"], "p");
            net.node("Cast", &["p"], "c");
            net.node("Mul", &["c", "ws"], "d");
            net.node("Mul", &["d", "s"], "y");
        }),
        ("QLinearMatMul", |net| {
            for name in ["s", "z", "ws", "wz", "ys", "yz"] {
                net.constant(name, &[1]);
            }
            net.constant("w", &[64, 1000]);
            net.node("QuantizeLinear", &["pooled", "s", "z"], "q");
            net.node("QLinearMatMul", &["q", "s", "z", "w", "ws", "wz", "ys", "yz"], "p");
            net.node("DequantizeLinear", &["p", "ys", "yz"], "y");
        }),
        ("QLinearConv", |net| {
            for name in ["s", "z", "ws", "wz", "ys", "yz"] {
                net.constant(name, &[1]);
            }
            net.constant("w", &[1000, 64, 1, 1]);
            net.node("QuantizeLinear", &["pooled4", "s", "z"], "q");
            net.node("QLinearConv", &["q", "s", "z", "w", "ws", "wz", "ys", "yz"], "p");
            net.node("DequantizeLinear", &["p", "ys", "yz"], "d");
            net.node("Flatten", &["d"], "y");
        }),
        ("QGemm", |net| {
            for name in ["s", "z", "ws", "wz"] {
                net.constant(name, &[1]);
            }
            net.constant("w", &[64, 1000]);
            net.node("QuantizeLinear", &["pooled", "s", "z"], "q");
            net.node("com.microsoft:QGemm", &["q", "s", "z", "w", "ws", "wz"], "y");
        }),
        ("weights in integers", |net| {
            net.constant("w", &[64, 1000]);
            net.constant("s", &[1]);
            net.node("DequantizeLinear", &["w", "s"], "w2");
            net.node("MatMul", &["pooled", "w2"], "y");
        }),
        ("Einsum", |net| {
            net.constant("w", &[64, 1000]);
            net.node("Einsum", &["pooled", "w"], "y");
        }),
        ("FusedGemm", |net| {
            net.constant("w", &[64, 1000]);
            net.node("com.microsoft:FusedGemm", &["pooled", "w"], "y");
        }),
        ("FusedMatMul", |net| {
            net.constant("w", &[64, 1000]);
            net.node("com.microsoft:FusedMatMul", &["pooled", "w"], "y");
        }),
        ("MatMulNBits", |net| {
            net.constant("w", &[1000, 2, 16]);
            net.node("com.microsoft:MatMulNBits", &["pooled", "w"], "y");
        }),
        ("a temperature", |net| {
            net.gemm("pooled", "p", 1000);
            net.constant("t", &[1]);
            net.node("Div", &["p", "t"], "y");
        }),
        ("the mean of two heads", |net| {
            net.gemm("pooled", "a", 1000);
            net.gemm("pooled", "b", 1000);
            net.node("Mean", &["a", "b"], "y");
        }),
        ("the sum of two heads", |net| {
            net.gemm("pooled", "a", 1000);
            net.gemm("pooled", "b", 1000);
            net.constant("two", &[1]);
            net.node("Add", &["a", "b"], "c");
            net.node("Div", &["c", "two"], "y");
        }),
        ("without the background", |net| {
            net.gemm("pooled", "p", 1001);
            net.node("Slice", &["p", "from", "to"], "y");
        }),
        ("a layer whose weights are made by nodes", |net| {
            net.constant("w0", &[1000, 64]);
            net.node("Transpose", &["w0"], "w");
            net.node("MatMul", &["pooled", "w"], "y");
        }),
    ];
    for (name, end) in ends {
        let mut net = Net::new();
        end(&mut net);
        let meaning = net.meaning("y", &[1000]);
        let Meaning::Scores(why) = &meaning else { panic!("{name}: {meaning:?}") };
        assert!(why.iter().any(|why| why.contains("as ImageNet has classes")), "{name}: {why:?}");
    }
}

#[test]
fn probabilities_and_choices_are_scores_whatever_their_number() {
    for operator in [
        "Softmax",
        "LogSoftmax",
        "Sigmoid",
        "HardSigmoid",
        "ArgMax",
        "TopK",
        "Hardmax",
        "com.microsoft:QLinearSoftmax",
        "ai.onnx.ml:ZipMap",
    ] {
        let meaning = of_end(|net| {
            net.gemm("pooled", "p", 7);
            net.node(operator, &["p"], "s");
            net.node("Cast", &["s"], "y");
            ("y", 7)
        });
        scores(&meaning, "it comes out of the `");
    }
    let written_out = of_end(|net| {
        net.gemm("pooled", "p", 7);
        net.node("ReduceMax", &["p"], "m");
        net.node("Sub", &["p", "m"], "d");
        net.node("Exp", &["d"], "e");
        net.node("ReduceSum", &["e"], "t");
        net.node("Div", &["e", "t"], "y");
        ("y", 7)
    });
    scores(&written_out, "a softmax written out");
    // In integers, and of several networks together.
    let quantised = of_end(|net| {
        net.constant("s", &[1]);
        net.gemm("pooled", "p", 7);
        net.node("Softmax", &["p"], "soft");
        net.node("QuantizeLinear", &["soft", "s"], "q");
        net.node("DequantizeLinear", &["q", "s"], "y");
        ("y", 7)
    });
    scores(&quantised, "`Softmax`");
    let together = of_end(|net| {
        for head in ["a", "b"] {
            net.gemm("pooled", &format!("{head}1"), 7);
            net.node("Softmax", &[&format!("{head}1")], &format!("{head}2"));
        }
        net.node("Mean", &["a2", "b2"], "y");
        ("y", 7)
    });
    scores(&together, "`Softmax`");
    let fused = of_end(|net| {
        net.constant("w", &[64, 7]);
        net.node_with(
            "com.microsoft:FusedGemm",
            &["pooled", "w"],
            "y",
            vec![Attribute::string("activation", "Sigmoid")],
        );
        ("y", 7)
    });
    scores(&fused, "`FusedGemm`");
    // No layer needs to be seen before it.
    scores(
        &of_end(|net| {
            net.node("ai.onnx.ml:LinearClassifier", &["pooled"], "y");
            ("y", 7)
        }),
        "`LinearClassifier`",
    );
}

#[test]
fn maps_of_classes_that_are_pooled_afterwards_are_scores() {
    let class_map = |classes: usize| {
        let mut net = Net::new();
        net.constant("w", &[classes, 64, 1, 1]);
        net.node("Conv", &["active", "w"], "m");
        net.node("Relu", &["m"], "r");
        net.node("GlobalAveragePool", &["r"], "g");
        net.node("Flatten", &["g"], "y");
        net.meaning("y", &[classes as i64])
    };
    scores(&class_map(1000), "1000 numbers");
    // Fewer than come in may be either; more are a wider trunk.
    unclear(&class_map(10), "makes 10 numbers of 64");
    assert_eq!(class_map(1280), Meaning::Features);
}

#[test]
fn names_and_labels_tell_what_numbers_do_not() {
    let called = |output: &'static str| {
        of_end(|net| {
            net.gemm("pooled", output, 12);
            (output, 12)
        })
    };
    for name in [
        "logits",
        "class_scores",
        "probabilities",
        "predictions",
        "output_label",
        "classLabel",
        "/classifier/Gemm_output_0",
    ] {
        scores(&called(name), "it is called");
    }
    for name in
        ["embedding", "image_embeds", "pooler_output", "features", "face_descriptor", "last_hidden_state"]
    {
        assert_eq!(called(name), Meaning::Features, "{name}");
    }
    for name in ["output", "y", "495", "dense_2", "label_embedding"] {
        unclear(&called(name), "makes 12 numbers of 64");
    }
    // In a module of that name there are other things too.
    let module = of_end(|net| {
        net.node("Identity", &["pooled"], "/classifier/classifier.0/Flatten_output_0");
        ("/classifier/classifier.0/Flatten_output_0", 64)
    });
    assert_eq!(module, Meaning::Features);
    unclear(
        &of_end(|net| {
            net.node("Identity", &["pooled"], "logits");
            ("logits", 64)
        }),
        "it is called `logits`",
    );
    // The file itself says it.
    let mut own = Net::new();
    own.gemm("pooled", "y", 1000);
    own.metadata = vec![("headstart.feature_tensor", "y".to_owned())];
    assert_eq!(own.meaning("y", &[1000]), Meaning::Features);
    // What the layer is called.
    let layer = of_end(|net| {
        net.gemm("pooled", "y", 12);
        net.graph.node.last_mut().unwrap().name = Some("/classifier/Gemm".into());
        ("y", 12)
    });
    scores(&layer, "called as a classifier is");
    let labelled = |key: &'static str, labels: String, size: usize| {
        let mut net = Net::new();
        net.gemm("pooled", "y", size);
        net.metadata = vec![(key, labels)];
        net.meaning("y", &[size as i64])
    };
    let three = r#"{"0": "cat", "1": "dog", "2": "owl"}"#.to_owned();
    scores(&labelled("id2label", three.clone(), 3), "the file names 3 classes");
    unclear(&labelled("id2label", three, 12), "makes 12 numbers");
    scores(
        &labelled("headstart.labels", r#"["cat", "dog", "owl"]"#.to_owned(), 3),
        "the file names 3 classes",
    );
    // A name against the number.
    let torn = of_end(|net| {
        net.gemm("pooled", "embedding", 1000);
        ("embedding", 1000)
    });
    unclear(&torn, "it is called `embedding`");
}

/// Each of these ends in a trained layer, and none of them is a classifier.
#[test]
fn embeddings_are_no_scores() {
    type End = fn(&mut Net);
    let ends: &[(&str, End)] = &[
        ("L2 norm", |net| net.node("LpNormalization", &["p"], "y")),
        ("batch norm", |net| {
            for name in ["g", "be", "m", "v"] {
                net.constant(name, &[128]);
            }
            net.node("BatchNormalization", &["p", "g", "be", "m", "v"], "y");
        }),
        ("batch norm and a length written out", |net| {
            for name in ["g", "be", "m", "v"] {
                net.constant(name, &[128]);
            }
            net.node("BatchNormalization", &["p", "g", "be", "m", "v"], "n");
            net.node("ReduceL2", &["n"], "l");
            net.constant("eps", &[1]);
            net.node("Clip", &["l", "eps"], "c");
            net.node("Expand", &["c", "shape"], "e");
            net.node("Div", &["n", "e"], "y");
        }),
        ("times one by the length", |net| {
            net.node("Mul", &["p", "p"], "square");
            net.node("ReduceSum", &["square"], "sum");
            net.node("Sqrt", &["sum"], "root");
            net.node("Reciprocal", &["root"], "r");
            net.node("Mul", &["p", "r"], "y");
        }),
        ("layer norm", |net| {
            net.constant("g", &[128]);
            net.node("LayerNormalization", &["p", "g"], "y");
        }),
        ("layer norm written out", |net| {
            net.constant("two", &[1]);
            net.constant("eps", &[1]);
            net.node_with("ReduceMean", &["p"], "m", vec![Attribute::ints("axes", [-1])]);
            net.node("Sub", &["p", "m"], "d");
            net.node("Pow", &["d", "two"], "sq");
            net.node_with("ReduceMean", &["sq"], "var", vec![Attribute::ints("axes", [-1])]);
            net.node("Add", &["var", "eps"], "ve");
            net.node("Sqrt", &["ve"], "sd");
            net.node("Div", &["d", "sd"], "y");
        }),
        ("relu", |net| net.node("Relu", &["p"], "y")),
        ("tanh, as a pooler has it", |net| net.node("Tanh", &["p"], "y")),
        ("gelu written out", |net| {
            for name in ["root", "one", "half"] {
                net.constant(name, &[1]);
            }
            net.node("Div", &["p", "root"], "d");
            net.node("Erf", &["d"], "e");
            net.node("Add", &["e", "one"], "a");
            net.node("Mul", &["p", "a"], "m");
            net.node("Mul", &["m", "half"], "y");
        }),
        ("swish", |net| {
            net.node("Sigmoid", &["p"], "s");
            net.node("Mul", &["p", "s"], "y");
        }),
    ];
    for (name, end) in ends {
        let mut net = Net::new();
        net.gemm("pooled", "p", 128);
        end(&mut net);
        assert_eq!(net.meaning("y", &[128]), Meaning::Features, "{name}");
    }
    // Channels that are weighed after the pool.
    let gated = of_end(|net| {
        net.gemm("pooled", "p", 64);
        net.node("Sigmoid", &["p"], "s");
        net.node("Mul", &["pooled", "s"], "y");
        ("y", 64)
    });
    assert_eq!(gated, Meaning::Features);
    let tokens = |from: &str| {
        let mut net = Net::new();
        net.constant("w", &[64, 64]);
        net.constant("g", &[64]);
        net.graph.initializer.push(Tensor::from_i64("first", &[1], &[0]));
        net.node("Reshape", &["active", "shape"], "tokens");
        net.node("MatMul", &["tokens", "w"], "mixed");
        net.node("Add", &["tokens", "mixed"], "sum");
        net.node("LayerNormalization", &["sum", "g"], "norm");
        net.node_with("Gather", &[from, "first"], "y", vec![Attribute::int("axis", 1)]);
        net.meaning("y", &[1, 64])
    };
    assert_eq!(tokens("norm"), Meaning::Features);
    assert_eq!(tokens("sum"), Meaning::Features);
}

#[test]
fn a_projection_without_a_name_is_asked_about() {
    let projection = of_end(|net| {
        net.constant("w", &[64, 512]);
        net.node("MatMul", &["pooled", "w"], "output");
        ("output", 512)
    });
    unclear(&projection, "which makes 512 numbers of 64");
}

#[test]
fn what_nobody_can_look_into_is_asked_about() {
    unclear(
        &of_end(|net| {
            net.node("com.example:Twist", &["pooled"], "y");
            ("y", 64)
        }),
        "the `Twist` called `y`, of the domain `com.example`",
    );
    unclear(
        &of_end(|net| {
            net.node("If", &["pooled"], "y");
            ("y", 64)
        }),
        "which this program does not look into",
    );
    unclear(
        &of_end(|net| {
            net.node("NonMaxSuppression", &["pooled", "x"], "y");
            ("y", 64)
        }),
        "chooses boxes",
    );
    unclear(
        &of_end(|net| {
            net.node("Flatten", &["x"], "y");
            ("y", 64)
        }),
        "no trained layer and no pool",
    );
    // Said by its name, it is believed.
    assert_eq!(
        of_end(|net| {
            net.node("com.example:Twist", &["pooled"], "features");
            ("features", 64)
        }),
        Meaning::Features
    );
    // What ONNX Runtime writes itself is known.
    let optimised = of_end(|net| {
        net.node("com.microsoft.nchwc:GlobalAveragePool", &["active"], "g");
        net.node("com.microsoft.nchwc:ReorderOutput", &["g"], "o");
        net.node("Flatten", &["o"], "y");
        ("y", 64)
    });
    assert_eq!(optimised, Meaning::Features);
}

#[test]
fn a_head_in_a_function_of_the_file_is_seen() {
    use headstart_onnx::{Function, OperatorSetId};
    let mut net = Net::new();
    net.constant("w", &[64, 1000]);
    net.node("net.modules:Head", &["pooled", "w"], "y");
    net.graph.output = vec![ValueInfo::float_tensor("y", &[Dim::Unknown(()), Dim::Static(1000)])];
    let opset = |domain: &str| OperatorSetId { domain: Some(domain.into()), version: Some(17) };
    let head = Function {
        name: Some("Head".into()),
        domain: Some("net.modules".into()),
        input: vec!["features".into(), "weight".into()],
        output: vec!["answer".into()],
        node: vec![Node::new("MatMul", &["features", "weight"], "answer", vec![])],
        opset_import: vec![opset("")],
        ..Function::default()
    };
    let model = Model {
        graph: Some(net.graph),
        functions: vec![head],
        opset_import: vec![opset(""), opset("net.modules")],
        ..Model::default()
    };
    scores(&of(&model, "y"), "1000 numbers");
}
