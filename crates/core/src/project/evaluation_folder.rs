//! Where an evaluation is kept in its run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use headstart_base::files::path_of_text;
use headstart_evaluate::{Metrics, OtherPrecision};

use crate::Control;
use crate::evaluation::{EvaluationRecord, ScoredImage, outcomes};
use crate::run::Run;

/// `runs/NAME/evaluation/MANIFEST`, with `+flip` behind it if views were averaged, and `+int8` if the head was trained on
/// another precision: those are other figures.
///
/// An evaluation of the same images is replaced. If one of other images has the name, this one gets another, and that is said.
pub(super) fn in_run(
    run: &Run,
    record: &EvaluationRecord,
    outcomes: &[(ScoredImage, f64)],
    other: Option<&OtherPrecision>,
    control: &mut Control<'_>,
) -> PathBuf {
    let root = run.dir().join("evaluation");
    let mut ending = String::new();
    if !record.views.is_empty() {
        ending += &format!("+{}", record.views.to_string().replace(',', "+"));
    }
    if let Some(other) = other {
        ending += &format!("+{}", other.seen);
    }
    let folders = names(record).map(|mut name: OsString| -> PathBuf {
        name.push(&ending);
        root.join(name)
    });
    let mut taken: Vec<PathBuf> = vec![];
    for folder in folders {
        if !is_of_others(&folder, record, outcomes) {
            if let Some(first) = taken.first() {
                tell(first, &folder, control);
            }
            return folder;
        }
        taken.push(folder);
    }
    unreachable!("there is no end of names")
}

fn tell(taken: &Path, folder: &Path, control: &mut Control<'_>) {
    let of = EvaluationRecord::read(&taken.join("evaluation.toml")).ok();
    let of = of.map_or(String::new(), |record| format!(" of `{}`", record.manifests.join("`, `")));
    control.note(format_args!(
        "`{}` holds the evaluation{of} of other images: this evaluation is written to `{}`",
        taken.display(),
        folder.display()
    ));
}

/// The manifest's name; with its part; with the folder that it is in; with a number.
fn names(record: &EvaluationRecord) -> impl Iterator<Item = OsString> {
    let path = record.places.as_ref().and_then(|places| places.paths.first()).or(record.manifests.first());
    let path = path_of_text(path.map_or("", String::as_str));
    let stem = path.file_stem().unwrap_or("manifest".as_ref()).to_os_string();
    let joined = |first: &std::ffi::OsStr, second: &std::ffi::OsStr| {
        let mut name = first.to_os_string();
        name.push("-");
        name.push(second);
        name
    };
    let part = record.split.as_ref().map(|part| joined(&stem, part.as_ref()));
    let folder = path.parent().and_then(Path::file_name).map(|folder| joined(folder, &stem));
    let both = folder.as_ref().zip(record.split.as_ref()).map(|(name, part)| joined(name, part.as_ref()));
    let numbered = stem.clone();
    let numbers = (2..).map(move |number: u64| {
        let mut name = numbered.clone();
        name.push(format!("-{number}"));
        name
    });
    std::iter::once(stem).chain(part).chain(folder).chain(both).chain(numbers)
}

/// Whether the folder keeps an evaluation of other images.
fn is_of_others(folder: &Path, record: &EvaluationRecord, mine: &[(ScoredImage, f64)]) -> bool {
    let Ok(kept) = EvaluationRecord::read(&folder.join("evaluation.toml")) else {
        // What is not an evaluation, or is damaged, is in nobody's way.
        return Metrics::read(&folder.join("metrics.json")).is_ok();
    };
    let same =
        kept.is_of_same_images(record).unwrap_or_else(|| match outcomes(&folder.join("predictions.csv")) {
            Ok(theirs) => {
                let pairs = theirs.iter().zip(mine);
                theirs.len() == mine.len() && pairs.into_iter().all(|(a, (b, _))| a.is_of_same_image(b))
            }
            Err(_) => kept.manifests == record.manifests,
        });
    !same
}

#[cfg(test)]
mod tests {
    use headstart_image::ViewKinds;

    use crate::dataset::{Columns, Whereabouts};

    use super::*;

    fn record(path: &str, split: Option<&str>) -> EvaluationRecord {
        let places = Whereabouts { paths: vec![path.into()], kept_in: "/runs".into() };
        let record = EvaluationRecord::new(
            vec!["test".into()],
            Columns::default(),
            split.map(str::to_owned),
            ViewKinds::default(),
        );
        EvaluationRecord { places: Some(places), ..record }
    }

    #[test]
    fn names_say_what_tells_manifests_apart() {
        let first = |record: &EvaluationRecord, count: usize| -> Vec<String> {
            names(record).take(count).map(|name| name.into_string().unwrap()).collect()
        };
        assert_eq!(first(&record("/data/site_b/test", None), 4), ["test", "site_b-test", "test-2", "test-3"]);
        assert_eq!(
            first(&record("/data/all.csv", Some("val")), 5),
            ["all", "all-val", "data-all", "data-all-val", "all-2"]
        );
        assert_eq!(first(&record("/m.csv", None), 2), ["m", "m-2"]);
    }
}
