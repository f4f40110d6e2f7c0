//! Figures by name, and what they must be.

use std::fmt;
use std::str::FromStr;

use super::Metrics;

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Better {
    Higher,
    Lower,
}

type Figure = (&'static str, Better, fn(&Metrics) -> Option<f64>);

const FIGURES: [Figure; 7] = [
    ("accuracy", Better::Higher, |metrics| Some(metrics.accuracy)),
    ("balanced_accuracy", Better::Higher, |metrics| Some(metrics.balanced_accuracy)),
    ("macro_f1", Better::Higher, |metrics| metrics.macro_average.f1),
    ("roc_auc", Better::Higher, |metrics| metrics.roc_auc.and_then(|areas| areas.macro_average)),
    ("log_loss", Better::Lower, |metrics| Some(metrics.log_loss)),
    ("brier", Better::Lower, |metrics| Some(metrics.brier)),
    ("calibration_error", Better::Lower, |metrics| Some(metrics.calibration_error)),
];

/// `accuracy=0.9`: what a figure must reach, or, for one that is better when it is lower, may not exceed.
#[derive(Clone, Copy)]
pub struct Requirement {
    figure: &'static Figure,
    bound: f64,
}

/// A requirement that is not met.
#[derive(Debug, Clone, PartialEq)]
pub struct Missed {
    /// The figure's name.
    pub figure: &'static str,
    /// `None` if the figure is not defined, which meets nothing.
    pub found: Option<f64>,
    /// Such as `at least 0.9`.
    pub required: String,
}

impl Requirement {
    /// What is missing, if the figure is not as it must be.
    pub fn missed(&self, metrics: &Metrics) -> Option<Missed> {
        let (name, better, of) = *self.figure;
        let found = of(metrics);
        let (met, word) = match better {
            Better::Higher => (found.is_some_and(|found| found >= self.bound), "at least"),
            Better::Lower => (found.is_some_and(|found| found <= self.bound), "at most"),
        };
        (!met).then(|| Missed { figure: name, found, required: format!("{word} {}", self.bound) })
    }
}

impl FromStr for Requirement {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, bound) = text.split_once('=').ok_or("expected NAME=VALUE, such as accuracy=0.9")?;
        let figure = FIGURES.iter().find(|(known, ..)| *known == name).ok_or_else(|| {
            let names: Vec<_> = FIGURES.iter().map(|(name, ..)| format!("`{name}`")).collect();
            format!("`{name}` is none of {}", names.join(", "))
        })?;
        let bound: f64 = bound.parse().map_err(|_| format!("`{bound}` is not a number"))?;
        if !bound.is_finite() {
            return Err(format!("`{bound}` is not a number"));
        }
        Ok(Self { figure, bound })
    }
}

impl fmt::Debug for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.figure.0, self.bound)
    }
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { figure, found, required } = self;
        match found {
            Some(found) => write!(f, "{figure} is {found:.4}, required {required}"),
            None => write!(f, "{figure} is not defined here, required {required}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn each_figure_has_its_direction() {
        let probabilities = array![[0.75, 0.25], [0.5, 0.5], [0.0, 1.0], [0.25, 0.75]];
        let labels = [Some(0), Some(1), Some(1), Some(1)];
        let metrics = Metrics::of(probabilities.view(), &labels, &["a".into(), "b".into()]).unwrap();
        let missed = |text: &str| {
            text.parse::<Requirement>().unwrap().missed(&metrics).map(|missed| missed.to_string())
        };
        assert_eq!(missed("accuracy=0.75"), None);
        assert_eq!(missed("accuracy=0.76").unwrap(), "accuracy is 0.7500, required at least 0.76");
        // (0.125 + 0.5 + 0 + 0.125) / 4
        assert_eq!(missed("brier=0.1875"), None);
        assert_eq!(missed("brier=0.18").unwrap(), "brier is 0.1875, required at most 0.18");
        assert_eq!(missed("roc_auc=1"), None);
    }

    #[test]
    fn what_is_no_requirement_says_what_would_be_one() {
        let refused = |text: &str| text.parse::<Requirement>().unwrap_err();
        assert_eq!(refused("accuracy"), "expected NAME=VALUE, such as accuracy=0.9");
        assert!(refused("acc=0.9").starts_with("`acc` is none of `accuracy`, `balanced_accuracy`"));
        assert_eq!(refused("accuracy=high"), "`high` is not a number");
        assert_eq!(refused("accuracy=NaN"), "`NaN` is not a number");
    }
}
