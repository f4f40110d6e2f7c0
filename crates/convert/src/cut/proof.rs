//! That the cut is right, shown by running it.

use std::fmt;

use ndarray::{Array2, Axis, concatenate};
use serde::Serialize;

use super::error::{Error, Result};
use super::images::Images;
use super::observe::{Numbers, Observed};
use headstart_backbone::Backbone;
use headstart_backbone::meaning::follow::Classifier;
use headstart_backbone::meaning::ops::Squash;
use headstart_backbone::runtime::Runtime;
use headstart_backbone::session::Session;

/// What was measured on the images, all of it within its bounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proof {
    /// What ran both graphs, such as `onnxruntime 1.31.1`.
    pub runtime: String,
    /// What the images are called.
    pub images: Vec<String>,
    /// How they were prepared.
    pub recipe: String,
    /// Features of one image.
    pub size: usize,
    /// The least and the greatest feature.
    pub range: [f32; 2],
    /// The largest difference of a feature to the same tensor in the whole network.
    pub original: Measured,
    /// The largest difference of an image's features alone and among others.
    pub batch: Measured,
    /// The least of the largest differences between two images.
    pub apart: Measured,
    /// `W·features + b` against the network's own scores, if a classifier reads the features.
    pub scores: Option<Measured>,
    /// What the network makes of the scores, if it makes something of them that is simple enough.
    pub output: Option<Measured>,
}

/// A number, and the bound that it is held to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Measured {
    /// What was measured.
    pub value: f64,
    /// What it may be at most.
    pub bound: f64,
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value {
            0.0 => write!(f, "0 (bound {:.1e})", self.bound),
            value => write!(f, "{value:.1e} (bound {:.1e})", self.bound),
        }
    }
}

impl Measured {
    fn at_most(self, check: &'static str) -> Result<Self> {
        // Not `value > bound`: a NaN must not pass.
        if self.value <= self.bound {
            return Ok(self);
        }
        let (found, expected) = (format!("{:e}", self.value), format!("at most {:e}", self.bound));
        Err(Error::Disproved { check, expected, found })
    }

    /// Of two numbers the one that comes nearer to its bound, or passes it further; a NaN before all others.
    fn nearer_to_its_bound(self, other: Self) -> Self {
        let [a, b] = [self, other].map(|one| one.value / one.bound.max(f64::MIN_POSITIVE));
        if b.is_nan() || b > a || self.bound == 0.0 { other } else { self }
    }

    fn more_than(self, check: &'static str) -> Result<Self> {
        if self.value > self.bound {
            return Ok(self);
        }
        let (found, expected) = (format!("{:e}", self.value), format!("more than {:e}", self.bound));
        Err(Error::Disproved { check, expected, found })
    }
}

/// The name of the check that a batch fails whose images influence each other.
pub(super) const BATCH: &str = "an image's features are the same alone and among others";

/// Of the largest feature: how far two runs of one graph may be apart. Nearly always they are equal to the bit; another
/// batch size may choose another order of summation.
const TOLERANCE: f64 = 1e-4;

/// Of the sum of a score's terms without their signs: thousands of 32-bit terms added in another order; measured 3e-6.
const SUM: f64 = 2e-5;

/// Run the cut file as `extract` will, but for sums of bytes that overflow here: the whole network, which it is held against, may have them.
pub(super) fn prove(
    runtime: &Runtime,
    backbone: &Backbone,
    images: &Images,
    observed: &Observed,
    classifier: Option<&Classifier>,
) -> Result<Proof> {
    let mut session = Session::fast(runtime, backbone)?;
    let mut alone = vec![];
    for index in 0..images.len() {
        alone.push(session.run(images.alone(index))?);
    }
    let views: Vec<_> = alone.iter().map(|features| features.view()).collect();
    let alone = concatenate(Axis(0), &views).expect("each is one row of the feature size");
    let together = session.run(images.all())?;
    if let Some(wrong) = together.iter().chain(&alone).find(|x| !x.is_finite()) {
        let (check, expected) = ("features are finite", "finite numbers".to_owned());
        return Err(Error::Disproved { check, expected, found: wrong.to_string() });
    }
    let largest = alone.iter().fold(0.0f64, |largest, &x| largest.max(f64::from(x).abs()));
    let near = TOLERANCE * largest;
    let original = Array2::from_shape_fn(alone.raw_dim(), |(image, feature)| {
        observed.features[image].get(feature).copied().unwrap_or(f32::NAN)
    });
    let (scores, output) = match (&observed.classifier, classifier) {
        (Some(numbers), Some(classifier)) => {
            let (scores, sums) = scores(numbers, &alone, classifier.linear.dynamic)?;
            (Some(scores), output(numbers, classifier, &sums, scores.bound)?)
        }
        _ => (None, None),
    };
    Ok(Proof {
        runtime: format!("onnxruntime {}", runtime.version()),
        images: images.names.clone(),
        recipe: backbone.recipe().to_string(),
        size: backbone.feature_size(),
        range: range(&alone),
        original: Measured { value: furthest(&alone, &original), bound: near }
            .at_most("the features are those that the whole network computes")?,
        batch: Measured { value: furthest(&alone, &together), bound: near }.at_most(BATCH)?,
        // Above what the order of summation can do.
        apart: Measured { value: closest(&alone), bound: near }.more_than("two images differ")?,
        scores,
        output,
    })
}

fn range(features: &Array2<f32>) -> [f32; 2] {
    features.iter().fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], &x| [low.min(x), high.max(x)])
}

fn difference<'a>(a: impl IntoIterator<Item = &'a f32>, b: impl IntoIterator<Item = &'a f32>) -> f64 {
    // `max` would pass over a NaN.
    let differences = a.into_iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs());
    differences.fold(0.0, |largest, one| if one > largest || one.is_nan() { one } else { largest })
}

fn furthest(a: &Array2<f32>, b: &Array2<f32>) -> f64 {
    difference(a, b)
}

/// How far apart the two images are that are nearest to each other.
fn closest(features: &Array2<f32>) -> f64 {
    let rows: Vec<_> = features.rows().into_iter().collect();
    let pairs = (0..rows.len()).flat_map(|a| (0..a).map(move |b| (a, b)));
    pairs.map(|(a, b)| difference(rows[a], rows[b])).fold(f64::INFINITY, f64::min)
}

/// `W·features + b` for each image, and how far that is from the network's own scores.
fn scores(numbers: &Numbers, features: &Array2<f32>, dynamic: bool) -> Result<(Measured, Vec<Vec<f64>>)> {
    let mut worst = Measured { value: 0.0, bound: 0.0 };
    let mut sums = vec![];
    for (features, scores) in features.rows().into_iter().zip(&numbers.scores) {
        let mut of_image = vec![];
        for ((weights, &bias), &score) in numbers.weight.iter().zip(&numbers.bias).zip(scores) {
            let terms = || weights.iter().zip(features).map(|(&w, &x)| f64::from(w) * f64::from(x));
            let sum = terms().sum::<f64>() + f64::from(bias);
            let size = terms().map(f64::abs).sum::<f64>() + f64::from(bias).abs();
            let weight: f64 = weights.iter().map(|&w| f64::from(w).abs()).sum();
            let mut bound = size * if numbers.half { HALF } else { SUM };
            if dynamic {
                bound += weight * step(features) / 2.0;
            }
            let value = match numbers.rounded {
                None => (sum - f64::from(score)).abs(),
                Some(rounding) => {
                    bound += f64::from(rounding.0);
                    rounded_difference(sum, score, rounding)
                }
            };
            worst = worst.nearer_to_its_bound(Measured { value, bound });
            of_image.push(sum);
        }
        sums.push(of_image);
    }
    Ok((worst.at_most("W·features + b equals the network's own scores")?, sums))
}

/// 16-bit floats have 11 bits, and a sum may be kept in them on the way.
const HALF: f64 = 4e-3;

/// The step of 8-bit integers that span `features`, as dynamic quantisation chooses it.
fn step(features: ndarray::ArrayView1<'_, f32>) -> f64 {
    let high = features.iter().fold(0.0f32, |high, &x| high.max(x));
    let low = features.iter().fold(0.0f32, |low, &x| low.min(x));
    f64::from(high - low) / 255.0
}

/// How far `sum` is from what the integer `score` stands for; the ends of its type stand for all beyond them.
fn rounded_difference(sum: f64, score: f32, (scale, zero_point, [least, most]): (f32, f32, [f32; 2])) -> f64 {
    let score = f64::from(score);
    let code = sum / f64::from(scale) + f64::from(zero_point);
    let code = code.clamp(f64::from(least), f64::from(most));
    (code - score).abs() * f64::from(scale)
}

/// The network's output against what it should make of the scores; `None` where that is not known.
fn output(
    numbers: &Numbers,
    classifier: &Classifier,
    sums: &[Vec<f64>],
    bound: f64,
) -> Result<Option<Measured>> {
    const CHECK: &str = "the network's output follows from W·features + b";
    let Some(squash) = &classifier.squash else { return Ok(None) };
    if numbers.rounded.is_some() {
        return Ok(None);
    }
    // No step but the logarithm passes on more of a difference than it gets; 16-bit floats round once more.
    let bound = 2.0 * bound + if numbers.half { HALF } else { 1e-6 };
    let probabilities = matches!(squash.last(), Some(Squash::Softmax | Squash::Sigmoid));
    let exact = !numbers.half && !classifier.linear.dynamic;
    let bound = if probabilities && exact { bound.min(1e-3) } else { bound };
    let mut worst = Measured { value: 0.0, bound };
    for (sums, output) in sums.iter().zip(&numbers.outputs) {
        let expected = squash.iter().fold(sums.clone(), |scores, squash| apply(*squash, scores));
        if squash.last() == Some(&Squash::ArgMax) {
            let Some(class) = output.first().map(|&class| class as usize) else { return Ok(None) };
            // Of two classes nearly alike, either may come first.
            let highest = sums.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            worst.value = worst.value.max(sums.get(class).map_or(f64::INFINITY, |score| highest - score));
            continue;
        }
        if output.len() != expected.len() {
            return Ok(None);
        }
        let differences = output.iter().zip(&expected).map(|(&a, b)| (f64::from(a) - b).abs());
        worst.value = differences.fold(worst.value, |a, b| if b > a || b.is_nan() { b } else { a });
    }
    worst.at_most(CHECK).map(Some)
}

fn apply(squash: Squash, scores: Vec<f64>) -> Vec<f64> {
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total = || scores.iter().map(|score| (score - highest).exp()).sum::<f64>();
    match squash {
        Squash::Softmax => scores.iter().map(|score| (score - highest).exp() / total()).collect(),
        Squash::LogSoftmax => scores.iter().map(|score| score - highest - total().ln()).collect(),
        Squash::Sigmoid => scores.iter().map(|score| 1.0 / (1.0 + (-score).exp())).collect(),
        Squash::ArgMax | Squash::Unknown => scores,
    }
}
