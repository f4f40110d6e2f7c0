use ndarray::ArrayView2;

use super::super::{Error, Result};
use super::{Entry, Out, Sink};

/// `path,label,split,key`, a line for each row; what is not said is an empty cell.
pub(super) struct Csv {
    out: Out,
}

impl Csv {
    pub(super) fn new(out: Out) -> Result<Self> {
        let mut csv = Self { out };
        csv.line(["path", "label", "split", "key"])?;
        Ok(csv)
    }

    fn line(&mut self, cells: [&str; 4]) -> Result<()> {
        let mut line = ::csv::Writer::from_writer(Vec::new());
        line.write_record(cells).map_err(|source| Error::Csv { source })?;
        let line = line.into_inner().map_err(|error| Error::Csv { source: error.into_error().into() })?;
        self.out.put(&line)
    }
}

impl Sink for Csv {
    fn write(&mut self, entries: &[Entry], _: ArrayView2<f32>) -> Result<()> {
        entries.iter().try_for_each(|Entry { path, label, split, key }| {
            self.line([path, label.unwrap_or_default(), split.unwrap_or_default(), &key.to_string()])
        })
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.out.flush()
    }
}
