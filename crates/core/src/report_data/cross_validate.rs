//! What heads say of training images that they have not seen.

use headstart_base::machine::Threads;
use headstart_baselines::{HeadMethod, out_of_fold};
use headstart_evaluate::label_errors::suspects;
use headstart_evaluate::{Copies, predict, split};
use headstart_nn::train::TrainConfig;
use ndarray::Array2;

use super::{ImageData, TrainingData};
use crate::extract::FeatureCache;
use crate::project::{Error, TrainingImages, with_causes};
use crate::run::Run;
use crate::{Control, Event};

/// Let heads trained as this run's judge the training images that they have not seen; a sentence that says why, if they cannot.
pub(super) fn judge(
    run: &Run,
    cache: &FeatureCache,
    trained_on: &TrainingImages,
    folds: usize,
    control: &mut Control<'_>,
) -> Option<Result<TrainingData, String>> {
    let judged = run.info.training().zip(run.metrics.as_ref()).ok_or("it was not trained here".to_owned());
    Some(judged.and_then(|(training, metrics)| {
        // Exactly as long as the run's own head was trained, for there is nothing to stop by.
        let epochs = metrics.best_epoch.unwrap_or(metrics.epochs).max(1);
        let config = TrainConfig { epochs, patience: None, ..training.settings.clone() };
        cross_validate(run, config, cache, trained_on, folds, control).map_err(|error| with_causes(&error))
    }))
}

fn cross_validate(
    run: &Run,
    config: TrainConfig,
    cache: &FeatureCache,
    trained_on: &TrainingImages,
    folds: usize,
    control: &mut Control<'_>,
) -> Result<TrainingData, Error> {
    let (ids, labels) = (trained_on.ids(), trained_on.labels());
    let splits = split::image_folds(&labels, &Copies::of(&ids), folds, config.seed)?;
    let selection = cache.store().select(&ids).map_err(headstart_cache::Error::from)?;
    let mut rows = Array2::zeros((0, 0));
    selection.gather(&(0..selection.len()).collect::<Vec<_>>(), &mut rows)?;
    let classes = run.info.classes.len();
    let mut done = 0;
    control.tell(Event::Folds { done: 0, folds });
    let mut tell = || {
        done += 1;
        control.tell(Event::Folds { done, folds });
    };
    let method = HeadMethod(config);
    let work = || out_of_fold(&method, &rows, &labels, classes, &splits, &mut tell);
    let said = Threads::for_training(None)?.run(work)?;
    let known: Vec<Option<usize>> = labels.iter().copied().map(Some).collect();
    let images = predict(said.view(), &known, 1).into_iter().enumerate().map(|(place, prediction)| {
        let (path, file) = (trained_on.path(place).to_owned(), trained_on.file(place).to_path_buf());
        ImageData { path, file, prediction }
    });
    Ok(TrainingData { folds, images: images.collect(), suspects: suspects(said.view(), &labels) })
}
