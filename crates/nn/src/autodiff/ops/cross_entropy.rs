//! Softmax and categorical cross-entropy in one, on logits.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, NdFloat};

use crate::autodiff::{Backward, Op, Tape, Var, float};

/// `y = mean over rows of -Σⱼ labelⱼ · log softmax(x)ⱼ`, a scalar.
///
/// Labels are one-hot or any other weights (smoothed labels, a mixture). Keras'
/// `CategoricalCrossentropy(from_logits=True)`; its form on probabilities clips them at 1e-7, this one is exact
/// however sure the model is. The gradient is `(softmax(x) · Σⱼ labelⱼ - label) / n`.
#[derive(Debug, Clone, Copy)]
pub struct SoftmaxCrossEntropy<'l, F> {
    /// `(n, classes)`, as the logits.
    pub labels: &'l Array2<F>,
}

impl<F: NdFloat> Op<F, 1> for SoftmaxCrossEntropy<'_, F> {
    fn forward(&self, [logits]: [&Array2<F>; 1]) -> Array2<F> {
        assert_eq!(self.labels.dim(), logits.dim(), "labels have the shape of the logits");
        let mut sum = F::zero();
        for (row, labels) in logits.rows().into_iter().zip(self.labels.rows()) {
            let (max, log_sum) = log_sum_exp(row);
            // Both differences are taken before they are added: near a sure and right answer the loss is
            // about `log_sum`, which would be lost in `max`.
            sum += row
                .iter()
                .zip(labels)
                .fold(F::zero(), |loss, (&x, &label)| loss + label * ((max - x) + log_sum));
        }
        Array2::from_elem((1, 1), sum / rows(logits))
    }

    fn backward(&self, ctx: Backward<'_, F, 1>) -> [Option<Array2<F>>; 1] {
        let [logits] = ctx.inputs;
        let scale = ctx.upstream[(0, 0)] / rows(logits);
        let mut gradient = softmax(logits.view());
        for (mut row, labels) in gradient.rows_mut().into_iter().zip(self.labels.rows()) {
            let total = labels.sum();
            row.zip_mut_with(&labels, |p, &label| *p = (*p * total - label) * scale);
        }
        [Some(gradient)]
    }
}

/// `softmax(x)ⱼ = e^xⱼ / Σₖ e^xₖ` for each row; no logit is too large.
///
/// # Shapes
/// - `logits`: `(n, classes)`
/// - result: the same; each row sums to 1
pub fn softmax<F: NdFloat>(logits: ArrayView2<F>) -> Array2<F> {
    let mut probabilities = logits.to_owned();
    for mut row in probabilities.axis_iter_mut(Axis(0)) {
        let max = max(row.view());
        row.mapv_inplace(|x| (x - max).exp());
        let sum = row.sum();
        row.mapv_inplace(|e| e / sum);
    }
    probabilities
}

/// The largest entry `m`, and `log Σ e^(x - m)`: their sum is the log of the sum of exponentials. A NaN or an
/// infinite entry gives NaN, which the caller is to see.
fn log_sum_exp<F: NdFloat>(row: ArrayView1<F>) -> (F, F) {
    let max = max(row);
    (max, row.fold(F::zero(), |sum, &x| sum + (x - max).exp()).ln())
}

fn max<F: NdFloat>(row: ArrayView1<F>) -> F {
    row.fold(F::neg_infinity(), |max, &x| max.max(x))
}

fn rows<F: NdFloat>(logits: &Array2<F>) -> F {
    float(logits.nrows() as f64)
}

impl<'a, F: NdFloat> Tape<'a, F> {
    /// Record [`SoftmaxCrossEntropy`]: `logits` and `labels` are `(n, classes)`, the result is the mean loss.
    pub fn softmax_cross_entropy(&mut self, logits: Var, labels: &'a Array2<F>) -> Var {
        self.apply(SoftmaxCrossEntropy { labels }, [logits])
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::autodiff::gradcheck;

    #[test]
    fn gradient_matches_differences_for_hard_soft_and_unnormalised_labels() {
        let logits = array![[1.0, -2.0, 0.5], [3.0, 0.1, -0.7]];
        for labels in [
            array![[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]],
            array![[0.1, 0.2, 0.7], [0.9, 0.05, 0.05]],
            array![[0.5, 2.0, 0.0], [0.0, 0.0, 0.0]],
        ] {
            gradcheck(&SoftmaxCrossEntropy { labels: &labels }, [logits.clone()]).unwrap();
        }
    }

    #[test]
    fn loss_by_hand() {
        // Two rows whose right class has the probabilities 1/2 and 1/4.
        let logits = array![[0.0, 0.0], [0.0, 3.0_f64.ln()]];
        let labels = array![[1.0, 0.0], [1.0, 0.0]];
        let loss = SoftmaxCrossEntropy { labels: &labels }.forward([&logits])[(0, 0)];
        assert!((loss - (2.0_f64.ln() + 4.0_f64.ln()) / 2.0).abs() < 1e-15, "{loss}");
    }

    const GOLDEN: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/loss_keras.csv"));

    /// The largest deviation from Keras in `F`: of the loss, relative to it, and of a gradient, absolute.
    fn deviation<F: NdFloat>(dtype: &str) -> (f64, f64) {
        let (mut of_loss, mut of_gradient, mut rows) = (0.0_f64, 0.0_f64, 0);
        for line in GOLDEN.lines().filter(|line| line.starts_with(dtype)) {
            let cells: Vec<f64> = line.split(',').skip(2).map(|cell| cell.parse().unwrap()).collect();
            assert_eq!(cells.len(), 1 + 3 * 20);
            let matrix = |part: usize| {
                Array2::from_shape_fn((5, 4), |(i, j)| float::<F>(cells[1 + 20 * part + 4 * i + j]))
            };
            let (logits, labels) = (matrix(0), matrix(1));
            let mut tape = Tape::new();
            let x = tape.watch(&logits);
            let loss = tape.softmax_cross_entropy(x, &labels);
            of_loss = of_loss.max((tape.scalar(loss).to_f64().unwrap() / cells[0] - 1.0).abs());
            let difference = &tape.gradient(loss)[0] - &matrix(2);
            of_gradient =
                difference.iter().fold(of_gradient, |worst, d| worst.max(d.abs().to_f64().unwrap()));
            rows += 1;
        }
        assert_eq!(rows, 4, "golden file was cut short");
        (of_loss, of_gradient)
    }

    #[test]
    fn loss_and_gradient_follow_keras() {
        // Measured 2.2e-16 and 5.6e-17.
        let (loss, gradient) = deviation::<f64>("float64");
        assert!(loss < 1e-14 && gradient < 1e-15, "{loss:e} {gradient:e}");
        // Measured 4.5e-8 and 7.5e-9.
        let (loss, gradient) = deviation::<f32>("float32");
        assert!(loss < 1e-6 && gradient < 1e-7, "{loss:e} {gradient:e}");
    }

    #[test]
    fn huge_logits_neither_overflow_nor_clip() {
        let logits = array![[1000.0_f32, 0.0, -1000.0]];
        let labels = array![[0.0, 0.0, 1.0]];
        let op = SoftmaxCrossEntropy { labels: &labels };
        let loss = op.forward([&logits]);
        assert_eq!(loss, array![[2000.0]]);
        let upstream = array![[1.0]];
        let [gradient] =
            op.backward(Backward { inputs: [&logits], output: &loss, upstream: &upstream, wants: [true] });
        assert_eq!(gradient.unwrap(), array![[1.0, 0.0, -1.0]]);
    }

    #[test]
    fn a_sure_and_right_answer_keeps_its_tiny_loss() {
        let logits = array![[100.0_f32, 88.0]];
        let loss = SoftmaxCrossEntropy { labels: &array![[1.0, 0.0]] }.forward([&logits])[(0, 0)];
        // ln(1 + e⁻¹²) is 6.1e-6, and f32 near 1 is good for 6e-8; near 100 it would be good for 4e-6 only.
        assert!((loss - 6.144e-6).abs() < 1.2e-7, "{loss}");
    }

    #[test]
    fn not_a_number_is_not_hidden() {
        for bad in [f32::NAN, f32::INFINITY] {
            let loss = SoftmaxCrossEntropy { labels: &array![[1.0, 0.0]] }.forward([&array![[0.0, bad]]]);
            assert!(loss[(0, 0)].is_nan());
        }
    }
}
