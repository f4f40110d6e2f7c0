//! All that is ever done with the bytes of an image, unguarded: a panic goes through to whoever looks for it.

use std::cell::RefCell;

use headstart::image::recipe::{Alpha, Channels, Crop, Decode, Layout, Resize, Rounding};
use headstart::image::{Heif, Limits, Preprocessor, Recipe, View, bare, decoding_takes, revision, sniff};

/// Enough for every seed, and little enough that no single file takes long.
pub const LIMITS: Limits = Limits { pixels: 1 << 18, memory: 1 << 25, file: 1 << 20 };

thread_local! {
    static PREPROCESSORS: RefCell<Vec<Preprocessor>> = RefCell::new(preprocessors());
}

/// Small tensors, so that the time goes into decoding: one way with every pixel, one that shrinks meanwhile and crops.
fn preprocessors() -> Vec<Preprocessor> {
    // HEIC as far as libheif, which may be installed or not: what a library in C does with damaged files is its own affair.
    let heif = Heif::off("the search for panics");
    let preset = |name| Recipe::preset(name).expect("a preset");
    let whole = Recipe { resize: Resize::Stretch { width: 16, height: 12 }, ..preset("keras-resnet50") };
    let scaled = Recipe {
        resize: Resize::ShortEdge { edge: 14, rounding: Rounding::Down },
        crop: Some(Crop { width: 12, height: 10, rounding: Rounding::HalfEven }),
        decode: Decode::Scaled,
        alpha: Alpha::Drop,
        channels: Channels::Bgr,
        layout: Layout::Nchw,
        ..preset("torchvision-v1")
    };
    [whole, scaled]
        .map(|recipe| Preprocessor::new(recipe).expect("a recipe that makes sense"))
        .map(|preprocessor| preprocessor.with_limits(LIMITS).with_heif(heif.clone()))
        .into()
}

/// Whether some recipe made a tensor of the file.
pub fn every_step(bytes: &[u8]) -> bool {
    bare(|| {
        let _ = (sniff(bytes), revision(bytes), decoding_takes(bytes));
        PREPROCESSORS.with_borrow_mut(|preprocessors| {
            // Each of them, also after one that made a tensor.
            let made: Vec<bool> = preprocessors.iter_mut().map(|each| tensors(each, bytes)).collect();
            made.contains(&true)
        })
    })
}

fn tensors(preprocessor: &mut Preprocessor, bytes: &[u8]) -> bool {
    let mut out = vec![0.0; preprocessor.recipe().len()];
    let Ok(mut image) = preprocessor.open(bytes) else { return false };
    // Plain, mirrored, and a corner, for which the image may have to be decoded once more.
    [0, 1, 2].map(|number| {
        let view = View::from_number(number).expect("a view");
        image.tensor(view, &mut out).is_ok_and(|()| out.iter().all(|value| value.is_finite()))
    })[0]
}
