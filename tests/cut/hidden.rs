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
    let candidates = headstart::backbone::cut::candidates(&network);
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
    // The cause stands in the chain, with the file that is missing.
    let chain = std::iter::successors(Some(&refused as &dyn std::error::Error), |error| error.source());
    let said: Vec<String> = chain.map(ToString::to_string).collect();
    assert!(said.iter().any(|line| line.contains("torchvision_dynamo.onnx.data")), "{said:?}");

    let (_folder, refused) = cut_changed("torchvision_dynamo", &CutOptions::default(), |model| {
        let tensors = &mut model.graph.as_mut().unwrap().initializer;
        let outside = tensors.iter_mut().find(|tensor| tensor.is_external()).unwrap();
        outside.external_data = vec![onnx::StringStringEntry::new("location", "../../secret.bin")];
    });
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("../../secret.bin"), "{message}");
    assert!(!output.exists());
}
