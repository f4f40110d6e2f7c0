//! Final tensors against those that torchvision, timm, transformers, Keras and TensorFlow make themselves.

use std::io::Cursor;

use image::{ImageFormat, RgbImage};

use super::{golden, preset, read};
use crate::recipe::{Filter, Layout};
use crate::{Preprocessor, Recipe};

/// A piece of a photo without its last `less` columns and rows, as a file.
pub(super) fn piece(name: &str, less: u32) -> Vec<u8> {
    let whole = golden(&format!("preprocess/{name}.png"));
    let (width, height) = (whole.width() - less, whole.height() - less);
    let part: RgbImage = image::imageops::crop_imm(&whole, 0, 0, width, height).to_image();
    let mut file = Cursor::new(vec![]);
    part.write_to(&mut file, ImageFormat::Png).unwrap();
    file.into_inner()
}

fn recipe(name: &str) -> Recipe {
    match name {
        // The filter of `tf.image.resize` belongs to no weights in particular.
        "bilinear-tf2" => Recipe { filter: Filter::BilinearTf2, ..preset("keras-resnet50") },
        name => preset(name),
    }
}

/// How far a value may be from the reference's, in steps of a byte.
fn tolerance(recipe: &str) -> f32 {
    match recipe {
        // TensorFlow keeps the fractions when it resizes; we round to a byte. Measured: 0.5000.
        "mlnet-resnet-v2" | "bilinear-tf2" => 0.501,
        // It multiplies by 1/255 where we divide by 255: the last bit differs. Measured: 3.1e-5.
        "hf-resnet50" => 1e-4,
        // The same bytes, and the same arithmetic.
        _ => 0.0,
    }
}

fn compare(file: &str, recipes: usize) {
    let golden = String::from_utf8(read(&format!("tests/golden/references/{file}.csv"))).unwrap();
    let mut rows = 0;
    for line in golden.lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<&str> = line.split(',').collect();
        let [image, less, name, ref values @ ..] = cells[..] else { panic!("golden row: {line}") };
        let mut preprocessor = Preprocessor::new(recipe(name)).unwrap();
        let mut tensor = vec![f32::NAN; preprocessor.recipe().len()];
        preprocessor.run(&piece(image, less.parse().unwrap()), &mut tensor).unwrap();
        let recipe = preprocessor.recipe();
        assert_eq!(values.len(), tensor.len().div_ceil(499));
        for (k, (got, want)) in tensor.iter().step_by(499).zip(values).enumerate() {
            let channel = match recipe.layout {
                Layout::Nchw => k * 499 / (tensor.len() / 3),
                Layout::Nhwc => k * 499 % 3,
            };
            let step = 1.0 / (recipe.divisor * recipe.std[channel]) as f32;
            // The decimals are the shortest that read back as the same f32.
            let want: f32 = want.parse().unwrap();
            let apart = (got - want).abs() / step;
            assert!(
                apart <= tolerance(name),
                "{image} less {less}, {name}: {got} vs {want}, {apart} steps apart"
            );
        }
        rows += 1;
    }
    assert_eq!(rows, recipes * 6, "golden file was cut short");
}

#[test]
fn torchvisions_timms_and_transformers_tensors() {
    compare("torch", 7);
}

#[test]
fn keras_and_tensorflows_tensors() {
    compare("tensorflow", 5);
}
