//! One answer from several views of an image.

use ndarray::{Array2, ArrayView2, s};

/// The mean of what was said of each image in so many views.
///
/// Probabilities are averaged, not logits. The mean is then what a classifier would say that looks at a view drawn by chance, so its log-loss is
/// at most the mean of theirs (the logarithm is concave), and one view that is wrong and very sure cannot outvote
/// the others, as it can with logits.
///
/// # Shapes
/// - `probabilities`: `(views * n, classes)`, first all images in the first view, then all in the second, and so on
/// - result: `(n, classes)`, rows that sum to one
///
/// # Source
/// Krizhevsky et al. 2012, section 4.1: the predictions of the softmax layer, averaged over ten patches.
///
/// # Panics
/// If there are not as many rows of each view.
pub fn mean_over_views(probabilities: ArrayView2<f32>, views: usize) -> Array2<f32> {
    assert!(views > 0 && probabilities.nrows().is_multiple_of(views), "a row for each view of each image");
    let images = probabilities.nrows() / views;
    let mut mean = probabilities.slice(s![..images, ..]).to_owned();
    for view in 1..views {
        mean += &probabilities.slice(s![view * images..(view + 1) * images, ..]);
    }
    mean /= views as f32;
    mean
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_mean_is_taken_image_by_image() {
        let said = array![[0.5, 0.5], [1.0, 0.0], [0.25, 0.75], [0.5, 0.5], [0.75, 0.25], [0.0, 1.0]];
        assert_eq!(mean_over_views(said.view(), 3), array![[0.5, 0.5], [0.5, 0.5]]);
        assert_eq!(mean_over_views(said.view(), 2), array![[0.5, 0.5], [0.875, 0.125], [0.125, 0.875]],);
        // One view is left as it is, to the bit.
        let odd = array![[0.1_f32, 0.9], [1e-30, 1.0]];
        assert_eq!(mean_over_views(odd.view(), 1), odd);
    }
}
