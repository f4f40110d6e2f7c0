//! Flipped bits and lost bytes, anywhere in a cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use proptest::prelude::*;
use proptest::sample::Index;

use super::place::{IMAGES, Place, ground, program, undisturbed};
use super::thorough;

/// Every file of a cache that two processes wrote: segments, failures, memos, fingerprint.
fn files() -> &'static Vec<(PathBuf, Vec<u8>)> {
    static FILES: OnceLock<Vec<(PathBuf, Vec<u8>)>> = OnceLock::new();
    FILES.get_or_init(|| {
        let place = Place::new();
        let half = ground().manifest.with_file_name("half.csv");
        let all = fs::read_to_string(&ground().manifest).unwrap();
        fs::write(&half, all.lines().take(9).collect::<Vec<_>>().join("\n")).unwrap();
        assert!(place.command_for(&half).output().unwrap().status.success());
        assert_eq!(place.extract().summary[2], IMAGES - 8);
        let entries =
            walkdir::WalkDir::new(place.cache()).sort_by_file_name().into_iter().map(Result::unwrap);
        let files = entries.filter(|entry| entry.file_type().is_file()).map(|entry| {
            let name = entry.path().strip_prefix(place.cache()).unwrap().to_owned();
            (name, fs::read(entry.path()).unwrap())
        });
        let files: Vec<_> = files.collect();
        let number_of =
            |end: &str| files.iter().filter(|(name, _)| name.to_string_lossy().ends_with(end)).count();
        let kinds = ["fingerprint.json", ".arrow", ".failures.csv", ".memo"].map(number_of);
        assert_eq!((kinds, files.len()), ([1, 2, 1, 2], 6));
        files
    })
}

#[derive(Debug, Clone)]
enum Harm {
    Flip(Index, u8),
    Cut(Index, usize),
    Insert(Index, Vec<u8>),
    Truncate(Index),
    Remove,
}

fn harm() -> impl Strategy<Value = Harm> {
    let place = any::<Index>;
    prop_oneof![
        6 => (place(), 0..8_u8).prop_map(|(at, bit)| Harm::Flip(at, bit)),
        2 => (place(), 1..400_usize).prop_map(|(at, length)| Harm::Cut(at, length)),
        2 => (place(), prop::collection::vec(any::<u8>(), 1..50)).prop_map(|(at, new)| Harm::Insert(at, new)),
        2 => place().prop_map(Harm::Truncate),
        1 => Just(Harm::Remove),
    ]
}

fn inflict(path: &Path, harm: &Harm) {
    let Ok(mut bytes) = fs::read(path) else { return };
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len();
    match harm {
        Harm::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
        Harm::Cut(at, n) => drop(bytes.drain(at.index(length)..(at.index(length) + n).min(length))),
        Harm::Insert(at, new) => drop(bytes.splice(at.index(length)..at.index(length), new.iter().copied())),
        Harm::Truncate(at) => bytes.truncate(at.index(length)),
        Harm::Remove => return fs::remove_file(path).unwrap(),
    }
    fs::write(path, bytes).unwrap();
}

fn with(harms: &[(Index, Harm)]) -> Place {
    let place = Place::new();
    for (name, bytes) in files() {
        let path = place.cache().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    harms.iter().for_each(|(which, harm)| inflict(&place.cache().join(&which.get(files()).0), harm));
    place
}

/// What `cache verify` says of a cache, and whether it found nothing to complain of.
fn verdict(place: &Place) -> (String, bool) {
    let output = program(&["cache", "verify"]).arg(place.cache()).output().unwrap();
    let words = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let status = output.status.code();
    assert!(matches!(status, Some(0..=2)) && !words.contains("panicked"), "{status:?}: {words}");
    (words.into_owned(), status == Some(0))
}

fn config(cases: u32) -> ProptestConfig {
    let cases = if thorough() { 100 * cases } else { cases };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(12))]

    #[test]
    fn whatever_is_harmed_features_are_right_or_computed_again(
        harms in prop::collection::vec((any::<Index>(), harm()), 1..4),
        used_first in any::<bool>(),
    ) {
        let place = with(&harms);
        // Whoever meets the damage tells the next process of it, be it a user of the row or `verify`.
        if used_first {
            place.goes_on();
        }
        let (words, clean) = verdict(&place);
        let rows = place.rows();
        prop_assert!(rows.iter().all(|(key, row)| undisturbed().get(key) == Some(row)), "a wrong feature");
        let told = !clean || words.contains("torn tail");
        // An end that is cut off between two batches, and a file that is gone, leave nothing to tell of.
        let untold = |(_, harm): &(Index, Harm)| matches!(harm, Harm::Cut(..) | Harm::Truncate(_) | Harm::Remove);
        prop_assert!(used_first || rows.len() == IMAGES || told || harms.iter().any(untold), "{}", words);
        place.goes_on();
        verdict(&place);
    }
}

/// Each bit of what is no segment: one flip is always told, by the name of the file.
#[test]
fn a_flipped_bit_beside_the_segments_is_named() {
    let step = if thorough() { 1 } else { 61 };
    for (name, bytes) in files().iter().filter(|(name, _)| name.extension().is_none_or(|e| e != "arrow")) {
        for byte in (0..bytes.len()).step_by(if bytes.len() > 300 { step } else { step.div_ceil(8) }) {
            let place = with(&[]);
            let mut harmed = bytes.clone();
            harmed[byte] ^= 1 << (byte % 8);
            fs::write(place.cache().join(name), harmed).unwrap();
            let (words, clean) = verdict(&place);
            let name = name.file_name().unwrap().to_string_lossy();
            let torn = words.contains("torn tail");
            assert!((!clean || torn) && words.contains(&*name), "byte {byte} of {name}: {words}");
            assert_eq!(place.rows(), *undisturbed());
        }
    }
}
