//! Every method there is, as data: it can be chosen by name, and handed to another process.

use serde::{Deserialize, Serialize};

use super::{Error, Forest, HeadMethod, Logistic, Method, NaiveBayes, Neighbours, Svm};
use headstart_nn::train::TrainConfig;

/// A method with its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Choice {
    /// The head of this project, with its settings for training.
    Head(Box<TrainConfig>),
    /// Logistic regression.
    Logistic(Logistic),
    /// Gaussian naive Bayes.
    Bayes(NaiveBayes),
    /// The nearest neighbours.
    Knn(Neighbours),
    /// A random forest.
    Forest(Forest),
    /// A linear support vector machine.
    Svm(Svm),
}

impl Choice {
    /// The names that [`named`](Self::named) knows, heads first.
    pub const NAMES: [&str; 7] = ["mlp", "linear", "logistic", "bayes", "knn", "forest", "svm"];

    /// The method of this name with its default settings; the seed serves those that draw numbers.
    ///
    /// # Errors
    /// [`Error::Unknown`] lists the names that there are.
    pub fn named(name: &str, seed: u64) -> Result<Self, Error> {
        Ok(match name {
            "mlp" => Self::Head(Box::new(TrainConfig { seed, ..TrainConfig::default() })),
            "linear" => Self::Head(Box::new(TrainConfig { seed, hidden: vec![], ..TrainConfig::default() })),
            "logistic" => Self::Logistic(Logistic::default()),
            "bayes" => Self::Bayes(NaiveBayes::default()),
            "knn" => Self::Knn(Neighbours::default()),
            "forest" => Self::Forest(Forest { seed, ..Forest::default() }),
            "svm" => Self::Svm(Svm { seed, ..Svm::default() }),
            _ => return Err(Error::Unknown { name: name.to_owned(), known: Self::NAMES.to_vec() }),
        })
    }

    /// The method, to be fitted.
    pub fn method(&self) -> Box<dyn Method> {
        match self.clone() {
            Self::Head(config) => Box::new(HeadMethod(*config)),
            Self::Logistic(method) => Box::new(method),
            Self::Bayes(method) => Box::new(method),
            Self::Knn(method) => Box::new(method),
            Self::Forest(method) => Box::new(method),
            Self::Svm(method) => Box::new(method),
        }
    }
}
