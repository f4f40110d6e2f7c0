//! Each setting does what it says.

use super::*;
use crate::optim::{Adam, AdamConfig, Optimizer as _};

/// The loop written by hand, with the formulas written out, gives what `train` gives.
#[test]
fn every_setting_reaches_the_step() {
    let (rows, labels) = data();
    let config = TrainConfig {
        dropout: 0.0,
        shuffle: false,
        epochs: 2,
        patience: None,
        min_delta: 0.0,
        ..everything()
    };
    let mut head = Trainer::new(&config, 6, 3).unwrap().head().clone();
    let adam = AdamConfig { learning_rate: 0.05, ..AdamConfig::default() };
    let mut adam = Adam::new(adam, &head.parameters()).unwrap();
    let count = |class| labels.iter().filter(|&&label| label == class).count() as f64;
    for step in 0..12_usize {
        let chunk: Vec<usize> = (step % 6 * 7..40.min(step % 6 * 7 + 7)).collect();
        let x = rows.select(ndarray::Axis(0), &chunk);
        let y = Array2::from_shape_fn((chunk.len(), 3), |(i, j)| {
            let label = labels[chunk[i]];
            let smoothed = 0.1 / 3.0 + if label == j { 0.9 } else { 0.0 };
            (smoothed * 40.0 / (3.0 * count(label))) as f32
        });
        let mut tape = crate::autodiff::Tape::new();
        let features = tape.constant(&x);
        let logits = head.forward(&mut tape, features, &[]);
        let loss = tape.softmax_cross_entropy(logits, &y);
        let mut gradients = tape.gradient(loss);
        for (gradient, kernel) in gradients.iter_mut().step_by(2).zip(head.parameters().iter().step_by(2)) {
            gradient.scaled_add(2e-3, kernel);
        }
        let norm = gradients.iter().flatten().map(|g| g * g).sum::<f32>().sqrt();
        gradients.iter_mut().for_each(|gradient| *gradient *= (0.8 / norm).min(1.0));
        let rate = match step {
            0..4 => 1e-3 + (0.05 - 1e-3) * step as f64 / 4.0,
            _ => 0.05 * (0.1 + 0.9 * 0.5 * (1.0 + (std::f64::consts::PI * (step - 4) as f64 / 8.0).cos())),
        };
        head.parameters_mut().into_iter().for_each(|p| *p *= 1.0 - 0.01 * rate as f32);
        adam.set_learning_rate(rate);
        adam.step(&mut head.parameters_mut(), &gradients);
    }
    let outcome = train(&config, &rows, &labels, 3, None, &mut |_| Flow::Continue).unwrap();
    for (got, want) in outcome.head.parameters().into_iter().zip(head.parameters()) {
        // Rounding only; any of the settings left out moves weights by more than 1e-3.
        assert!((got - want).iter().all(|off| off.abs() < 2e-5), "{}", got - want);
    }
    let penalty =
        1e-3 * outcome.head.layers().iter().flat_map(|layer| &layer.kernel).map(|w| w * w).sum::<f32>();
    let looked_at = trained(&config);
    assert_eq!(looked_at.head, outcome.head);
    let val_loss = looked_at.history.last().unwrap().val_loss.unwrap();
    let cross_entropy: f32 = {
        let probabilities = outcome.head.probabilities(rows.view());
        let of_row = |row: usize| {
            (0..3)
                .map(|class| {
                    let target = 0.1 / 3.0 + if class == labels[row] { 0.9 } else { 0.0 };
                    -target * probabilities[(row, class)].ln()
                })
                .sum::<f32>()
        };
        (0..40).map(of_row).sum::<f32>() / 40.0
    };
    assert!(
        (val_loss - f64::from(cross_entropy + penalty)).abs() < 1e-5,
        "smoothed, penalised, not weighted"
    );
}

#[test]
fn early_stopping_ends_with_the_head_of_the_best_epoch() {
    let config = TrainConfig { epochs: 60, patience: Some(3), ..config() };
    let outcome = trained_looking_at_hopeless(&config);
    let losses: Vec<f64> = outcome.history.epochs.iter().map(|record| record.val_loss.unwrap()).collect();
    let best = 1 + (0..losses.len()).min_by(|&a, &b| losses[a].total_cmp(&losses[b])).unwrap();
    assert_eq!((losses.len(), outcome.ended), (best + 3, Ended::Completed), "{losses:?}");
    assert!(best + 3 < 60);
    // Without early stopping, the same number of epochs give the same weights.
    let until =
        |epochs| trained_looking_at_hopeless(&TrainConfig { epochs, patience: None, ..config.clone() });
    assert_eq!((outcome.best_epoch, &outcome.head), (Some(best), &until(best).head));
    assert_eq!(*outcome.checkpoint.head(), until(best + 3).head);
    let last = trained_looking_at_hopeless(&TrainConfig { restore_best_weights: false, ..config.clone() });
    assert_eq!(last.head, until(best + 3).head);
}

#[test]
fn what_has_stopped_early_stays_so() {
    let config = TrainConfig { epochs: 60, patience: Some(3), ..config() };
    let outcome = trained_looking_at_hopeless(&config);
    let ((rows, labels), (others, wrong)) = (data(), hopeless());
    let longer = TrainConfig { epochs: 90, ..config };
    let mut trainer = Trainer::resume(&longer, outcome.checkpoint).unwrap();
    let validation: (&dyn Rows, &[usize]) = (&others, &wrong);
    let ended = trainer.run(&rows, &labels, Some(validation), &mut |_| panic!("it went on")).unwrap();
    assert_eq!((ended, trainer.best_head()), (Ended::Completed, &outcome.head));
}

#[test]
fn the_plateau_lowers_the_rate_of_later_epochs() {
    let config = TrainConfig {
        schedule: ScheduleKind::Plateau,
        plateau_factor: 0.5,
        plateau_patience: 2,
        plateau_min_delta: 1e6,
        warmup_steps: 3,
        epochs: 6,
        ..config()
    };
    let rates: Vec<f64> = trained(&config).history.epochs.iter().map(|record| record.learning_rate).collect();
    // Nothing is ever so much better: after the first epoch each second one halves it, for those that follow.
    assert_eq!(rates, [0.01, 0.01, 0.01, 0.005, 0.005, 0.0025]);
}

#[test]
fn what_is_monitored_must_be_there() {
    let (rows, labels) = data();
    for config in [
        TrainConfig { patience: Some(1), ..config() },
        TrainConfig { schedule: ScheduleKind::Plateau, monitor: Monitor::ValAccuracy, ..config() },
    ] {
        let run = |config: &TrainConfig| train(config, &rows, &labels, 3, None, &mut |_| Flow::Continue);
        assert!(matches!(run(&config), Err(Error::Setting { setting: "monitor", .. })));
        run(&TrainConfig { monitor: Monitor::Loss, ..config }).unwrap();
    }
    let weights = Some(ClassWeight::Given(vec![1.0, 2.0]));
    let error = Trainer::new(&TrainConfig { class_weight: weights, ..config() }, 6, 3).unwrap_err();
    assert!(matches!(error, Error::Setting { setting: "class_weight", .. }), "{error}");
}
