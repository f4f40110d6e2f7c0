//! Disks that are full, broken, read-only or slow of uptake: what fails is told, and what was complete is kept.

use super::place::{FILES, IMAGES, Place};
use super::power::on_disk;
use super::shim::{extract, whole};
use super::{some_of, thorough};

const EINTR: i32 = 4;
const EIO: i32 = 5;
const EACCES: i32 = 13;
const EROFS: i32 = 30;

fn number_of(op: &str) -> usize {
    whole().iter().filter(|call| call.op == op).count()
}

#[test]
fn a_failed_flush_is_told_and_nothing_is_lost() {
    for number in 1..=number_of("fsync") {
        let place = Place::new();
        let (said, trace) = extract(&place, &format!("error {number} {number} {EIO} fsync"));
        // The memo is not worth an error: it may be deleted at any time.
        let before: Vec<_> = trace.iter().take_while(|call| call.result != -i64::from(EIO)).collect();
        assert!(before.len() < trace.len(), "no flush failed");
        if !before.last().is_some_and(|call| call.path.ends_with("memo")) {
            assert_eq!(said.status, Some(2), "flush {number}: {}", said.err);
            assert!(said.err.contains("cannot flush `") && said.err.contains("Input/output"), "{}", said.err);
        }
        place.goes_on();
        place.verify();
    }
}

#[test]
fn any_failing_call_is_told_unless_it_costs_nothing() {
    for number in some_of(whole().len(), 12) {
        let place = Place::new();
        let (said, trace) = extract(&place, &format!("error {number} {number} {EIO} any"));
        match said.status {
            Some(2) => assert!(said.err.contains("error: cannot "), "{}", said.err),
            // A memo and the end of a segment can do without; and the last calls may never have come.
            Some(1) => assert_eq!(on_disk(&place, trace), IMAGES, "call {number}: {}", said.err),
            other => panic!("{other:?}: {}", said.err),
        }
        place.goes_on();
        place.verify();
    }
}

#[test]
fn on_a_full_disk_what_was_complete_is_kept_and_the_next_run_goes_on() {
    let needed: i64 = whole().iter().filter(|call| call.op == "write").map(|call| call.result).sum();
    let mut full = 0;
    let step = if thorough() { 29 } else { needed as usize / 8 };
    for room in (0..needed as usize).step_by(step) {
        let place = Place::new();
        let (said, _) = extract(&place, &format!("room {room}"));
        match said.status {
            Some(2) => {
                full += 1;
                assert!(
                    said.err.contains("the disk that holds `") && said.err.contains("is full"),
                    "{}",
                    said.err
                );
                assert!(said.err.contains("hint: free some space"), "{}", said.err);
            }
            // Only the memo found no room.
            status => assert_eq!((status, place.rows().len()), (Some(1), IMAGES), "{}", said.err),
        }
        place.goes_on();
        place.verify();
    }
    assert!(full >= 5, "{full}");
}

#[test]
fn a_system_that_writes_half_or_is_interrupted_harms_nothing() {
    let writes = number_of("write");
    for number in some_of(writes, 4) {
        for rule in [format!("short {number}"), format!("error {number} {number} {EINTR} write")] {
            let place = Place::new();
            let (said, _) = extract(&place, &rule);
            assert_eq!((said.status, said.summary), (Some(1), [FILES, 1, IMAGES, 1]), "{rule}: {}", said.err);
            place.goes_on();
            place.verify();
        }
    }
}

/// Root may write anywhere, so it is the system that says no.
#[test]
fn a_folder_that_may_only_be_read_is_told_or_read() {
    for errno in [EROFS, EACCES] {
        let place = Place::new();
        let never = format!("error 1 1000000 {errno} mkdir,create,write,rename,unlink,chmod");
        let (said, trace) = extract(&place, &never);
        assert_eq!(said.status, Some(2), "{}", said.err);
        assert!(said.err.contains("is not writable") && said.err.contains("hint: "), "{}", said.err);
        assert!(trace.iter().all(|call| call.op != "run"), "it is told before anything is computed");
        place.goes_on();
        // Nothing is to be written any more, and nothing is.
        let (said, trace) = extract(&place, &never);
        assert_eq!((said.status, said.summary), (Some(1), [FILES, IMAGES + 1, 0, 1]), "{}", said.err);
        assert!(trace.iter().all(|call| call.op == "fsync"), "{trace:#?}");
    }
}
