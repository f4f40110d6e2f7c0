//! Clocks that jump, stand still, or were never set: names, order and trust must not hang on them.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::place::{FILES, IMAGES, Place, Rows, ground};
use super::shim::{extract, run};
use super::some_of;

const HOUR: i64 = 3600;

#[test]
fn a_clock_that_jumps_at_any_moment_harms_nothing() {
    for look in some_of(60, 4) {
        for by in [-HOUR, HOUR, -20 * 365 * 24 * HOUR] {
            let place = Place::new();
            let mut command = place.command();
            command.env("FAULT_CLOCK", format!("{look},{by}"));
            let (said, _) = run(&place, command, "");
            assert_eq!((said.status, said.summary), (Some(1), [FILES, 1, IMAGES, 1]), "{}", said.err);
            place.goes_on();
            place.verify();
        }
    }
}

#[test]
fn killed_and_continued_under_another_clock_nothing_is_lost() {
    for (kill, by) in [(20, -HOUR), (25, HOUR), (30, -HOUR)] {
        let place = Place::new();
        extract(&place, &format!("kill {kill}"));
        let kept = place.rows().len();
        let mut command = place.command();
        command.env("FAULT_CLOCK", format!("1,{by}"));
        let (said, _) = run(&place, command, "");
        assert_eq!(said.summary, [FILES, kept + 1, IMAGES - kept, 1], "{}", said.err);
        place.goes_on();
        place.verify();
    }
}

#[test]
fn a_clock_that_was_never_set_or_stands_still_will_do() {
    for still in [0, 1, 4_102_444_800_i64] {
        let place = Place::new();
        for kill in ["kill 25", "kill 30", ""] {
            let mut command = place.command();
            command.env("FAULT_STILL", still.to_string());
            run(&place, command, kill);
        }
        place.goes_on();
        place.verify();
    }
}

/// Puts other bytes of the same length into a file, whose times do not tell: it was within one tick of its clock.
fn edited(place: &Place, age: i64) -> (Rows, Rows) {
    let now = 2_000_000_000;
    let image = place.path().join("image.png");
    let extract = |from: &Path| {
        fs::copy(from, place.path().join("new.png")).unwrap();
        // In place, so that the file stays the same but for its bytes.
        fs::write(&image, fs::read(from).unwrap()).unwrap();
        let mut command = place.command_for(&place.path().join("one.csv"));
        command.env("FAULT_STILL", now.to_string()).env("FAULT_TIMES", (now - age).to_string());
        let (said, _) = run(place, command, "");
        assert_eq!(said.status, Some(0), "{}", said.err);
        place.rows()
    };
    fs::write(place.path().join("one.csv"), "path,label\nimage.png,a\n").unwrap();
    let [first, second] = [&ground().files[0], &ground().files[1]];
    assert_eq!(fs::metadata(first).unwrap().len(), fs::metadata(second).unwrap().len());
    (extract(first), extract(second))
}

#[test]
fn an_edit_within_one_tick_of_the_clock_is_seen() {
    for age in [0, 1] {
        let (before, after) = edited(&Place::new(), age);
        assert_eq!((before.len(), after.len()), (1, 2), "{age} s");
    }
    // Of files that had been left alone for two seconds such an edit cannot be seen, and need not be feared.
    let (before, after) = edited(&Place::new(), 2);
    assert_eq!(before, after);
}

#[test]
fn rehash_trusts_no_times() {
    let place = Place::new();
    let rehash = |command: &mut Command| _ = command.arg("--rehash");
    let mut command = place.command();
    rehash(&mut command);
    let (said, trace) = run(&place, command, "");
    assert_eq!(said.summary, [FILES, 1, IMAGES, 1], "{}", said.err);
    assert!(trace.iter().any(|call| call.is_write_of("memo")), "files that are old enough are remembered");
}
