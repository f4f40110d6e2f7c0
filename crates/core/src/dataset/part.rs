//! The parts of a data set, and the names that people give them.

use std::fmt;

/// What rows of a manifest are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// To train on.
    Train,
    /// To look at while training, and to choose by.
    Validation,
    /// To measure on at the end.
    Test,
}

/// Words for the parts, in lower case.
const WORDS: [(Part, &[&str]); 3] = [
    (Part::Train, &["train", "training", "trn"]),
    (Part::Validation, &["dev", "devel", "development", "val", "valid", "validate", "validation"]),
    (Part::Test, &["eval", "evaluate", "evaluation", "test", "testing", "tst"]),
];

/// Words that say nothing beside one of those: `train_set`, `TestImages`, `val-2017`.
const NEUTRAL: [&str; 22] = [
    "clean", "data", "dataset", "examples", "final", "folder", "full", "image", "images", "img", "imgs",
    "new", "part", "photos", "pics", "pictures", "private", "public", "samples", "set", "sets", "split",
];

impl Part {
    /// All of them, in the order of use.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// The name that is used for it everywhere: `train`, `validation` or `test`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }

    /// The part that a value of a `split` column means, whatever its case: `train` and `training`; `validation`, `valid`,
    /// `val` and `dev`; `test`, `testing` and `eval`; also with `set`, `data`, `images` or a number beside them
    /// (`test set`, `train2017`). `None` for anything else, such as `holdout`.
    ///
    /// ```
    /// use headstart_core::dataset::Part;
    /// assert_eq!(Part::named("TRAIN"), Some(Part::Train));
    /// assert_eq!(Part::named("Testing"), Some(Part::Test));
    /// assert_eq!(Part::named("holdout"), None);
    /// ```
    pub fn named(text: &str) -> Option<Self> {
        let (part, rest) = taken_apart(text)?;
        rest.is_empty().then_some(part)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The one word for a part in a name, and the other words of the name that mean something: `seg_train` gives `Train` and
/// `["seg"]`. `None` if there is no such word.
pub(super) fn taken_apart(name: &str) -> Option<(Part, Vec<String>)> {
    let mut words = words(name);
    let (place, part) =
        words.iter().enumerate().find_map(|(place, word)| Some((place, part_of_word(word)?)))?;
    words.remove(place);
    words.retain(|word| !is_neutral(word));
    Some((part, words))
}

fn is_neutral(word: &str) -> bool {
    NEUTRAL.contains(&word) || word.chars().all(char::is_numeric)
}

/// `train`, and also `trainset`, `testdata`, `tests`.
fn part_of_word(word: &str) -> Option<Part> {
    let known = |stem: &str| WORDS.iter().find(|(_, words)| words.contains(&stem)).map(|(part, _)| *part);
    let joined = NEUTRAL.iter().filter_map(|ending| word.strip_suffix(ending)).find_map(known);
    known(word).or(joined).or_else(|| word.strip_suffix('s').and_then(known))
}

/// The words of a name in lower case: `TrainImages_2017` gives `train`, `images` and `2017`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let begins = (before.is_lowercase() && c.is_uppercase())
            || (before.is_alphabetic() && c.is_numeric())
            || (before.is_numeric() && c.is_alphabetic());
        if begins || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if c.is_alphanumeric() {
            words.last_mut().expect("there is one from the beginning").extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn usual_names_are_known() {
        let known = [
            (
                Part::Train,
                "train Train TRAIN training Trn train_set training-set trainset train2017 TrainImages",
            ),
            (
                Part::Validation,
                "validation val Valid VAL dev Devel val2017 validation_set validationset valset",
            ),
            (Part::Test, "test Testing tests TEST_SET test-images testdata eval evaluation test_1 test2"),
        ];
        for (part, names) in known {
            for name in names.split(' ') {
                assert_eq!(Part::named(name), Some(part), "{name}");
            }
        }
        assert_eq!(Part::named("  training set "), Some(Part::Train));
    }

    #[test]
    fn other_names_are_not() {
        for name in ["", "holdout", "seg_train", "fold1", "0", "trainee", "attest", "contest", "set", "value"]
        {
            assert_eq!(Part::named(name), None, "{name}");
        }
    }

    #[test]
    fn a_name_is_taken_apart() {
        let apart = |name| taken_apart(name).map(|(part, rest)| (part, rest.join(" ")));
        assert_eq!(apart("seg_train"), Some((Part::Train, "seg".into())));
        assert_eq!(apart("chest_xray_test"), Some((Part::Test, "chest xray".into())));
        assert_eq!(apart("test tube"), Some((Part::Test, "tube".into())));
        assert_eq!(apart("Train2017"), Some((Part::Train, String::new())));
        assert_eq!(apart("cat"), None);
    }

    proptest! {
        #[test]
        fn case_and_edges_do_not_matter(part in prop::sample::select(&Part::ALL[..]), upper: [bool; 10], edge in "[ _-]{0,2}") {
            let mixed = part.name().chars().zip(upper.into_iter().cycle());
            // Only the first letter or all of them: `tRaIn` is written by nobody, and would be words of their own.
            let first = part.name()[..1].to_uppercase() + &part.name()[1..];
            prop_assert_eq!(Part::named(&format!("{edge}{first}{edge}")), Some(part));
            prop_assert_eq!(Part::named(&part.name().to_uppercase()), Some(part));
            // Whatever letters are large, it is never another part.
            let mixed: String = mixed.map(|(c, up)| if up { c.to_ascii_uppercase() } else { c }).collect();
            prop_assert!(Part::named(&mixed).is_none_or(|found| found == part));
        }
    }
}
