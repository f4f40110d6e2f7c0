//! What names and numbers tell of an output.

/// Numbers of classes that networks trained on ImageNet come with: with and without a background class, 12k, 21k.
pub(super) const IMAGENET: [usize; 7] = [1000, 1001, 10_450, 11_221, 11_821, 21_841, 21_843];

/// What a name says of the values that it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    OfScores,
    OfFeatures,
    Other,
}

/// Words in names of class scores, with those of scikit-learn's and Core ML's exporters.
const SCORES: [&str; 22] = [
    "logit",
    "logits",
    "score",
    "scores",
    "prob",
    "probs",
    "probability",
    "probabilities",
    "softmax",
    "pred",
    "preds",
    "prediction",
    "predictions",
    "classes",
    "classifier",
    "classification",
    "label",
    "labels",
    "classlabel",
    "classlabelprobs",
    "classprobability",
    "category",
];

/// Words in names of features.
const FEATURES: [&str; 20] = [
    "feature",
    "features",
    "feat",
    "feats",
    "embed",
    "embeds",
    "embedding",
    "embeddings",
    "emb",
    "pooler",
    "pooled",
    "descriptor",
    "descriptors",
    "representation",
    "representations",
    "latent",
    "latents",
    "hidden",
    "encoding",
    "codes",
];

/// Take `name` apart into words, and see what they are about.
pub(super) fn name(name: &str) -> Name {
    // Of `/model/classifier/Gemm_output_0` the operator at the end says nothing, and every part counts.
    let lower = name.to_lowercase();
    let words = || lower.split(|c: char| !c.is_alphabetic());
    let (scores, features) =
        (words().any(|word| SCORES.contains(&word)), words().any(|word| FEATURES.contains(&word)));
    match (scores, features) {
        (true, false) => Name::OfScores,
        (false, true) => Name::OfFeatures,
        _ => Name::Other,
    }
}
