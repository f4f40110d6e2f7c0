//! Transformers that end in one vector for each patch. That what is made of them is right, the golden files show.

use headstart::convert::cut::Pool;

use super::*;

fn pooled(name: &str, pool: Option<Pool>) -> Result<Cut, Error> {
    cut_case(name, &CutOptions { pool, ..CutOptions::default() }).1
}

/// With a class token nobody but its makers knows which is meant, and the two are far apart.
#[test]
fn a_class_token_leaves_a_choice() {
    for name in ["hf_vit_cls", "hf_vit_mean"] {
        let error = pooled(name, None).unwrap_err();
        assert!(
            matches!(&error, Error::Tokens { tensor, count: 17 } if tensor == "last_hidden_state"),
            "{error}"
        );
        let [token, mean] = [Pool::Cls, Pool::Mean].map(|pool| pooled(name, Some(pool)).unwrap());
        assert_eq!((token.feature_size, mean.feature_size), (16, 16), "{name}");
        assert!(token.notes.iter().any(|note| note.contains("class token is taken")), "{:?}", token.notes);
        assert!(
            mean.notes.iter().any(|note| note.contains("without the first, the class token")),
            "{:?}",
            mean.notes
        );
    }
}

#[test]
fn patches_alone_are_averaged_and_have_no_class_token() {
    let cut = pooled("vit_patches", None).unwrap();
    assert!(cut.notes.iter().any(|note| note == "the tokens are averaged"), "{:?}", cut.notes);
    assert!(matches!(pooled("vit_patches", Some(Pool::Cls)), Err(Error::NoClassToken { .. })));
}

/// A word that has no effect would be believed to have one.
#[test]
fn what_is_one_vector_already_cannot_be_pooled() {
    for name in ["torchvision_script", "hf_features", "feature_map"] {
        assert!(matches!(pooled(name, Some(Pool::Mean)), Err(Error::Shape { .. })), "{name}");
    }
}

#[test]
fn the_program_asks_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("features.onnx");
    let network = models().join("hf_vit_cls.onnx");
    let [network, output] = [network.to_str().unwrap(), output.to_str().unwrap()];
    let (status, _, said) = program(&[network, "-o", output]);
    assert_eq!(status, 2);
    assert!(said.contains("holds 17 vectors") && said.contains("--pool"), "{said}");
    let (status, text, said) = program(&[network, "-o", output, "--pool", "mean"]);
    assert_eq!(status, 0, "{said}");
    assert!(text.contains("16 features") && text.contains("tokens are averaged"), "{text}");
}
