//! An evaluation that a run keeps, made again.

use std::path::{Path, PathBuf};

use headstart_base::files::path_of_text;
use headstart_evaluate::Metrics;

use super::error::path_names;
use super::manifests::folder_of;
use super::relocate::{self, Found};
use super::{Error, EvaluateOptions, Evaluation, Project};
use crate::Control;
use crate::dataset::{Manifest, Whereabouts};
use crate::evaluation::{EvaluationRecord, ScoredImage, confidences, outcomes};
use crate::run::Run;

impl Project {
    /// Make the evaluation in this folder again, from cached features and from its manifests, wherever they are now.
    ///
    /// # Errors
    /// [`Error::CannotRepeat`] if its images are not to be found any more; as [`evaluate`](Self::evaluate).
    pub fn evaluate_again(
        &self,
        run: &Run,
        folder: &Path,
        control: &mut Control<'_>,
    ) -> Result<Evaluation<'static>, Error> {
        let record = EvaluationRecord::read(&folder.join("evaluation.toml"))?;
        if let Some(other) = Metrics::read(&folder.join("metrics.json"))?.other_precision {
            return Err(Error::CannotRepeat { reason: format!("its features were in {other}") });
        }
        let manifest = manifest_of(run, &record)?;
        let source = manifest.source().display().to_string();
        let options = EvaluateOptions {
            split: record.split.clone(),
            views: record.views.clone(),
            ..EvaluateOptions::default()
        };
        let mut evaluation = self.evaluate_owned(run, manifest, &options, &mut control.silenced())?;
        let is_same = match &record.rows {
            Some(rows) => evaluation.record.rows.as_ref() == Some(rows),
            None => is_as_predicted(run, folder, &record, evaluation.outcomes()),
        };
        if is_same {
            evaluation.record = record;
            return Ok(evaluation);
        }
        Err(Error::CannotRepeat { reason: format!("images of `{source}` are not those that were evaluated") })
    }
}

/// The images that were evaluated, wherever their manifests are now.
fn manifest_of(run: &Run, record: &EvaluationRecord) -> Result<Manifest, Error> {
    let columns = record.columns();
    let read = |paths: &[PathBuf]| -> Result<Manifest, Error> {
        let manifest = Manifest::read_all(paths, &columns)?;
        Ok(match &record.split {
            Some(part) => manifest.split(part)?,
            None => manifest,
        })
    };
    let is_same = |manifest: &Manifest| {
        record.digest.as_ref().is_none_or(|digest| *digest == *manifest.digest().to_hex())
    };
    let places = Whereabouts::candidates(record.places.as_ref(), &record.manifests, &folder_of(run));
    match relocate::find(places, read, is_same)? {
        // The error names what was given.
        None => read(&record.manifests.iter().map(|path| path_of_text(path)).collect::<Vec<_>>()),
        Some(Found { read, is_same: true, .. }) => Ok(read),
        Some(Found { paths, .. }) => {
            let reason = format!("{} is not what was evaluated: its rows are others", path_names(&paths));
            Err(Error::CannotRepeat { reason })
        }
    }
}

/// Whether these are the images of an evaluation by version 0.1.0, which kept no digest of them: the same paths and labels, and the
/// head says the same of them. On another processor it may say something else of one in a hundred.
fn is_as_predicted(
    run: &Run,
    folder: &Path,
    record: &EvaluationRecord,
    found: &[(ScoredImage, f64)],
) -> bool {
    /// Numbers that differ by no more are the same but for rounding.
    const ROUNDING: f64 = 1e-3;
    let path = folder.join("predictions.csv");
    let (Ok(kept), Ok(sure)) = (outcomes(&path), confidences(&path)) else { return true };
    // A temperature that was fitted since then changes how sure it is.
    let is_comparable = run.calibration.as_ref().is_none_or(|fitted| fitted.created < record.created);
    let is_same_row = |(a, (b, _)): (&ScoredImage, &(ScoredImage, f64))| a.is_of_same_image(b);
    let rows = kept.iter().zip(&sure).zip(found);
    let changed = rows.filter(|((kept, sure), (found, now))| {
        kept.prediction != found.prediction || (is_comparable && (*sure - now).abs() > ROUNDING)
    });
    let changed = changed.count();
    kept.len() == found.len() && kept.iter().zip(found).all(is_same_row) && changed * 100 <= kept.len()
}
