//! What a split column decides.

use headstart_base::text::counted;

use super::Error;
use crate::dataset::{Manifest, Part as SplitPart};

/// A manifest, divided by its split column.
#[derive(Debug, Clone)]
pub struct Divided {
    /// The rows to train on: all without a split column.
    pub training: Manifest,
    /// The rows to validate on, if they are wanted and there are such.
    pub validation: Option<Manifest>,
    /// How the rows are used, and what is left out; none without a split column.
    pub note: Option<String>,
}

impl Divided {
    /// Take the rows to train on, and on request those to validate on.
    ///
    /// # Errors
    /// [`Error::NothingToTrainOn`]; [`dataset::Error::UnknownSplit`](crate::dataset::Error::UnknownSplit) for a part that is not known.
    pub fn of(manifest: Manifest, takes_validation: bool) -> Result<Self, Error> {
        if manifest.splits().is_empty() {
            return Ok(Self { training: manifest, validation: None, note: None });
        }
        manifest.require_known_splits()?;
        let Some(training) = manifest.part(SplitPart::Train) else {
            let found = manifest.splits().into_iter().map(str::to_owned).collect();
            return Err(Error::NothingToTrainOn { found });
        };
        let validation = takes_validation.then(|| manifest.part(SplitPart::Validation)).flatten();
        let note = Some(Self::note(&manifest, &training, validation.as_ref()));
        Ok(Self { training, validation, note })
    }

    fn note(manifest: &Manifest, training: &Manifest, validation: Option<&Manifest>) -> String {
        let mut words = vec![format!("training on {}", counted(training.len() as u64, "image"))];
        words.extend(validation.map(|part| format!("validating on {}", part.len())));
        let mut left_out = |n: usize, of: &str| {
            if n > 0 {
                words.push(format!("leaving out {n} {of}"));
            }
        };
        let of_part = |part| manifest.examples().iter().filter(|example| example.part() == part).count();
        if validation.is_none() {
            left_out(of_part(Some(SplitPart::Validation)), "of `validation`");
        }
        left_out(of_part(Some(SplitPart::Test)), "of `test`");
        left_out(of_part(None), "without a split");
        format!("split column: {}", words.join(", "))
    }
}
