//! t-SNE.
//!
//! # Source
//! van der Maaten and Hinton 2008, "Visualizing data using t-SNE", by the `bhtsne` crate under `linfa-tsne`.

use ::linfa::traits::Transformer;
use linfa_tsne::TSneParams;
use ndarray::Array2;
use ndarray_of_linfa as theirs;

use super::Error;
use headstart_base::machine::contained;

/// Neighbours that count, roughly; van der Maaten's own default.
const PERPLEXITY: f64 = 30.0;
/// van der Maaten's default too; the map hardly moves any more.
const ITERATIONS: usize = 1000;

/// Where each of the rows `(n, k)` lies in the plane.
pub(super) fn place(rows: Array2<f64>) -> Result<Vec<[f64; 2]>, Error> {
    // There must be three neighbours for each that counts.
    let perplexity = PERPLEXITY.min((rows.nrows().saturating_sub(1) / 3) as f64);
    let (dim, values) = (rows.dim(), rows.into_raw_vec_and_offset().0);
    let rows = theirs::Array2::from_shape_vec(dim, values).expect("as many values as before");
    // Exactly, in time that grows with the square of the rows: the approximation looks for neighbours by chance, and differs
    // from call to call.
    let method =
        TSneParams::embedding_size(2).perplexity(perplexity).approx_threshold(0.0).max_iter(ITERATIONS);
    let failed = |source| Error::Failed { method: "t-SNE", source };
    let placed = contained(|| method.transform(rows)).map_err(|error| failed(error.into()))?;
    let placed = placed.map_err(|error| failed(error.into()))?;
    let places: Vec<[f64; 2]> = placed.rows().into_iter().map(|row| [row[0], row[1]]).collect();
    match places.iter().flatten().all(|value| value.is_finite()) {
        true => Ok(places),
        false => Err(failed("its numbers are not finite any more".into())),
    }
}
