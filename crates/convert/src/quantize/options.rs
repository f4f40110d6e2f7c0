//! What can be chosen, and what is told on the way.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::kernel::WeightBits;
use super::range::Method;

/// How a backbone is quantised.
#[derive(Debug, Clone)]
pub struct QuantizeOptions {
    /// Images to calibrate on, at most.
    pub calibration: usize,
    /// Images to measure the result on, at most; of few images a third.
    pub held_out: usize,
    /// Files to hold out, instead of some of those given to calibrate on.
    pub held_out_files: Option<Vec<PathBuf>>,
    /// How the ranges of activations are chosen.
    pub ranges: Ranges,
    /// How weights are rounded.
    pub rounding: Rounding,
    /// How much of the differences between channels is evened out, from 0 to 1; `None` measures whether half is better than nothing.
    pub equalise: Option<f64>,
    /// Bits that a weight takes.
    pub bits: WeightBits,
    /// Which layers stay in floats.
    pub keep_float: KeepFloat,
    /// The least mean cosine between features in integers and in floats, on the images held out. At 0.992 a linear head on the features of Keras'
    /// ResNet50 lost 0.4 points of its accuracy on CIFAR-10, hence the default 0.99.
    pub min_cosine: f64,
    /// Compute the features of the calibration images in integers too, for [`Report::calibration_features`](super::Report::calibration_features).
    pub compare_calibration: bool,
    /// Where what is chosen so far is kept while the work goes on: a second call with the same graph, images and options goes on from there.
    /// [`Quantized::forget_unfinished`](super::Quantized::forget_unfinished) removes it. `None` keeps nothing.
    pub unfinished: Option<PathBuf>,
    /// Threads for inference, and for choosing codes; `None` takes every core.
    pub threads: Option<usize>,
}

impl Default for QuantizeOptions {
    fn default() -> Self {
        Self {
            calibration: 128,
            held_out: 32,
            held_out_files: None,
            ranges: Ranges::Measured,
            rounding: Rounding::SecondOrder,
            equalise: None,
            bits: WeightBits::for_this_processor(),
            keep_float: KeepFloat::Auto,
            min_cosine: 0.99,
            compare_calibration: false,
            unfinished: None,
            threads: None,
        }
    }
}

/// How the ranges of activations are chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ranges {
    /// By each method, and that is taken which gives the least error at the features of the calibration images.
    Measured,
    /// By this method.
    By(Method),
}

/// How weights are rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Each by itself.
    Nearest,
    /// Together, for the least change of what each layer gives on the calibration images.
    SecondOrder,
}

/// Which layers stay in floats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeepFloat {
    /// As few as are needed for the fidelity that is asked for, those first that hurt most.
    Auto,
    /// These, by the names of their nodes or of what they give.
    Named(BTreeSet<String>),
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Images are read and prepared.
    Images,
    /// The graph runs in floats, and is looked at.
    Observation,
    /// Ranges are tried.
    Ranges,
    /// Weights are rounded.
    Weights,
    /// Biases take in what rounding shifts.
    Biases,
    /// Which layers harm most is looked at.
    Harms,
    /// So many of them are tried in floats; what follows is done anew for these.
    Layers(usize),
    /// The result is measured on the images held out.
    Measurement,
}

impl Stage {
    /// Which part of the time it takes, from where to where, for Keras' ResNet50.
    pub(super) fn part(self) -> [f64; 2] {
        match self {
            Self::Images => [0.0, 0.02],
            Self::Observation => [0.02, 0.27],
            Self::Ranges => [0.27, 0.42],
            Self::Weights | Self::Biases => [0.42, 0.85],
            Self::Harms | Self::Layers(_) => [0.85, 0.85],
            Self::Measurement => [0.85, 1.0],
        }
    }
}

/// What happens on the way.
#[derive(Debug)]
#[non_exhaustive]
pub enum QuantizeEvent<'a> {
    /// A stage begins.
    Stage(Stage),
    /// So much of the whole is done, from 0 to 1, as far as it can be told: where layers go back to floats it takes longer.
    Progress {
        /// What is being done.
        stage: Stage,
        /// The share that is done.
        done: f64,
    },
    /// Which images there are; nothing was computed yet.
    Drawn {
        /// Images to choose ranges and rounding on.
        calibration: usize,
        /// Images to judge the result by.
        held_out: usize,
        /// Files that could not be decoded, and why.
        failed: &'a [(PathBuf, String)],
    },
    /// An earlier call was stopped, and this one goes on where it was.
    GoesOn {
        /// Where it was kept.
        path: &'a Path,
        /// Layers that are rounded already; before the first of them ranges are chosen.
        layers: usize,
    },
    /// What an earlier call left is not used.
    PassedOver {
        /// Where it was kept.
        path: &'a Path,
        /// Why it is of no use, as the end of a sentence.
        why: &'static str,
    },
    /// Something was tried: its relative error at the features of the calibration images.
    Tried {
        /// What was tried, for people.
        what: String,
        /// The length of all differences over that of all features in floats.
        error: f64,
    },
}
