use ndarray::array;

use super::*;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| name.to_string()).collect()
}

fn small() -> Metrics {
    let probabilities = array![[0.75, 0.25, 0.0], [0.5, 0.25, 0.25], [0.0, 1.0, 0.0], [0.25, 0.5, 0.25]];
    Metrics::of(probabilities.view(), &[Some(0), Some(1), None, Some(1)], &names(&["cat", "d\"og", "owl"]))
        .unwrap()
}

#[test]
fn rows_without_a_label_are_not_scored() {
    let metrics = small();
    assert_eq!((metrics.examples, metrics.scored, metrics.correct), (4, 3, 2));
    assert_eq!(metrics.confusion, [[1, 0, 0], [1, 1, 0], [0, 0, 0]]);
    assert_eq!(metrics.classes[1].support, 2);
    assert_eq!(metrics.classes[2].precision, None);
    assert!(metrics.top_k.is_empty(), "three guesses of three are always right");
}

#[test]
fn the_most_frequent_confusion_comes_first() {
    let row = |class: usize| ndarray::Array1::from_shape_fn(3, |other| f32::from(u8::from(other == class)));
    let pairs = [(0, 1), (0, 1), (0, 0), (1, 2), (2, 0), (2, 2)];
    let probabilities =
        ndarray::stack(Axis(0), &pairs.map(|(_, class)| row(class)).each_ref().map(|row| row.view()))
            .unwrap();
    let metrics =
        Metrics::of(probabilities.view(), &pairs.map(|(label, _)| Some(label)), &names(&["a", "b", "c"]))
            .unwrap();
    let found: Vec<_> =
        metrics.confusions(9).iter().map(|c| (c.label, c.prediction, c.times, c.support)).collect();
    assert_eq!(found, [(0, 1, 2, 3), (1, 2, 1, 1), (2, 0, 1, 2)]);
    assert_eq!(metrics.confusions(1).len(), 1);
}

#[test]
fn the_file_reads_back_and_keeps_its_form() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.json");
    small().write(&path).unwrap();
    assert_eq!(Metrics::read(&path).unwrap(), small());
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..3], ["{", r#"  "schema": 1,"#, r#"  "examples": 4,"#]);
    assert!(lines.contains(&"    [1, 1, 0],"), "{text}");
    assert!(
        text.contains(r#"    {"name": "owl", "precision": null, "recall": null, "f1": null, "roc_auc": null, "support": 0, "#),
        "{text}"
    );
    assert!(text.ends_with("\n  ]\n}\n"), "{text}");
}

#[test]
fn a_file_of_another_version_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.json");
    std::fs::write(&path, r#"{"schema": 2, "figures": []}"#).unwrap();
    assert!(matches!(Metrics::read(&path), Err(Error::Schema { expected: 1, found: 2, .. })));
    for damaged in ["", "{", "[]", r#"{"schema": 1}"#] {
        std::fs::write(&path, damaged).unwrap();
        assert!(matches!(Metrics::read(&path), Err(Error::Read { .. })), "{damaged}");
    }
}

#[test]
fn what_is_not_an_evaluation() {
    let two = names(&["a", "b"]);
    let fair = array![[0.5, 0.5]];
    assert!(matches!(Metrics::of(fair.view(), &[], &two), Err(Error::Shape { expected: 1, found: 0, .. })));
    assert!(matches!(
        Metrics::of(fair.view(), &[Some(0)], &two[..1]),
        Err(Error::Shape { expected: 1, found: 2, .. })
    ));
    assert!(matches!(
        Metrics::of(fair.view(), &[Some(2)], &two),
        Err(Error::Shape { expected: 2, found: 2, .. })
    ));
    assert!(matches!(Metrics::of(fair.view(), &[None], &two), Err(Error::NothingToScore { rows: 1 })));
    for wrong in [[0.5, 0.4], [f32::NAN, 0.5], [1.5, -0.5], [f32::INFINITY, 0.0]] {
        let rows = array![[0.5, 0.5], wrong];
        let labels = [Some(0), Some(1)];
        assert!(
            matches!(Metrics::of(rows.view(), &labels, &two), Err(Error::NotProbabilities { row: 1, .. })),
            "{wrong:?}"
        );
    }
}
