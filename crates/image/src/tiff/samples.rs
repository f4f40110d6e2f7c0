//! From unpacked strips and tiles to samples of eight bits, pixel by pixel.

use super::directory::Order;
use super::page::{Page, Part};

/// The samples that are looked at, those of a pixel together. Of 16 bits it has the upper eight; fewer bits are as they are.
pub(super) struct Canvas<'a, 'p> {
    page: &'a Page<'p>,
    pub samples: Vec<u8>,
}

impl<'a, 'p> Canvas<'a, 'p> {
    pub(super) fn new(page: &'a Page<'p>) -> Self {
        let count = page.size.0 as usize * page.size.1 as usize * page.kept();
        Self { page, samples: vec![0; count] }
    }

    /// Take over what of a part lies within the image.
    pub(super) fn put(&mut self, part: &Part, unpacked: &[u8]) {
        let page = self.page;
        let (width, height) = (page.size.0 as usize, page.size.1 as usize);
        let (kept, together) = (page.kept(), page.together());
        let across = part.size.0.min(width - part.origin.0);
        let rows = unpacked.chunks_exact(page.row_bytes(part.size.0));
        for (row, y) in rows.zip(part.origin.1..height) {
            let start = (y * width + part.origin.0) * kept;
            let to = &mut self.samples[start..start + across * kept];
            if page.bits == 8 && together == kept {
                to.copy_from_slice(&row[..to.len()]);
                continue;
            }
            // Samples of one plane go into their place in each pixel.
            let (first, count) = if page.planes { (part.plane, 1) } else { (0, kept) };
            for (x, pixel) in to.chunks_exact_mut(kept).enumerate() {
                for (k, sample) in pixel[first..first + count].iter_mut().enumerate() {
                    *sample = eight_bits(row, x * together + k, page.bits, page.order);
                }
            }
        }
    }
}

/// The sample numbered `i` of a row.
#[inline]
fn eight_bits(row: &[u8], i: usize, bits: u32, order: Order) -> u8 {
    match (bits, order) {
        (8, _) => row[i],
        (16, Order::Little) => row[2 * i + 1],
        (16, Order::Big) => row[2 * i],
        _ => {
            let at = i * bits as usize;
            let first = row[at / 8] << (at % 8);
            first >> (8 - bits)
        }
    }
}

/// Replace differences by the samples: each is that of the pixel to the left, plus what stands in its place.
///
/// `together` is the number of samples from one pixel to the next.
pub(super) fn add_up(unpacked: &mut [u8], row_bytes: usize, together: usize, bits: u32, order: Order) {
    for row in unpacked.chunks_exact_mut(row_bytes) {
        if bits == 8 {
            for i in together..row.len() {
                row[i] = row[i].wrapping_add(row[i - together]);
            }
            continue;
        }
        let (samples, _) = row.as_chunks_mut::<2>();
        for i in together..samples.len() {
            samples[i] = match order {
                Order::Little => {
                    let sum = u16::from_le_bytes(samples[i])
                        .wrapping_add(u16::from_le_bytes(samples[i - together]));
                    sum.to_le_bytes()
                }
                Order::Big => {
                    let sum = u16::from_be_bytes(samples[i])
                        .wrapping_add(u16::from_be_bytes(samples[i - together]));
                    sum.to_be_bytes()
                }
            };
        }
    }
}
