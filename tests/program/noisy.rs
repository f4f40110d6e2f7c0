//! Images of two classes that no classifier can keep apart, and features that cost nothing.

use image::{Rgb, RgbImage};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::place::Place;
use super::tiny;

/// Flags that choose its backbone.
pub const BACKBONE: &str = "--backbone tiny.onnx";
/// Features of an image.
pub const FEATURES: usize = 12;

/// `train.csv` with 80 images and `held.csv` with 120 others, with features: some reddish ones are `warm`, more of them are `cold`.
pub fn place() -> Place {
    let place = Place::empty();
    tiny::backbone_times(&place.path("tiny.onnx"), 4, FEATURES, 0.002);
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    for (manifest, images) in [("train", 80), ("held", 120)] {
        let mut rows = String::from("path,label\n");
        for number in 0..images {
            let warm = number % 2;
            let mut shade = |about: i32| (about + rng.random_range(-70..70)) as u8;
            let colour = Rgb([shade(100 + 50 * warm), shade(120), shade(130)]);
            let name = format!("{manifest}{number}.png");
            RgbImage::from_pixel(4, 4, colour).save(place.path(&name)).unwrap();
            rows += &format!("{name},{}\n", ["cold", "warm"][warm as usize]);
        }
        place.write(&format!("{manifest}.csv"), rows);
    }
    place.run(&format!("extract train.csv held.csv {BACKBONE} --quiet")).done();
    place
}

/// [`place`] with the run `a`, which is surer than it should be.
pub fn trained() -> Place {
    let place = place();
    place.run(&format!("{TRAIN} --name a --quiet")).done();
    place
}

/// Until the head knows its 80 images by heart.
pub const TRAIN: &str =
    "train train.csv --backbone tiny.onnx --epochs 60 --learning-rate 0.03 --batch-size 16 --dropout 0";
