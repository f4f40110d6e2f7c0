//! What may be wrong with a manifest.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use super::{Difference, Example};
use headstart_base::files::path_text;
use headstart_base::label::{self, shown};

/// Something that is allowed, and rarely meant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Doubt {
    /// Labels that a reader takes for one another are different classes.
    Lookalikes {
        /// In what the first two differ.
        difference: Difference,
        /// The labels.
        labels: Vec<String>,
    },
    /// Folders whose names differ in spaces at the edges only are one class.
    FoldersOfOneClass {
        /// The class.
        label: String,
        /// The names.
        folders: Vec<String>,
    },
    /// A folder is taken for a class, is called as a part of a data set, and has subfolders as such a part has.
    PartAsClass {
        /// The class.
        label: String,
        /// The folder that has the subfolders.
        classes: PathBuf,
    },
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named =
            |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        match self {
            Self::Lookalikes { difference, labels } => {
                let labels: Vec<String> = labels.iter().map(|label| shown(label, *difference)).collect();
                write!(
                    f,
                    "the labels {} differ only {difference}: each is a class of its own",
                    named(&labels)
                )
            }
            Self::FoldersOfOneClass { label, folders } => write!(
                f,
                "the folders {} are one class, `{label}`: spaces at the edges of a name do not count",
                named(folders)
            ),
            Self::PartAsClass { label, classes } => write!(
                f,
                "the folder `{label}` is used as a class, but it has the name of a split, and `{}` has subfolders",
                path_text(classes)
            ),
        }
    }
}

/// Labels that look alike.
pub(super) fn lookalikes(examples: &[Example]) -> Vec<Doubt> {
    let labels: BTreeSet<&str> = examples.iter().filter_map(|example| example.label.as_deref()).collect();
    let doubt = |(difference, labels): (Difference, Vec<&str>)| Doubt::Lookalikes {
        difference,
        labels: labels.into_iter().map(str::to_owned).collect(),
    };
    label::lookalikes(labels.into_iter()).into_iter().map(doubt).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubts_say_what_they_are_about() {
        let labels = ["cat".to_owned(), "cat\u{200B}".to_owned()];
        let doubt = Doubt::Lookalikes { difference: Difference::Invisible, labels: labels.into() };
        assert_eq!(
            doubt.to_string(),
            "the labels `cat`, `cat\\u{200b}` differ only in characters that cannot be seen: each is a class of its own"
        );
    }
}
