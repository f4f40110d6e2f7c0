//! Many processes on one cache, and caches of several machines joined by copying.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

use headstart::cache::{Store, verify};

use super::place::{FILES, IMAGES, Place, Said, ground, program, undisturbed};

const WRITERS: usize = 8;

fn start(place: &Place) -> Child {
    place.command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Every row that an open store gives is right; how many they are.
fn look(store: &Store) -> usize {
    let right = undisturbed();
    let rows = store.ids().filter_map(|(key, view)| Some((key, store.find(&key, view)?)));
    rows.map(|(key, row)| {
        let found = store.row(row).expect("a row that nobody harmed");
        let bits: Vec<_> = found.iter().map(|value| value.to_bits()).collect();
        assert_eq!(right[&key], bits, "a torn row");
    })
    .count()
}

#[test]
fn eight_processes_fill_one_cache_while_others_read() {
    let place = Place::new();
    undisturbed();
    let mut writers: Vec<_> = (0..WRITERS).map(|_| start(&place)).collect();
    // One reader that stays, and one that comes anew each time.
    let (mut open, mut seen) = (None, 0);
    while writers.iter_mut().any(|writer| writer.try_wait().unwrap().is_none()) {
        let Some(new) = place.store() else { continue };
        look(&new);
        let staying = open.get_or_insert(new);
        staying.refresh().unwrap();
        let now = look(staying);
        assert!(now >= seen, "a row that was there is gone");
        seen = now;
    }
    let mut computed = 0;
    for writer in writers {
        let said = Said::new(writer.wait_with_output().unwrap());
        assert_eq!((said.status, said.summary[0]), (Some(1), FILES), "{}", said.err);
        computed += said.summary[2];
    }
    let report = verify(&place.store().unwrap(), |_| {});
    // Who began together computed the same images, which does no harm.
    assert_eq!((report.images, report.rows, report.duplicates), (IMAGES, computed, computed - IMAGES));
    place.goes_on();
    place.verify();
}

#[test]
fn eight_processes_of_which_some_are_killed_fill_one_cache() {
    let place = Place::new();
    let mut writers: Vec<_> = (0..WRITERS).map(|_| start(&place)).collect();
    // As soon as there is something to tear.
    while place.rows().is_empty() && writers.iter_mut().any(|writer| writer.try_wait().unwrap().is_none()) {}
    writers.iter_mut().step_by(2).for_each(|writer| writer.kill().unwrap());
    for (number, writer) in writers.into_iter().enumerate() {
        let said = Said::new(writer.wait_with_output().unwrap());
        assert!(said.status == Some(1) || number % 2 == 0, "{}", said.err);
    }
    place.goes_on();
    place.verify();
}

fn copy_into(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_into(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn shards_share_nothing_and_are_joined_by_copying() {
    const SHARDS: usize = 3;
    let joined = Place::new();
    let (mut all, mut failures) = (0, 0);
    for shard in 1..=SHARDS {
        let host = Place::new();
        let mut command = host.command();
        command.arg("--shard").arg(format!("{shard}/{SHARDS}"));
        let said = Said::new(command.output().unwrap());
        let [images, cached, computed, failed] = said.summary;
        assert_eq!((said.status, images), (Some(failed as i32), FILES), "{}", said.err);
        let elsewhere = images - cached - computed - failed;
        assert!(said.err.contains(&format!("{elsewhere} for other shards")), "{}", said.err);
        assert_eq!(host.rows().len(), computed);
        all += computed;
        failures += failed;
        // A second run finds by its memo what is not its business.
        let said = Said::new(command.output().unwrap());
        assert_eq!(said.summary, [FILES, cached + computed, 0, failed], "{}", said.err);
        copy_into(&host.cache(), &joined.cache());
    }
    assert_eq!((all, failures), (IMAGES, 1), "each file is in one shard, also what is no image");
    assert_eq!(verify(&joined.store().unwrap(), |_| {}).duplicates, 0);
    assert_eq!(joined.rows(), *undisturbed());
    joined.goes_on();
    joined.verify();
}

#[test]
fn what_is_no_shard_is_told() {
    for (shard, why) in [
        ("0/3", "expected a shard from 1 to 3, found 0"),
        ("4/3", "expected a shard from 1 to 3, found 4"),
        ("1/0", "expected at least one shard, found 0"),
        ("half", "expected `NUMBER/COUNT`, such as `1/3`"),
    ] {
        let mut command = program(&["extract", "--shard", shard]);
        let said = Said::new(command.arg(&ground().manifest).output().unwrap());
        assert_eq!(said.status, Some(2), "{}", said.err);
        assert!(said.err.contains(why) && said.err.contains(&format!("'{shard}'")), "{}", said.err);
    }
}
