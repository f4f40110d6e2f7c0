//! What was said of each image, and `predictions.csv`.

use std::io::{self, Write};

use ndarray::{ArrayView1, ArrayView2};

/// What a classifier says of one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The true class, if it is known.
    pub label: Option<usize>,
    /// The most probable classes and their probabilities, in descending order; never empty.
    pub top: Vec<(usize, f32)>,
}

impl Prediction {
    /// The `k` most probable classes of a row; equal probabilities in the order of the classes.
    ///
    /// # Panics
    /// If the row is empty or `k` is 0.
    pub fn of(row: ArrayView1<f32>, label: Option<usize>, k: usize) -> Self {
        assert!(k > 0 && !row.is_empty(), "a prediction needs at least one class");
        let mut top: Vec<(usize, f32)> = row.iter().copied().enumerate().collect();
        // A stable sort, so that the first of equal ones stays the first.
        top.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        top.truncate(k);
        Self { label, top }
    }

    /// The most probable class.
    pub fn class(&self) -> usize {
        self.top[0].0
    }

    /// Its probability.
    pub fn confidence(&self) -> f32 {
        self.top[0].1
    }

    /// Whether the prediction is right; `None` if nobody knows.
    pub fn is_correct(&self) -> Option<bool> {
        self.label.map(|label| label == self.class())
    }
}

/// The `k` most probable classes of every row.
///
/// # Panics
/// If there are not as many labels as rows, there are no classes, or `k` is 0.
pub fn predict(probabilities: ArrayView2<f32>, labels: &[Option<usize>], k: usize) -> Vec<Prediction> {
    assert_eq!(probabilities.nrows(), labels.len(), "one label, known or not, per row");
    probabilities.rows().into_iter().zip(labels).map(|(row, &label)| Prediction::of(row, label, k)).collect()
}

/// The wrong predictions of the highest confidence, the surest first: at most `count` indices.
pub fn surest_mistakes(predictions: &[Prediction], count: usize) -> Vec<usize> {
    let mut mistakes = with_outcome(predictions, false);
    mistakes.sort_by(|&a, &b| predictions[b].confidence().total_cmp(&predictions[a].confidence()));
    mistakes.truncate(count);
    mistakes
}

/// The right predictions of the lowest confidence, the least sure first: at most `count` indices.
pub fn least_sure_hits(predictions: &[Prediction], count: usize) -> Vec<usize> {
    let mut hits = with_outcome(predictions, true);
    hits.sort_by(|&a, &b| predictions[a].confidence().total_cmp(&predictions[b].confidence()));
    hits.truncate(count);
    hits
}

fn with_outcome(predictions: &[Prediction], correct: bool) -> Vec<usize> {
    (0..predictions.len()).filter(|&index| predictions[index].is_correct() == Some(correct)).collect()
}

/// Writes `predictions.csv`, a row at a time.
///
/// Columns: `path`, `label`, `prediction`, `confidence`, `correct`, and `top_2`, `top_2_probability`, … for further
/// guesses. `label` and `correct` are empty where no label is known. Paths and labels stand as they do in the
/// manifest, so the file can be read as one again.
pub struct Writer<'a, W: Write> {
    csv: csv::Writer<W>,
    classes: &'a [String],
    top: usize,
}

impl<'a, W: Write> Writer<'a, W> {
    /// Begin with the header. `top` guesses a row: at least 1, at most as many as there are classes.
    ///
    /// # Errors
    /// What writing fails with.
    pub fn new(out: W, classes: &'a [String], top: usize) -> io::Result<Self> {
        let top = top.clamp(1, classes.len().max(1));
        let mut csv = csv::Writer::from_writer(out);
        let mut header: Vec<String> =
            ["path", "label", "prediction", "confidence", "correct"].map(str::to_owned).into();
        header.extend((2..=top).flat_map(|k| [format!("top_{k}"), format!("top_{k}_probability")]));
        csv.write_record(&header)?;
        Ok(Self { csv, classes, top })
    }

    /// Write one row.
    ///
    /// # Panics
    /// If a class has no name, or there are fewer guesses than columns for them.
    ///
    /// # Errors
    /// What writing fails with.
    pub fn row(&mut self, path: &str, prediction: &Prediction) -> io::Result<()> {
        assert!(prediction.top.len() >= self.top, "as many guesses as columns for them");
        let name = |class: usize| self.classes[class].as_str();
        let correct = prediction.is_correct().map_or("", |correct| if correct { "true" } else { "false" });
        let label = prediction.label.map_or("", name);
        let confidence = probability(prediction.confidence());
        self.csv.write_field(path)?;
        for cell in [label, name(prediction.class()), &confidence, correct] {
            self.csv.write_field(cell)?;
        }
        for &(class, p) in &prediction.top[1..self.top] {
            self.csv.write_field(name(class))?;
            self.csv.write_field(probability(p))?;
        }
        self.csv.write_record(None::<&[u8]>)?;
        Ok(())
    }

    /// Write out what is buffered. Dropping a writer does so too, but keeps quiet about failures.
    ///
    /// # Errors
    /// What writing fails with.
    pub fn finish(mut self) -> io::Result<()> {
        self.csv.flush()
    }
}

/// Six decimals: a float32 probability has no more that mean anything.
fn probability(p: f32) -> String {
    format!("{p:.6}")
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::dataset::{Columns, Manifest};

    fn names() -> Vec<String> {
        ["cat", "dog, big", "owl"].map(String::from).into()
    }

    fn four() -> Vec<Prediction> {
        let probabilities = array![[0.25, 0.5, 0.25], [0.9, 0.0, 0.1], [0.0, 0.4, 0.6], [0.1, 0.7, 0.2]];
        predict(probabilities.view(), &[Some(1), Some(2), None, Some(0)], 3)
    }

    #[test]
    fn guesses_are_in_order() {
        assert_eq!(four()[0].top, [(1, 0.5), (0, 0.25), (2, 0.25)]);
        assert_eq!(
            four().iter().map(Prediction::is_correct).collect::<Vec<_>>(),
            [Some(true), Some(false), None, Some(false)]
        );
    }

    #[test]
    fn the_extremes_are_found_among_scored_rows() {
        assert_eq!(surest_mistakes(&four(), 9), [1, 3]);
        assert_eq!(surest_mistakes(&four(), 1), [1]);
        let hits = predict(array![[0.9, 0.1], [0.6, 0.4], [0.5, 0.5]].view(), &[Some(0), Some(0), None], 1);
        assert_eq!(least_sure_hits(&hits, 9), [1, 0]);
    }

    #[test]
    fn the_file_has_a_row_for_every_image() {
        let names = names();
        let mut text = Vec::new();
        let mut writer = Writer::new(&mut text, &names, 2).unwrap();
        for (path, prediction) in ["a.png", "sub/\"b\".png", "c, d.png", "e.png"].iter().zip(four()) {
            writer.row(path, &prediction).unwrap();
        }
        writer.finish().unwrap();
        let want = "path,label,prediction,confidence,correct,top_2,top_2_probability\n\
            a.png,\"dog, big\",\"dog, big\",0.500000,true,cat,0.250000\n\
            \"sub/\"\"b\"\".png\",owl,cat,0.900000,false,owl,0.100000\n\
            \"c, d.png\",,owl,0.600000,,\"dog, big\",0.400000\n\
            e.png,cat,\"dog, big\",0.700000,false,owl,0.200000\n";
        assert_eq!(String::from_utf8(text).unwrap(), want);
    }

    #[test]
    fn the_file_serves_as_a_manifest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("predictions.csv");
        let names = names();
        let mut writer = Writer::new(std::fs::File::create(&path).unwrap(), &names, 99).unwrap();
        four().iter().for_each(|prediction| {
            writer.row("ü, \"x\".png", &Prediction { label: Some(1), ..prediction.clone() }).unwrap()
        });
        writer.finish().unwrap();
        let manifest = Manifest::read(&path, &Columns::default()).unwrap();
        assert_eq!(manifest.examples()[3].path, "ü, \"x\".png");
        assert_eq!(manifest.examples()[3].label.as_deref(), Some("dog, big"));
    }
}
