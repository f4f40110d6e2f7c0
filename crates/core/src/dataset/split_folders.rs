//! Folders that are called as parts of a data set are called: `train` beside `test`, `seg_train` beside `seg_pred`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::Part;
use super::part::taken_apart;

/// A folder that is a part of a data set, not a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartFolder {
    /// Its name.
    pub name: String,
    /// What it is for; `None` for images without labels, such as `seg_pred`.
    pub part: Option<Part>,
    /// The folder whose subfolders are the classes: itself, or, as `seg_train/seg_train`, one that it holds; `None` if there
    /// are no subfolders with images.
    pub classes: Option<PathBuf>,
}

/// Words for images that are only there to be classified, and for a second test part. As the name of a class alone they mean
/// nothing, so they count beside other parts only.
const FURTHER: [(&str, Option<Part>); 7] = [
    ("holdout", Some(Part::Test)),
    ("pred", None),
    ("predict", None),
    ("prediction", None),
    ("predictions", None),
    ("unlabeled", None),
    ("unlabelled", None),
];

fn part_of(name: &str) -> Option<(Option<Part>, Vec<String>)> {
    if let Some((part, rest)) = taken_apart(name) {
        return Some((Some(part), rest));
    }
    let words: Vec<String> =
        name.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase).collect();
    let is_further = |word: &String| FURTHER.iter().find(|(name, _)| name == word);
    let place = words.iter().position(|word| is_further(word).is_some())?;
    let part = is_further(&words[place]).and_then(|(_, part)| *part);
    Some((part, words.into_iter().enumerate().filter(|(at, _)| *at != place).map(|(_, word)| word).collect()))
}

/// The names among these that are parts of a data set: at least two different parts whose other words are the same. One such
/// name alone is a class (trains beside ships), and so are `steam train` and `test tube`, which share no other word.
pub(super) fn parts_among<'n>(names: impl Iterator<Item = &'n str>) -> Vec<(&'n str, Option<Part>)> {
    let mut groups: BTreeMap<Vec<String>, Vec<(&str, Option<Part>)>> = BTreeMap::new();
    for name in names {
        if let Some((part, rest)) = part_of(name) {
            groups.entry(rest).or_default().push((name, part));
        }
    }
    let kinds = |group: &Vec<(&str, Option<Part>)>| {
        group.iter().map(|(_, part)| *part).collect::<BTreeSet<_>>().len()
    };
    let has_known =
        |group: &Vec<(&str, Option<Part>)>| group.iter().any(|(name, _)| taken_apart(name).is_some());
    let mut found: Vec<_> =
        groups.into_values().filter(|group| kinds(group) > 1 && has_known(group)).flatten().collect();
    found.sort_unstable();
    found
}

/// The folder below `folder` (or itself) that has two or more subfolders with images and no image beside them, reached
/// through folders that hold nothing but the next one.
pub(super) fn class_folders_in(folder: &Path, images: &[&Path]) -> Option<PathBuf> {
    let mut at = folder.to_path_buf();
    loop {
        let below: Vec<&Path> = images.iter().filter_map(|image| image.strip_prefix(&at).ok()).collect();
        let mut subfolders = BTreeSet::new();
        for image in below {
            let mut parts = image.iter();
            let (first, more) = (parts.next()?, parts.next());
            more?;
            subfolders.insert(first);
        }
        match subfolders.len() {
            0 => return None,
            1 => at.push(subfolders.first()?),
            _ => return Some(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &str) -> String {
        let names = names.split(',').collect::<Vec<_>>();
        parts_among(names.into_iter()).into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn parts_are_known_by_many_names() {
        for names in [
            "test,train",
            "Testing,Training",
            "test_set,training_set",
            "seg_pred,seg_test,seg_train",
            "test,train,val",
            "train2017,val2017",
            "TestImages,TrainImages",
            "test_new,train",
            "dev,test",
            "train,unlabeled",
            "TEST,TRAIN,VALIDATION",
            "my-train,my-valid",
        ] {
            assert_eq!(found(names), names);
        }
    }

    #[test]
    fn other_folders_beside_them_change_nothing() {
        assert_eq!(found("Meta,Test,Train"), "Test,Train");
        assert_eq!(found("bird,boat,car,cat,dog,test,train"), "test,train");
    }

    #[test]
    fn a_class_may_be_called_so() {
        for names in [
            "ship,train",
            "bicycle,bus,car,train",
            "steam train,test tube",
            "test,cat,dog",
            "trainee,tester",
            "unlabeled,cat",
            "pred,unlabeled",
            "train1,train2",
            "train",
        ] {
            assert_eq!(found(names), "", "{names}");
        }
    }

    #[test]
    fn classes_are_found_where_they_lie() {
        let inner = |images: &[&str]| {
            let images: Vec<&Path> = images.iter().map(Path::new).collect();
            class_folders_in("d/train".as_ref(), &images).map(|path| path.display().to_string())
        };
        assert_eq!(
            inner(&["d/train/a/1.png", "d/train/b/1.png", "d/test/x.png"]).as_deref(),
            Some("d/train")
        );
        let nested = ["d/train/train/a/1.png", "d/train/train/b/deep/1.png"];
        assert_eq!(inner(&nested).as_deref(), Some("d/train/train"));
        assert_eq!(inner(&["d/train/1.png", "d/train/a/1.png"]), None);
        assert_eq!(inner(&["d/train/a/1.png"]), None);
        assert_eq!(inner(&[]), None);
    }
}
