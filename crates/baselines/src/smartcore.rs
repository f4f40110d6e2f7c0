//! Methods of the `smartcore` crate.

use ::smartcore::algorithm::neighbour::KNNAlgorithmName;
use ::smartcore::ensemble::random_forest_classifier::{
    RandomForestClassifier, RandomForestClassifierParameters,
};
use ::smartcore::error::Failed;
use ::smartcore::linalg::basic::matrix::DenseMatrix;
use ::smartcore::metrics::distance::Distance;
use ::smartcore::neighbors::knn_classifier::{KNNClassifier, KNNClassifierParameters};
use ::smartcore::svm::Kernel;
use ::smartcore::svm::svc::{SVC, SVCParameters};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use super::{Error, Examples, Guesses, Method, Model, Occurring};
use headstart_base::text::counted;

/// The nearest rows by Euclidean distance have one vote each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Neighbours {
    /// How many; 10 by default.
    pub k: usize,
}

impl Default for Neighbours {
    fn default() -> Self {
        Self { k: 10 }
    }
}

impl Method for Neighbours {
    fn name(&self) -> &'static str {
        "knn"
    }

    fn settings(&self) -> String {
        format!("{} nearest neighbours", self.k)
    }

    /// Features of one layer share a scale, and those that seldom differ from 0 should not count as much as the others.
    fn wants_standardised(&self) -> bool {
        false
    }

    fn fit(&self, examples: Examples<'_>) -> Result<Box<dyn Model>, Error> {
        let parameters = KNNClassifierParameters::default()
            .with_k(self.k.min(examples.labels.len()))
            .with_distance(Straight)
            // A tree of covers does not help among thousands of columns.
            .with_algorithm(KNNAlgorithmName::LinearSearch);
        let model =
            KNNClassifier::fit(&matrix(examples.features.view()), &examples.labels.to_vec(), parameters)
                .map_err(|error| Error::failed(self.name(), error))?;
        Ok(Box::new(FittedNeighbours { model, occurring: Occurring::among(&examples) }))
    }
}

/// The Euclidean distance, over slices: `smartcore`'s own goes through an iterator behind a pointer, number by number,
/// and takes many times as long.
#[derive(Debug, Clone)]
struct Straight;

impl Distance<Vec<f32>> for Straight {
    fn distance(&self, a: &Vec<f32>, b: &Vec<f32>) -> f64 {
        // As many sums as fit a vector register twice: one alone would wait for itself.
        const LANES: usize = 16;
        let (a, a_left) = a.as_chunks::<LANES>();
        let (b, b_left) = b.as_chunks::<LANES>();
        let mut sums = [0.0_f32; LANES];
        for (a, b) in a.iter().zip(b) {
            for lane in 0..LANES {
                sums[lane] += (a[lane] - b[lane]) * (a[lane] - b[lane]);
            }
        }
        let left: f32 = a_left.iter().zip(b_left).map(|(a, b)| (a - b) * (a - b)).sum();
        f64::from(sums.iter().sum::<f32>() + left).sqrt()
    }
}

struct FittedNeighbours {
    model: KNNClassifier<f32, usize, DenseMatrix<f32>, Vec<usize>, Straight>,
    occurring: Occurring,
}

impl Model for FittedNeighbours {
    fn guess(&self, features: ArrayView2<'_, f32>) -> Result<Guesses, Error> {
        let votes =
            self.model.predict_proba(&matrix(features)).map_err(|error| Error::failed("knn", error))?;
        let votes = Array2::from_shape_fn((votes.len(), self.occurring.classes.len()), |(row, class)| {
            votes[row][class]
        });
        Ok(Guesses::Probabilities(self.occurring.widen(&votes)))
    }
}

/// Many decision trees, each on rows and columns of its own choice. `smartcore` tells what the majority says, and not
/// how large it is, so there are no probabilities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Forest {
    /// How many; 100 by default.
    pub trees: u16,
    /// Of its random numbers: the same seed gives the same model.
    pub seed: u64,
}

impl Default for Forest {
    fn default() -> Self {
        Self { trees: 100, seed: 0 }
    }
}

impl Method for Forest {
    fn name(&self) -> &'static str {
        "forest"
    }

    fn settings(&self) -> String {
        format!("{} trees", self.trees)
    }

    /// A tree only asks which of two numbers is larger.
    fn wants_standardised(&self) -> bool {
        false
    }

    fn fit(&self, examples: Examples<'_>) -> Result<Box<dyn Model>, Error> {
        let parameters =
            RandomForestClassifierParameters::default().with_n_trees(self.trees).with_seed(self.seed);
        let model = RandomForestClassifier::fit(
            &matrix(examples.features.view()),
            &examples.labels.to_vec(),
            parameters,
        )
        .map_err(|error| Error::failed(self.name(), error))?;
        Ok(Box::new(FittedForest(model)))
    }
}

struct FittedForest(RandomForestClassifier<f32, usize, DenseMatrix<f32>, Vec<usize>>);

impl Model for FittedForest {
    fn guess(&self, features: ArrayView2<'_, f32>) -> Result<Guesses, Error> {
        let classes = self.0.predict(&matrix(features)).map_err(|error| Error::failed("forest", error))?;
        Ok(Guesses::Classes(classes))
    }
}

/// A linear support vector machine for each class against all others; the largest margin wins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Svm {
    /// The cost of a row on the wrong side, where rows have a mean squared length of 1; 1 by default.
    pub c: f64,
    /// Passes over the rows; 2 by default.
    pub epochs: usize,
    /// Of its random numbers: the same seed gives the same model.
    pub seed: u64,
}

impl Default for Svm {
    fn default() -> Self {
        Self { c: 1.0, epochs: 2, seed: 0 }
    }
}

impl Method for Svm {
    fn name(&self) -> &'static str {
        "svm"
    }

    fn settings(&self) -> String {
        let epochs = counted(self.epochs as u64, "epoch");
        format!("linear, one against the rest, C {}, {epochs}, standardised", self.c)
    }

    fn wants_standardised(&self) -> bool {
        true
    }

    fn fit(&self, examples: Examples<'_>) -> Result<Box<dyn Model>, Error> {
        let classes = Occurring::among(&examples).classes;
        let features = examples.features.mapv(f64::from);
        let products = Products::of(&features);
        let mut kernel = Array2::zeros((features.ncols(), classes.len()));
        let mut bias = Array1::zeros(classes.len());
        for (place, &class) in classes.iter().enumerate() {
            let sides: Vec<i32> = examples.labels.iter().map(|&label| i32::from(label == class)).collect();
            let (weights, b) =
                self.separate(&products, &sides).map_err(|error| Error::failed("svm", error))?;
            kernel.column_mut(place).assign(&(weights.dot(&features) * products.scale));
            bias[place] = b;
        }
        Ok(Box::new(FittedSvm { kernel, bias, classes }))
    }
}

impl Svm {
    /// The weight of each row, and the bias, of the machine that keeps rows of side 1 apart from those of side 0.
    fn separate(&self, products: &Products, sides: &[i32]) -> Result<(Array1<f64>, f64), Failed> {
        let rows = sides.len();
        let places = |places: std::ops::Range<usize>| {
            DenseMatrix::new(places.len(), 1, places.map(|place| place as f64).collect(), false)
        };
        let parameters = SVCParameters::default()
            .with_c(self.c)
            .with_epoch(self.epochs)
            .with_seed(Some(self.seed))
            .with_kernel(products.clone());
        let (training, sides) = (places(0..rows)?, sides.to_vec());
        let machine = SVC::fit(&training, &sides, &parameters)?;
        // The weights are not public. But a place beyond the rows has the product 1 with one row and 0 with the others,
        // so there the machine says the row's weight plus the bias; and one more has no product with any.
        let probes = places(rows..2 * rows + 1)?;
        let said = machine.decision_function(&probes)?;
        let bias = said[rows];
        Ok((said[..rows].iter().map(|weight| weight - bias).collect(), bias))
    }
}

/// The scalar products of all pairs of rows, looked up by the rows' places.
///
/// Two things are gained over handing `smartcore` 0.7 the rows: it would compute every product anew at every step, and
/// it cuts rows to as many columns as there are rows.
#[derive(Debug, Clone)]
struct Products {
    of: std::sync::Arc<Array2<f64>>,
    /// One over the mean squared length of a row, which makes `c` mean the same for any number of columns.
    scale: f64,
}

impl Products {
    fn of(features: &Array2<f64>) -> Self {
        let mut products = features.dot(&features.t());
        let mean = products.diag().mean().filter(|&mean| mean > 0.0).unwrap_or(1.0);
        products.mapv_inplace(|product| product / mean);
        Self { of: products.into(), scale: mean.recip() }
    }
}

impl Kernel for Products {
    fn apply(&self, a: &Vec<f64>, b: &Vec<f64>) -> Result<f64, Failed> {
        let rows = self.of.nrows();
        let (low, high) = (a[0].min(b[0]) as usize, a[0].max(b[0]) as usize);
        Ok(if high < rows { self.of[(low, high)] } else { f64::from(u8::from(high - rows == low)) })
    }
}

struct FittedSvm {
    /// `(d, occurring classes)`
    kernel: Array2<f64>,
    bias: Array1<f64>,
    classes: Vec<usize>,
}

impl Model for FittedSvm {
    fn guess(&self, features: ArrayView2<'_, f32>) -> Result<Guesses, Error> {
        let margins = features.mapv(f64::from).dot(&self.kernel) + &self.bias;
        let widest = |row: ndarray::ArrayView1<f64>| {
            let mut best = 0;
            (1..row.len()).for_each(|place| {
                if row[place] > row[best] {
                    best = place
                }
            });
            self.classes[best]
        };
        Ok(Guesses::Classes(margins.axis_iter(Axis(0)).map(widest).collect()))
    }
}

fn matrix(features: ArrayView2<'_, f32>) -> DenseMatrix<f32> {
    let (rows, columns) = features.dim();
    DenseMatrix::new(rows, columns, features.iter().copied().collect(), false)
        .expect("as many values as rows times columns")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_counts_every_column() {
        // 0, 1, …, 36 against 0: more than two chunks, and some left over.
        let a: Vec<f32> = (0..37).map(|i| i as f32).collect();
        let squares: f64 = (0..37).map(|i| f64::from(i * i)).sum();
        assert_eq!(Straight.distance(&a, &vec![0.0; 37]), squares.sqrt());
        assert_eq!(Straight.distance(&a, &a), 0.0);
    }

    #[test]
    fn weights_read_from_the_probes_give_the_machine_itself() {
        let rows = ndarray::array![[2.0, 0.0, 1.0], [1.0, -1.0, 0.5], [-1.0, 0.0, 1.0], [-2.0, 1.0, 0.0]];
        let products = Products::of(&rows);
        let (weights, bias) = Svm::default().separate(&products, &[1, 1, 0, 0]).unwrap();
        let kernel = weights.dot(&rows) * products.scale;
        let margins = rows.dot(&kernel) + bias;
        // The two sides, and no more than rounding away from what the products say.
        assert!(margins[0] > 0.0 && margins[1] > 0.0 && margins[2] < 0.0 && margins[3] < 0.0, "{margins}");
        let by_products = products.of.dot(&weights) + bias;
        assert!(margins.iter().zip(&by_products).all(|(a, b)| (a - b).abs() < 1e-12));
    }
}
