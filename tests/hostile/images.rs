//! Damaged and hostile images neither crash the decoders nor fill the memory. The same mutations in every run; `fuzz/` looks
//! further.

use std::path::{Path, PathBuf};

use crate::counting::{by_itself, held_by};
use crate::every_step::{LIMITS, every_step};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The same folders that the fuzzer begins with.
fn seeds() -> Vec<(PathBuf, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = include_str!("../../fuzz/seeds/image.txt").lines().map(|folder| root.join(folder));
    let entries =
        folders.flat_map(|folder| std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{folder:?}: {e}")));
    let files = entries.map(|entry| entry.unwrap().path());
    // Pictures of what should come out are many, large, and all of one kind.
    let is_seed = |path: &PathBuf| {
        let name = path.to_string_lossy();
        let other = [".py", ".csv", ".md", ".expected.png"].iter().any(|ending| name.ends_with(ending));
        path.is_file() && !other
    };
    let mut files: Vec<_> = files.filter(is_seed).collect();
    files.sort();
    let read = |path: PathBuf| (std::fs::read(&path).map(|bytes| (path, bytes))).unwrap();
    files.into_iter().map(read).collect()
}

fn mutate(random: &mut ChaCha8Rng, seed: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..random.random_range(1..5) {
        if bytes.is_empty() {
            return bytes;
        }
        // Half of the blows are for the header, where sizes stand.
        let reach = if random.random() { bytes.len() } else { bytes.len().min(64) };
        let at = random.random_range(0..reach);
        let end = (at + random.random_range(0..64)).min(bytes.len());
        match random.random_range(0..8) {
            0 => bytes[at] ^= 1 << random.random_range(0..8),
            1 => bytes[at] = random.random(),
            2 => bytes[at..end].fill([0, 0xff][random.random_range(0..2)]),
            3 => bytes.truncate(at.max(8)),
            4 => {
                let from = random.random_range(0..other.len());
                let piece = other[from..(from + 100).min(other.len())].to_vec();
                bytes.splice(at..end, piece);
            }
            5 => {
                let piece = bytes[at..end].repeat(random.random_range(1..20));
                bytes.splice(at..at, piece);
            }
            6 => drop(bytes.drain(at..end)),
            _ => bytes[at..].iter_mut().take(4).for_each(|byte| *byte = random.random()),
        }
    }
    if random.random() {
        mend_png(&mut bytes);
    }
    bytes
}

/// Make the checksums of a PNG hold again: else most of the damage would not be looked at.
fn mend_png(bytes: &mut [u8]) {
    let mut at = 8;
    while bytes.starts_with(b"\x89PNG") && at + 12 <= bytes.len() {
        let length = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        let Some(end) = at.checked_add(8 + length).filter(|end| end + 4 <= bytes.len()) else { return };
        let sum = crc32fast::hash(&bytes[at + 4..end]);
        bytes[end..end + 4].copy_from_slice(&sum.to_be_bytes());
        at = end + 4;
    }
}

#[test]
fn mutated_images_never_crash_or_fill_the_memory() {
    let _alone = by_itself();
    let seeds = seeds();
    assert!(seeds.len() > 200, "the seeds are missing");
    let sound = seeds.iter().filter(|(_, bytes)| every_step(bytes)).count();
    // Some are there to be refused.
    assert!(sound * 10 > seeds.len() * 8, "{sound} of {} seeds were decoded", seeds.len());
    let mut random = ChaCha8Rng::seed_from_u64(19);
    let mut decoded = 0;
    for round in 0..40 {
        for (path, seed) in &seeds {
            let (_, other) = &seeds[random.random_range(0..seeds.len())];
            let bytes = mutate(&mut random, seed, other);
            let (sound, most) = held_by(|| every_step(&bytes));
            decoded += usize::from(sound);
            // What one image may take to decode, with as much again for what is made of it.
            let allowed = 2 * LIMITS.memory as usize + 4 * bytes.len();
            assert!(most <= allowed, "round {round} of {path:?}: {most} bytes for a file of {}", bytes.len());
        }
    }
    // Damage that nobody notices, and damage that all notice, would test little.
    let tried = 40 * seeds.len();
    assert!(decoded * 20 > tried && decoded * 10 < tried * 9, "{decoded} of {tried} were decoded");
}
