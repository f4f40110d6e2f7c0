//! What can be wrong with a list of images.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::text::listed;

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
        write!(f, "`{}`", self.source.display())?;
        if self.line > 0 { write!(f, " line {}", self.line) } else { Ok(()) }
    }
}

/// Why a manifest cannot be read, or does not serve what it is wanted for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither a file nor a folder is there.
    #[error("no manifest at `{path}`: no such file or folder")]
    Missing {
        /// What was asked for.
        path: PathBuf,
    },

    /// No manifest was named at all.
    #[error("no manifest given")]
    NoManifest,

    /// The file or folder is there and cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The manifest, or a folder below it.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },

    /// The CSV is not text in UTF-8.
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

    /// A column that is needed is not in the header.
    #[error("`{path}` has no column `{column}`: found {}", listed(found))]
    MissingColumn {
        /// The manifest.
        path: PathBuf,
        /// The column that was looked for.
        column: String,
        /// The columns that are there.
        found: Vec<String>,
    },

    /// A column that is needed is in the header twice, so which one is meant is open.
    #[error("`{path}` has more than one column `{column}`")]
    RepeatedColumn {
        /// The manifest.
        path: PathBuf,
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
    #[error("`{path}` lists no images")]
    Empty {
        /// The manifest.
        path: PathBuf,
    },

    /// A folder has no class folder with an image in it.
    #[error(
        "`{path}` has no images in subfolders: expected one subfolder per class, found {loose_images} images beside {subfolders} subfolders without any"
    )]
    NoClassFolders {
        /// The folder.
        path: PathBuf,
        /// Images that lie in the folder itself.
        loose_images: u64,
        /// Subfolders, none of which holds an image.
        subfolders: usize,
    },

    /// The subfolders are parts of a data set, not classes.
    #[error("`{path}` holds the parts of a data set, not classes: found the subfolders {}", listed(found))]
    SplitFolders {
        /// The folder.
        path: PathBuf,
        /// Its subfolders.
        found: Vec<String>,
    },

    /// A class folder's name is not text, so it cannot be a label.
    #[error("the name of `{path}` is not valid Unicode and cannot be a label")]
    FolderName {
        /// The folder.
        path: PathBuf,
    },

    /// One image is listed twice, with two labels.
    #[error("`{file}` is labelled `{first_label}` in {first} and `{second_label}` in {second}")]
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
    #[error("{place}: label `{label}` is not among the {} known classes: {}", classes.len(), listed(classes))]
    UnknownLabel {
        /// The row.
        place: Place,
        /// What it says.
        label: String,
        /// The classes that are known.
        classes: Vec<String>,
    },

    /// No row has a label.
    #[error("no row of `{path}` has a label")]
    NoLabels {
        /// The manifest.
        path: PathBuf,
    },

    /// All rows have the same label: nothing to tell apart.
    #[error("every label in `{path}` is `{label}`: expected at least two classes")]
    OneClass {
        /// The manifest.
        path: PathBuf,
        /// The one class.
        label: String,
    },

    /// A list of class names holds an empty one, or one of them twice.
    #[error("class {index} is `{name}`: expected names that are not empty and differ")]
    ClassName {
        /// Its place in the list, from 0.
        index: usize,
        /// The name.
        name: String,
    },

    /// No row belongs to the part that was asked for.
    #[error("`{path}` has no rows of the split `{split}`: found {}", listed(found))]
    NoSuchSplit {
        /// The manifest.
        path: PathBuf,
        /// The part that was asked for.
        split: String,
        /// The parts that there are.
        found: Vec<String>,
    },

    /// A part of the examples that is nothing, everything, or not a number.
    #[error("a validation part of {fraction} is not possible: expected more than 0 and less than 1")]
    Fraction {
        /// What was asked for.
        fraction: f64,
    },

    /// No class has two examples, so none can be on both sides.
    #[error("{examples} examples cannot be split: no class has more than one")]
    NothingToSplit {
        /// All examples.
        examples: usize,
    },

    /// No shots at all, or more than a class has examples.
    #[error("{shots} examples of each class are not possible: class number {label} has {examples}")]
    Shots {
        /// What was asked for.
        shots: usize,
        /// The first class that has too few, by its place among the classes.
        label: usize,
        /// Those it has.
        examples: usize,
    },

    /// Fewer than two folds, or more than there are examples.
    #[error(
        "{folds} folds of {examples} examples are not possible: expected at least 2 folds and an example for each"
    )]
    Folds {
        /// What was asked for.
        folds: usize,
        /// All examples.
        examples: usize,
    },
}
