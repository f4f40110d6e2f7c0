//! `predictions.csv`, a row for each image.

use std::io::{self, Write};

use headstart_evaluate::Prediction;

/// Which columns `predictions.csv` has beside those that it always has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PredictionColumns {
    /// Guesses of a row, the prediction included.
    pub top: usize,
    /// A column for the probability of each class.
    pub probabilities: bool,
    /// A column that says whether the confidence is at least this.
    pub min_confidence: Option<f32>,
}

impl Default for PredictionColumns {
    fn default() -> Self {
        Self { top: 1, probabilities: false, min_confidence: None }
    }
}

impl PredictionColumns {
    /// How many guesses a [`Prediction`] must have for them, of a classifier of so many classes.
    pub fn guesses(&self, classes: usize) -> usize {
        if self.probabilities { classes } else { self.top.clamp(1, classes.max(1)) }
    }
}

/// Writes `predictions.csv`, a row at a time.
///
/// Columns: `path`, `label`, `prediction`, `confidence`, `correct`, and `top_2`, `top_2_probability`, … for further
/// guesses; on request `accepted`, which says whether the confidence is high enough, and `p_CLASS` for each class. `label` and
/// `correct` are empty where no label is known. Labels stand as they do in the manifest. With paths that are absolute, or start
/// where this file lies, it can be read as a manifest again. That goes for those too that a spreadsheet takes for formulas: see [`looks_like_a_formula`].
pub struct Writer<'a, W: Write> {
    csv: csv::Writer<W>,
    classes: &'a [String],
    columns: PredictionColumns,
}

impl<'a, W: Write> Writer<'a, W> {
    /// Begin with the header. Guesses a row are at least 1, and at most as many as there are classes.
    ///
    /// # Errors
    /// What writing fails with.
    pub fn new(out: W, classes: &'a [String], columns: PredictionColumns) -> io::Result<Self> {
        let columns = PredictionColumns { top: columns.top.clamp(1, classes.len().max(1)), ..columns };
        let mut csv = csv::Writer::from_writer(out);
        let mut header: Vec<String> =
            ["path", "label", "prediction", "confidence", "correct"].map(str::to_owned).into();
        header.extend(columns.min_confidence.map(|_| "accepted".to_owned()));
        header.extend((2..=columns.top).flat_map(|k| [format!("top_{k}"), format!("top_{k}_probability")]));
        if columns.probabilities {
            header.extend(classes.iter().map(|class| format!("p_{class}")));
        }
        csv.write_record(&header)?;
        Ok(Self { csv, classes, columns })
    }

    /// Write one row.
    ///
    /// # Panics
    /// If a class has no name, or there are fewer guesses than columns for them.
    ///
    /// # Errors
    /// What writing fails with.
    pub fn row(&mut self, path: &str, prediction: &Prediction) -> io::Result<()> {
        let PredictionColumns { top, probabilities, min_confidence } = self.columns;
        let guesses = self.columns.guesses(self.classes.len());
        assert!(prediction.top.len() >= guesses, "as many guesses as columns for them");
        let name = |class: usize| self.classes[class].as_str();
        let correct = prediction.is_correct().map_or("", |correct| if correct { "true" } else { "false" });
        let label = prediction.label.map_or("", name);
        let confidence = probability(prediction.confidence());
        self.csv.write_field(path)?;
        for cell in [label, name(prediction.class()), &confidence, correct] {
            self.csv.write_field(cell)?;
        }
        if let Some(least) = min_confidence {
            self.csv.write_field((prediction.confidence() >= least).to_string())?;
        }
        for &(class, p) in &prediction.top[1..top] {
            self.csv.write_field(name(class))?;
            self.csv.write_field(probability(p))?;
        }
        if probabilities {
            let mut of_class = vec![0.0; self.classes.len()];
            prediction.top.iter().for_each(|&(class, p)| of_class[class] = p);
            of_class.into_iter().try_for_each(|p| self.csv.write_field(probability(p)))?;
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

/// Whether a spreadsheet that opens a CSV computes this cell instead of showing it. An apostrophe before it would prevent that, and
/// would make the file one of other paths and labels, so names are written as they are, and whoever writes them can warn.
pub fn looks_like_a_formula(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// Six decimals: a float32 probability has no more that mean anything.
fn probability(p: f32) -> String {
    format!("{p:.6}")
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use proptest::prelude::*;

    use headstart_base::label::normal_label;
    use headstart_evaluate::predict;

    use super::*;
    use crate::dataset::{self, Columns, Manifest};

    fn names() -> Vec<String> {
        ["cat", "dog, big", "owl"].map(String::from).into()
    }

    fn top(top: usize) -> PredictionColumns {
        PredictionColumns { top, ..PredictionColumns::default() }
    }

    fn four() -> Vec<Prediction> {
        let probabilities = array![[0.25, 0.5, 0.25], [0.9, 0.0, 0.1], [0.0, 0.4, 0.6], [0.1, 0.7, 0.2]];
        predict(probabilities.view(), &[Some(1), Some(2), None, Some(0)], 3)
    }

    #[test]
    fn the_file_has_a_row_for_every_image() {
        let names = names();
        let mut text = Vec::new();
        let mut writer = Writer::new(&mut text, &names, top(2)).unwrap();
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
    fn more_columns_on_request() {
        let names = names();
        let columns = PredictionColumns { probabilities: true, min_confidence: Some(0.6), ..top(1) };
        assert_eq!(columns.guesses(3), 3);
        let mut text = Vec::new();
        let mut writer = Writer::new(&mut text, &names, columns).unwrap();
        for prediction in &four()[..3] {
            writer.row("a.png", prediction).unwrap();
        }
        writer.finish().unwrap();
        let want = "path,label,prediction,confidence,correct,accepted,p_cat,\"p_dog, big\",p_owl\n\
            a.png,\"dog, big\",\"dog, big\",0.500000,true,false,0.250000,0.500000,0.250000\n\
            a.png,owl,cat,0.900000,false,true,0.900000,0.000000,0.100000\n\
            a.png,,owl,0.600000,,true,0.000000,0.400000,0.600000\n";
        assert_eq!(String::from_utf8(text).unwrap(), want);
    }

    proptest! {
        // Each makes files.
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever a class is called, the file that is written of it is a manifest with this label, and its paths are found.
        #[test]
        fn labels_and_paths_come_back(
            names in prop::collection::vec("[a-z ,;\"'\n\r\t=+@|é\u{301}-]{1,6}", 2..5),
            known in prop::collection::vec(any::<bool>(), 4),
            directory in "[a-z ,\"é\u{301}=-]{1,5}",
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut names: Vec<String> = names.iter().map(|name| normal_label(name).into_owned()).collect();
            names.extend(["nan".into(), "=1+1".into(), "\"".into()]);
            names.retain(|name| !name.is_empty());
            names.sort();
            names.dedup();
            let image = folder.path().join(&directory).join("1.png");
            std::fs::create_dir_all(image.parent().unwrap()).unwrap();
            std::fs::write(&image, "").unwrap();
            let table = folder.path().join("predictions.csv");
            let mut writer = Writer::new(std::fs::File::create(&table).unwrap(), &names, top(1)).unwrap();
            for class in 0..names.len() {
                let label = known[class % known.len()].then_some(class);
                let prediction = Prediction { label, top: vec![(class, 1.0)] };
                writer.row(image.to_str().unwrap(), &prediction).unwrap();
            }
            writer.finish().unwrap();
            let text = std::fs::read(&table).unwrap();
            // One image with several labels would be a contradiction; here each row is asked for by itself.
            let lines = Manifest::read(&table, &Columns::default());
            if (0..names.len()).filter(|class| known[class % known.len()]).count() > 1 {
                prop_assert!(matches!(lines, Err(dataset::Error::ConflictingLabels { .. })), "{:?}", lines);
            }
            let mut rows = csv::ReaderBuilder::new().has_headers(false).from_reader(&text[..]).into_records();
            let header = rows.next().unwrap().unwrap();
            for (class, row) in rows.enumerate() {
                let mut one = csv::Writer::from_path(&table).unwrap();
                one.write_record(&header).unwrap();
                one.write_record(&row.unwrap()).unwrap();
                drop(one);
                let manifest = Manifest::read(&table, &Columns::default()).unwrap();
                let example = &manifest.examples()[0];
                let label = known[class % known.len()].then(|| names[class].as_str());
                prop_assert_eq!(example.label.as_deref(), label);
                prop_assert_eq!(&example.file, &image);
                prop_assert_eq!(example.located(), image.to_str().unwrap());
            }
        }
    }

    #[test]
    fn the_file_serves_as_a_manifest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("predictions.csv");
        let names = names();
        let mut writer = Writer::new(std::fs::File::create(&path).unwrap(), &names, top(99)).unwrap();
        four().iter().for_each(|prediction| {
            writer.row("ü, \"x\".png", &Prediction { label: Some(1), ..prediction.clone() }).unwrap()
        });
        writer.finish().unwrap();
        let manifest = Manifest::read(&path, &Columns::default()).unwrap();
        assert_eq!(manifest.examples()[3].path, "ü, \"x\".png");
        assert_eq!(manifest.examples()[3].label.as_deref(), Some("dog, big"));
    }
}
