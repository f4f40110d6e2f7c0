//! The training as a whole.

mod resume;
mod settings;
mod threads;
mod views;

use std::error::Error as StdError;

use ndarray::{Array2, ArrayViewMut2, array};

use super::*;
use crate::layers::FormatError;

/// Three classes around three centres, 40 rows of 6.
fn data() -> (Array2<f32>, Vec<usize>) {
    let labels: Vec<usize> = (0..40).map(|row| row * 7 % 3).collect();
    let rows = Array2::from_shape_fn((40, 6), |(row, column)| {
        let noise = ((row * 31 + column * 17) % 23) as f32 / 23.0 - 0.5;
        noise + if column == labels[row] { 1.5 } else { 0.0 }
    });
    (rows, labels)
}

/// Uneven batches (40 = 5 · 7 + 5), dropout, shuffling.
fn config() -> TrainConfig {
    TrainConfig {
        hidden: vec![8],
        dropout: 0.3,
        epochs: 4,
        batch_size: 7,
        learning_rate: 0.01,
        seed: 11,
        ..Default::default()
    }
}

/// Every setting that is at its default in `config`: a schedule, early stopping, weights and penalties.
fn everything() -> TrainConfig {
    TrainConfig {
        optimizer: OptimizerKind::AdamW,
        weight_decay: Some(0.01),
        global_clipnorm: Some(0.8),
        schedule: ScheduleKind::Cosine,
        warmup_steps: 4,
        warmup_from: 1e-3,
        alpha: 0.1,
        label_smoothing: 0.1,
        class_weight: Some(ClassWeight::Auto),
        l2: 1e-3,
        learning_rate: 0.05,
        patience: Some(2),
        min_delta: 0.01,
        epochs: 12,
        ..config()
    }
}

fn trained(config: &TrainConfig) -> TrainOutcome {
    let (rows, labels) = data();
    train(config, &rows, &labels, 3, Some((&rows, &labels)), &mut |_| Flow::Continue).unwrap()
}

/// A validation in which labels are drawn by lot: it gets worse after a while.
fn hopeless() -> (Array2<f32>, Vec<usize>) {
    let (rows, _) = data();
    (rows, (0..40).map(|row| row * row % 3).collect())
}

fn trained_looking_at_hopeless(config: &TrainConfig) -> TrainOutcome {
    let ((rows, labels), (others, wrong)) = (data(), hopeless());
    train(config, &rows, &labels, 3, Some((&others, &wrong)), &mut |_| Flow::Continue).unwrap()
}

#[test]
fn it_learns_and_writes_its_history() {
    let outcome = trained(&TrainConfig { epochs: 60, ..config() });
    let (first, last) = (outcome.history.epochs[0], *outcome.history.last().unwrap());
    assert_eq!((first.epoch, last.epoch, outcome.ended), (1, 60, Ended::Completed));
    assert!(last.loss < 0.5 * first.loss && last.val_accuracy == Some(1.0), "{first:?} {last:?}");
}

#[test]
fn every_shape_of_head_and_both_optimizers_train() {
    for hidden in [vec![], vec![8], vec![8, 5]] {
        for optimizer in [OptimizerKind::Adam, OptimizerKind::Sgd] {
            let outcome = trained(&TrainConfig { hidden: hidden.clone(), optimizer, epochs: 15, ..config() });
            let (first, last) = (outcome.history.epochs[0], *outcome.history.last().unwrap());
            assert!(last.loss < first.loss, "{hidden:?} {optimizer:?}");
        }
    }
}

/// The loop written by hand, on the tape, gives what `train` gives.
#[test]
fn the_figures_of_an_epoch_are_those_of_its_steps() {
    let (rows, labels) = data();
    let config = TrainConfig { dropout: 0.0, shuffle: false, epochs: 1, ..config() };
    let mut head = Trainer::new(&config, 6, 3).unwrap().head().clone();
    let mut adam = config.optimizer::<f32>(&head.parameters()).unwrap();
    let (mut loss_sum, mut hits) = (0.0, 0);
    for start in (0..40).step_by(7) {
        let chunk: Vec<usize> = (start..40.min(start + 7)).collect();
        let x = rows.select(ndarray::Axis(0), &chunk);
        let y =
            Array2::from_shape_fn((chunk.len(), 3), |(i, j)| if labels[chunk[i]] == j { 1.0 } else { 0.0 });
        let mut tape = crate::autodiff::Tape::new();
        let features = tape.constant(&x);
        let logits = head.forward(&mut tape, features, &[]);
        let loss = tape.softmax_cross_entropy(logits, &y);
        loss_sum += f64::from(tape.scalar(loss)) * chunk.len() as f64;
        for (row, &index) in tape.value(logits).rows().into_iter().zip(&chunk) {
            hits += usize::from((0..3).all(|class| row[class] <= row[labels[index]]));
        }
        let gradients = tape.gradient(loss);
        adam.step(&mut head.parameters_mut(), &gradients);
    }
    let outcome = train(&config, &rows, &labels, 3, None, &mut |_| Flow::Continue).unwrap();
    let record = outcome.history.epochs[0];
    assert_eq!((record.loss, record.accuracy), (loss_sum / 40.0, hits as f64 / 40.0));
    assert_eq!((record.val_loss, outcome.head), (None, head));
}

#[test]
fn one_seed_one_result_another_seed_another() {
    let (a, b) = (trained(&config()), trained(&config()));
    assert_eq!((&a.head, &a.history), (&b.head, &b.history));
    assert_ne!(a.head, trained(&TrainConfig { seed: 12, ..config() }).head);
}

#[test]
fn two_epochs_and_two_more_are_four() {
    let two = trained(&TrainConfig { epochs: 2, ..config() });
    let (rows, labels) = data();
    let mut trainer = Trainer::resume(&config(), two.checkpoint).unwrap();
    trainer.run(&rows, &labels, Some((&rows, &labels)), &mut |_| Flow::Continue).unwrap();
    assert_eq!(trainer.checkpoint(), trained(&config()).checkpoint);
}

#[test]
fn a_checkpoint_of_another_training_is_refused() {
    let (rows, labels) = data();
    let checkpoint = trained(&TrainConfig { epochs: 1, ..config() }).checkpoint;
    let resume = |config: &TrainConfig| Trainer::resume(config, checkpoint.clone());
    let Err(Error::OtherSettings { setting, expected, found }) =
        resume(&TrainConfig { dropout: 0.4, ..config() })
    else {
        panic!()
    };
    assert_eq!((&*setting, &*expected, &*found), ("dropout", "0.3", "0.4"));
    let fewer = rows.slice(ndarray::s![..30, ..]).to_owned();
    let error =
        resume(&config()).unwrap().run(&fewer, &labels[..30], None, &mut |_| Flow::Continue).unwrap_err();
    assert!(matches!(error, Error::OtherRows { expected: 40, found: 30 }));
}

#[test]
fn a_damaged_checkpoint_is_refused() {
    let bytes = trained(&config()).checkpoint.to_bytes();
    for length in (0..bytes.len()).step_by(41) {
        let error = Checkpoint::from_bytes(&bytes[..length]).unwrap_err();
        assert!(matches!(error, FormatError::SafeTensors(_)), "{error:?}");
    }
    let error = Checkpoint::from_bytes(&trained(&config()).head.to_bytes()).unwrap_err();
    assert!(matches!(error, FormatError::NoMetadata { .. }), "{error:?}");
}

#[test]
fn events_count_steps_and_epochs_from_one() {
    let (rows, labels) = data();
    let mut seen = Vec::new();
    train(&TrainConfig { epochs: 2, batch_size: 20, ..config() }, &rows, &labels, 3, None, &mut |event| {
        seen.push(match event {
            TrainEvent::Step { epoch, step, steps, loss, .. } => {
                assert!(steps == 2 && loss.is_finite());
                (epoch, step)
            }
            TrainEvent::Epoch { record, trainer, .. } => {
                assert_eq!(trainer.history().last(), Some(record));
                (record.epoch, 0)
            }
        });
        Flow::Continue
    })
    .unwrap();
    assert_eq!(seen, [(1, 1), (1, 2), (1, 0), (2, 1), (2, 2), (2, 0)]);
}

/// Rows under names of their own, one of which cannot be read.
struct Named(Array2<f32>, Option<usize>);

impl Rows for Named {
    fn len(&self) -> usize {
        self.0.nrows()
    }
    fn dim(&self) -> usize {
        self.0.ncols()
    }
    fn gather(&self, rows: &[usize], out: ArrayViewMut2<f32>) -> Result<(), Box<dyn StdError + Send + Sync>> {
        if self.1.is_some_and(|bad| rows.contains(&bad)) {
            return Err("the disk is on fire".into());
        }
        self.0.gather(rows, out)
    }
    fn name(&self, row: usize) -> String {
        format!("photos/{row}.jpg")
    }
}

fn error_of(rows: &Named) -> Error {
    let (_, labels) = data();
    let config = TrainConfig { shuffle: false, ..config() };
    train(&config, rows, &labels, 3, None, &mut |_| Flow::Continue).unwrap_err()
}

#[test]
fn a_number_that_is_not_finite_is_blamed_on_its_image() {
    let (rows, _) = data();
    let with = |value: f32| {
        let mut rows = rows.clone();
        rows.row_mut(16).fill(value);
        error_of(&Named(rows, None))
    };
    for (value, blamed) in [
        (f32::NAN, Quantity::Features),
        (f32::INFINITY, Quantity::Features),
        (f32::MAX, Quantity::Loss),
        (1e38, Quantity::Gradients),
    ] {
        let error = with(value);
        let Error::NotFinite { quantity, epoch: 1, step: 3, image } = &error else {
            panic!("{value}: {error:?}")
        };
        assert_eq!((*quantity, &**image), (blamed, "photos/16.jpg"), "{value}");
    }
}

#[test]
fn after_an_error_the_trainer_stands_at_the_last_good_step() {
    let (rows, labels) = data();
    let config = TrainConfig { shuffle: false, ..config() };
    let mut bad = rows.clone();
    bad[(16, 0)] = f32::NAN;
    let mut trainer = Trainer::new(&config, 6, 3).unwrap();
    trainer.run(&bad, &labels, None, &mut |_| Flow::Continue).unwrap_err();
    trainer.run(&rows, &labels, None, &mut |_| Flow::Continue).unwrap();
    let straight = train(&config, &rows, &labels, 3, None, &mut |_| Flow::Continue).unwrap();
    assert_eq!(trainer.checkpoint(), straight.checkpoint);
}

#[test]
fn a_head_without_numbers_is_never_kept() {
    let (rows, labels) = data();
    for optimizer in [OptimizerKind::Adam, OptimizerKind::Sgd] {
        // The step that breaks it may be the only one, and nothing comes after it.
        for (epochs, batch_size) in [(1, 40), (3, 40), (2, 7)] {
            let config = TrainConfig { optimizer, epochs, batch_size, learning_rate: 1e30, ..config() };
            let mut trainer = Trainer::new(&config, 6, 3).unwrap();
            let fresh = trainer.head().clone();
            let error = trainer.run(&rows, &labels, None, &mut |_| Flow::Continue).unwrap_err();
            assert!(
                matches!(error, Error::NotFinite { quantity: Quantity::Answers, epoch: 1, step: 1, .. }),
                "{optimizer:?} {error}"
            );
            assert_eq!((trainer.head(), trainer.history().epochs.len()), (&fresh, 0));
        }
    }
}

#[test]
fn a_training_that_diverges_goes_back_to_the_last_step_with_numbers() {
    let (rows, labels) = data();
    // A rate that is right for one step, and then far too large. The steps before it are as if nothing had come after them.
    let diverging = TrainConfig { learning_rate: 1e30, warmup_steps: 4, warmup_from: 1e-33, ..config() };
    for (batch_size, epochs) in [(40, 1), (20, 0)] {
        let config = TrainConfig { batch_size, ..diverging.clone() };
        let mut trainer = Trainer::new(&config, 6, 3).unwrap();
        trainer.run(&rows, &labels, None, &mut |_| Flow::Continue).unwrap_err();
        assert_eq!(trainer.history().epochs.len(), epochs);
        assert!(trainer.head().logits(rows.view()).iter().all(|x| x.is_finite()));
        let mut first = Trainer::new(&config, 6, 3).unwrap();
        let stop = &mut |event: TrainEvent| match event {
            TrainEvent::Step { .. } if epochs == 1 => Flow::Continue,
            _ => Flow::Stop,
        };
        first.run(&rows, &labels, None, stop).unwrap();
        assert_eq!(trainer.checkpoint(), first.checkpoint());
    }
}

#[test]
fn rows_that_cannot_be_read_stop_it_with_their_cause() {
    let error = error_of(&Named(data().0, Some(3)));
    assert!(matches!(error, Error::Rows { part: Part::Training, .. }));
    assert_eq!(error.source().unwrap().to_string(), "the disk is on fire");
}

#[test]
fn data_that_does_not_fit_is_refused_before_a_step() {
    let (rows, labels) = data();
    let run = |rows: &Array2<f32>, labels: &[usize], classes, validation: Option<(&dyn Rows, &[usize])>| {
        train(&config(), rows, labels, classes, validation, &mut |_| panic!("a step was taken")).unwrap_err()
    };
    assert!(matches!(run(&rows, &labels, 1, None), Error::Classes { found: 1 }));
    assert!(matches!(run(&rows, &labels, 2, None), Error::Label { label: 2, classes: 2, .. }));
    assert!(matches!(run(&rows, &labels[1..], 3, None), Error::LabelCount { rows: 40, labels: 39, .. }));
    assert!(matches!(run(&Array2::zeros((0, 6)), &[], 3, None), Error::NoRows { part: Part::Training }));
    assert!(matches!(run(&Array2::zeros((40, 0)), &labels, 3, None), Error::NoColumns));
    let narrow = array![[1.0, 2.0]];
    let error = run(&rows, &labels, 3, Some((&narrow, &[0])));
    assert!(matches!(error, Error::FeatureSize { part: Part::Validation, expected: 6, found: 2 }));
    let error = run(&rows, &labels, 3, Some((&Array2::<f32>::zeros((0, 6)), &[])));
    assert!(matches!(error, Error::NoRows { part: Part::Validation }));
}

#[test]
fn a_bad_validation_row_is_named() {
    let (rows, labels) = data();
    let mut bad = rows.clone();
    bad[(5, 2)] = f32::NAN;
    let validation: (&dyn Rows, &[usize]) = (&Named(bad, None), &labels);
    let error = train(&config(), &rows, &labels, 3, Some(validation), &mut |_| Flow::Continue).unwrap_err();
    let Error::ValidationNotFinite { quantity: Quantity::Features, epoch: 1, image } = error else {
        panic!("{error:?}")
    };
    assert_eq!(image, "photos/5.jpg");
}

/// Losses of the steps of two epochs with weights that stand still.
fn losses_of_steps(config: TrainConfig, rows: &Array2<f32>, labels: &[usize]) -> Vec<f64> {
    let config = TrainConfig { learning_rate: 1e-30, epochs: 2, ..config };
    let (mut losses, mut sum) = (Vec::new(), 0.0);
    train(&config, rows, labels, 3, None, &mut |event| {
        if let TrainEvent::Step { step, loss, .. } = event {
            // From the mean so far to the loss of the step.
            sum = if step == 1 { 0.0 } else { sum };
            losses.push(loss * step as f64 - sum);
            sum = loss * step as f64;
        }
        Flow::Continue
    })
    .unwrap();
    losses
}

#[test]
fn every_step_has_masks_and_every_epoch_an_order_of_its_own() {
    let same = Array2::from_elem((8, 6), 0.5);
    let masked = losses_of_steps(TrainConfig { batch_size: 4, ..config() }, &same, &[1; 8]);
    for (index, loss) in masked.iter().enumerate() {
        assert!(masked[..index].iter().all(|other| (other - loss).abs() > 1e-6), "{masked:?}");
    }
    let (rows, labels) = data();
    let by_row = TrainConfig { batch_size: 1, dropout: 0.0, ..config() };
    let shuffled = losses_of_steps(by_row.clone(), &rows, &labels);
    let given = losses_of_steps(TrainConfig { shuffle: false, ..by_row }, &rows, &labels);
    let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
    let sorted = |losses: &[f64]| {
        let mut losses = losses.to_vec();
        losses.sort_by(f64::total_cmp);
        losses
    };
    let (first, second) = shuffled.split_at(40);
    assert!(!close(first, second) && !close(first, &given[..40]));
    assert!(close(&given[..40], &given[40..]));
    // Every row once in each.
    assert!(close(&sorted(first), &sorted(second)) && close(&sorted(first), &sorted(&given[..40])));
}
