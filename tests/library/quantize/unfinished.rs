//! A calibration that is stopped goes on from its last step, and makes the same bytes.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// What one call made, what it said of an earlier one, and how many steps it told.
struct Told {
    made: Result<Quantized, Error>,
    layers: Option<usize>,
    passed_over: Option<&'static str>,
    steps: usize,
}

/// Keeps what is chosen at `path`, and stops after so many steps.
fn run(place: &Place, options: &QuantizeOptions, path: &Path, most: usize) -> Told {
    let options = QuantizeOptions { unfinished: Some(path.to_owned()), ..options.clone() };
    let (cancel, mut steps) = (AtomicBool::new(false), 0);
    let (mut layers, mut passed_over) = (None, None);
    let made =
        quantize(&runtime(), &place.backbone, &place.pictures, &options, &cancel, &mut |event| match event {
            QuantizeEvent::Progress { .. } => {
                steps += 1;
                cancel.store(steps > most, Ordering::Relaxed);
            }
            QuantizeEvent::GoesOn { layers: done, .. } => layers = Some(done),
            QuantizeEvent::PassedOver { why, .. } => passed_over = Some(why),
            _ => {}
        });
    Told { made, layers, passed_over, steps }
}

fn bytes(made: &Quantized) -> Vec<u8> {
    onnx::encode(&made.model, "a graph in memory".as_ref()).unwrap()
}

/// Everything is chosen, and both ways of rounding may be gone through.
fn thorough() -> QuantizeOptions {
    QuantizeOptions { ranges: Ranges::Measured, equalise: None, ..quick() }
}

#[test]
fn stopped_anywhere_it_goes_on_and_makes_the_same_bytes() {
    let place = Place::of(&nets::residual(nets::recipe()));
    let path = place.path("graph.unfinished");
    let whole = run(&place, &thorough(), &path, usize::MAX);
    let expected = bytes(&whole.made.unwrap());
    fs::remove_file(&path).unwrap();
    let mut most_layers = 0;
    for most in (0..whole.steps).step_by(3) {
        let stopped = run(&place, &thorough(), &path, most);
        assert!(matches!(stopped.made, Err(Error::Cancelled)), "after {most} of {} steps", whole.steps);
        let kept = path.exists();
        let again = run(&place, &thorough(), &path, usize::MAX);
        assert_eq!(again.layers.is_some(), kept);
        most_layers = most_layers.max(again.layers.unwrap_or(0));
        assert!(!kept || again.steps < whole.steps, "nothing was left out");
        let made = again.made.unwrap();
        assert!(bytes(&made) == expected, "other bytes after {most} steps, {:?} layers", again.layers);
        made.forget_unfinished();
        assert!(!path.exists());
    }
    assert!(most_layers > 1, "no stop was between two layers");
}

#[test]
fn stopped_again_and_again_it_gets_to_the_end() {
    let place = Place::of(&nets::direct(nets::recipe()));
    let path = place.path("graph.unfinished");
    let expected = bytes(&place.quantize(&thorough()).unwrap());
    let steps = run(&place, &thorough(), &path, usize::MAX).steps;
    fs::remove_file(&path).unwrap();
    let mut before = None;
    // Ranges come in one go. Later steps are told again by each call, for what lies before them.
    for most in [steps - 9].into_iter().chain(1..steps) {
        let Told { made, layers, .. } = run(&place, &thorough(), &path, most);
        assert!(layers >= before, "what was kept is lost");
        before = layers;
        if let Ok(made) = made {
            assert!(bytes(&made) == expected);
            return;
        }
    }
    panic!("it never ends");
}

#[test]
fn what_another_calibration_left_is_not_used() {
    let place = Place::of(&nets::direct(nets::recipe()));
    let path = place.path("graph.unfinished");
    let stop = |options: &QuantizeOptions| {
        let all = run(&place, options, &path, usize::MAX).steps;
        fs::remove_file(&path).unwrap();
        assert!(run(&place, options, &path, all - 2).made.is_err() && path.exists());
    };
    let others = [
        QuantizeOptions { rounding: Rounding::Nearest, ..quick() },
        QuantizeOptions { calibration: 30, held_out: 10, ..quick() },
        QuantizeOptions { equalise: Some(0.0), ..quick() },
    ];
    for other in others {
        stop(&quick());
        let told = run(&place, &other, &path, usize::MAX);
        assert!(told.layers.is_none() && told.passed_over.unwrap().contains("other images"));
        let alone = place.quantize(&other).unwrap();
        assert!(bytes(&told.made.unwrap()) == bytes(&alone));
        fs::remove_file(&path).unwrap();
    }
    // Another graph, by the same name.
    stop(&quick());
    let another = Place::of(&nets::residual(nets::recipe()));
    assert!(run(&another, &quick(), &path, usize::MAX).passed_over.unwrap().contains("another graph"));
}

#[test]
fn a_damaged_file_is_passed_over_and_a_foreign_one_stays() {
    let place = Place::of(&nets::direct(nets::recipe()));
    let path = place.path("graph.unfinished");
    let expected = bytes(&place.quantize(&quick()).unwrap());
    run(&place, &quick(), &path, usize::MAX);
    let whole = fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 4;
    for damaged in [&flipped[..], &whole[..whole.len() - 1], &whole[..8], &whole[..40]] {
        fs::write(&path, damaged).unwrap();
        let told = run(&place, &quick(), &path, usize::MAX);
        assert_eq!((told.layers, told.passed_over), (None, Some("it is damaged")));
        assert!(bytes(&told.made.unwrap()) == expected);
    }
    fs::write(&path, "mine").unwrap();
    let told = run(&place, &quick(), &path, usize::MAX);
    assert!(told.passed_over.unwrap().contains("which stays"));
    told.made.unwrap().forget_unfinished();
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
}
