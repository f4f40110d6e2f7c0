//! From a block's coefficients to its samples: the inverse cosine transform, at four scales.
//!
//! A transform is a product with a matrix of whole numbers, once down and once across, each followed by a rounding; that
//! rounding and the last digit of each number are what decoders differ in. These are libjpeg's: its "islow" transform,
//! and the reduced ones that it scales with. Theirs is a network of fewer multiplications, whose constants of 13 bits add up to the
//! numbers here (which is why 10703 stands beside 10704); as whole numbers the sums are the same, and rows of
//! them suit vector instructions better.
//!
//! Source: Loeffler, Ligtenberg & Moschytz 1989, figure 1, with the constants of libjpeg's `jidctint.c` and
//! `jidctred.c`.

use super::coder::Block;

/// For each frequency, what each of `N` samples gets of it, times 2^13 or more.
type Matrix<const N: usize> = [[i32; N]; 8];

/// Complete the half matrix: even frequencies are mirrored, odd ones inverted.
const fn mirrored<const H: usize, const N: usize>(half: [[i32; H]; 8]) -> Matrix<N> {
    let (mut whole, mut k) = ([[0; N]; 8], 0);
    while k < 8 {
        let mut x = 0;
        while x < H {
            whole[k][x] = half[k][x];
            whole[k][N - 1 - x] = if k % 2 == 0 { half[k][x] } else { -half[k][x] };
            x += 1;
        }
        k += 1;
    }
    whole
}

const EIGHT: Matrix<8> = mirrored([
    [8192, 8192, 8192, 8192],
    [11363, 9633, 6437, 2260],
    [10703, 4433, -4433, -10703],
    [9633, -2259, -11362, -6436],
    [8192, -8192, -8192, 8192],
    [6437, -11362, 2261, 9633],
    [4433, -10704, 10704, -4433],
    [2260, -6436, 9633, -11363],
]);

/// Times 2^14. Four samples do not see the fourth frequency.
const FOUR: Matrix<4> = mirrored([
    [16384, 16384],
    [20995, 8697],
    [15137, -15137],
    [7373, -17799],
    [0, 0],
    [-4926, 11893],
    [-6270, 6270],
    [-4176, -1730],
]);

/// Times 2^15. Two samples see of the even frequencies only the mean.
const TWO: Matrix<2> = mirrored([[32768], [29692], [0], [-10426], [0], [6967], [0], [-5906]]);

/// Bits that are kept between the two passes.
const KEPT: u32 = 2;

/// Transform the blocks of a row into samples, `edge` rows of `stride` in `samples`.
///
/// # Panics
/// If `edge` is none of 1, 2, 4 and 8, or `samples` has no room.
#[inline(always)]
pub(super) fn row(blocks: &[Block], steps: &Block, edge: usize, samples: &mut [u8], stride: usize) {
    match edge {
        8 => blocks_of(blocks, steps, &EIGHT, 13, samples, stride),
        4 => blocks_of(blocks, steps, &FOUR, 14, samples, stride),
        2 => blocks_of(blocks, steps, &TWO, 15, samples, stride),
        1 => samples.iter_mut().zip(blocks).for_each(|(sample, block)| *sample = mean(block[0], steps[0])),
        _ => unreachable!("scales are 1, 2, 4 and 8"),
    }
}

/// The one value of a block that has no other coefficient: an eighth of the mean.
#[inline(always)]
pub(super) fn mean(coefficient: i16, step: i16) -> u8 {
    sample((i32::from(coefficient.wrapping_mul(step)) + 4) >> 3)
}

#[inline(always)]
fn sample(value: i32) -> u8 {
    value.saturating_add(128).clamp(0, 255) as u8
}

#[inline(always)]
fn blocks_of<const N: usize>(
    blocks: &[Block],
    steps: &Block,
    matrix: &Matrix<N>,
    bits: u32,
    samples: &mut [u8],
    stride: usize,
) {
    for (i, coefficients) in blocks.iter().enumerate() {
        // All 64 are counted, for 63 would be slower.
        let others = coefficients.iter().map(|&value| i32::from(value != 0)).sum::<i32>();
        let block = if others == i32::from(coefficients[0] != 0) {
            [[mean(coefficients[0], steps[0]); N]; N]
        } else {
            block(coefficients, steps, matrix, bits)
        };
        for (y, row) in block.iter().enumerate() {
            samples[y * stride + i * N..][..N].copy_from_slice(row);
        }
    }
}

/// One block. Only damaged data overflow, and what becomes of those does not matter.
#[inline(always)]
fn block<const N: usize>(coefficients: &Block, steps: &Block, matrix: &Matrix<N>, bits: u32) -> [[u8; N]; N] {
    let mut frequencies = [[0_i32; 8]; 8];
    for k in 0..8 {
        for x in 0..8 {
            frequencies[k][x] = coefficients[k * 8 + x].wrapping_mul(steps[k * 8 + x]).into();
        }
    }
    // Down: what even frequencies bring is the same in the upper and the lower half, but for the sign of the odd ones'.
    let mut between = [[0_i32; 8]; N];
    let down = bits - KEPT;
    for y in 0..N / 2 {
        let (mut even, mut odd) = ([1 << (down - 1); 8], [0; 8]);
        for k in (0..8).step_by(2) {
            for x in 0..8 {
                even[x] = frequencies[k][x].wrapping_mul(matrix[k][y]).wrapping_add(even[x]);
                odd[x] = frequencies[k + 1][x].wrapping_mul(matrix[k + 1][y]).wrapping_add(odd[x]);
            }
        }
        for x in 0..8 {
            between[y][x] = even[x].wrapping_add(odd[x]) >> down;
            between[N - 1 - y][x] = even[x].wrapping_sub(odd[x]) >> down;
        }
    }
    // Across. The cosines of two dimensions bring a factor of eight with them.
    let across = bits + KEPT + 3;
    let mut samples = [[0; N]; N];
    for y in 0..N {
        let mut sums = [1_i32 << (across - 1); N];
        for k in 0..8 {
            for x in 0..N {
                sums[x] = between[y][k].wrapping_mul(matrix[k][x]).wrapping_add(sums[x]);
            }
        }
        for x in 0..N {
            samples[y][x] = sample(sums[x] >> across);
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The transform's definition (ITU-T T.81, A.3.3), in floating point.
    fn exact(block: &Block) -> [[f64; 8]; 8] {
        let basis = |k: usize, x: usize| {
            let norm = if k == 0 { 0.125_f64.sqrt() } else { 0.5 };
            norm * ((2 * x + 1) as f64 * k as f64 * std::f64::consts::PI / 16.0).cos()
        };
        std::array::from_fn(|y| {
            std::array::from_fn(|x| {
                let term = |i: usize| f64::from(block[i]) * basis(i / 8, y) * basis(i % 8, x);
                (0..64).map(term).sum::<f64>() + 128.0
            })
        })
    }

    fn some_block(seed: i32) -> Block {
        std::array::from_fn(|i| {
            let random =
                (i as i32 + 1).wrapping_mul(seed.wrapping_mul(2) + 1).wrapping_mul(0x9e37_79b1_u32 as i32);
            ((random >> 24) / (1 + i as i32 / 4)) as i16
        })
    }

    fn transformed<const N: usize>(matrix: &Matrix<N>, bits: u32, coefficients: &Block) -> [[u8; N]; N] {
        block(coefficients, &[1; 64], matrix, bits)
    }

    #[test]
    fn eight_samples_are_the_definitions_rounded() {
        for seed in 0..200 {
            let block = some_block(seed);
            let (got, want) = (transformed(&EIGHT, 13, &block), exact(&block));
            for (got, want) in got.iter().flatten().zip(want.iter().flatten()) {
                // Half for the rounding at the end, the rest for that between the passes.
                assert!((f64::from(*got) - want.clamp(0.0, 255.0)).abs() < 0.6, "{got} for {want}");
            }
        }
    }

    /// Each reduced block is near the mean of what it stands for: it cannot be turned or shifted.
    #[test]
    fn fewer_samples_are_near_the_means_of_eight() {
        fn compare<const N: usize>(matrix: &Matrix<N>, bits: u32) {
            for seed in 0..50 {
                // Low frequencies only: what the others do to a mean is where the two would differ.
                let mut block = some_block(seed);
                (0..64).filter(|i| i / 8 + i % 8 > 1).for_each(|i| block[i] = 0);
                let (got, full) = (transformed(matrix, bits, &block), exact(&block));
                let step = 8 / N;
                for (i, &got) in got.iter().flatten().enumerate() {
                    let (y, x) = (i / N * step, i % N * step);
                    let all = full[y..y + step].iter().flat_map(|row| &row[x..x + step]);
                    let want = all.sum::<f64>() / (step * step) as f64;
                    assert!((f64::from(got) - want.clamp(0.0, 255.0)).abs() < 0.7, "{got} for {want}");
                }
            }
        }
        compare(&FOUR, 14);
        compare(&TWO, 15);
    }

    #[test]
    fn the_shorter_way_for_even_blocks_is_the_same() {
        for value in -1200..1200 {
            let mut flat = [0; 64];
            flat[0] = value;
            assert_eq!(transformed(&EIGHT, 13, &flat), [[mean(value, 1); 8]; 8]);
            assert_eq!(transformed(&FOUR, 14, &flat), [[mean(value, 1); 4]; 4]);
            assert_eq!(transformed(&TWO, 15, &flat), [[mean(value, 1); 2]; 2]);
        }
    }

    #[test]
    fn no_coefficient_is_too_much() {
        for value in [i16::MIN, i16::MAX] {
            transformed(&EIGHT, 13, &[value; 64]);
            transformed(&FOUR, 14, &[value; 64]);
            transformed(&TWO, 15, &[value; 64]);
        }
    }
}
