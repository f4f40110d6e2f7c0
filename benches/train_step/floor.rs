//! What a step cannot do without.

use crate::limits::Limits;
use crate::session::{CLASSES, HIDDEN};

/// Lower bounds of a step's time, in seconds. Arithmetic and memory traffic can go on at the same time, so the larger
/// one counts.
pub struct Floor {
    pub arithmetic: f64,
    pub memory: f64,
}

impl Floor {
    pub fn of(batch: usize, dim: usize, limits: &Limits) -> Self {
        let layers = [(dim, HIDDEN), (HIDDEN, CLASSES)];
        let weights: usize = layers.iter().map(|(inputs, units)| (inputs + 1) * units).sum();
        // A product forward and one for the kernel's gradient, and for all layers but the first one for their input's.
        let products: usize = layers
            .iter()
            .enumerate()
            .map(|(at, (inputs, units))| inputs * units * if at == 0 { 2 } else { 3 })
            .sum();
        let flops = 2 * batch * products;
        // Weights and both moments, each read and written once. A kernel that is read in one pass for the products and
        // in another for the update is read twice, but need not be.
        let bytes = 4 * (6 * weights + batch * dim);
        Self { arithmetic: flops as f64 / limits.flops, memory: bytes as f64 / limits.bytes }
    }

    pub fn seconds(&self) -> f64 {
        self.arithmetic.max(self.memory)
    }
}
