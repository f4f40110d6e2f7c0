//! How sure a head is, apart from what it says.

use std::fmt;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::softmax;

/// What logits are divided by before the softmax. Above 1 the head becomes less sure, below 1 surer; which class comes first
/// stays the same.
///
/// # Source
/// Guo et al. 2017, arXiv:1706.04599, section 4.2.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Temperature(f64);

impl Temperature {
    /// The head as it was trained.
    pub const ONE: Self = Self(1.0);
    /// Beyond these a head says the same of everything, or is certain of everything.
    pub const LEAST: f64 = 0.01;
    /// The upper end of that range.
    pub const MOST: f64 = 100.0;

    /// This temperature, if it is from [`LEAST`](Self::LEAST) to [`MOST`](Self::MOST).
    pub fn new(degrees: f64) -> Option<Self> {
        (Self::LEAST..=Self::MOST).contains(&degrees).then_some(Self(degrees))
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }

    /// Probabilities `(n, classes)` of logits `(n, classes)`.
    pub fn probabilities(self, mut logits: Array2<f32>) -> Array2<f32> {
        // Division by 1 changes no bit.
        logits /= self.0 as f32;
        softmax(logits.view())
    }
}

impl fmt::Display for Temperature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.4}", self.0)
    }
}

impl From<Temperature> for f64 {
    fn from(temperature: Temperature) -> Self {
        temperature.0
    }
}

impl TryFrom<f64> for Temperature {
    type Error = String;

    fn try_from(degrees: f64) -> Result<Self, Self::Error> {
        let (least, most) = (Self::LEAST, Self::MOST);
        Self::new(degrees).ok_or_else(|| format!("a temperature is from {least} to {most}, found {degrees}"))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn logits_are_divided() {
        let logits = array![[2.0_f32, 0.0], [-1.0, 3.0]];
        let want = softmax((&logits / 4.0).view());
        assert_eq!(Temperature::new(4.0).unwrap().probabilities(logits.clone()), want);
        assert_eq!(Temperature::ONE.probabilities(logits.clone()), softmax(logits.view()));
    }

    #[test]
    fn what_is_no_temperature_is_refused_also_in_files() {
        for wrong in [0.0, -1.0, 0.009, 101.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Temperature::new(wrong), None, "{wrong}");
        }
        assert_eq!(serde_json::from_str::<Temperature>("1.5").unwrap().get(), 1.5);
        let error = serde_json::from_str::<Temperature>("0").unwrap_err().to_string();
        assert!(error.contains("from 0.01 to 100, found 0"), "{error}");
    }
}
