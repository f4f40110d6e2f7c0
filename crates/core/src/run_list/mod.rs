//! Runs as lists show them: what each was made with, what came of it, and which evaluations of several are of the same images.

mod entry;
mod sets;

pub use entry::{BrokenRun, KeptEvaluation, RunEntry, differing, evaluations};
pub use sets::{EvaluatedSet, SameSet, same_sets};
