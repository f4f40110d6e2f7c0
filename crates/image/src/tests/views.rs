//! Views against torchvision's own, and against files that were made so beforehand.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage, imageops};

use super::references::piece;
use super::{as_stored, crc32, preset, read, with_orientation};
use crate::{Preprocessor, Recipe, View, Views};

const FLIP: View = View { flipped: true, ..View::PLAIN };

fn png(image: RgbImage) -> Vec<u8> {
    let mut file = Cursor::new(vec![]);
    DynamicImage::from(image).write_to(&mut file, ImageFormat::Png).unwrap();
    file.into_inner()
}

fn all() -> impl Iterator<Item = View> {
    (0..).map_while(View::from_number)
}

fn tensor(preprocessor: &mut Preprocessor, file: &[u8], view: View) -> Vec<f32> {
    let mut tensor = vec![f32::NAN; preprocessor.recipe().len()];
    preprocessor.open(file).unwrap().tensor(view, &mut tensor).unwrap();
    tensor
}

#[test]
fn torchvisions_five_and_ten_crops_bit_for_bit() {
    let golden = String::from_utf8(read("tests/golden/references/views.csv")).unwrap();
    let mut rows = 0;
    for line in golden.lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<&str> = line.split(',').collect();
        let [image, less, recipe, name, want] = cells[..] else { panic!("golden row: {line}") };
        let view = all().find(|view| view.name() == name).unwrap();
        let mut preprocessor = Preprocessor::new(preset(recipe)).unwrap();
        let got = tensor(&mut preprocessor, &piece(image, less.parse().unwrap()), view);
        let bytes: Vec<u8> = got.iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(crc32(&bytes), want.parse::<u32>().unwrap(), "{line}");
        rows += 1;
    }
    assert_eq!(rows, 3 * 2 * 6 * 12, "golden file was cut short");
}

/// For every recipe, also those whose filter or rounding is not symmetric.
#[test]
fn a_flipped_view_is_the_view_of_a_flipped_file() {
    let file = piece("cat", 1);
    let mirrored = png(imageops::flip_horizontal(&as_stored(&file).unwrap()));
    for recipe in Recipe::presets() {
        let mut preprocessor = Preprocessor::new(recipe.recipe()).unwrap();
        for view in all().filter(|view| !view.flipped) {
            let want = tensor(&mut preprocessor, &mirrored, view);
            let got = tensor(&mut preprocessor, &file, View { flipped: true, ..view });
            assert!(got == want, "{}, {view}", recipe.name);
            assert!(
                got != tensor(&mut preprocessor, &file, view),
                "{}, {view}: nothing was flipped",
                recipe.name
            );
        }
    }
}

#[test]
fn a_photo_is_turned_upright_before_it_is_flipped() {
    let photo = read("../../data/photos/cat.jpg");
    let turned = with_orientation(&photo, 6);
    let by_hand = png(imageops::flip_horizontal(&imageops::rotate90(&as_stored(&photo).unwrap())));
    let mut preprocessor = Preprocessor::new(preset("torchvision-v1")).unwrap();
    let want = tensor(&mut preprocessor, &by_hand, View::PLAIN);
    assert!(tensor(&mut preprocessor, &turned, FLIP) == want);
}

/// Whatever was had of an image before, and of the image before it, a view stays as it is.
#[test]
fn views_of_one_opened_image_do_not_disturb_one_another() {
    let (cat, officer) = (piece("cat", 0), piece("officer", 0));
    for recipe in ["keras-resnet50", "torchvision-v1"] {
        let alone = |file: &[u8], view| tensor(&mut Preprocessor::new(preset(recipe)).unwrap(), file, view);
        let mut preprocessor = Preprocessor::new(preset(recipe)).unwrap();
        let mut got = vec![f32::NAN; preprocessor.recipe().len()];
        for file in [&cat, &officer] {
            let mut image = preprocessor.open(file).unwrap();
            for view in all().chain(all().collect::<Vec<_>>().into_iter().rev().step_by(3)) {
                image.tensor(view, &mut got).unwrap();
                assert!(got == alone(file, view), "{recipe}, {view}");
            }
        }
    }
}

#[test]
fn views_that_are_one_have_one_number() {
    for preset in Recipe::presets() {
        let recipe = preset.recipe();
        let views: Views = "flip,crop10".parse::<crate::ViewKinds>().unwrap().of(&recipe);
        let mut preprocessor = Preprocessor::new(recipe).unwrap();
        let file = piece("officer", 0);
        let tensors: Vec<_> = all().map(|view| (view, tensor(&mut preprocessor, &file, view))).collect();
        let same = |a: usize, b: usize| tensors[a].1 == tensors[b].1;
        for (number, &(view, _)) in tensors.iter().enumerate() {
            let earlier = (0..number).any(|other| same(other, number) && views.contains(tensors[other].0));
            assert_eq!(views.contains(view), !earlier, "{}, {view}", preset.name);
        }
    }
}
