//! The same bits, however a training is run.

use std::{
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    thread,
};

use proptest::prelude::*;

use super::*;

#[test]
fn stopping_anywhere_and_resuming_changes_no_bit() {
    let straight = trained(&config());
    // Six steps and the end of the epoch are seven events an epoch: after a step, at the end of an epoch, in
    // the last epoch.
    for stop in [1, 3, 6, 7, 8, 14, 17, 27] {
        let (rows, labels) = data();
        let resumed = interrupted(&config(), &[stop], (&rows, &labels));
        assert_eq!(resumed.checkpoint, straight.checkpoint, "stopped after event {stop}");
        assert_eq!((resumed.history, resumed.ended), (straight.history.clone(), Ended::Completed));
    }
}

/// Train, stop after so many events, go through bytes, resume, and so on until the end.
fn interrupted(config: &TrainConfig, stops: &[usize], validation: (&Array2<f32>, &[usize])) -> TrainOutcome {
    let (rows, labels) = data();
    let validation: Option<(&dyn Rows, &[usize])> = Some((validation.0, validation.1));
    let mut trainer = Trainer::new(config, 6, 3).unwrap();
    for &stop in stops {
        let mut events = 0;
        // It may also be over before.
        let stop_there = &mut |_: TrainEvent| {
            events += 1;
            if events == stop { Flow::Stop } else { Flow::Continue }
        };
        trainer.run(&rows, &labels, validation, stop_there).unwrap();
        let checkpoint = Checkpoint::from_bytes(&trainer.checkpoint().to_bytes()).unwrap();
        assert_eq!(checkpoint, trainer.checkpoint());
        trainer = Trainer::resume(config, checkpoint).unwrap();
    }
    let ended = trainer.run(&rows, &labels, validation, &mut |_| Flow::Continue).unwrap();
    trainer.into_outcome(ended)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// After any step of any epoch, once or more often, with all that a training can have.
    #[test]
    fn stopping_at_random_with_every_setting_on_changes_no_bit(
        stops in prop::collection::vec(1usize..60, 1..4),
        seed in 0u64..1000,
        monitor in prop::sample::select(vec![Monitor::Loss, Monitor::ValLoss, Monitor::ValAccuracy]),
        plateau: bool,
    ) {
        let cosine = TrainConfig { seed, monitor, ..everything() };
        let config = match plateau {
            true => TrainConfig {
                schedule: ScheduleKind::Plateau,
                plateau_patience: 1,
                plateau_factor: 0.7,
                alpha: 0.0,
                ..cosine
            },
            false => cosine,
        };
        let straight = trained_looking_at_hopeless(&config);
        let (others, wrong) = hopeless();
        let resumed = interrupted(&config, &stops, (&others, &wrong));
        prop_assert_eq!(&resumed.checkpoint, &straight.checkpoint);
        prop_assert_eq!(&resumed.head, &straight.head);
    }
}

#[test]
fn settings_that_were_not_set_are_told_apart_and_epochs_count_where_they_shape_the_rate() {
    let other =
        |config: &TrainConfig, checkpoint: &Checkpoint| match Trainer::resume(config, checkpoint.clone())
            .map(|_| ())
        {
            Err(Error::OtherSettings { setting, expected, found }) => Some((setting, expected, found)),
            Ok(()) => None,
            Err(error) => panic!("{error}"),
        };
    let texts = |a: &str, b: &str, c: &str| Some((a.to_owned(), b.to_owned(), c.to_owned()));
    let plain = trained(&TrainConfig { epochs: 1, ..config() }).checkpoint;
    let clipped = TrainConfig { clipnorm: Some(1.0), ..config() };
    assert_eq!(other(&clipped, &plain), texts("clipnorm", "not set", "1.0"));
    let of_clipped = trained(&TrainConfig { epochs: 1, ..clipped }).checkpoint;
    assert_eq!(other(&config(), &of_clipped), texts("clipnorm", "1.0", "not set"));
    let cosine = TrainConfig { schedule: ScheduleKind::Cosine, ..config() };
    let of_cosine = trained(&cosine).checkpoint;
    assert_eq!(other(&TrainConfig { epochs: 5, ..cosine.clone() }, &of_cosine), texts("epochs", "4", "5"));
    let told = TrainConfig { decay_steps: Some(20), ..cosine };
    let of_told = trained(&told).checkpoint;
    assert_eq!(other(&TrainConfig { epochs: 5, ..told }, &of_told), None);
}

#[test]
fn trainings_side_by_side_are_as_alone() {
    let alone = trained(&everything()).checkpoint;
    thread::scope(|scope| {
        let others: Vec<_> = (0..5).map(|_| scope.spawn(|| trained(&everything()).checkpoint)).collect();
        others.into_iter().for_each(|other| assert_eq!(other.join().unwrap(), alone));
    });
}

/// Rows one of which turns bad once it has been gathered some times.
struct Decaying {
    rows: Array2<f32>,
    good_for: AtomicUsize,
}

impl Rows for Decaying {
    fn len(&self) -> usize {
        self.rows.nrows()
    }
    fn dim(&self) -> usize {
        self.rows.ncols()
    }
    fn gather(
        &self,
        rows: &[usize],
        mut out: ArrayViewMut2<f32>,
    ) -> Result<(), Box<dyn StdError + Send + Sync>> {
        self.rows.gather(rows, out.view_mut())?;
        if let Some(place) = rows.iter().position(|&row| row == 16)
            && self.good_for.fetch_sub(1, SeqCst) <= 1
        {
            out[(place, 3)] = f32::INFINITY;
        }
        Ok(())
    }
    fn name(&self, row: usize) -> String {
        format!("photos/{row}.jpg")
    }
}

#[test]
fn the_last_good_checkpoint_and_the_best_head_outlive_an_error() {
    let ((rows, labels), (others, wrong)) = (data(), hopeless());
    let validation: Option<(&dyn Rows, &[usize])> = Some((&others, &wrong));
    let config = TrainConfig { patience: Some(9), ..everything() };
    let decaying = Decaying { rows: rows.clone(), good_for: AtomicUsize::new(3) };
    let mut trainer = Trainer::new(&config, 6, 3).unwrap();
    let (mut steps, mut best) = (0, None);
    let error = trainer.run(&decaying, &labels, validation, &mut |event| {
        match event {
            TrainEvent::Epoch { trainer, .. } => best = Some(trainer.best_head().clone()),
            TrainEvent::Step { .. } => steps += 1,
        }
        Flow::Continue
    });
    let error = error.unwrap_err();
    let Error::NotFinite { quantity: Quantity::Features, epoch: 3, step, image } = &error else {
        panic!("{error}")
    };
    assert_eq!((2 * 6 + step - 1, &**image), (steps, "photos/16.jpg"));
    assert_eq!(Some(trainer.best_head()), best.as_ref());
    // With the rows in order again it goes on to where it would have come.
    let mut trainer = Trainer::resume(&config, trainer.checkpoint()).unwrap();
    trainer.run(&rows, &labels, validation, &mut |_| Flow::Continue).unwrap();
    assert_eq!(trainer.checkpoint(), trained_looking_at_hopeless(&config).checkpoint);
}
