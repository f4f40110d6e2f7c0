use ndarray::{Array1, Array2, Axis};

/// Moves and scales each column to mean 0 and standard deviation 1, as measured on the rows to learn from.
///
/// Rows that are held out are moved and scaled by the same numbers: they have no say in them.
#[derive(Debug, Clone, PartialEq)]
pub struct Standardiser {
    mean: Array1<f64>,
    /// One over the standard deviation; 1 for a column that is constant.
    scale: Array1<f64>,
}

impl Standardiser {
    /// Measure the columns of `features` `(n, d)`; the standard deviation is that of a population (over `n`).
    pub fn of(features: &Array2<f32>) -> Self {
        let rows = features.nrows().max(1) as f64;
        let mut mean = Array1::<f64>::zeros(features.ncols());
        for row in features.axis_iter(Axis(0)) {
            mean.zip_mut_with(&row, |mean, &value| *mean += f64::from(value) / rows);
        }
        let mut variance = Array1::<f64>::zeros(features.ncols());
        for row in features.axis_iter(Axis(0)) {
            ndarray::azip!((variance in &mut variance, &value in row, &mean in &mean) {
                *variance += (f64::from(value) - mean).powi(2) / rows;
            });
        }
        // Rounding leaves a constant column a variance that is not quite 0, which must not be blown up.
        let scale = ndarray::Zip::from(&variance).and(&mean).map_collect(|&variance, &mean| {
            let deviation = variance.sqrt();
            if deviation <= 1e-12 * mean.abs() { 1.0 } else { deviation.recip() }
        });
        Self { mean, scale }
    }

    /// Move and scale rows `(n, d)` in place.
    ///
    /// # Panics
    /// If the rows have another size than those that were measured.
    pub fn apply(&self, features: &mut Array2<f32>) {
        for row in features.axis_iter_mut(Axis(0)) {
            ndarray::azip!((value in row, &mean in &self.mean, &scale in &self.scale) {
                *value = ((f64::from(*value) - mean) * scale) as f32;
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn columns_come_to_mean_0_and_deviation_1_and_constants_to_0() {
        let mut features = array![[1.0, 0.1, 10.0], [3.0, 0.1, 30.0], [1.0, 0.1, 10.0], [3.0, 0.1, 30.0]];
        let standardiser = Standardiser::of(&features);
        standardiser.apply(&mut features);
        let expected = array![[-1.0, 0.0, -1.0], [1.0, 0.0, 1.0], [-1.0, 0.0, -1.0], [1.0, 0.0, 1.0]];
        assert_eq!(features, expected);

        let mut held_out = array![[2.0, 1.1, 50.0]];
        standardiser.apply(&mut held_out);
        assert_eq!(held_out, array![[0.0, 1.0, 3.0]]);
    }
}
