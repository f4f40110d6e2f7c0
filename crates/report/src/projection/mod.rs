//! Maps of features: each image a point in a plane, near those that the backbone finds alike.
//!
//! Two kinds, by the `linfa` crates. The principal components keep distances as well as two directions can; t-SNE keeps
//! neighbourhoods, and its distances between groups mean little. Both see columns of mean 0 and standard deviation 1.
//!
//! Both are for some hundreds of images: the caller draws a sample of more.

mod error;
mod ndarray_compat;
mod pca;
mod tsne;

use ndarray::Array2;

pub use error::Error;
use headstart_evaluate::Standardiser;

/// Components that t-SNE starts from, as is usual: distances in thousands of columns are mostly noise.
const COMPONENTS: usize = 50;

/// Where each row lies.
#[derive(Debug, Clone, PartialEq)]
pub struct Maps {
    /// In the first two principal components.
    pub pca: Vec<[f64; 2]>,
    /// The part of the variance that each of these two has, from 0 to 1.
    pub explained: [f64; 2],
    /// As t-SNE places it; `None` for fewer than [`Maps::FEWEST`] rows, which have no neighbourhoods.
    pub tsne: Option<Vec<[f64; 2]>>,
}

impl Maps {
    /// Rows that t-SNE needs to place them.
    pub const FEWEST: usize = 8;

    /// Compute both, on the [`Threads`](headstart_base::machine::Threads) that this runs on. The same features give the same maps
    /// on one kind of processor.
    ///
    /// # Shapes
    /// - `features`: `(n, d)`, finite
    ///
    /// # Errors
    /// [`Error::NotFinite`]; [`Error::Failed`] if one of the methods gives up.
    pub fn of(mut features: Array2<f32>) -> Result<Self, Error> {
        if let Some(row) = features.rows().into_iter().position(|row| row.iter().any(|v| !v.is_finite())) {
            return Err(Error::NotFinite { row });
        }
        Standardiser::of(&features).apply(&mut features);
        let components = pca::components(&features, COMPONENTS)?;
        let column = |row: usize, column: usize| components.scores.get((row, column)).copied().unwrap_or(0.0);
        let pca = (0..features.nrows()).map(|row| [column(row, 0), column(row, 1)]).collect();
        let explained = [0, 1].map(|place| components.explained.get(place).copied().unwrap_or(0.0));
        let differ = components.explained.len() >= 2;
        let tsne = match differ && components.scores.nrows() >= Self::FEWEST {
            true => Some(tsne::place(components.scores)?),
            false => None,
        };
        Ok(Self { pca, explained, tsne })
    }
}

#[cfg(test)]
mod tests;
