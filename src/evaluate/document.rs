//! All figures of one evaluation, and `metrics.json`.

use std::io::{self, Write};
use std::path::Path;

use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};
use serde_json::ser::{CompactFormatter, Formatter};

use super::Error;
use super::metrics::{self, Average, ClassFigures, Undefined};

/// The version of `metrics.json`. Fields may be added within one; a field that goes or changes its meaning makes
/// another.
pub const SCHEMA: u32 = 1;

/// Bins of the calibration error, as is usual.
const BINS: usize = 15;

/// The figures of one evaluation: `metrics.json` has these fields, in this order.
///
/// A figure that is not defined is `null`: see [`metrics`] for each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// The version of this layout, [`SCHEMA`].
    pub schema: u32,
    /// Rows that were predicted.
    pub examples: u64,
    /// Rows with a label: all that follows is of these.
    pub scored: u64,
    /// Of these, the ones predicted right.
    pub correct: u64,
    /// `correct / scored`.
    pub accuracy: f64,
    /// Mean recall of the classes that occur.
    pub balanced_accuracy: f64,
    /// Accuracy where any of the `k` most probable classes may be right, for some `k` below the number of classes.
    pub top_k: Vec<TopK>,
    /// Mean of `-ln p(label)`, `p` clipped to `[2⁻²³, 1 - 2⁻²³]`.
    pub log_loss: f64,
    /// Mean squared error of the probabilities, summed over the classes: from 0 to 2.
    pub brier: f64,
    /// Expected calibration error, in 15 equal bins of confidence.
    pub calibration_error: f64,
    /// Each class counts the same; undefined figures are left out.
    #[serde(rename = "macro")]
    pub macro_average: Averages,
    /// Each class counts as its examples are many; undefined figures are left out.
    #[serde(rename = "weighted")]
    pub weighted_average: Averages,
    /// Each class counts the same; undefined figures count as 0, as scikit-learn has it unless told otherwise.
    #[serde(rename = "macro_zero_division_0")]
    pub macro_with_zeros: Averages,
    /// The figures of each class, in the order of their indices.
    pub classes: Vec<ClassMetrics>,
    /// Row `i`, column `j`: how many examples of class `i` were predicted as `j`.
    pub confusion: Vec<Vec<u64>>,
}

/// Accuracy with several guesses.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TopK {
    /// Guesses.
    pub k: usize,
    /// The part of the examples whose label is among them.
    pub accuracy: f64,
}

/// Precision, recall and F1 over the classes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Averages {
    /// Mean precision.
    pub precision: Option<f64>,
    /// Mean recall.
    pub recall: Option<f64>,
    /// Mean F1.
    pub f1: Option<f64>,
}

/// The figures of one class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassMetrics {
    /// Its name.
    pub name: String,
    /// `null` if it is never predicted.
    pub precision: Option<f64>,
    /// `null` if it does not occur.
    pub recall: Option<f64>,
    /// `null` if it neither occurs nor is predicted.
    pub f1: Option<f64>,
    /// Examples of it.
    pub support: u64,
    /// Examples predicted as it.
    pub predicted: u64,
    /// Examples of it that were predicted as it.
    pub correct: u64,
}

/// A class that is taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confusion {
    /// The true class.
    pub label: usize,
    /// What it is taken for.
    pub prediction: usize,
    /// How often.
    pub times: u64,
    /// Of how many examples.
    pub support: u64,
}

impl Metrics {
    /// Compare probabilities with labels; rows without a label are counted, and not scored.
    ///
    /// # Shapes
    /// - `probabilities`: `(n, classes)`, each row summing to 1 within 1e-3
    /// - `labels`: `n` class indices
    ///
    /// # Errors
    /// [`Error::Shape`] if these do not belong together, [`Error::NotProbabilities`] (NaN included), and
    /// [`Error::NothingToScore`] if no row has a label.
    pub fn of(
        probabilities: ArrayView2<f32>,
        labels: &[Option<usize>],
        classes: &[String],
    ) -> Result<Self, Error> {
        check(probabilities, labels, classes.len())?;
        let (rows, known): (Vec<usize>, Vec<usize>) =
            labels.iter().enumerate().filter_map(|(row, label)| Some((row, (*label)?))).unzip();
        if rows.is_empty() {
            return Err(Error::NothingToScore { rows: labels.len() });
        }
        let scored = probabilities.select(Axis(0), &rows);
        Ok(Self::of_scored(&scored, &known, classes, labels.len()))
    }

    fn of_scored(probabilities: &Array2<f32>, labels: &[usize], classes: &[String], examples: usize) -> Self {
        let view = probabilities.view();
        let confusion = metrics::confusion(labels, &metrics::predictions(view), classes.len());
        let figures = metrics::per_class(confusion.view());
        let bins = metrics::reliability(view, labels, BINS);
        let defined = |figure: Option<f64>| figure.expect("there is at least one scored example");
        let top_k = |k| TopK { k, accuracy: defined(metrics::top_k_accuracy(view, labels, k)) };
        Self {
            schema: SCHEMA,
            examples: examples as u64,
            scored: labels.len() as u64,
            correct: confusion.diag().sum(),
            accuracy: defined(metrics::accuracy(confusion.view())),
            balanced_accuracy: defined(metrics::balanced_accuracy(confusion.view())),
            top_k: [3, 5].into_iter().filter(|&k| k < classes.len()).map(top_k).collect(),
            log_loss: defined(metrics::log_loss(view, labels)),
            brier: defined(metrics::brier(view, labels)),
            calibration_error: defined(metrics::calibration_error(&bins)),
            macro_average: metrics::macro_average(&figures, Undefined::LeftOut).into(),
            weighted_average: metrics::weighted_average(&figures, Undefined::LeftOut).into(),
            macro_with_zeros: metrics::macro_average(&figures, Undefined::Zero).into(),
            classes: classes.iter().zip(figures).map(|(name, figures)| named(name, figures)).collect(),
            confusion: confusion.rows().into_iter().map(|row| row.to_vec()).collect(),
        }
    }

    /// The pairs of classes that are most often confused: at most `count`, the most frequent first, then those with
    /// the larger share of their class.
    pub fn confusions(&self, count: usize) -> Vec<Confusion> {
        let pair = |label: usize, prediction: usize| {
            let (times, support) = (self.confusion[label][prediction], self.classes[label].support);
            (label != prediction && times > 0).then_some(Confusion { label, prediction, times, support })
        };
        let classes = 0..self.classes.len();
        let mut pairs: Vec<Confusion> = classes
            .clone()
            .flat_map(|label| classes.clone().filter_map(move |other| pair(label, other)))
            .collect();
        pairs.sort_by(|a, b| b.times.cmp(&a.times).then(a.support.cmp(&b.support)));
        pairs.truncate(count);
        pairs
    }

    /// The text of `metrics.json`: a field a line, a class a line, a row of the confusion matrix a line.
    pub fn to_json(&self) -> String {
        let mut text = Vec::new();
        self.serialize(&mut serde_json::Serializer::with_formatter(&mut text, Lines::default()))
            .expect("numbers and names can always be written to memory");
        text.push(b'\n');
        String::from_utf8(text).expect("JSON is UTF-8")
    }

    /// Write `metrics.json`: all of it, or what was there before stays.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(self.to_json().as_bytes())?;
            file.persist(path)?;
            Ok(())
        };
        write().map_err(|source| Error::Write { path: path.into(), source })
    }

    /// Read `metrics.json`.
    ///
    /// # Errors
    /// [`Error::Read`] if it is not there or not in this form, [`Error::Schema`] if it is of another version.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let failed = |source: io::Error| Error::Read { path: path.into(), source };
        let text = std::fs::read(path).map_err(failed)?;
        // The version first: a file of another one need not have these fields.
        let value: serde_json::Value = serde_json::from_slice(&text).map_err(|cause| failed(cause.into()))?;
        match value.get("schema").and_then(serde_json::Value::as_u64) {
            Some(found) if found != u64::from(SCHEMA) => {
                Err(Error::Schema { path: path.into(), expected: SCHEMA, found })
            }
            _ => serde_json::from_value(value).map_err(|cause| failed(cause.into())),
        }
    }
}

fn check(probabilities: ArrayView2<f32>, labels: &[Option<usize>], classes: usize) -> Result<(), Error> {
    let equal = |what, expected, found| {
        if expected == found { Ok(()) } else { Err(Error::Shape { what, expected, found }) }
    };
    equal("labels, one per row", probabilities.nrows(), labels.len())?;
    equal("probabilities in a row, one per class", classes, probabilities.ncols())?;
    if let Some(&found) = labels.iter().flatten().find(|&&label| label >= classes) {
        return Err(Error::Shape { what: "labels below the number of classes", expected: classes, found });
    }
    for (row, probabilities) in probabilities.rows().into_iter().enumerate() {
        let sum: f64 = probabilities.iter().map(|&p| if p < 0.0 { f64::NAN } else { f64::from(p) }).sum();
        if sum.is_nan() || (sum - 1.0).abs() > 1e-3 {
            return Err(Error::NotProbabilities { row, sum });
        }
    }
    Ok(())
}

fn named(name: &str, figures: ClassFigures) -> ClassMetrics {
    let ClassFigures { precision, recall, f1, support, predicted, correct } = figures;
    ClassMetrics { name: name.into(), precision, recall, f1, support, predicted, correct }
}

impl From<Average> for Averages {
    fn from(Average { precision, recall, f1 }: Average) -> Self {
        Self { precision, recall, f1 }
    }
}

/// JSON with line breaks at the two outer levels only, so that a matrix looks like one.
#[derive(Default)]
struct Lines {
    depth: usize,
}

impl Lines {
    fn open(&mut self, out: &mut (impl ?Sized + Write), bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        out.write_all(bracket)
    }

    fn before(&self, out: &mut (impl ?Sized + Write), is_first: bool) -> io::Result<()> {
        if !is_first {
            out.write_all(b",")?;
        }
        match self.depth {
            1 | 2 => write!(out, "\n{:width$}", "", width = 2 * self.depth),
            _ if is_first => Ok(()),
            _ => out.write_all(b" "),
        }
    }

    fn close(&mut self, out: &mut (impl ?Sized + Write), bracket: &[u8]) -> io::Result<()> {
        self.depth -= 1;
        if self.depth < 2 {
            write!(out, "\n{:width$}", "", width = 2 * self.depth)?;
        }
        out.write_all(bracket)
    }
}

impl Formatter for Lines {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.before(out, first)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.before(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        CompactFormatter.begin_object_value(out)?;
        out.write_all(b" ")
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| name.to_string()).collect()
    }

    fn small() -> Metrics {
        let probabilities = array![[0.75, 0.25, 0.0], [0.5, 0.25, 0.25], [0.0, 1.0, 0.0], [0.25, 0.5, 0.25]];
        Metrics::of(
            probabilities.view(),
            &[Some(0), Some(1), None, Some(1)],
            &names(&["cat", "d\"og", "owl"]),
        )
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
        let row =
            |class: usize| ndarray::Array1::from_shape_fn(3, |other| f32::from(u8::from(other == class)));
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
            text.contains(
                r#"    {"name": "owl", "precision": null, "recall": null, "f1": null, "support": 0, "#
            ),
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
        assert!(matches!(
            Metrics::of(fair.view(), &[], &two),
            Err(Error::Shape { expected: 1, found: 0, .. })
        ));
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
                matches!(
                    Metrics::of(rows.view(), &labels, &two),
                    Err(Error::NotProbabilities { row: 1, .. })
                ),
                "{wrong:?}"
            );
        }
    }
}
