//! From brightness and colour differences to RGB: the one place where it is done for AVIF and HEIC.
//!
//! # Source
//! ITU-T H.273, section 8.3: equations 20 to 31 (ranges) and 38 to 58 (matrices).

use super::fault::{Result, unsupported};
use super::picture::{Chroma, Picture, Plane};
use super::property::Nclx;

/// How a plane of colour that has fewer samples than the picture is enlarged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Enlarge {
    /// Each sample is repeated.
    Nearest,
    /// From the nearest samples with the weights 9, 3, 3 and 1: a colour sample lies in the middle of its pixels. The last
    /// column has its own sample alone, also where a width is odd: that is libyuv's way, and so Pillow's.
    Bilinear,
}

/// What makes RGB of the three planes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Matrix {
    /// The planes are green, blue and red.
    Identity,
    /// Green against magenta, and orange against blue.
    YCgCo,
    /// The weights of red and of blue in the brightness.
    Weights { red: f32, blue: f32 },
}

impl Matrix {
    fn of(nclx: Nclx) -> Result<Self> {
        let weights = |red, blue| Ok(Self::Weights { red, blue });
        match (nclx.matrix, nclx.primaries) {
            (0, _) => Ok(Self::Identity),
            (1, _) | (12, 1) => weights(0.2126, 0.0722),
            // What says nothing is BT.601, as for JPEG.
            (2 | 5 | 6, _) => weights(0.299, 0.114),
            (4, _) => weights(0.30, 0.11),
            (7, _) => weights(0.212, 0.087),
            (8, _) => Ok(Self::YCgCo),
            (9, _) | (12, 9) => weights(0.2627, 0.0593),
            (other, primaries) => {
                unsupported(format!("colours by the matrix {other} of H.273 (primaries {primaries})"))
            }
        }
    }
}

/// How a sample becomes a number: brightness from 0 to 255, colour from -127.5 to 127.5.
#[derive(Debug, Clone, Copy)]
struct Scale {
    zero: f32,
    factor: f32,
}

impl Scale {
    fn brightness(bits: u8, full_range: bool) -> Self {
        let unit = f32::from(1_u16 << (bits - 8));
        match full_range {
            true => Self { zero: 0.0, factor: 255.0 / Self::largest(bits) },
            false => Self { zero: 16.0 * unit, factor: 255.0 / (219.0 * unit) },
        }
    }

    fn colour(bits: u8, full_range: bool) -> Self {
        let unit = f32::from(1_u16 << (bits - 8));
        let factor = if full_range { 255.0 / Self::largest(bits) } else { 255.0 / (224.0 * unit) };
        Self { zero: 128.0 * unit, factor }
    }

    fn largest(bits: u8) -> f32 {
        ((1_u32 << bits) - 1) as f32
    }

    fn of(self, sample: f32) -> f32 {
        (sample - self.zero) * self.factor
    }
}

/// Fill `rgb` with three bytes a pixel.
///
/// # Errors
/// [`Fault::Unsupported`](super::fault::Fault) for colours that are coded in a way that is not known here.
pub(super) fn to_rgb(picture: &Picture<'_>, nclx: Nclx, enlarge: Enlarge, rgb: &mut Vec<u8>) -> Result<()> {
    let (width, height) = picture.size;
    let (grey, matrix) = (picture.chroma == Chroma::Grey, Matrix::of(nclx)?);
    if matrix == Matrix::Identity && !grey && picture.chroma != Chroma::C444 {
        return unsupported("RGB of which green has more samples than red and blue");
    }
    let brightness = Scale::brightness(picture.bits, nclx.full_range);
    // Red, green and blue all have the range of brightness.
    let colour =
        if matrix == Matrix::Identity { brightness } else { Scale::colour(picture.bits, nclx.full_range) };
    let mut rows = Rows::new(width);
    rgb.clear();
    rgb.resize(width * height * 3, 0);
    for (y, out) in rgb.chunks_exact_mut(width * 3).enumerate() {
        rows.brightness(picture, y, brightness);
        let (pixels, _) = out.as_chunks_mut::<3>();
        if grey {
            pixels.iter_mut().zip(&rows.y).for_each(|(pixel, &y)| *pixel = [to_byte(y); 3]);
            continue;
        }
        rows.colours(picture, y, enlarge, colour);
        rows.mix(matrix, pixels);
    }
    Ok(())
}

/// Opacity from 0 to 255, a byte a pixel, handed on row by row.
pub(super) fn opacity(
    plane: &Plane<'_>,
    (width, height): (usize, usize),
    bits: u8,
    full_range: bool,
    mut row: impl FnMut(usize, &[u8]),
) {
    let scale = Scale::brightness(bits, full_range);
    let (mut samples, mut bytes) = (vec![0; width], vec![0; width]);
    for y in 0..height {
        plane.row(y, &mut samples);
        bytes.iter_mut().zip(&samples).for_each(|(byte, &sample)| *byte = to_byte(scale.of(sample.into())));
        row(y, &bytes);
    }
}

/// To the nearest; a cast stops at 0 and 255.
fn to_byte(value: f32) -> u8 {
    (value + 0.5) as u8
}

/// One row of pixels on its way.
#[derive(Debug)]
struct Rows {
    samples: Vec<u16>,
    /// The row of colour samples that is farther away.
    far: Vec<u16>,
    /// Both rows together, not yet enlarged across.
    narrow: Vec<f32>,
    y: Vec<f32>,
    colours: [Vec<f32>; 2],
}

impl Rows {
    fn new(width: usize) -> Self {
        let row = || vec![0.0; width];
        Self {
            samples: vec![0; width],
            far: vec![0; width],
            narrow: row(),
            y: row(),
            colours: [row(), row()],
        }
    }

    fn brightness(&mut self, picture: &Picture<'_>, y: usize, scale: Scale) {
        picture.planes[0].row(y, &mut self.samples);
        self.y.iter_mut().zip(&self.samples).for_each(|(out, &sample)| *out = scale.of(sample.into()));
    }

    fn colours(&mut self, picture: &Picture<'_>, y: usize, enlarge: Enlarge, scale: Scale) {
        let (across, down) = picture.chroma.shifts();
        let (width, height) = picture.chroma.plane(picture.size);
        let near = y >> down;
        let far = match (enlarge, down) {
            (Enlarge::Nearest, _) | (_, 0) => near,
            _ if y.is_multiple_of(2) => near.saturating_sub(1),
            _ => (near + 1).min(height - 1),
        };
        for (plane, out) in picture.planes[1..].iter().zip(&mut self.colours) {
            let (samples, others) = (&mut self.samples[..width], &mut self.far[..width]);
            let narrow = &mut self.narrow[..width];
            plane.row(near, samples);
            if far == near {
                narrow.iter_mut().zip(&*samples).for_each(|(out, &near)| *out = scale.of(near.into()));
            } else {
                plane.row(far, others);
                for ((out, &near), &far) in narrow.iter_mut().zip(&*samples).zip(&*others) {
                    *out = scale.of(f32::from(near) * 0.75 + f32::from(far) * 0.25);
                }
            }
            if across == 0 {
                out.copy_from_slice(narrow);
            } else {
                widen(narrow, enlarge, out);
            }
        }
    }

    fn mix(&self, matrix: Matrix, pixels: &mut [[u8; 3]]) {
        let [first, second] = &self.colours;
        let samples = self.y.iter().zip(first).zip(second);
        let all = pixels.iter_mut().zip(samples);
        match matrix {
            Matrix::Identity => {
                all.for_each(|(pixel, ((&g, &b), &r))| *pixel = [r, g, b].map(to_byte));
            }
            Matrix::YCgCo => all.for_each(|(pixel, ((&y, &cg), &co))| {
                *pixel = [y - cg + co, y + cg, y - cg - co].map(to_byte);
            }),
            Matrix::Weights { red, blue } => {
                let green = 1.0 - red - blue;
                let (to_red, to_blue) = (2.0 * (1.0 - red), 2.0 * (1.0 - blue));
                let (red_in_green, blue_in_green) = (to_red * red / green, to_blue * blue / green);
                all.for_each(|(pixel, ((&y, &cb), &cr))| {
                    let green = y - blue_in_green * cb - red_in_green * cr;
                    *pixel = [y + to_red * cr, green, y + to_blue * cb].map(to_byte);
                });
            }
        }
    }
}

/// Twice as many across, or one less.
fn widen(narrow: &[f32], enlarge: Enlarge, out: &mut [f32]) {
    let (last, odd) = (narrow.len() - 1, out.len() % 2 == 1);
    for (i, pair) in out.chunks_mut(2).enumerate() {
        let here = narrow[i];
        let (left, right) = match enlarge {
            Enlarge::Nearest => (here, here),
            Enlarge::Bilinear if i == last && odd => (here, here),
            Enlarge::Bilinear => (narrow[i.saturating_sub(1)], narrow[(i + 1).min(last)]),
        };
        pair[0] = here * 0.75 + left * 0.25;
        if let Some(second) = pair.get_mut(1) {
            *second = here * 0.75 + right * 0.25;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JPEG: Nclx = Nclx { primaries: 1, matrix: 6, full_range: true };

    fn rgb_of(
        samples: [&[u16]; 3],
        size: (usize, usize),
        (bits, chroma): (u8, Chroma),
        nclx: Nclx,
        enlarge: Enlarge,
    ) -> Result<Vec<u8>> {
        let bytes = samples.map(|plane| match bits {
            8 => plane.iter().map(|&sample| sample as u8).collect::<Vec<_>>(),
            _ => plane.iter().flat_map(|sample| sample.to_ne_bytes()).collect(),
        });
        let each = if bits > 8 { 2 } else { 1 };
        let plane = |i: usize| {
            let size = if i == 0 { size } else { chroma.plane(size) };
            Plane::new(&bytes[i], size.0 * each, size, bits)
        };
        let first = plane(0)?;
        let planes = if chroma == Chroma::Grey { [first; 3] } else { [first, plane(1)?, plane(2)?] };
        let picture = Picture { size, bits, chroma, colour: nclx, planes, alpha: None };
        let mut rgb = vec![9];
        to_rgb(&picture, nclx, enlarge, &mut rgb)?;
        Ok(rgb)
    }

    fn pixel(y: u16, cb: u16, cr: u16, bits: u8, nclx: Nclx) -> [u8; 3] {
        let kind = (bits, Chroma::C444);
        rgb_of([&[y], &[cb], &[cr]], (1, 1), kind, nclx, Enlarge::Bilinear).unwrap().try_into().unwrap()
    }

    #[test]
    fn full_and_limited_range_of_every_depth() {
        let limited = Nclx { full_range: false, ..JPEG };
        for bits in [8, 10, 12, 16] {
            let (unit, most) = (1 << (bits - 8), u16::MAX >> (16 - bits));
            let grey = 128 * unit;
            assert_eq!(pixel(most, grey, grey, bits, JPEG), [255; 3], "{bits} bits");
            assert_eq!(pixel(0, grey, grey, bits, JPEG), [0; 3]);
            assert_eq!(pixel(235 * unit, grey, grey, bits, limited), [255; 3]);
            assert_eq!(pixel(16 * unit, grey, grey, bits, limited), [0; 3]);
            // Beyond the range: no colour wraps round.
            assert_eq!(pixel(0, grey, grey, bits, limited), [0; 3]);
            assert_eq!(pixel(most, grey, grey, bits, limited), [255; 3]);
        }
    }

    #[test]
    fn each_matrix_by_hand() {
        let with = |matrix, primaries| Nclx { primaries, matrix, full_range: true };
        // Y = 100, Cb = 128 - 20, Cr = 128 + 30, worked by the formulas of H.273.
        let cases = [
            (0, 1, [158, 100, 108]),
            (1, 1, [147, 90, 63]),
            (2, 2, [142, 85, 65]),
            (4, 1, [142, 85, 64]),
            (6, 1, [142, 85, 65]),
            (7, 1, [147, 90, 63]),
            (8, 1, [150, 80, 90]),
            (9, 9, [144, 86, 62]),
            (12, 1, [147, 90, 63]),
            (12, 9, [144, 86, 62]),
        ];
        for (matrix, primaries, want) in cases {
            assert_eq!(pixel(100, 108, 158, 8, with(matrix, primaries)), want, "matrix {matrix}");
        }
        for matrix in [3, 10, 11, 13, 14, 200] {
            let kind = (8, Chroma::C444);
            assert!(rgb_of([&[1], &[1], &[1]], (1, 1), kind, with(matrix, 1), Enlarge::Nearest).is_err());
        }
        let kind = (8, Chroma::C420);
        assert!(rgb_of([&[1], &[1], &[1]], (1, 1), kind, with(0, 1), Enlarge::Nearest).is_err());
    }

    #[test]
    fn colours_are_enlarged() {
        // Blue as it comes out, of a grey brightness: 128 + 1.772 (Cb - 128).
        let (cb, cr) = ([128 - 32, 128, 128, 128 + 32], [128; 4]);
        let blue = |chroma, enlarge| -> Vec<u8> {
            let rgb = rgb_of([&[128; 12], &cb, &cr], (4, 3), (8, chroma), JPEG, enlarge).unwrap();
            rgb.chunks(3).map(|pixel| pixel[2]).collect()
        };
        assert_eq!(
            blue(Chroma::C420, Enlarge::Nearest),
            [71, 71, 128, 128, 71, 71, 128, 128, 128, 128, 185, 185]
        );
        // The second row is three parts of the first colour row and one of the second, and each of its pixels alike.
        assert_eq!(
            blue(Chroma::C420, Enlarge::Bilinear),
            [71, 85, 114, 128, 85, 100, 128, 142, 114, 128, 156, 171]
        );
        let (cb, cr) = ([128 - 32, 128, 128 + 32, 128, 128, 128], [128; 6]);
        let rgb = rgb_of([&[128; 9], &cb, &cr], (3, 3), (8, Chroma::C422), JPEG, Enlarge::Bilinear).unwrap();
        let blue: Vec<_> = rgb.chunks(3).map(|pixel| pixel[2]).collect();
        assert_eq!(blue, [71, 85, 128, 185, 171, 128, 128, 128, 128]);
    }

    #[test]
    fn grey_has_no_colour() {
        let rgb =
            rgb_of([&[0, 40, 255, 7], &[], &[]], (2, 2), (8, Chroma::Grey), JPEG, Enlarge::Bilinear).unwrap();
        assert_eq!(rgb, [0, 0, 0, 40, 40, 40, 255, 255, 255, 7, 7, 7]);
    }
}
