//! Rows that are there in several views.

use std::{collections::BTreeSet, sync::Mutex};

use super::threads::on;
use super::*;

/// The rows of [`data`] in three views, each farther out than the one before, and which places were asked for.
struct Views {
    rows: Array2<f32>,
    views: usize,
    asked: Mutex<Vec<usize>>,
}

impl Views {
    fn of(rows: Array2<f32>, views: usize) -> Self {
        Self { rows, views, asked: Mutex::default() }
    }
}

impl Rows for Views {
    fn len(&self) -> usize {
        self.rows.nrows()
    }
    fn views(&self) -> usize {
        self.views
    }
    fn dim(&self) -> usize {
        self.rows.ncols()
    }
    fn gather(
        &self,
        places: &[usize],
        mut out: ArrayViewMut2<f32>,
    ) -> Result<(), Box<dyn StdError + Send + Sync>> {
        self.asked.lock().unwrap().extend(places);
        for (&place, mut out) in places.iter().zip(out.rows_mut()) {
            let view = (place / self.len()) as f32;
            out.assign(&self.rows.row(place % self.len()).mapv(|value| value * (1.0 + view)));
        }
        Ok(())
    }
    fn name(&self, place: usize) -> String {
        format!("row {}", place % self.len())
    }
}

fn trained_in(views: usize, config: &TrainConfig) -> (TrainOutcome, Vec<usize>) {
    let (rows, labels) = data();
    let rows = Views::of(rows, views);
    let outcome = train(config, &rows, &labels, 3, None, &mut |_| Flow::Continue).unwrap();
    (outcome, rows.asked.into_inner().unwrap())
}

#[test]
fn an_epoch_sees_every_row_once_in_a_view_drawn_by_chance() {
    let (outcome, asked) = trained_in(3, &TrainConfig { epochs: 30, ..config() });
    let mut views = [0; 3];
    let mut courses = BTreeSet::new();
    // In the end the rows of the last step are looked at once more: do they still have an answer?
    let (epochs, looked_at) = asked.split_at(30 * 40);
    assert_eq!(looked_at, &epochs[epochs.len() - 5..]);
    for epoch in epochs.chunks(40) {
        let rows: BTreeSet<usize> = epoch.iter().map(|place| place % 40).collect();
        assert_eq!((epoch.len(), rows.len()), (40, 40));
        epoch.iter().for_each(|place| views[place / 40] += 1);
        let mut course: Vec<usize> = epoch.to_vec();
        course.sort_unstable();
        courses.insert(course);
    }
    // 400 each with a standard deviation of 16, and never the same twice.
    assert!(views.iter().all(|&count| (320..480).contains(&count)), "{views:?}");
    assert_eq!(courses.len(), 30);
    assert_ne!(outcome.head, trained_in(1, &TrainConfig { epochs: 30, ..config() }).0.head);
}

#[test]
fn one_view_is_no_view_to_the_bit() {
    let (rows, labels) = data();
    let plain = train(&config(), &rows, &labels, 3, None, &mut |_| Flow::Continue).unwrap();
    let (outcome, asked) = trained_in(1, &config());
    assert_eq!(outcome.checkpoint, plain.checkpoint);
    assert!(asked.iter().all(|&place| place < 40));
}

#[test]
fn views_are_drawn_apart_from_everything_else() {
    // Views that are all the same change nothing: no other draw is moved by that of the views.
    struct Same(Array2<f32>);
    impl Rows for Same {
        fn len(&self) -> usize {
            self.0.nrows()
        }
        fn views(&self) -> usize {
            5
        }
        fn dim(&self) -> usize {
            self.0.ncols()
        }
        fn gather(
            &self,
            places: &[usize],
            out: ArrayViewMut2<f32>,
        ) -> Result<(), Box<dyn StdError + Send + Sync>> {
            self.0.gather(&places.iter().map(|place| place % 40).collect::<Vec<_>>(), out)
        }
        fn name(&self, place: usize) -> String {
            self.0.name(place)
        }
    }
    let (rows, labels) = data();
    let plain = train(&everything(), &rows, &labels, 3, None, &mut |_| Flow::Continue);
    assert!(plain.is_err(), "`everything` looks at a validation");
    let config = TrainConfig { monitor: Monitor::Loss, ..everything() };
    let plain = train(&config, &rows, &labels, 3, None, &mut |_| Flow::Continue).unwrap();
    let same = train(&config, &Same(rows), &labels, 3, None, &mut |_| Flow::Continue).unwrap();
    assert_eq!(same.head, plain.head);
    assert_eq!(same.history, plain.history);
}

#[test]
fn a_stop_anywhere_changes_no_draw() {
    let config = TrainConfig { monitor: Monitor::Loss, ..everything() };
    let (straight, _) = trained_in(3, &config);
    let (rows, labels) = data();
    let rows = Views::of(rows, 3);
    for stop in [1, 4, 7, 8, 20] {
        let mut trainer = Trainer::new(&config, 6, 3).unwrap();
        let mut events = 0;
        let stop_there = &mut |_: TrainEvent| {
            events += 1;
            if events == stop { Flow::Stop } else { Flow::Continue }
        };
        trainer.run(&rows, &labels, None, stop_there).unwrap();
        let checkpoint = Checkpoint::from_bytes(&trainer.checkpoint().to_bytes()).unwrap();
        let mut trainer = Trainer::resume(&config, checkpoint).unwrap();
        trainer.run(&rows, &labels, None, &mut |_| Flow::Continue).unwrap();
        assert_eq!(trainer.checkpoint(), straight.checkpoint, "stopped after event {stop}");
    }
}

#[test]
fn a_training_does_not_go_on_in_other_views() {
    let (rows, labels) = data();
    let go_on = |begun: usize, other: usize| {
        let config = TrainConfig { epochs: 9, ..config() };
        let mut trainer = Trainer::new(&config, 6, 3).unwrap();
        trainer.run(&Views::of(rows.clone(), begun), &labels, None, &mut |_| Flow::Stop).unwrap();
        let mut trainer = Trainer::resume(&config, trainer.checkpoint()).unwrap();
        trainer.run(&Views::of(rows.clone(), other), &labels, None, &mut |_| Flow::Continue).map(|_| ())
    };
    assert!(go_on(3, 3).is_ok() && go_on(1, 1).is_ok());
    for (begun, other) in [(3, 2), (3, 1), (1, 3)] {
        let error = go_on(begun, other).unwrap_err();
        let Error::OtherViews { expected, found } = error else { panic!("{error}") };
        assert_eq!((expected, found), (begun, other));
    }
}

#[test]
fn views_on_any_number_of_threads() {
    let trained = || trained_in(3, &TrainConfig { batch_size: 33, ..config() }).0.checkpoint;
    let one = trained();
    assert!([2, 5].into_iter().all(|threads| on(threads, trained) == one));
}

#[test]
fn what_is_only_looked_at_is_looked_at_plainly() {
    let (rows, labels) = data();
    let looked_at = Views::of(rows.clone(), 3);
    let validation: Option<(&dyn Rows, &[usize])> = Some((&looked_at, &labels));
    train(&config(), &rows, &labels, 3, validation, &mut |_| Flow::Continue).unwrap();
    assert!(looked_at.asked.into_inner().unwrap().iter().all(|&place| place < 40));
}
