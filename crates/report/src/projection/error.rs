/// Why there is no map.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A feature is not a number that can be placed.
    #[error("row {row} holds a number that is not finite")]
    NotFinite {
        /// The row, from 0.
        row: usize,
    },
    /// A method gave up.
    #[error("{method} failed")]
    Failed {
        /// `PCA` or `t-SNE`.
        method: &'static str,
        /// Its reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
