//! A panic in any step costs one image.

use super::{preset, read};
use crate::guard::trap::word;
use crate::recipe::{Alpha, Exif};
use crate::{Error, Heif, Preprocessor, View, original, thumbnail};

/// A whole image that is to make a step panic.
fn springs(step: &str) -> Vec<u8> {
    // What follows the end of a PNG is nobody's concern.
    [read("tests/golden/preprocess/cat.png"), word(step).into_bytes()].concat()
}

fn panicked<T>(result: Result<T, Error>, step: &str) {
    match result {
        Err(error @ Error::Panicked { .. }) => {
            assert_eq!((error.stage(), error.kind()), ("decode", "panicked"));
            assert!(error.to_string().contains(&format!("{step} panicked on purpose")), "{error}");
        }
        Err(error) => panic!("{step}: {error:?}"),
        Ok(_) => panic!("{step} did not panic"),
    }
}

#[test]
fn a_panic_in_any_step_is_an_error_and_the_preprocessor_stays_usable() {
    let mut preprocessor = Preprocessor::new(preset("keras-resnet50")).unwrap();
    let (mut out, mut want) =
        (vec![7.0; preprocessor.recipe().len()], vec![0.0; preprocessor.recipe().len()]);
    let whole = read("tests/golden/preprocess/cat.png");
    preprocessor.run(&whole, &mut want).unwrap();
    for step in ["decoding", "turning", "resizing", "normalising"] {
        panicked(preprocessor.run(&springs(step), &mut out), step);
        assert!(out.iter().all(|&number| number == 7.0), "{step} left something");
        let mut again = vec![0.0; want.len()];
        preprocessor.run(&whole, &mut again).unwrap();
        assert!(again == want, "after {step}");
    }
    for step in ["decoding", "turning", "resizing"] {
        panicked(preprocessor.pixels(&springs(step)).map(drop), step);
    }
    // Of a view after another one.
    let bytes = springs("resizing");
    let mut image = preprocessor.open(&bytes).unwrap();
    for flipped in [false, true] {
        panicked(image.tensor(View { flipped, ..View::PLAIN }, &mut out), "resizing");
    }
}

#[test]
fn originals_and_thumbnails_do_not_panic_either() {
    let bytes = springs("decoding");
    panicked(original(&bytes, Exif::Apply, Alpha::OverWhite, &Heif::default()), "decoding");
    panicked(thumbnail(&bytes, 32, &Heif::default()), "decoding");
}
