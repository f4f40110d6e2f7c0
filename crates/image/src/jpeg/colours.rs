//! From a row of each component to a row of RGB.
//!
//! Source: JFIF 1.02, "Conversion to and from RGB", in the 16-bit arithmetic of libjpeg; CMYK as Pillow converts it.

use super::segments::Colours;

/// Fill `rgb` from the rows of as many components as there are.
#[inline(always)]
pub(super) fn to_rgb(colours: Colours, [a, b, c, d]: [&[u8]; 4], rgb: &mut [u8]) {
    let (rgb, _) = rgb.as_chunks_mut::<3>();
    match colours {
        Colours::Grey => rgb.iter_mut().zip(a).for_each(|(pixel, &grey)| *pixel = [grey; 3]),
        Colours::Rgb => {
            let planes = a.iter().zip(b).zip(c);
            rgb.iter_mut().zip(planes).for_each(|(pixel, ((&r, &g), &b))| *pixel = [r, g, b]);
        }
        Colours::YCbCr => {
            let planes = a.iter().zip(b).zip(c);
            rgb.iter_mut().zip(planes).for_each(|(pixel, ((&y, &cb), &cr))| *pixel = from_ycc(y, cb, cr));
        }
        Colours::Cmyk => {
            let planes = a.iter().zip(b).zip(c).zip(d);
            rgb.iter_mut().zip(planes).for_each(|(pixel, (((&c, &m), &y), &k))| *pixel = inked([c, m, y], k));
        }
        Colours::PlainCmyk => {
            let planes = a.iter().zip(b).zip(c).zip(d);
            for (pixel, (((&c, &m), &y), &k)) in rgb.iter_mut().zip(planes) {
                *pixel = inked([c, m, y].map(|ink| 255 - ink), 255 - k);
            }
        }
        Colours::Ycck => {
            let planes = a.iter().zip(b).zip(c).zip(d);
            for (pixel, (((&y, &cb), &cr), &k)) in rgb.iter_mut().zip(planes) {
                // YCbCr of the inks' complements.
                *pixel = inked(from_ycc(y, cb, cr).map(|light| 255 - light), k);
            }
        }
    }
}

/// A colour's share of a chroma, times 2^16.
const fn share(factor: f64) -> i32 {
    (factor * 65_536.0 + 0.5) as i32
}

const HALF: i32 = 1 << 15;

#[inline(always)]
fn from_ycc(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
    let red = y + ((share(1.402) * cr + HALF) >> 16);
    let green = y + ((HALF - share(0.344_14) * cb - share(0.714_14) * cr) >> 16);
    let blue = y + ((share(1.772) * cb + HALF) >> 16);
    [red.clamp(0, 255) as u8, green.clamp(0, 255) as u8, blue.clamp(0, 255) as u8]
}

/// What inks that are stored inverted leave of the light: `k` of 255, less the share that each of the others takes.
#[inline(always)]
pub(in super::super) fn inked(inks: [u8; 3], k: u8) -> [u8; 3] {
    inks.map(|ink| {
        let taken = u32::from(255 - ink) * u32::from(k) + 128;
        k.saturating_sub(((taken + (taken >> 8)) >> 8) as u8)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corners_of_the_colour_cube() {
        assert_eq!(from_ycc(128, 128, 128), [128; 3]);
        // JFIF's own formula, rounded: red is 76, 85, 255 in it.
        assert_eq!(from_ycc(76, 85, 255), [254, 0, 0]);
        assert_eq!(from_ycc(149, 43, 21), [0, 255, 0]);
        assert_eq!(from_ycc(29, 255, 107), [0, 0, 254]);
    }

    #[test]
    fn inks_are_inverted() {
        assert_eq!(inked([255; 3], 255), [255; 3]);
        assert_eq!(inked([0, 255, 255], 255), [0, 255, 255]);
        assert_eq!(inked([255; 3], 0), [0; 3]);
        assert_eq!(inked([128, 64, 0], 100), [50, 25, 0]);
    }
}
