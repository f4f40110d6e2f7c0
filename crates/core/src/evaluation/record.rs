//! `evaluation.toml`: what was evaluated, so that it can be done again.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::dataset::{Columns, Whereabouts};
use headstart_base::files::{read_text, write_bytes};
use headstart_evaluate::Error;
use headstart_image::ViewKinds;

/// Which images an evaluation looked at, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvaluationRecord {
    /// When, in UTC, as RFC 3339.
    pub created: String,
    /// As they were given.
    pub manifests: Vec<String>,
    /// What their columns are called.
    pub path_column: String,
    /// The column with the labels.
    pub label_column: String,
    /// The column that says which part of the data an image belongs to.
    pub split_column: String,
    /// The part of them that was evaluated, if not all.
    pub split: Option<String>,
    /// Views of each image that probabilities were averaged over, beside the plain one.
    #[serde(default, skip_serializing_if = "ViewKinds::is_empty")]
    pub views: ViewKinds,
    /// The version of `headstart`.
    pub headstart: String,
    /// BLAKE3 of the manifests' content, hex; files of version 0.1.0 do not tell, nor what follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// BLAKE3 over the content and class of each image that was scored, hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<String>,
    /// Where the manifests were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub places: Option<Whereabouts>,
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
            digest: None,
            rows: None,
            places: None,
        }
    }

    /// Whether both are evaluations of one set of images: of the same manifests at the same place, though they may have changed, or
    /// of the same images. `None` if that cannot be known, for one of them is of version 0.1.0, which kept relative names alone.
    pub fn is_of_same_images(&self, other: &Self) -> Option<bool> {
        if self.split != other.split || self.views != other.views {
            return Some(false);
        }
        let paths = |record: &Self| record.places.as_ref().map(|places| places.paths.clone());
        let (Some(mine), Some(theirs)) = (paths(self), paths(other)) else { return None };
        let same_rows = self.rows.is_some() && self.rows == other.rows;
        Some(same_rows || (mine == theirs && self.columns() == other.columns()))
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

    fn of(path: &str, rows: &str) -> EvaluationRecord {
        let record =
            EvaluationRecord::new(vec!["test".into()], Columns::default(), None, ViewKinds::default());
        let places = Whereabouts { paths: vec![path.into()], kept_in: "/runs".into() };
        EvaluationRecord { rows: Some(rows.into()), places: Some(places), ..record }
    }

    #[test]
    fn one_set_is_one_place_or_the_same_images() {
        let record = of("/a/test", "11");
        assert_eq!(record.is_of_same_images(&of("/a/test", "22")), Some(true), "the manifest has grown");
        assert_eq!(record.is_of_same_images(&of("/b/test", "11")), Some(true), "it was moved");
        assert_eq!(record.is_of_same_images(&of("/b/test", "22")), Some(false));
        let part = EvaluationRecord { split: Some("test".into()), ..record.clone() };
        assert_eq!(record.is_of_same_images(&part), Some(false));
        let columns = EvaluationRecord { label_column: "kind".into(), ..of("/a/test", "22") };
        assert_eq!(record.is_of_same_images(&columns), Some(false));
        let old = EvaluationRecord { places: None, rows: None, ..record.clone() };
        assert_eq!(record.is_of_same_images(&old), None);
    }

    #[test]
    fn files_of_the_first_version_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evaluation.toml");
        let text = "created = \"2026-11-23T08:00:00Z\"\nmanifests = [\"test\"]\npath_column = \"path\"\n\
            label_column = \"label\"\nsplit_column = \"split\"\nheadstart = \"0.1.0\"\n";
        std::fs::write(&path, text).unwrap();
        let record = EvaluationRecord::read(&path).unwrap();
        assert_eq!((record.manifests[0].as_str(), record.digest, record.places), ("test", None, None));
        let new = of("/a/test", "11");
        new.write(&path).unwrap();
        assert_eq!(EvaluationRecord::read(&path).unwrap(), new);
    }

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
