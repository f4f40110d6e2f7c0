//! Networks that are known by the names and shapes of their tensors: from a file of weights alone to a graph.
//!
//! A file of weights says what was learnt, and not what is computed with it. For the networks described here that is known:
//! a description is a list of layers, and each layer knows which tensors it has and which nodes it becomes. Another
//! network is another description, and another format of files another way to [`Tensors`].

mod efficientnet_lite;
mod graph;
mod layer;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

pub(crate) use graph::{Part, graph};
use layer::Layer;

use crate::checkpoint::Tensors;
use crate::import::{Error, Result};

/// A network without its weights.
#[derive(Debug)]
pub(crate) struct Architecture {
    pub name: &'static str,
    /// How its images are prepared.
    pub preset: &'static str,
    layers: Vec<Layer>,
}

/// The tensors of a file, and what network they belong to.
#[derive(Debug)]
pub(crate) struct Recognised<'a> {
    pub architecture: Architecture,
    tensors: &'a Tensors,
    /// What the names of the tensors begin with, such as `module.` or `state_dict.`.
    prefix: String,
}

/// All networks that are known.
fn known() -> Vec<Architecture> {
    vec![efficientnet_lite::lite0()]
}

/// What can be made of a file of weights.
pub(crate) fn names() -> Vec<&'static str> {
    known().iter().map(|architecture| architecture.name).collect()
}

/// Find the network that `tensors` belong to: all of its tensors must be there, in their shapes, and no others.
///
/// # Errors
/// [`Error::Unrecognised`] for a network that is not known; [`Error::TensorMissing`], [`Error::TensorShape`] and
/// [`Error::TensorUnknown`] for one that is nearly known.
pub(crate) fn recognise(tensors: &Tensors) -> Result<Recognised<'_>> {
    let candidates = known().into_iter().filter_map(|architecture| {
        let (share, prefix) = architecture.likeness(tensors)?;
        Some((share, Recognised { architecture, tensors, prefix }))
    });
    let nearest = candidates.max_by(|(a, _), (b, _)| a.total_cmp(b));
    // Below that it is another network, and what it lacks would only mislead.
    match nearest {
        Some((share, recognised)) if share >= 0.5 => recognised.check(),
        _ => Err(Error::Unrecognised {
            tensors: tensors.names().len(),
            first: tensors.names().next().unwrap_or_default().chars().take(60).collect(),
            known: names(),
        }),
    }
}

impl Architecture {
    /// Its tensors and their shapes; a size of 0 may be any.
    fn tensors(&self) -> impl Iterator<Item = (String, Vec<usize>)> {
        self.layers.iter().flat_map(Layer::tensors)
    }

    /// The share of its tensors that are there under one prefix, and the prefix.
    fn likeness(&self, tensors: &Tensors) -> Option<(f64, String)> {
        let (first, _) = self.tensors().next()?;
        let prefixes = tensors.names().filter_map(|name| name.strip_suffix(&first));
        let prefixes = prefixes.filter(|prefix| prefix.is_empty() || prefix.ends_with('.'));
        let share = |prefix: &str| {
            let there =
                self.tensors().filter(|(name, _)| tensors.shape(&format!("{prefix}{name}")).is_some());
            there.count() as f64 / self.tensors().count() as f64
        };
        prefixes.map(|prefix| (share(prefix), prefix.to_owned())).max_by(|(a, _), (b, _)| a.total_cmp(b))
    }
}

impl Recognised<'_> {
    fn check(self) -> Result<Self> {
        let architecture = self.architecture.name;
        let mut mine = HashSet::new();
        for (name, expected) in self.architecture.tensors() {
            let full = format!("{}{name}", self.prefix);
            let Some(found) = self.tensors.shape(&full) else {
                return Err(Error::TensorMissing { architecture, tensor: full });
            };
            let fits =
                |(&expected, &found): (&usize, &usize)| expected == found || expected == 0 && found > 0;
            if expected.len() != found.len() || !expected.iter().zip(found).all(fits) {
                let found = found.to_vec();
                return Err(Error::TensorShape { architecture, tensor: full, expected, found });
            }
            mine.insert(full);
        }
        // How many batches the statistics were made of: PyTorch keeps it for training.
        let counts = |name: &str| name.ends_with(".num_batches_tracked");
        let other = (self.tensors.names())
            .find(|&name| name.starts_with(&self.prefix) && !mine.contains(name) && !counts(name));
        match other {
            Some(tensor) => Err(Error::TensorUnknown { architecture, tensor: tensor.to_owned() }),
            None => Ok(self),
        }
    }

    /// Classes of its classifier.
    pub(crate) fn classes(&self) -> Option<usize> {
        let name = self.architecture.layers.iter().find_map(|layer| match layer {
            Layer::Classifier { name, .. } => Some(name),
            _ => None,
        })?;
        self.tensors.shape(&format!("{}{name}.bias", self.prefix))?.first().copied()
    }

    /// The numbers of the tensor that a layer calls `name`, and their shape.
    fn weight(&self, name: &str) -> Result<(&[usize], Vec<f32>)> {
        let full = format!("{}{name}", self.prefix);
        let missing = || Error::TensorMissing { architecture: self.architecture.name, tensor: full.clone() };
        let shape = self.tensors.shape(&full).ok_or_else(missing)?;
        let numbers = self.tensors.floats(&full)?.ok_or_else(missing)?;
        Ok((shape, numbers))
    }
}
