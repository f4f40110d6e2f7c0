//! `evaluation.toml`: what was evaluated, so that it can be done again.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Error;
use crate::dataset::Columns;
use crate::files::{read_text, write_bytes};
use crate::preprocess::ViewKinds;

/// Which images an evaluation looked at, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvaluationRecord {
    /// When, in UTC, as RFC 3339.
    pub created: String,
    /// As they were given.
    pub manifests: Vec<String>,
    /// What their columns are called.
    pub path_column: String,
    pub label_column: String,
    pub split_column: String,
    /// The part of them that was evaluated, if not all.
    pub split: Option<String>,
    /// Views of each image that probabilities were averaged over, beside the plain one.
    #[serde(default, skip_serializing_if = "ViewKinds::is_empty")]
    pub views: ViewKinds,
    /// The version of `headstart`.
    pub headstart: String,
}

impl EvaluationRecord {
    /// Of these manifests, in force from here on.
    pub fn new(manifests: Vec<String>, columns: Columns, split: Option<String>, views: ViewKinds) -> Self {
        Self {
            created: jiff::Timestamp::now().to_string(),
            manifests,
            path_column: columns.path,
            label_column: columns.label,
            split_column: columns.split,
            split,
            views,
            headstart: env!("CARGO_PKG_VERSION").into(),
        }
    }

    /// What the columns of the manifests are called.
    pub fn columns(&self) -> Columns {
        let Self { path_column, label_column, split_column, .. } = self.clone();
        Columns { path: path_column, label: label_column, split: split_column }
    }

    /// The text of the file.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("words and lists are TOML")
    }

    /// Write it, all of it or nothing.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        Ok(write_bytes(path, self.to_toml().as_bytes())?)
    }

    /// Read it.
    ///
    /// # Errors
    /// [`Error::Read`] if it is not there or not in this form.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let failed = |source: io::Error| Error::Read { path: path.into(), source };
        let text = read_text(path).map_err(failed)?;
        toml::from_str(&text).map_err(|cause| failed(io::Error::new(io::ErrorKind::InvalidData, cause)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evaluation.toml");
        let columns = Columns { label: "what \"it\"\nis".into(), ..Columns::default() };
        let manifests = vec!["a b.csv".into(), "ü".into()];
        for views in [ViewKinds::default(), "flip,crop5".parse().unwrap()] {
            let record =
                EvaluationRecord::new(manifests.clone(), columns.clone(), Some("test".into()), views);
            record.write(&path).unwrap();
            assert_eq!(EvaluationRecord::read(&path).unwrap(), record);
            assert_eq!(record.columns(), columns);
        }
        std::fs::write(&path, "manifests = 3").unwrap();
        let error = EvaluationRecord::read(&path).unwrap_err();
        assert!(error.to_string().starts_with("cannot read `"), "{error}");
    }
}
