//! Evaluations of several runs, brought together where they are of the same images.

use std::path::Path;

use headstart_evaluate::{Metrics, OtherPrecision};
use headstart_image::ViewKinds;
use serde::Serialize;

use crate::evaluation::EvaluationRecord;

/// What an evaluation was of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EvaluatedSet {
    /// The name of its folder.
    pub name: String,
    /// BLAKE3 over content and class of each image, hex; evaluations of version 0.1.0 do not tell.
    pub rows: Option<String>,
    /// Views of each image beside the plain one.
    #[serde(skip)]
    pub views: ViewKinds,
    /// How the features differed from those that the head was trained on, if they did.
    #[serde(skip)]
    pub other_precision: Option<OtherPrecision>,
    /// Manifests as they were typed.
    #[serde(skip)]
    pub manifests: Vec<String>,
}

impl EvaluatedSet {
    /// That of the evaluation in this folder.
    pub fn of(folder: &Path, metrics: &Metrics) -> Self {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let record = EvaluationRecord::read(&folder.join("evaluation.toml")).ok();
        let (rows, views, manifests) = match record {
            Some(record) => (record.rows, record.views, record.manifests),
            None => (None, ViewKinds::default(), vec![]),
        };
        Self { name, rows, views, other_precision: metrics.other_precision.clone(), manifests }
    }

    /// The same images, looked at in the same way. Where one does not tell its images, the name decides.
    fn is_like(&self, other: &Self) -> bool {
        match (&self.rows, &other.rows) {
            (Some(mine), Some(theirs)) => {
                mine == theirs && self.views == other.views && self.other_precision == other.other_precision
            }
            _ => self.name == other.name,
        }
    }
}

/// Evaluations of the same images.
#[derive(Debug, PartialEq)]
pub struct SameSet {
    /// What the set is called.
    pub title: String,
    /// For each run, which of its evaluations it is.
    pub places: Vec<Option<usize>>,
}

/// Bring together what is alike in the evaluations of several runs, sorted by title. Sets of other images under one name have the
/// manifests in their titles.
pub fn same_sets(runs: &[Vec<&EvaluatedSet>]) -> Vec<SameSet> {
    let mut groups: Vec<(&EvaluatedSet, Vec<Option<usize>>)> = vec![];
    for (run, sets) in runs.iter().enumerate() {
        for (place, set) in sets.iter().enumerate() {
            let group = groups.iter_mut().find(|(first, places)| places[run].is_none() && first.is_like(set));
            match group {
                Some((_, places)) => places[run] = Some(place),
                None => {
                    let mut places = vec![None; runs.len()];
                    places[run] = Some(place);
                    groups.push((set, places));
                }
            }
        }
    }
    let names: Vec<&str> = groups.iter().map(|(set, _)| set.name.as_str()).collect();
    let is_shared = |name: &str| names.iter().filter(|other| **other == name).count() > 1;
    let mut all: Vec<SameSet> = vec![];
    for (set, places) in &groups {
        let mut title = set.name.clone();
        if is_shared(&title) && !set.manifests.is_empty() {
            title += &format!(" ({})", set.manifests.join(", "));
        }
        let same = all.iter().filter(|other| other.title == title).count();
        if same > 0 {
            title += &format!(" #{}", same + 1);
        }
        all.push(SameSet { title, places: places.clone() });
    }
    all.sort_by(|a, b| a.title.cmp(&b.title));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, rows: Option<&str>) -> EvaluatedSet {
        EvaluatedSet {
            name: name.into(),
            rows: rows.map(str::to_owned),
            views: ViewKinds::default(),
            other_precision: None,
            manifests: vec![format!("site_{}/test", rows.unwrap_or("x"))],
        }
    }

    #[test]
    fn the_images_decide_and_not_the_name() {
        let (a, b) = (set("test", Some("a")), set("test", Some("b")));
        let renamed = set("site_a-test", Some("a"));
        let found = same_sets(&[vec![&a], vec![&b, &renamed]]);
        let titles: Vec<&str> = found.iter().map(|alike| alike.title.as_str()).collect();
        assert_eq!(titles, ["test (site_a/test)", "test (site_b/test)"]);
        assert_eq!(found[0].places, [Some(0), Some(1)]);
        assert_eq!(found[1].places, [None, Some(0)]);
    }

    #[test]
    fn of_the_first_version_there_is_only_the_name() {
        let (old, new) = (set("test", None), set("test", Some("a")));
        let found = same_sets(&[vec![&old], vec![&new]]);
        assert_eq!(found, [SameSet { title: "test".into(), places: vec![Some(0), Some(0)] }]);
    }
}
