//! What can be wrong with a list of images.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Part, PartFolder, Skipped};
use headstart_base::files::path_text;
use headstart_base::label::{difference, shown, skeleton};
use headstart_base::text::{grouped, listed};

/// Where a row stands: a manifest and a line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The manifest, or the folder that was read as one.
    pub source: Arc<Path>,
    /// Line of the CSV, from 1, which is the header; 0 in a folder, which has no lines.
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", path_text(&self.source))?;
        if self.line > 0 { write!(f, " line {}", self.line) } else { Ok(()) }
    }
}

/// What a column of a manifest is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The image.
    Path,
    /// What it shows.
    Label,
    /// The part of the data that it belongs to.
    Split,
}

/// Why a manifest cannot be read, or does not serve what it is wanted for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither a file nor a folder is there.
    #[error("no manifest at `{}`: no such file or folder", path_text(path))]
    Missing {
        /// What was asked for.
        path: PathBuf,
    },

    /// No manifest was named at all.
    #[error("no manifest given")]
    NoManifest,

    /// The file or folder is there and cannot be read.
    #[error("cannot read `{}`", path_text(path))]
    Read {
        /// The manifest, or a folder below it.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },

    /// The CSV is not text in UTF-8, nor in UTF-16 with a byte order mark.
    #[error("{place}: expected text in UTF-8, found {found}")]
    NotUtf8 {
        /// The first line that is not.
        place: Place,
        /// What it looks like instead.
        found: &'static str,
    },

    /// A row has more or fewer cells than the header.
    #[error("{place}: expected {expected} cells as in the header, found {found}")]
    Ragged {
        /// The row.
        place: Place,
        /// Cells in the header.
        expected: u64,
        /// Cells in the row.
        found: u64,
    },

    /// A quote is opened and never closed.
    #[error("{place}: a quote is opened and never closed")]
    UnclosedQuote {
        /// The row that it is opened in.
        place: Place,
    },

    /// A quote is closed so late that it takes in other rows.
    #[error(
        "{place}: a quote is opened and not closed before line {closed}, so the lines between become one cell"
    )]
    StrayQuote {
        /// The row that it is opened in.
        place: Place,
        /// The line that it is closed on.
        closed: u64,
    },

    /// A column that is needed is not in the header.
    #[error("`{}` has no column `{column}`: found {}", path_text(path), listed(found))]
    MissingColumn {
        /// The manifest.
        path: PathBuf,
        /// What the column is needed for.
        role: Role,
        /// The column that was looked for.
        column: String,
        /// The columns that are there.
        found: Vec<String>,
    },

    /// A column that is needed is in the header twice, so which one is meant is open.
    #[error("`{}` has more than one column `{column}`", path_text(path))]
    RepeatedColumn {
        /// The manifest.
        path: PathBuf,
        /// What the column is needed for.
        role: Role,
        /// Its name.
        column: String,
    },

    /// A row names no image.
    #[error("{place}: the path is empty")]
    EmptyPath {
        /// The row.
        place: Place,
    },

    /// There is no row at all.
    #[error("`{}` lists no images", path_text(path))]
    Empty {
        /// The manifest.
        path: PathBuf,
    },

    /// A folder has no class folder with an image in it.
    #[error("`{}` has no images in subfolders: expected one subfolder per class, found {}", path_text(path), found.all())]
    NoClassFolders {
        /// The folder.
        path: PathBuf,
        /// What it holds instead.
        found: Box<Skipped>,
        /// The one CSV that lies in it, which may be the manifest.
        table: Option<PathBuf>,
    },

    /// The subfolders are parts of a data set, not classes.
    #[error("`{}` holds the splits of a data set, not classes: found the subfolders {}", path_text(path), listed(&names(found)))]
    SplitFolders {
        /// The folder.
        path: PathBuf,
        /// Those of its subfolders that are parts.
        found: Vec<PartFolder>,
    },

    /// One image is listed twice, with two labels.
    #[error("`{}` is labelled `{first_label}` in {first} and `{second_label}` in {second}", path_text(file))]
    ConflictingLabels {
        /// The image.
        file: PathBuf,
        /// Where it comes first.
        first: Place,
        /// What it is there.
        first_label: String,
        /// Where it comes again.
        second: Place,
        /// What it is there.
        second_label: String,
    },

    /// A row has no label where one is needed.
    #[error("{place}: `{image}` has no label")]
    MissingLabel {
        /// The row.
        place: Place,
        /// The image, as written.
        image: String,
    },

    /// A label is not among the classes.
    #[error("{place}: {}", unknown_label(label, classes))]
    UnknownLabel {
        /// The row.
        place: Place,
        /// What it says.
        label: String,
        /// The classes that are known.
        classes: Vec<String>,
    },

    /// No row has a label.
    #[error("no row of `{}` has a label", path_text(path))]
    NoLabels {
        /// The manifest.
        path: PathBuf,
    },

    /// All rows have the same label: nothing to tell apart.
    #[error("every label in `{}` is `{label}`: expected at least two classes", path_text(path))]
    OneClass {
        /// The manifest.
        path: PathBuf,
        /// The one class.
        label: String,
        /// Where the images of a folder lie in further subfolders, the folder that holds these.
        inner: Option<PathBuf>,
    },

    /// A list of class names holds an empty one, or one of them twice.
    #[error("class {index} is `{name}`: expected names that are not empty and differ")]
    ClassName {
        /// Its place in the list, from 0.
        index: usize,
        /// The name.
        name: String,
    },

    /// A row belongs to a part that is none of those that are known.
    #[error("{place}: split `{split}` is not known: expected {}", listed(&Part::ALL.map(|part| part.to_string())))]
    UnknownSplit {
        /// The first such row.
        place: Place,
        /// What it says.
        split: String,
    },

    /// No row belongs to the part that was asked for.
    #[error("`{}` has no rows of the split `{split}`: found {}", path_text(path), listed(found))]
    NoSuchSplit {
        /// The manifest.
        path: PathBuf,
        /// The part that was asked for.
        split: String,
        /// The parts that there are.
        found: Vec<String>,
    },
}

fn names(folders: &[PartFolder]) -> Vec<String> {
    folders.iter().map(|folder| folder.name.clone()).collect()
}

/// Such as ``label `Cat` is not among the 2 known classes: `cat`, `dog` (it differs from `cat` in case)``. It never shows one word
/// twice: where two labels look the same, it says in what they differ, and shows it.
fn unknown_label(label: &str, classes: &[String]) -> String {
    let own = skeleton(label);
    let known = |label: &str| {
        format!("label `{label}` is not among the {} known classes", grouped(classes.len() as u64))
    };
    match classes.iter().find(|class| skeleton(class) == own) {
        Some(twin) => {
            let kind = difference(label, twin);
            format!("{}: it differs from `{}` {kind}", known(&shown(label, kind)), shown(twin, kind))
        }
        None => format!("{}: {}", known(label), listed(classes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_label_is_never_told_by_two_equal_words() {
        let classes = ["caf\u{E9}".to_owned(), "dog".to_owned()];
        let told = |label: &str| unknown_label(label, &classes);
        assert_eq!(told("cow"), "label `cow` is not among the 2 known classes: `caf\u{E9}`, `dog`");
        for (label, words) in [
            ("Dog", "label `Dog` is not among the 2 known classes: it differs from `dog` in case"),
            (
                "dog\u{200B}",
                "label `dog\\u{200b}` is not among the 2 known classes: it differs from `dog` in characters that cannot be seen",
            ),
            (
                "d\u{43E}g",
                "label `d\\u{43e}g` is not among the 2 known classes: it differs from `dog` in letters that look alike",
            ),
        ] {
            assert_eq!(told(label), words);
        }
    }

    #[test]
    fn a_place_may_have_a_name_that_is_no_text() {
        let place = Place { source: Path::new("m.csv").into(), line: 3 };
        assert_eq!(place.to_string(), "`m.csv` line 3");
    }
}
