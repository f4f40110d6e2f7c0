//! Classifiers to compare the head with, all behind one trait, on the same features and the same folds.
//!
//! A [`Method`] is settings; fitted to features and labels it gives a [`Model`], and that gives [`Guesses`].
//! [`Choice`] is every method there is, as data; [`evaluate`] fits one to one part of the data and measures it on the
//! other, and [`Spread`] sums the folds up. Some methods come from the `linfa` and `smartcore` crates: whatever they
//! say of themselves, figures are computed by [`evaluate::metrics`](headstart_evaluate::metrics).
//!
//! A method may take very long, and a thread cannot be stopped: whoever has not got all day runs each fit in a process
//! of its own, as `headstart compare` does.
//!
//! ```
//! use headstart_baselines::{Choice, Spread, evaluate};
//! use headstart_evaluate::split;
//! use ndarray::Array2;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Two classes, far apart in the first column.
//! let labels: Vec<usize> = (0..20).map(|row| row % 2).collect();
//! let features = Array2::from_shape_fn((20, 3), |(row, column)| {
//!     if column == 0 { labels[row] as f32 * 4.0 } else { (row * (column + 3) % 7) as f32 * 0.1 }
//! });
//!
//! let knn = Choice::named("knn", 0)?;
//! let mut accuracies = vec![];
//! for fold in split::folds(&labels, 5, 0)? {
//!     accuracies.push(evaluate(knn.method().as_ref(), &features, &labels, 2, &fold)?.accuracy);
//! }
//! assert_eq!(Spread::of(&accuracies).unwrap().mean, 1.0);
//! # Ok(())
//! # }
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod choice;
mod error;
mod head;
mod linfa;
mod ndarray_compat;
mod out_of_fold;
mod score;
mod smartcore;
mod views;

use ndarray::{Array2, ArrayView2};

pub use choice::Choice;
pub use error::Error;
pub use head::HeadMethod;
pub use headstart_evaluate::Standardiser;
pub use linfa::{Logistic, NaiveBayes};
pub use out_of_fold::out_of_fold;
pub use score::{Score, Spread, evaluate};
pub use smartcore::{Forest, Neighbours, Svm};
pub use views::{Look, evaluate_in_views};

/// A way to learn a classifier, with its settings.
pub trait Method {
    /// What a table calls it, such as `knn`.
    fn name(&self) -> &'static str;

    /// The settings in force, for people.
    fn settings(&self) -> String;

    /// Whether it is to be given columns of mean 0 and standard deviation 1; [`evaluate`] sees to that.
    fn wants_standardised(&self) -> bool;

    /// Learn. The same examples give the same model.
    ///
    /// # Errors
    /// [`Error::Failed`] if the method gives up.
    fn fit(&self, examples: Examples<'_>) -> Result<Box<dyn Model>, Error>;
}

/// What to learn from.
#[derive(Debug, Clone, Copy)]
pub struct Examples<'a> {
    /// `(n, d)`, finite.
    pub features: &'a Array2<f32>,
    /// `n` indices below `classes`, of at least two classes.
    pub labels: &'a [usize],
    /// Number of classes; some may not occur.
    pub classes: usize,
}

/// What was learned.
pub trait Model {
    /// Classify rows of features `(n, d)`, standardised if the method wants it so.
    ///
    /// # Errors
    /// [`Error::Failed`] if the method gives up.
    fn guess(&self, features: ArrayView2<'_, f32>) -> Result<Guesses, Error>;
}

/// What a model says of some rows.
#[derive(Debug, Clone, PartialEq)]
pub enum Guesses {
    /// `(n, classes)`, rows that sum to one.
    Probabilities(Array2<f32>),
    /// `n` class indices, by a method that gives no probabilities.
    Classes(Vec<usize>),
}

/// The classes that occur among some labels, for methods that know no others.
struct Occurring {
    /// Ascending.
    classes: Vec<usize>,
    /// Of all classes, those that do not occur included.
    total: usize,
}

impl Occurring {
    fn among(examples: &Examples<'_>) -> Self {
        let mut occurs = vec![false; examples.classes];
        examples.labels.iter().for_each(|&label| occurs[label] = true);
        let classes = (0..examples.classes).filter(|&class| occurs[class]).collect();
        Self { classes, total: examples.classes }
    }

    /// Probabilities of the occurring classes, as probabilities of all.
    fn widen(&self, probabilities: &Array2<f64>) -> Array2<f32> {
        let mut all = Array2::zeros((probabilities.nrows(), self.total));
        for (&class, column) in self.classes.iter().zip(probabilities.columns()) {
            all.column_mut(class).assign(&column.mapv(|p| p as f32));
        }
        all
    }
}

#[cfg(test)]
mod tests;
