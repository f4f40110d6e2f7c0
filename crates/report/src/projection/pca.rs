//! Principal components.

use ::linfa::DatasetBase;
use ::linfa::traits::{Fit, Predict};
use linfa_reduction::Pca;
use ndarray::Array2;

use super::Error;
use super::ndarray_compat::{back, over};

/// Rows in the directions in which they differ most.
pub(super) struct Components {
    /// `(n, k)`, the direction of the largest variance first.
    pub scores: Array2<f64>,
    /// The part of the whole variance that each has.
    pub explained: Vec<f64>,
}

/// The first components of centred `features`: at most `most`, and no more than there are.
pub(super) fn components(features: &Array2<f32>, most: usize) -> Result<Components, Error> {
    let whole: f64 = features.iter().map(|&value| f64::from(value).powi(2)).sum();
    let (rows, columns) = features.dim();
    // The method finds a few of many directions: asked for more than a fifth of them it loses its way.
    let count = most.min(rows.min(columns) / 5).max(2).min(rows.saturating_sub(1)).min(columns);
    // All rows alike, or hardly any rows: nothing differs.
    if whole <= 0.0 || count == 0 {
        return Ok(Components { scores: Array2::zeros((rows, count)), explained: vec![] });
    }
    // It stops by an absolute measure, so the whole variance is made 1 first.
    let scale = whole.sqrt().recip();
    let dataset = DatasetBase::from(over(features.view()) * scale);
    let failed = |source| Error::Failed { method: "PCA", source: Box::new(source) };
    let pca = Pca::params(count).fit(&dataset).map_err(failed)?;
    let mut scores = back(&pca.predict(dataset.records()));
    upright(&mut scores);
    let explained = scores.columns().into_iter().map(|column| column.dot(&column)).collect();
    scores.mapv_inplace(|score| score / scale);
    Ok(Components { scores, explained })
}

/// A direction and its opposite are the same component: take that in which the farthest row lies ahead.
fn upright(scores: &mut Array2<f64>) {
    for mut column in scores.columns_mut() {
        let farthest =
            column.iter().copied().fold(0.0, |a: f64, b: f64| if b.abs() > a.abs() { b } else { a });
        if farthest < 0.0 {
            column.mapv_inplace(|value| -value);
        }
    }
}
