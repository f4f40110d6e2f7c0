//! The report on a run, with its evaluations made again.

use std::path::Path;

use headstart_evaluate::Metrics;

#[cfg(not(feature = "compare"))]
use super::TrainingData;
#[cfg(feature = "compare")]
use super::cross_validate::judge;
use super::{EvaluationData, ReportData};
use crate::extract::FeatureCache;
use crate::project::{Accept, Error, Project, TrainingImages, with_causes};
use crate::run::Run;
use crate::run_list::evaluations;
use crate::{Control, Event};

impl Project {
    /// The report on a run: each evaluation that it keeps is made again from cached features, and the training images are
    /// cross-validated in so many `folds` to find labels that are likely wrong; 0 skips that. What cannot be made is told, and the
    /// report is not [complete](ReportData::is_complete) then.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn report(&self, run: &Run, folds: usize, control: &mut Control<'_>) -> Result<ReportData, Error> {
        let mut is_complete = true;
        let mut warn = |message: String, control: &mut Control<'_>| {
            control.warn(message);
            is_complete = false;
        };
        // Without features the report still has figures and curves.
        let mut features = self.cache_of(run);
        if let Err(error) = &features {
            control.tell(Event::NoFeatures(error));
        }
        let trained_on = match &mut features {
            Ok((source, cache)) => TrainingImages::find(run, source, cache),
            Err(_) => Err("There are no features to compare.".into()),
        };
        let mut evaluated = vec![];
        for folder in evaluations(run.dir()) {
            let again = match &features {
                Ok(_) => self.evaluate_again(run, &folder, control),
                Err(_) => Err(Error::CannotRepeat { reason: "there are no features".into() }),
            };
            match again {
                Ok(evaluation) => evaluated.push(EvaluationData::examine(&evaluation, &trained_on)),
                Err(error) => {
                    let (folder, why) = (folder.as_path(), with_causes(&error));
                    let shown = folder.display();
                    let message =
                        format!("`{shown}` could not be made again, so its figures are as they were: {why}");
                    warn(message, control);
                    match Metrics::read(&folder.join("metrics.json")) {
                        Ok(metrics) => evaluated.push(EvaluationData::figures(name(folder), metrics)),
                        Err(error) => warn(format!("left out: {}", with_causes(&error)), control),
                    }
                }
            }
        }
        let judged = match (&features, &trained_on) {
            _ if folds == 0 => None,
            (Err(_), _) => None,
            (Ok((_, cache)), Ok(trained_on)) => judge(run, cache, trained_on, folds, control),
            (Ok(_), Err(reason)) => Some(Err(reason.clone())),
        };
        let judged = match judged {
            Some(Err(reason)) => {
                warn(format!("the training images were not cross-validated: {reason}"), control);
                None
            }
            judged => judged.and_then(Result::ok),
        };
        let is_complete = is_complete && features.is_ok();
        Ok(ReportData { is_complete, ..ReportData::new(run, evaluated, judged) })
    }

    /// The features of a run, if there are any.
    fn cache_of(&self, run: &Run) -> Result<(crate::project::FeatureSource, FeatureCache), Error> {
        let source = self.features_of(run, Accept::Own)?;
        let missing = || Error::NoCache { folder: self.config().cache.clone() };
        let cache = source.open_cache()?.ok_or_else(missing)?;
        Ok((source, cache))
    }
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// What heads trained as this run's say of the training images that they have not seen; `None` where that cannot be asked.
#[cfg(not(feature = "compare"))]
fn judge(
    _: &Run,
    _: &FeatureCache,
    _: &TrainingImages,
    _: usize,
    _: &mut Control<'_>,
) -> Option<Result<TrainingData, String>> {
    None
}
