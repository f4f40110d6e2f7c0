//! From the samples of a decoder to three bytes a pixel.

use image::ColorType;

use super::Error;
use super::recipe::Alpha;

/// Turn `samples` (rows without padding, 16-bit ones in native order) into RGB, appended to the emptied `rgb`.
///
/// - Grey becomes three equal channels.
/// - Of 16 bits the upper eight are kept, as Pillow does for colour. (Pillow clips 16-bit *grey* at 255, which leaves a
///   white image; here one rule serves both.)
/// - Transparency is laid over white or dropped, as `alpha` says.
///
/// # Errors
/// [`Error::Unsupported`] for floating-point samples: nothing says what range they have.
pub(super) fn to_rgb(
    samples: &mut Vec<u8>,
    colour: ColorType,
    alpha: Alpha,
    rgb: &mut Vec<u8>,
) -> Result<(), Error> {
    rgb.clear();
    if matches!(colour, ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16) {
        keep_upper_bytes(samples);
    }
    let blend = match alpha {
        Alpha::OverWhite => over_white,
        Alpha::Drop => |sample, _| sample,
    };
    match colour {
        // Nothing to convert: the buffers change places.
        ColorType::Rgb8 | ColorType::Rgb16 => std::mem::swap(samples, rgb),
        ColorType::L8 | ColorType::L16 => rgb.extend(samples.iter().flat_map(|&grey| [grey; 3])),
        ColorType::La8 | ColorType::La16 => {
            let (pixels, _) = samples.as_chunks::<2>();
            rgb.extend(pixels.iter().flat_map(|&[grey, a]| [blend(grey, a); 3]));
        }
        ColorType::Rgba8 | ColorType::Rgba16 => {
            let (pixels, _) = samples.as_chunks::<4>();
            rgb.extend(pixels.iter().flat_map(|&[r, g, b, a]| [blend(r, a), blend(g, a), blend(b, a)]));
        }
        other => return Err(Error::Unsupported { what: format!("pixels of the kind {other:?}") }),
    }
    Ok(())
}

fn keep_upper_bytes(samples: &mut Vec<u8>) {
    for i in 0..samples.len() / 2 {
        let [upper, _] = u16::from_ne_bytes([samples[2 * i], samples[2 * i + 1]]).to_be_bytes();
        samples[i] = upper;
    }
    samples.truncate(samples.len() / 2);
}

/// `sample * a + 255 * (1 - a)`, to the nearest.
pub(super) fn over_white(sample: u8, alpha: u8) -> u8 {
    let (sample, alpha) = (u32::from(sample), u32::from(alpha));
    // At most 255, so nothing is lost.
    ((sample * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

/// A colour before it was multiplied by its opacity.
fn divided(sample: u8, alpha: u8) -> u8 {
    let (sample, alpha) = (u32::from(sample), u32::from(alpha));
    (sample * 255 + alpha / 2).checked_div(alpha).unwrap_or(0).min(255) as u8
}

/// Lay colours that are multiplied by their opacity already over white, or bring back what they were, as `alpha` says.
pub(super) fn premultiplied(sample: u8, opacity: u8, alpha: Alpha) -> u8 {
    match alpha {
        Alpha::OverWhite => sample.saturating_add(255 - opacity),
        Alpha::Drop => divided(sample, opacity),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(samples: &[u8], colour: ColorType, alpha: Alpha) -> Vec<u8> {
        let (mut samples, mut rgb) = (samples.to_vec(), vec![9; 2]);
        to_rgb(&mut samples, colour, alpha, &mut rgb).unwrap();
        rgb
    }

    #[test]
    fn transparency_goes_over_white_or_away() {
        let pixels = [200, 100, 0, 128, 10, 20, 30, 0, 10, 20, 30, 255];
        // 200 * 128/255 + 255 * 127/255 = 227.39, and so on.
        assert_eq!(
            convert(&pixels, ColorType::Rgba8, Alpha::OverWhite),
            [227, 177, 127, 255, 255, 255, 10, 20, 30]
        );
        assert_eq!(convert(&pixels, ColorType::Rgba8, Alpha::Drop), [200, 100, 0, 10, 20, 30, 10, 20, 30]);
        assert_eq!(convert(&[50, 0, 50, 255], ColorType::La8, Alpha::OverWhite), [255, 255, 255, 50, 50, 50]);
    }

    #[test]
    fn sixteen_bits_keep_the_upper_eight() {
        let samples: Vec<u8> = [0x1234_u16, 0xff00, 0x00ff].iter().flat_map(|v| v.to_ne_bytes()).collect();
        assert_eq!(convert(&samples, ColorType::Rgb16, Alpha::Drop), [0x12, 0xff, 0]);
        assert_eq!(convert(&samples[..4], ColorType::L16, Alpha::Drop), [0x12, 0x12, 0x12, 0xff, 0xff, 0xff]);
        // Opacity itself is narrowed first.
        assert_eq!(convert(&samples[..4], ColorType::La16, Alpha::OverWhite), [0x12; 3]);
    }

    #[test]
    fn floats_are_refused() {
        let error = to_rgb(&mut vec![0; 12], ColorType::Rgb32F, Alpha::Drop, &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), "unsupported");
    }
}
