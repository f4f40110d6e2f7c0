//! Which size an image is brought to, and which part of it is kept. Interpolation itself is in `resample`.

use super::recipe::{Crop, Recipe, Resize};
use super::resample::{Part, Size};
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

/// The part of an image of this size that is kept.
pub(super) fn part(crop: Option<&Crop>, size: Size) -> Part {
    let Some(crop) = crop else { return Part::whole(size) };
    let margin = |whole: usize, part: u32| crop.rounding.divide(whole as u64 - u64::from(part), 2) as usize;
    let origin = (margin(size.0, crop.width), margin(size.1, crop.height));
    Part { origin, size: (crop.width as usize, crop.height as usize) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Rounding;

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
        assert_eq!(part(Some(&crop(Rounding::HalfEven)), (341, 343)).origin, (58, 60));
        assert_eq!(part(Some(&crop(Rounding::Down)), (341, 343)).origin, (58, 59));
        assert_eq!(part(None, (341, 343)), Part::whole((341, 343)));
    }
}
