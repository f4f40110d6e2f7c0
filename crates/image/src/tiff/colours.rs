//! From the samples of a page to RGB.

use super::super::colour::over_white;
use super::super::jpeg::inked;
use super::super::recipe::Alpha;
use super::page::{Colours, Opacity, Page};

/// Make RGB of `samples`, which has [`Page::kept`] of them for each pixel, in the emptied `rgb`.
pub(super) fn to_rgb(page: &Page<'_>, samples: Vec<u8>, alpha: Alpha, rgb: &mut Vec<u8>) {
    if page.colours == Colours::Rgb && page.alpha.is_none() && page.bits >= 8 {
        *rgb = samples;
        return;
    }
    let pixels = samples.chunks_exact(page.kept());
    let one = |sample: u8| page.in_eight_bits(sample);
    match &page.colours {
        Colours::WhiteIsZero => lay(page, pixels, alpha, rgb, |pixel| [255 - one(pixel[0]); 3]),
        Colours::BlackIsZero => lay(page, pixels, alpha, rgb, |pixel| [one(pixel[0]); 3]),
        Colours::Palette(colours) => lay(page, pixels, alpha, rgb, |pixel| colours[usize::from(pixel[0])]),
        Colours::Rgb => {
            lay(page, pixels, alpha, rgb, |pixel| [one(pixel[0]), one(pixel[1]), one(pixel[2])]);
        }
        Colours::Cmyk => lay(page, pixels, alpha, rgb, |pixel| {
            // How much light each ink, and black, lets through.
            inked([pixel[0], pixel[1], pixel[2]].map(|ink| 255 - one(ink)), 255 - one(pixel[3]))
        }),
    }
}

/// The colour of each pixel, laid over white where it is transparent and that is wanted.
fn lay<'s>(
    page: &Page<'_>,
    pixels: impl Iterator<Item = &'s [u8]>,
    alpha: Alpha,
    rgb: &mut Vec<u8>,
    colour: impl Fn(&[u8]) -> [u8; 3],
) {
    rgb.clear();
    let Some(kind) = page.alpha else {
        rgb.extend(pixels.flat_map(colour));
        return;
    };
    let place = page.kept() - 1;
    rgb.extend(pixels.flat_map(|pixel| {
        let opacity = page.in_eight_bits(pixel[place]);
        let colour = match kind {
            Opacity::Straight => colour(pixel),
            Opacity::Premultiplied => colour(pixel).map(|part| divided(part, opacity)),
        };
        match alpha {
            Alpha::OverWhite => colour.map(|part| over_white(part, opacity)),
            Alpha::Drop => colour,
        }
    }));
}

/// A colour that was multiplied with its opacity, as it was before; rounded down, as Pillow does.
fn divided(part: u8, opacity: u8) -> u8 {
    match opacity {
        0 => 0,
        _ => (u32::from(part) * 255 / u32::from(opacity)).min(255) as u8,
    }
}

impl Page<'_> {
    /// A sample spread over 0 to 255.
    fn in_eight_bits(&self, sample: u8) -> u8 {
        match self.bits {
            1 => sample * 255,
            2 => sample * 85,
            4 => sample * 17,
            _ => sample,
        }
    }
}
