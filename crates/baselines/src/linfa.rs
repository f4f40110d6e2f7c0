//! Methods of the `linfa` crates. They are on an older `ndarray`, so features cross over as slices, once, to f64.

use ::linfa::traits::Fit;
use ::linfa::{Dataset, DatasetBase};
use linfa_bayes::NaiveBayes as _;
use ndarray::{Array2, ArrayView2};
use ndarray_of_linfa as theirs;
use serde::{Deserialize, Serialize};

use super::ndarray_compat::{Theirs, back, over};
use super::{Error, Examples, Guesses, Method, Model, Occurring};

/// Multinomial logistic regression with an L2 penalty, by L-BFGS.
///
/// `linfa` may diverge, or not come back from its first line search, unless columns are standardised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Logistic {
    /// Weight of `½‖kernel‖²` against the *sum* of the rows' losses (one over scikit-learn's `C`); 100 by default,
    /// which fits some hundreds of rows of some thousands of features.
    pub alpha: f64,
    /// Steps after which it is stopped even if it could go on; 100 by default.
    pub iterations: u64,
}

impl Default for Logistic {
    fn default() -> Self {
        Self { alpha: 100.0, iterations: 100 }
    }
}

impl Method for Logistic {
    fn name(&self) -> &'static str {
        "logistic"
    }

    fn settings(&self) -> String {
        format!("alpha {}, at most {} iterations, standardised", self.alpha, self.iterations)
    }

    fn wants_standardised(&self) -> bool {
        true
    }

    fn fit(&self, examples: Examples<'_>) -> Result<Box<dyn Model>, Error> {
        let occurring = Occurring::among(&examples);
        let model = linfa_logistic::MultiLogisticRegression::<f64>::default()
            .alpha(self.alpha)
            .max_iterations(self.iterations)
            .fit(&dataset(&examples))
            .map_err(|error| Error::failed(self.name(), error))?;
        debug_assert_eq!(model.classes(), occurring.classes);
        Ok(Box::new(FittedLogistic { model, occurring }))
    }
}

struct FittedLogistic {
    model: linfa_logistic::MultiFittedLogisticRegression<f64, usize>,
    occurring: Occurring,
}

impl Model for FittedLogistic {
    fn guess(&self, features: ArrayView2<'_, f32>) -> Result<Guesses, Error> {
        let probabilities = self.model.predict_probabilities(&over(features));
        Ok(Guesses::Probabilities(self.occurring.widen(&back(&probabilities))))
    }
}

/// Gaussian naive Bayes: each class a normal distribution in each column by itself. Quick, and far too sure of itself
/// where columns depend on one another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NaiveBayes {
    /// Added to each variance, as a part of the largest; 0.01 by default (the usual 1e-9 lets columns that are nearly
    /// always 0 decide alone).
    pub smoothing: f64,
}

impl Default for NaiveBayes {
    fn default() -> Self {
        Self { smoothing: 0.01 }
    }
}

impl Method for NaiveBayes {
    fn name(&self) -> &'static str {
        "bayes"
    }

    fn settings(&self) -> String {
        format!("Gaussian, smoothing {}, standardised", self.smoothing)
    }

    fn wants_standardised(&self) -> bool {
        true
    }

    fn fit(&self, examples: Examples<'_>) -> Result<Box<dyn Model>, Error> {
        let model = linfa_bayes::GaussianNb::<f64, usize>::params()
            .var_smoothing(self.smoothing)
            .fit(&dataset(&examples))
            .map_err(|error| Error::failed(self.name(), error))?;
        Ok(Box::new(FittedNaiveBayes { model, occurring: Occurring::among(&examples) }))
    }
}

struct FittedNaiveBayes {
    model: linfa_bayes::GaussianNb<f64, usize>,
    occurring: Occurring,
}

impl Model for FittedNaiveBayes {
    fn guess(&self, features: ArrayView2<'_, f32>) -> Result<Guesses, Error> {
        let features = over(features);
        let of_class = self.model.joint_log_likelihood(features.view());
        let mut logits = Array2::zeros((features.nrows(), self.occurring.classes.len()));
        for (mut column, class) in logits.columns_mut().into_iter().zip(&self.occurring.classes) {
            column.iter_mut().zip(&of_class[class]).for_each(|(logit, &likelihood)| *logit = likelihood);
        }
        // Not `linfa`'s own probabilities: it takes the exponential of log-likelihoods of thousands below zero, and
        // gives NaN.
        Ok(Guesses::Probabilities(self.occurring.widen(&headstart_nn::layers::softmax(logits.view()))))
    }
}

fn dataset(examples: &Examples<'_>) -> DatasetBase<Theirs, theirs::Array1<usize>> {
    Dataset::new(over(examples.features.view()), theirs::Array1::from(examples.labels.to_vec()))
}
