//! Several runs beside each other, as one HTML file.

mod page;

use jiff::Timestamp;

use super::Epoch;
use headstart_evaluate::{Metrics, Paired};

/// All that a comparison shows.
#[derive(Debug, Clone, Copy)]
pub struct Comparison<'a> {
    /// When.
    pub created: Timestamp,
    /// The first is what the others are compared with.
    pub runs: &'a [Compared<'a>],
    /// Settings that the runs do not have in common.
    pub settings: &'a [Setting],
    /// What they were evaluated on.
    pub evaluations: &'a [ComparedOn<'a>],
}

/// One of the runs.
#[derive(Debug, Clone, Copy)]
pub struct Compared<'a> {
    /// What it is called.
    pub name: &'a str,
    /// How training went, epoch by epoch.
    pub history: &'a [Epoch],
    /// How long that took; `None` if it was trained elsewhere.
    pub seconds: Option<f64>,
}

/// A setting, and its value in each run as it is typed.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The setting's name.
    pub name: String,
    /// One for each run, in their order.
    pub values: Vec<String>,
}

/// A set of images on which some of the runs were evaluated.
#[derive(Debug, Clone)]
pub struct ComparedOn<'a> {
    /// What the set is called.
    pub title: &'a str,
    /// The figures of each run that was.
    pub metrics: Vec<Option<&'a Metrics>>,
    /// Each run beside the first of them that was, where both saw the same images with the same labels.
    pub paired: Vec<Option<Paired>>,
}

impl Comparison<'_> {
    /// The whole page. The same input gives the same page, byte for byte.
    pub fn html(&self) -> String {
        page::render(self).into_string()
    }
}

#[cfg(test)]
mod tests;
