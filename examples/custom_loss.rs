//! A loss of your own, with its gradient checked: the focal loss.
//!
//! ```text
//! cargo run --release --example custom_loss
//! ```
//!
//! Lin et al. 2017, arXiv:1708.02002: `-(1 - p)^γ log p` of the right class' probability `p`, so that images which are
//! right already count for less. An op is its value and its derivative; [`gradcheck`] compares the two.

#![allow(unreachable_pub, reason = "nothing outside an example meets its parts")]

mod features;

use std::error::Error;

use features::{CLASSES, FEATURES, pictures};
use headstart::autodiff::{Backward, Op, Tape, gradcheck, softmax};
use headstart::nn::{Activation, Head, HeadConfig};
use headstart::optim::{Adam, AdamConfig, Optimizer};
use ndarray::{Array2, NdFloat, array};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The mean focal loss of logits `(n, classes)`; one label a row.
#[derive(Clone)]
struct FocalLoss {
    labels: Vec<usize>,
    gamma: f64,
}

impl FocalLoss {
    fn gamma<F: NdFloat>(&self) -> F {
        F::from(self.gamma).expect("every f64 rounds to some float")
    }

    fn rows<F: NdFloat>(&self) -> F {
        F::from(self.labels.len()).expect("every number of rows rounds to some float")
    }
}

/// `log p` of each row's label, without the logarithm of a `p` that was rounded to nothing.
fn log_probability<F: NdFloat>(logits: &Array2<F>, labels: &[usize]) -> Vec<F> {
    let row = |(row, &label): (ndarray::ArrayView1<F>, &usize)| {
        let highest = row.fold(F::neg_infinity(), |a, &b| a.max(b));
        row[label] - highest - row.fold(F::zero(), |sum, &z| sum + (z - highest).exp()).ln()
    };
    logits.rows().into_iter().zip(labels).map(row).collect()
}

impl<F: NdFloat> Op<F, 1> for FocalLoss {
    fn forward(&self, [logits]: [&Array2<F>; 1]) -> Array2<F> {
        let of = |log_p: &F| -(F::one() - log_p.exp()).powf(self.gamma()) * *log_p;
        let sum = log_probability(logits, &self.labels).iter().map(of).fold(F::zero(), |a, b| a + b);
        array![[sum / self.rows()]]
    }

    fn backward(&self, ctx: Backward<'_, F, 1>) -> [Option<Array2<F>>; 1] {
        let [logits] = ctx.inputs;
        let gamma = self.gamma::<F>();
        let mut gradient = softmax(logits.view());
        let log_p = log_probability(logits, &self.labels);
        for ((mut row, &label), log_p) in gradient.rows_mut().into_iter().zip(&self.labels).zip(log_p) {
            let p = log_p.exp();
            let rest = F::one() - p;
            // p f'(p), which every logit's share of p is multiplied by.
            let slope = gamma * p * rest.powf(gamma - F::one()) * log_p - rest.powf(gamma);
            row.mapv_inplace(|share| -share * slope);
            row[label] += slope;
        }
        gradient *= ctx.upstream[(0, 0)] / self.rows();
        [Some(gradient)]
    }
}

/// The same with a mistake that is easily made: the factor taken for a constant.
struct Careless(FocalLoss);

impl Op<f64, 1> for Careless {
    fn forward(&self, inputs: [&Array2<f64>; 1]) -> Array2<f64> {
        self.0.forward(inputs)
    }

    fn backward(&self, ctx: Backward<'_, f64, 1>) -> [Option<Array2<f64>>; 1] {
        let mut gradient = softmax(ctx.inputs[0].view());
        let log_p = log_probability(ctx.inputs[0], &self.0.labels);
        for ((mut row, &label), log_p) in gradient.rows_mut().into_iter().zip(&self.0.labels).zip(log_p) {
            row[label] -= 1.0;
            row *= (1.0 - log_p.exp()).powf(self.0.gamma) / self.0.labels.len() as f64;
        }
        [Some(gradient * ctx.upstream[(0, 0)])]
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let focal = FocalLoss { labels: vec![0, 2, 1], gamma: 2.0 };
    let logits = array![[1.0, -0.5, 0.2], [0.1, 2.0, -1.0], [0.0, 6.0, 0.5]];
    gradcheck(&focal, [logits.clone()])?;
    println!("gradient of the focal loss: agrees with differences");

    let mistake = gradcheck(&Careless(focal.clone()), [logits.clone()]).expect_err("a wrong gradient");
    println!("and a careless one does not: {mistake}");

    // Without focus it is the cross-entropy.
    let plain = FocalLoss { gamma: 0.0, ..focal };
    let one_hot =
        Array2::from_shape_fn((3, 3), |(row, class)| f64::from(u8::from(plain.labels[row] == class)));
    let mut tape = Tape::new();
    let x = tape.constant(&logits);
    let (ours, theirs) = (tape.apply(plain, [x]), tape.softmax_cross_entropy(x, &one_hot));
    assert!((tape.scalar(ours) - tape.scalar(theirs)).abs() < 1e-12);

    train()
}

fn train() -> Result<(), Box<dyn Error>> {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let (train_images, test_images) = pictures();
    let config = HeadConfig {
        inputs: FEATURES,
        hidden: vec![32],
        activation: Activation::Relu,
        dropout: 0.2,
        classes: CLASSES.len(),
    };
    let mut head = Head::new(config, &mut rng)?;
    let mut adam = Adam::new(AdamConfig::default(), &head.parameters())?;
    let mut means = vec![];
    for epoch in 1..=20 {
        let mut sum = 0.0;
        let batches = train_images.batches(20, &mut rng);
        for batch in &batches {
            let masks = head.draw_masks(batch.labels.len(), &mut rng);
            let mut tape = Tape::new();
            let x = tape.constant(&batch.features);
            let logits = head.forward(&mut tape, x, &masks);
            let loss = tape.apply(FocalLoss { labels: batch.labels.clone(), gamma: 2.0 }, [logits]);
            sum += tape.scalar(loss);
            let gradients = tape.gradient(loss);
            adam.step(&mut head.parameters_mut(), &gradients);
        }
        means.push(sum / batches.len() as f32);
        if epoch % 5 == 0 {
            println!("epoch {epoch:>2}: mean focal loss {:.4}", means[epoch - 1]);
        }
    }
    let accuracy = test_images.accuracy(&head);
    println!("accuracy on other images: {accuracy:.2}");
    assert!(means[19] < 0.5 * means[0] && accuracy > 0.6, "{means:?}, {accuracy}");
    Ok(())
}
