//! What a step makes smaller: the mean loss over labels that may be smoothed and weighted, and a penalty.

use ndarray::{Array2, ArrayViewMut1, NdFloat};

use super::TrainConfig;
use crate::autodiff::{Gradient, Tape, Var, float, sum_of_squares};
use crate::layers::Head;
use crate::optim::Clip;

/// How a label becomes a row of targets for the cross-entropy.
///
/// The loss is linear in its targets, so a class' weight is a factor of the row: the mean is then that of Keras' `fit`,
/// the sum of the weighted losses over the number of rows.
#[derive(Debug, Clone)]
pub(super) struct Targets<F = f32> {
    right: F,
    wrong: F,
    /// By class; empty if all count the same.
    weights: Vec<F>,
}

impl<F: NdFloat> Targets<F> {
    /// `1 - smoothing + smoothing / classes` for the label, `smoothing / classes` for the others.
    pub(super) fn new(label_smoothing: f64, classes: usize) -> Self {
        let wrong = float::<F>(label_smoothing) / float(classes as f64);
        Self { right: float::<F>(1.0 - label_smoothing) + wrong, wrong, weights: Vec::new() }
    }

    /// Those that rows to learn from have; without the weights, those of rows that are only looked at.
    pub(super) fn weighted(mut self, weights: &[f64]) -> Self {
        self.weights = weights.iter().map(|&weight| float(weight)).collect();
        self
    }

    pub(super) fn write(&self, label: usize, mut row: ArrayViewMut1<F>) {
        let weight = self.weights.get(label).copied().unwrap_or(F::one());
        row.fill(self.wrong * weight);
        row[label] = self.right * weight;
    }
}

/// Loss and logits of a batch whose features are on the tape. `targets` are `(n, classes)`.
pub(super) fn record<'a, F: NdFloat>(
    head: &'a Head<F>,
    tape: &mut Tape<'a, F>,
    features: Var,
    targets: &'a Array2<F>,
    masks: &'a [Array2<F>],
    l2: f64,
) -> [Var; 2] {
    let parameters = head.watch(tape);
    let logits = head.forward_with(tape, &parameters, features, masks);
    let mut loss = tape.softmax_cross_entropy(logits, targets);
    if l2 > 0.0 {
        let trainable = head.layers().iter().zip(parameters).filter(|(layer, _)| layer.trainable);
        for (_, [kernel, _bias]) in trainable {
            let squares = tape.sum_of_squares(kernel);
            let penalty = tape.scale(squares, float(l2));
            loss = tape.add(loss, penalty);
        }
    }
    [loss, logits]
}

/// Gradients as the optimizer gets them; to be clipped they have to be formed.
pub(super) fn clipped<F: NdFloat>(
    gradients: Vec<Gradient<'static, F>>,
    clip: Option<Clip>,
) -> Vec<Gradient<'static, F>> {
    let Some(clip) = clip else { return gradients };
    let mut dense: Vec<_> = gradients.into_iter().map(Gradient::into_dense).collect();
    clip.apply(&mut dense);
    dense.into_iter().map(Gradient::from).collect()
}

/// The part of the loss that is due to the kernels alone; Keras has it in `val_loss` too.
pub(super) fn penalty(config: &TrainConfig, head: &Head) -> f64 {
    let trainable = head.layers().iter().filter(|layer| layer.trainable);
    config.l2 * trainable.map(|layer| sum_of_squares(&layer.kernel)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, array};

    use super::*;

    fn row(targets: &Targets<f64>, label: usize) -> Array1<f64> {
        // Whatever the buffer held before is gone.
        let mut row = array![9.0, 9.0, 9.0, 9.0];
        targets.write(label, row.view_mut());
        row
    }

    #[test]
    fn targets_by_hand() {
        let plain = Targets::new(0.0, 4);
        assert_eq!(row(&plain, 2), array![0.0, 0.0, 1.0, 0.0]);
        let smooth = Targets::new(0.25, 4);
        assert_eq!(row(&smooth, 0), array![0.8125, 0.0625, 0.0625, 0.0625]);
        let weighted = smooth.weighted(&[1.0, 2.0, 1.0, 0.0]);
        assert_eq!(row(&weighted, 1), array![0.125, 1.625, 0.125, 0.125]);
        assert_eq!(row(&weighted, 3), array![0.0, 0.0, 0.0, 0.0]);
    }
}
