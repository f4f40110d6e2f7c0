//! What was done, told to people and to scripts.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

use super::fidelity::Fidelity;
use super::kernel::WeightBits;
use super::plan::Float;
use super::range::Method;
use headstart_backbone::Backbone;
use headstart_base::text::counted;

/// What was done, and how near the result is.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Images that ranges and weights were chosen on.
    pub calibration_images: usize,
    /// One hash for which images these were: BLAKE3 of the sorted hashes of their bytes.
    pub calibration_digest: String,
    /// Layers that compute in integers.
    pub layers: usize,
    /// The operators that ONNX Runtime makes of the graph, and how many of each: `QLinearConv` is a convolution in integers.
    pub operators: BTreeMap<String, usize>,
    /// Nodes that compute in floats although integers might be expected.
    pub float: Vec<Float>,
    /// The method by which ranges of activations were chosen.
    pub ranges: Method,
    /// How much of the differences between channels was evened out, from 0 to 1.
    pub equalised: f64,
    /// Bits that a weight takes.
    pub weights: WeightBits,
    /// On the images held out, which nothing was chosen on.
    pub fidelity: Fidelity,
    /// Which of the list of files that was given are held out.
    pub held_out: Vec<usize>,
    /// And which are calibrated on.
    pub calibration: Vec<usize>,
    /// Features of the images held out, in floats and in integers: row `i` for `held_out[i]`.
    #[serde(skip)]
    pub held_out_features: [ndarray::Array2<f32>; 2],
    /// The same of the first of the calibration images; in integers none, unless [`QuantizeOptions::compare_calibration`](super::QuantizeOptions::compare_calibration) asks
    /// for them.
    #[serde(skip)]
    pub calibration_features: [ndarray::Array2<f32>; 2],
    /// How fast both graphs are.
    pub speed: Speed,
}

/// Images a second in this process, on the same tensors in turn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Speed {
    /// Of the backbone in floats.
    pub floats: f64,
    /// Of the result.
    pub integers: f64,
}

impl Report {
    /// What the file says about how it was made.
    pub(super) fn account(&self, backbone: &Backbone) -> Value {
        json!({
            "made_of": { "name": backbone.name(), "digest": backbone.digest().to_hex().as_str() },
            "calibration": { "images": self.calibration_images, "digest": self.calibration_digest },
            "ranges": self.ranges.to_string(),
            "equalised": self.equalised,
            "weights": self.weights,
            "layers": self.layers,
            "float": self.float,
            "fidelity": self.fidelity,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fidelity, speed, .. } = self;
        let mut fact = |name: &str, fact: &dyn fmt::Display| writeln!(f, "  {name:<11} {fact}");
        let images = |count: usize| counted(count as u64, "image");
        let digest = &self.calibration_digest[..self.calibration_digest.len().min(12)];
        fact("calibrated", &format_args!("on {} ({digest}…)", images(self.calibration_images)))?;
        let equalised = format!("channels evened out by {:.0} %", 100.0 * self.equalised);
        fact("ranges", &format_args!("{}, {equalised}", self.ranges))?;
        fact("layers", &format_args!("{} in integers", self.layers))?;
        for float in &self.float {
            fact("float", &format_args!("{} `{}`: {}", float.operator, float.name, float.why))?;
        }
        if self.weights == WeightBits::Seven {
            fact("weights", &"in 7 bits, for processors without VNNI")?;
        }
        fact(
            "fidelity",
            &format_args!(
                "cosine {:.4} in the mean, {:.4} at least, relative error {:.3}, on {} held out",
                fidelity.cosine_mean,
                fidelity.cosine_min,
                fidelity.relative_error,
                images(fidelity.images)
            ),
        )?;
        let ratio = speed.integers / speed.floats;
        fact(
            "speed",
            &format_args!(
                "{:.1} images/s, {ratio:.2} times the {:.1} in floats",
                speed.integers, speed.floats
            ),
        )
    }
}
