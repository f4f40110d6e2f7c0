//! What is read back of `predictions.csv`.

use std::path::Path;

use serde::Deserialize;

use headstart_base::files::path_of_text;
use headstart_evaluate::Error;

/// A labelled image and what was said of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ScoredImage {
    /// As the manifest has it.
    pub path: String,
    /// The name of its class.
    pub label: String,
    /// The name of the class that it was taken for.
    pub prediction: String,
}

impl ScoredImage {
    /// Whether both are about one image with one label. Paths are absolute in what is written today; version 0.1.0 wrote
    /// them as they stand in the manifest.
    pub fn is_of_same_image(&self, other: &Self) -> bool {
        let (mine, theirs) = (path_of_text(&self.path), path_of_text(&other.path));
        self.label == other.label && (mine.ends_with(&theirs) || theirs.ends_with(&mine))
    }

    /// Whether the prediction is right.
    pub fn is_correct(&self) -> bool {
        self.label == self.prediction
    }
}

/// The rows of a `predictions.csv` that have a label, in order.
///
/// # Errors
/// [`Error::Read`] if it is not there or is no such file.
pub fn outcomes(path: &Path) -> Result<Vec<ScoredImage>, Error> {
    let failed = |cause: csv::Error| Error::Read { path: path.into(), source: cause.into() };
    let mut outcomes = vec![];
    for row in csv::Reader::from_path(path).map_err(failed)?.deserialize::<ScoredImage>() {
        let outcome = row.map_err(failed)?;
        if !outcome.label.is_empty() {
            outcomes.push(outcome);
        }
    }
    Ok(outcomes)
}

/// How sure each of these rows is.
///
/// # Errors
/// [`Error::Read`] if it is not there or is no such file.
pub fn confidences(path: &Path) -> Result<Vec<f64>, Error> {
    #[derive(Deserialize)]
    struct Row {
        label: String,
        confidence: f64,
    }
    let failed = |cause: csv::Error| Error::Read { path: path.into(), source: cause.into() };
    let mut confidences = vec![];
    for row in csv::Reader::from_path(path).map_err(failed)?.deserialize::<Row>() {
        let row = row.map_err(failed)?;
        if !row.label.is_empty() {
            confidences.push(row.confidence);
        }
    }
    Ok(confidences)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use headstart_evaluate::predict;

    use crate::evaluation::{PredictionColumns, Writer};

    #[test]
    fn what_was_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("predictions.csv");
        let said = array![[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]];
        let predictions = predict(said.view(), &[Some(0), Some(0), None], 2);
        let classes = ["cat".to_owned(), "dog, \"big\"\n".into()];
        let columns = PredictionColumns { top: 2, probabilities: true, min_confidence: Some(0.5) };
        let mut writer = Writer::new(std::fs::File::create(&path).unwrap(), &classes, columns).unwrap();
        for (name, prediction) in ["a.png", "b,\n.png", "c.png"].iter().zip(&predictions) {
            writer.row(name, prediction).unwrap();
        }
        writer.finish().unwrap();

        let read = outcomes(&path).unwrap();
        assert_eq!(read.len(), 2, "the row without a label is left out");
        assert_eq!((read[1].path.as_str(), read[1].prediction.as_str()), ("b,\n.png", "dog, \"big\"\n"));
        assert_eq!(read.iter().map(ScoredImage::is_correct).collect::<Vec<_>>(), [true, false]);

        let sure = confidences(&path).unwrap();
        assert!((sure[0] - 0.9).abs() < 1e-6 && (sure[1] - 0.8).abs() < 1e-6 && sure.len() == 2, "{sure:?}");

        std::fs::write(&path, "path,what\na,b\n").unwrap();
        assert!(matches!(outcomes(&path), Err(Error::Read { .. })));
        assert!(matches!(confidences(&path), Err(Error::Read { .. })));
        assert!(matches!(outcomes(&folder.path().join("absent.csv")), Err(Error::Read { .. })));
    }
}
