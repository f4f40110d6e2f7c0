//! What is to be fitted, as a file that every fit reads.

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use headstart::baseline::Choice;
use headstart::cache::{Key, View};
use serde::{Deserialize, Serialize};

/// A method in the comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contender {
    /// As the table calls it.
    pub name: String,
    pub choice: Choice,
}

/// The data, the folds and the contenders. Features are not among it: each fit maps them from the cache.
#[derive(Debug, Serialize, Deserialize)]
pub struct Plan {
    /// Folder of the store with the features.
    pub store: PathBuf,
    /// A row of features for each label.
    pub ids: Vec<(Key, View)>,
    pub labels: Vec<usize>,
    pub classes: usize,
    pub folds: usize,
    /// Of the folds; contenders have one of their own.
    pub seed: u64,
    pub contenders: Vec<Contender>,
}

impl Plan {
    pub fn fits(&self) -> usize {
        self.contenders.len() * self.folds
    }

    /// Contender and fold of a fit. All contenders come to the first fold before any comes to the second, so that a
    /// comparison that is broken off still compares.
    pub fn fit(&self, fit: usize) -> (usize, usize) {
        (fit % self.contenders.len(), fit / self.contenders.len())
    }

    /// Images that have the same bytes as an earlier one.
    pub fn repeated(&self) -> usize {
        self.ids.len() - self.ids.iter().collect::<HashSet<_>>().len()
    }

    pub fn write(&self) -> anyhow::Result<tempfile::NamedTempFile> {
        let mut file = tempfile::NamedTempFile::new().context("cannot write a temporary file")?;
        file.write_all(&serde_json::to_vec(self)?).context("cannot write a temporary file")?;
        Ok(file)
    }

    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("`{}` is no plan", path.display()))
    }
}
