//! Recipes that are read from processors' own files, beside the tensors that those processors make: `tests/golden/make_processors.py`.

use std::collections::BTreeMap;

use headstart_image::Preprocessor;
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Golden {
    images: BTreeMap<String, String>,
    processors: BTreeMap<String, Processor>,
}

#[derive(Deserialize)]
struct Processor {
    config: Map<String, Value>,
    tensors: BTreeMap<String, Tensor>,
}

#[derive(Deserialize)]
struct Tensor {
    shape: [usize; 3],
    levels: String,
    numbers: String,
    samples: Vec<f32>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../../tests/golden/processors.json")).unwrap()
}

/// Which of the tensor's numbers are the samples: as in the script.
const STEP: usize = 75_437;

/// FNV-1a.
fn digest(bytes: impl IntoIterator<Item = u8>) -> String {
    let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, step))
}

/// The image of this size, by the formula of the script.
fn image(size: &str) -> Vec<u8> {
    let (width, height) = size.split_once('x').unwrap();
    let (width, height): (u64, u64) = (width.parse().unwrap(), height.parse().unwrap());
    let level = |x: u64, y: u64, c: u64| match (x / 16 + y / 16 * 2) % 5 {
        1 => ((x * 73_856_093) ^ (y * 19_349_663) ^ (c * 83_492_791)) >> 13,
        3 => (x / 3 + y / 2 + c) % 2 * 255,
        _ => x * (3 + 2 * c) + y * (7 - c) + x * y / (5 + c),
    };
    let pixel = |x, y| (0..3).map(move |c| (level(x, y, c) % 256) as u8);
    (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y))).collect()
}

/// As PPM, which holds the bytes as they are.
fn file(size: &str) -> Vec<u8> {
    let header = format!("P6 {} 255\n", size.replace('x', " "));
    [header.into_bytes(), image(size)].concat()
}

#[test]
fn images_are_those_of_the_script() {
    let images = golden().images;
    assert_eq!(images.len(), 6, "the golden file was cut short");
    for (size, expected) in images {
        assert_eq!(digest(image(&size)), expected, "{size}");
    }
}

/// Equal to the bit, so no tolerance is needed. There, a byte is multiplied by the factor in f64 and rounded to f32; here it is
/// divided by 255 in f32. A byte by 255 has the same eight bits again and again, so it never lies near the middle of two
/// numbers in f32, and both are rounded to the same one. What follows is the same arithmetic in f32.
#[test]
fn tensors_are_those_of_transformers_own_processors() {
    let golden = golden();
    assert_eq!(golden.processors.len(), 13, "the golden file was cut short");
    for (name, Processor { config, tensors }) in golden.processors {
        let recipe = recipe(&config).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut of_numbers = Preprocessor::new(recipe.clone()).unwrap();
        let plain = Recipe { divisor: 1.0, mean: [0.0; 3], std: [1.0; 3], ..recipe };
        let mut of_levels = Preprocessor::new(plain).unwrap();
        assert_eq!(tensors.len(), golden.images.len(), "{name}");
        for (size, expected) in tensors {
            let file = file(&size);
            assert_eq!(of_numbers.recipe().input_shape(), expected.shape, "{name}, {size}");
            let mut numbers = vec![0.0; of_numbers.recipe().len()];
            of_numbers.run(&file, &mut numbers).unwrap();
            assert_eq!(expected.samples.len(), 120, "{name}, {size}");
            for (i, want) in expected.samples.iter().enumerate() {
                let at = i * STEP % numbers.len();
                assert_eq!(numbers[at], *want, "{name}, {size}: number {at}");
            }
            let mut levels = vec![0.0; numbers.len()];
            of_levels.run(&file, &mut levels).unwrap();
            assert_eq!(
                digest(levels.iter().map(|level| *level as u8)),
                expected.levels,
                "{name}, {size}: levels"
            );
            let bytes = numbers.iter().flat_map(|number| number.to_le_bytes());
            assert_eq!(digest(bytes), expected.numbers, "{name}, {size}: all numbers");
        }
    }
}
