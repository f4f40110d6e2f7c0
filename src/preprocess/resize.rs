//! Which size an image is brought to, and cutting out its centre. Interpolation itself is in `resample`.

use super::recipe::{Crop, Recipe, Resize};
use super::resample::Size;
use super::{Error, Limits};

/// The size that an image is resized to, before cropping.
///
/// # Errors
/// [`Error::TooSmall`] if the crop would reach beyond it, [`Error::TooLarge`] for a ribbon whose longer edge explodes.
pub(super) fn target(recipe: &Recipe, (width, height): Size, limits: &Limits) -> Result<Size, Error> {
    let (width, height) = (width as u32, height as u32);
    let (w, h) = match recipe.resize {
        Resize::Stretch { width, height } => (width, height),
        Resize::None => (width, height),
        Resize::ShortEdge { edge, rounding } => {
            let longer = |long: u32, short: u32| {
                let exact = rounding.divide(u64::from(edge) * u64::from(long), short.into());
                u32::try_from(exact).unwrap_or(u32::MAX)
            };
            if width <= height { (edge, longer(height, width)) } else { (longer(width, height), edge) }
        }
    };
    limits.check_pixels(w, h)?;
    match recipe.crop {
        Some(crop) if crop.width > w || crop.height > h => {
            Err(Error::TooSmall { width: w, height: h, crop_width: crop.width, crop_height: crop.height })
        }
        _ => Ok((w as usize, h as usize)),
    }
}

/// Where a crop from the middle begins, from the left and from the top.
pub(super) fn crop_origin(crop: &Crop, (width, height): Size) -> Size {
    let margin = |whole: usize, part: u32| crop.rounding.divide(whole as u64 - u64::from(part), 2) as usize;
    (margin(width, crop.width), margin(height, crop.height))
}

/// Copy the rectangle of `size` that begins at `origin` out of an image `width` pixels wide.
pub(super) fn cut(pixels: &[u8], width: usize, origin: Size, size: Size, out: &mut Vec<u8>) {
    out.clear();
    for row in pixels.chunks_exact(width * 3).skip(origin.1).take(size.1) {
        out.extend_from_slice(&row[origin.0 * 3..][..size.0 * 3]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preprocess::recipe::Rounding;

    fn recipe(name: &str) -> Recipe {
        Recipe::preset(name).unwrap()
    }

    #[test]
    fn the_long_edge_is_rounded_down() {
        let limits = Limits::default();
        // 256 * 500 / 375 = 341.33 and 256 * 451 / 300 = 384.85.
        assert_eq!(target(&recipe("torchvision-v1"), (500, 375), &limits).unwrap(), (341, 256));
        assert_eq!(target(&recipe("torchvision-v1"), (451, 300), &limits).unwrap(), (384, 256));
        assert_eq!(target(&recipe("torchvision-v1"), (300, 451), &limits).unwrap(), (256, 384));
        assert_eq!(target(&recipe("keras-resnet50"), (300, 451), &limits).unwrap(), (224, 224));
    }

    #[test]
    fn a_ribbon_is_refused_before_it_is_resized() {
        let error =
            target(&recipe("torchvision-v1"), (65_535, 1), &Limits { pixels: 1 << 20, ..Limits::default() });
        assert_eq!(error.unwrap_err().kind(), "too-large");
    }

    #[test]
    fn a_crop_needs_enough_image() {
        let unresized = Recipe { resize: Resize::None, ..recipe("torchvision-v1") };
        let error = target(&unresized, (300, 200), &Limits::default()).unwrap_err();
        assert_eq!(error.to_string(), "the image of 300x200 pixels is smaller than the crop of 224x224");
    }

    #[test]
    fn halves_of_a_margin_go_where_the_reference_puts_them() {
        let crop = |rounding| Crop { width: 224, height: 224, rounding };
        // Margins of 117 / 2 = 58.5 and 119 / 2 = 59.5: torchvision takes the even one.
        assert_eq!(crop_origin(&crop(Rounding::HalfEven), (341, 343)), (58, 60));
        assert_eq!(crop_origin(&crop(Rounding::Down), (341, 343)), (58, 59));
    }

    #[test]
    fn cuts_the_rectangle_asked_for() {
        let pixels: Vec<u8> = (0..5 * 4).flat_map(|i| [i, i, i]).collect();
        let mut out = Vec::new();
        cut(&pixels, 5, (1, 2), (3, 2), &mut out);
        let values: Vec<u8> = out.into_iter().step_by(3).collect();
        assert_eq!(values, [11, 12, 13, 16, 17, 18]);
    }
}
