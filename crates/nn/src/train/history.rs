//! The figures of each epoch.

use std::io;

use serde::{Deserialize, Serialize};

/// One line of the history, with Keras' names and meanings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochRecord {
    /// Counts from 1.
    pub epoch: usize,
    /// Mean loss over the epoch's rows, each taken when its step was (with dropout, and while the weights moved), by
    /// class weights, with the penalty: what the steps made smaller.
    pub loss: f64,
    /// Fraction of rows whose most probable class was right, taken at the same time.
    pub accuracy: f64,
    /// Mean loss of the validation rows after the epoch, with label smoothing and penalty, without class weights.
    pub val_loss: Option<f64>,
    /// Fraction of validation rows classified rightly after the epoch.
    pub val_accuracy: Option<f64>,
    /// The rate of the epoch's last step.
    pub learning_rate: f64,
}

/// The figures of all completed epochs, first to last.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// One record for each epoch.
    pub epochs: Vec<EpochRecord>,
}

impl History {
    /// The last epoch's figures.
    pub fn last(&self) -> Option<&EpochRecord> {
        self.epochs.last()
    }

    /// Write as CSV with one line an epoch; what was not measured is an empty cell.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_csv(&self, out: impl io::Write) -> io::Result<()> {
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(out);
        writer.write_record(["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"])?;
        for record in &self.epochs {
            writer.serialize(record)?;
        }
        writer.flush()
    }

    /// Read what [`write_csv`](Self::write_csv) wrote.
    ///
    /// # Errors
    /// Those of `input`, and cells that are missing, unknown or no numbers.
    pub fn read_csv(input: impl io::Read) -> Result<Self, csv::Error> {
        let epochs = csv::Reader::from_reader(input).into_deserialize().collect::<Result<_, _>>()?;
        Ok(Self { epochs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_gives_back_what_it_was_given() {
        let first = EpochRecord {
            epoch: 1,
            loss: 0.1 + 0.2,
            accuracy: 0.5,
            val_loss: None,
            val_accuracy: None,
            learning_rate: 1e-3,
        };
        let second = EpochRecord { epoch: 2, val_loss: Some(1.0 / 3.0), val_accuracy: Some(1.0), ..first };
        let history = History { epochs: vec![first, second] };
        let mut bytes = Vec::new();
        history.write_csv(&mut bytes).unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.starts_with(
            "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate\n1,0.30000000000000004,0.5,,,0.001\n"
        ));
        assert_eq!(History::read_csv(&*bytes).unwrap(), history);
    }

    #[test]
    fn no_epochs_are_a_header() {
        let mut bytes = Vec::new();
        History::default().write_csv(&mut bytes).unwrap();
        assert_eq!(History::read_csv(&*bytes).unwrap(), History::default());
    }
}
