//! SIGKILL between any two system calls that change the cache, and in the middle of a write.

use super::place::{BATCH, IMAGES, Place};
use super::shim::{Trace, extract, whole};
use super::{some_of, thorough};

/// One in inference, one being written.
const IN_FLIGHT: usize = 2 * BATCH;

/// Kills one extraction, and looks whether the cache took no harm. Gives its calls, if it was killed at all.
fn kill(place: &Place, rule: &str) -> Option<Trace> {
    let before = place.rows().len();
    let (said, trace) = extract(place, rule);
    if said.status.is_some() {
        return None;
    }
    let kept = place.rows().len();
    assert!(kept >= before, "{rule}: rows that were there are lost");
    let computed = BATCH * trace.iter().filter(|call| call.op == "run").count();
    let new = kept - before;
    assert!(computed <= new + IN_FLIGHT, "{rule}: {computed} were computed and {new} kept");
    Some(trace)
}

#[test]
fn killed_between_any_two_calls_extract_goes_on() {
    let mut kills = 0;
    for number in some_of(whole().len(), 10) {
        let place = Place::new();
        if kill(&place, &format!("kill {number}")).is_none() {
            // The order of threads may save a call; the last ones are then never reached.
            assert!(number + 4 > whole().len(), "call {number} of {} did not come", whole().len());
            continue;
        }
        kills += 1;
        place.goes_on();
        place.verify();
    }
    println!("{kills} kills, one at each of {} calls", whole().len());
}

#[test]
fn killed_in_the_middle_of_a_write_extract_goes_on() {
    let writes = whole().iter().filter(|call| call.op == "write").count();
    let lengths: &[usize] = if thorough() { &[0, 1, 7, 8, 63, 64, 200, 327, 328, 329, 500] } else { &[300] };
    let mut kills = 0;
    for write in some_of(writes, 5) {
        for length in lengths {
            let place = Place::new();
            assert!(kill(&place, &format!("torn {write} {length}")).is_some());
            kills += 1;
            place.goes_on();
            place.verify();
        }
    }
    println!("{kills} kills in the middle of a write");
}

/// One cache, killed again and again until all is there: now before the first batch, now after it, now in it.
#[test]
fn killed_again_and_again_one_cache_is_filled() {
    let (mut kills, place) = (0, Place::new());
    for round in 0.. {
        let rule = match round % 3 {
            0 => format!("torn {} 333", 2 + round % 2),
            _ => format!("kill {}", 8 + round % 7),
        };
        if kill(&place, &rule).is_none() {
            break;
        }
        kills += 1;
        place.verify();
        assert!(kills < 200, "no progress");
    }
    assert_eq!(place.rows().len(), IMAGES);
    place.goes_on();
    place.verify();
    println!("{kills} kills of one cache");
}
