//! What stands in functions of the file is found; what no one can look into is named.

use super::*;

#[test]
fn functions_of_the_file_are_looked_into() {
    let (folder, cut) = cut_case("functions", &CutOptions::default());
    let cut = cut.unwrap();
    assert!(cut.notes.iter().any(|note| note.contains("file's own functions")), "{:?}", cut.notes);
    let written = onnx::read(&folder.path().join("features.onnx")).unwrap();
    assert!(written.functions.is_empty() && !operators(&written).contains(&"Activation"));
    // What looks without cutting sees the same.
    let network = onnx::read(&models().join("functions.onnx")).unwrap();
    let candidates = headstart::convert::cut::candidates(&network);
    assert_eq!(candidates.iter().map(|one| &one.tensor).collect::<Vec<_>>(), [&cut.tensor]);
}

#[test]
fn an_operator_that_nobody_knows_is_named() {
    let (_folder, refused) = cut_changed("torchvision_script", &CutOptions::default(), |model| {
        let nodes = &mut model.graph.as_mut().unwrap().node;
        let pool = nodes.iter_mut().find(|node| node.op_type() == "GlobalAveragePool").unwrap();
        (pool.op_type, pool.domain) = (Some("FastPool".into()), Some("com.example".into()));
    });
    let error = refused.unwrap_err();
    let Error::Hidden { domain, .. } = &error else { panic!("{error:?}") };
    assert_eq!(domain, "com.example");
    assert!(error.to_string().contains("`FastPool`"), "{error}");
}

/// A function that was written for other operators than the graph: a runtime refuses it or converts it, we do neither.
#[test]
fn a_function_that_cannot_be_inlined_is_named() {
    let (_folder, refused) = cut_changed("functions", &CutOptions::default(), |model| {
        let head = model.functions.iter_mut().find(|function| function.name() == "Head").unwrap();
        head.opset_import[0].version = Some(9);
    });
    let error = refused.unwrap_err();
    assert!(matches!(&error, Error::Hidden { domain, .. } if domain == "net.modules"), "{error}");
}

/// Cut from files that lie about what belongs to them.
#[test]
fn weights_elsewhere_are_neither_missed_nor_fetched_from_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("net.onnx");
    std::fs::copy(models().join("torchvision_dynamo.onnx"), &source).unwrap();
    let output = folder.path().join("features.onnx");
    let refused = cut(&runtime(), &source, &output, &CutOptions::default()).unwrap_err();
    assert!(refused.to_string().contains("torchvision_dynamo.onnx.data"), "{refused}");

    let (_folder, refused) = cut_changed("torchvision_dynamo", &CutOptions::default(), |model| {
        let tensors = &mut model.graph.as_mut().unwrap().initializer;
        let outside = tensors.iter_mut().find(|tensor| tensor.is_external()).unwrap();
        outside.external_data = vec![onnx::StringStringEntry::new("location", "../../secret.bin")];
    });
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("../../secret.bin"), "{message}");
    assert!(!output.exists());
}

/// Sizes that a file claims are not believed before they are looked at, and no two readers take the same of two values.
#[test]
fn what_a_graph_claims_is_checked() {
    let refused = |change: &dyn Fn(&mut onnx::Graph)| {
        let (_folder, cut) = cut_changed("torchvision_script", &CutOptions::default(), |model| {
            change(model.graph.as_mut().unwrap());
        });
        // With what is behind it.
        let error: Box<dyn std::error::Error> = Box::new(cut.unwrap_err());
        let causes = std::iter::successors(Some(&*error), |error| error.source());
        causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    };
    let input = |dims: [i64; 4]| onnx::ValueInfo::float_tensor("input", &dims.map(onnx::Dim::Static));
    for (dims, words) in [
        ([1 << 40, 3, 64, 64], "at most 1024 images"),
        ([1, 3, 1 << 40, 64], "at most 16384 pixels"),
        ([1, 1, 64, 64], "expected three channels"),
    ] {
        let message = refused(&|graph| graph.input = vec![input(dims)]);
        assert!(message.contains(words), "{message}");
    }
    let message = refused(&|graph| {
        let mut again = graph.node.iter().find(|node| node.op_type() == "GlobalAveragePool").unwrap().clone();
        again.op_type = Some("GlobalMaxPool".into());
        graph.node.push(again);
    });
    assert!(message.contains("made twice"), "{message}");
    let message = refused(&|graph| graph.output.clear());
    assert!(message.contains("has no output"), "{message}");
    // A batch size of -1 is some writers' word for any.
    let (_folder, any) = cut_changed("torchvision_script", &CutOptions::default(), |model| {
        model.graph.as_mut().unwrap().input = vec![input([-1, 3, 64, 64])];
    });
    assert!(any.unwrap().notes.iter().all(|note| !note.contains("batch")));
}
