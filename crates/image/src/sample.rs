//! Resizing that looks at one or four pixels however much the image shrinks, and so aliases: what toolkits without
//! Pillow do.

use super::resample::Size;

/// A way to pick pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sampling {
    Nearest,
    NearestCorners,
    BilinearTf1,
    BilinearTf2,
}

/// Resize RGB `pixels` from one size to another into `out`, which is empty.
pub(super) fn resize(pixels: &[u8], from: Size, to: Size, sampling: Sampling, out: &mut Vec<u8>) {
    match sampling {
        Sampling::Nearest => nearest(pixels, from, to, centres, out),
        Sampling::NearestCorners => nearest(pixels, from, to, corners, out),
        Sampling::BilinearTf1 => bilinear(pixels, from, to, |at, scale| at * scale, out),
        Sampling::BilinearTf2 => bilinear(pixels, from, to, |at, scale| (at + 0.5) * scale - 0.5, out),
    }
}

fn nearest(
    pixels: &[u8],
    from: Size,
    to: Size,
    positions: fn(usize, usize) -> Vec<usize>,
    out: &mut Vec<u8>,
) {
    let (source, _) = pixels.as_chunks::<3>();
    let columns = positions(from.0, to.0);
    for row in positions(from.1, to.1) {
        let row = &source[row * from.0..][..from.0];
        out.extend(columns.iter().flat_map(|&column| row[column]));
    }
}

/// Which of `from` pixels each of `to` pixels shows: the one under its centre, as in Pillow.
fn centres(from: usize, to: usize) -> Vec<usize> {
    let step = from as f64 / to as f64;
    let mut at = step * 0.5;
    let mut positions = Vec::with_capacity(to);
    for _ in 0..to {
        positions.push((at as usize).min(from - 1));
        // Added up, not multiplied: where a centre falls on an edge, the sum's last bit decides, as in Pillow.
        at += step;
    }
    positions
}

/// The same where the first pixel shows the first and the last the last.
///
/// Source: Boost.GIL, `resample_subimage` with `nearest_neighbor_sampler`, which Turi Create calls.
fn corners(from: usize, to: usize) -> Vec<usize> {
    let (ours, theirs) = ((to.max(2) - 1) as f64, (from.max(2) - 1) as f64);
    (0..to)
        .map(|i| (((i as f64 - ours / 2.0) * theirs / ours + theirs / 2.0 + 0.5) as usize).min(from - 1))
        .collect()
}

/// Four neighbours, weighted by distance. `place` finds where the centre of pixel `at` lies in the source.
///
/// TensorFlow keeps the fractions; here they are rounded to a byte, which moves a value by half a step at most.
///
/// Source: TensorFlow `core/kernels/image/resize_bilinear_op.cc`, without `align_corners`.
fn bilinear(pixels: &[u8], from: Size, to: Size, place: fn(f32, f32) -> f32, out: &mut Vec<u8>) {
    let (source, _) = pixels.as_chunks::<3>();
    let columns = neighbours(from.0, to.0, place);
    for Neighbours { first, second, weight } in neighbours(from.1, to.1, place) {
        let (upper, lower) = (&source[first * from.0..][..from.0], &source[second * from.0..][..from.0]);
        for column in &columns {
            let across = |row: &[[u8; 3]], c: usize| {
                let (left, right) = (f32::from(row[column.first][c]), f32::from(row[column.second][c]));
                left + (right - left) * column.weight
            };
            let value = |c: usize| {
                let (above, below) = (across(upper, c), across(lower, c));
                (above + (below - above) * weight + 0.5) as u8
            };
            out.extend([value(0), value(1), value(2)]);
        }
    }
}

/// Two source pixels, and how much the second counts.
struct Neighbours {
    first: usize,
    second: usize,
    weight: f32,
}

fn neighbours(from: usize, to: usize, place: fn(f32, f32) -> f32) -> Vec<Neighbours> {
    let scale = from as f32 / to as f32;
    let last = from - 1;
    let pair = |i: usize| {
        let at = place(i as f32, scale);
        // Before the first pixel there is the first pixel; a cast of what is below zero gives that.
        let (first, second) = ((at.floor() as usize).min(last), (at.ceil() as usize).min(last));
        Neighbours { first, second, weight: at - at.floor() }
    };
    (0..to).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_stay_corners() {
        assert_eq!(corners(5, 3), [0, 2, 4]);
        assert_eq!(corners(10, 4), [0, 3, 6, 9]);
        assert_eq!(corners(3, 5), [0, 1, 1, 2, 2]);
        assert_eq!((corners(1, 3), corners(3, 1)), (vec![0; 3], vec![0]));
        // Halves of the picture's centres differ: that is the point of having both.
        assert_eq!(centres(10, 4), [1, 3, 6, 8]);
    }

    #[test]
    fn nothing_changes_at_its_own_size() {
        let pixels: Vec<u8> = (0..5 * 4 * 3).map(|i| i * 4).collect();
        for sampling in
            [Sampling::Nearest, Sampling::NearestCorners, Sampling::BilinearTf1, Sampling::BilinearTf2]
        {
            let mut out = Vec::new();
            resize(&pixels, (5, 4), (5, 4), sampling, &mut out);
            assert_eq!(out, pixels, "{sampling:?}");
        }
    }
}
