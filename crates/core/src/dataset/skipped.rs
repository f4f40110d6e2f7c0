//! What a folder holds that does not become an example, and how that is said.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::folder::is_image;
use headstart_base::files::path_text;
use headstart_base::text::{counted, grouped};

/// A folder, or a link in place of one, that could not be looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The folder or link.
    pub path: PathBuf,
    /// Why not.
    pub reason: UnreadableReason,
}

/// Why a folder could not be looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnreadableReason {
    /// A link to a folder that it lies in.
    Loop {
        /// That folder.
        above: PathBuf,
    },
    /// A link to something that is not there.
    DeadLink {
        /// Where it leads.
        to: PathBuf,
    },
    /// A class folder whose name has nothing in it but spaces.
    BlankName,
    /// The system refused.
    Io {
        /// The system's reason.
        text: String,
    },
}

/// Such as `` `photos/cat/again`: a link back to `photos`, which it lies in ``.
impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: ", path_text(&self.path))?;
        match &self.reason {
            UnreadableReason::Loop { above } => {
                write!(f, "a link back to `{}`, which it lies in", path_text(above))
            }
            UnreadableReason::DeadLink { to } => {
                write!(f, "a link to `{}`, which is not there", path_text(to))
            }
            UnreadableReason::BlankName => f.write_str("a name of spaces only, which cannot be a label"),
            UnreadableReason::Io { text } => f.write_str(text),
        }
    }
}

/// What a folder holds that did not become an example.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Files in class folders without an image's extension: how many of each extension, in lower case with its dot; those
    /// without one are counted under the empty text.
    pub other_files: BTreeMap<String, u64>,
    /// The same, of files that lie beside the class folders. A data set's notes and tables are there, so no word is said of
    /// them where there are images.
    pub loose_files: BTreeMap<String, u64>,
    /// Images that lie beside the class folders, and so in no class.
    pub loose_images: u64,
    /// Class folders without a single image, sorted.
    pub empty_folders: Vec<String>,
    /// Hidden folders and those of systems, such as `@eaDir`: how many of each name.
    pub system_folders: BTreeMap<String, u64>,
    /// Hidden files and those of systems, such as `Thumbs.db`.
    pub system_files: u64,
    /// Folders that could not be looked into. Unlike all else here, something may be missing because of them.
    pub unreadable: Vec<Unreadable>,
}

/// Such as `skipped 3 files that are not images (2 .txt, 1 .pdf); 1 class folder without images (`dogs`)`. What could not be
/// read is not among it.
impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "skipped {}", self.parts(&self.other_files).join("; "))
    }
}

impl Skipped {
    /// Whether there is nothing to say: all became examples, but for files beside the class folders, and could be read.
    pub fn is_empty(&self) -> bool {
        self.unreadable.is_empty() && !self.has_more()
    }

    /// Whether [`Display`](fmt::Display) has something to say.
    pub fn has_more(&self) -> bool {
        !self.parts(&self.other_files).is_empty()
    }

    /// All that was found, of a folder in which no example was: such as `12 files that are not images (10 .txt, 2 .pdf)`.
    pub fn all(&self) -> String {
        let mut files = self.other_files.clone();
        add(&mut files, &self.loose_files);
        let mut parts = self.parts(&files);
        if let Some(first) = self.unreadable.first() {
            parts.push(format!(
                "{} that cannot be read ({first})",
                counted(self.unreadable.len() as u64, "folder")
            ));
        }
        if parts.is_empty() { "nothing".into() } else { parts.join("; ") }
    }

    fn parts(&self, files: &BTreeMap<String, u64>) -> Vec<String> {
        let mut parts = vec![];
        if let Some(text) = other_files(files) {
            parts.push(text);
        }
        if self.loose_images > 0 {
            parts.push(format!("{} beside the class folders", counted(self.loose_images, "image")));
        }
        if !self.empty_folders.is_empty() {
            let number = counted(self.empty_folders.len() as u64, "class folder");
            parts.push(format!("{number} without images ({})", few(self.empty_folders.iter())));
        }
        let folders: u64 = self.system_folders.values().sum();
        if folders > 0 {
            let number = counted(folders, "hidden or system folder");
            parts.push(format!("{number} ({})", few(self.system_folders.keys())));
        }
        if self.system_files > 0 {
            parts.push(counted(self.system_files, "hidden or system file"));
        }
        parts
    }

    pub(super) fn add(&mut self, other: Self) {
        add(&mut self.other_files, &other.other_files);
        add(&mut self.loose_files, &other.loose_files);
        self.loose_images += other.loose_images;
        self.empty_folders.extend(other.empty_folders);
        add(&mut self.system_folders, &other.system_folders);
        self.system_files += other.system_files;
        self.unreadable.extend(other.unreadable);
    }

    pub(super) fn add_file(&mut self, file: &Path, is_loose: bool) {
        if is_loose && is_image(file) {
            self.loose_images += 1;
            return;
        }
        let extension =
            file.extension().map(|extension| format!(".{}", extension.to_string_lossy().to_lowercase()));
        let files = if is_loose { &mut self.loose_files } else { &mut self.other_files };
        *files.entry(extension.unwrap_or_default()).or_default() += 1;
    }

    pub(super) fn add_system(&mut self, path: &Path, is_folder: bool) {
        match path.file_name() {
            Some(name) if is_folder => {
                *self.system_folders.entry(name.to_string_lossy().into_owned()).or_default() += 1;
            }
            _ => self.system_files += 1,
        }
    }
}

fn add(all: &mut BTreeMap<String, u64>, more: &BTreeMap<String, u64>) {
    more.iter().for_each(|(name, n)| *all.entry(name.clone()).or_default() += n);
}

/// `3 files that are not images (2 .txt, 1 without extension)`.
fn other_files(files: &BTreeMap<String, u64>) -> Option<String> {
    const SHOWN: usize = 4;
    let total: u64 = files.values().sum();
    let mut kinds: Vec<_> = files.iter().collect();
    kinds.sort_by_key(|&(_, &n)| std::cmp::Reverse(n));
    let name = |extension: &str| {
        if extension.is_empty() { "without extension".into() } else { extension.to_owned() }
    };
    let mut texts: Vec<String> =
        kinds.iter().take(SHOWN).map(|(kind, n)| format!("{} {}", grouped(**n), name(kind))).collect();
    let rest: u64 = kinds.iter().skip(SHOWN).map(|(_, n)| **n).sum();
    texts.extend((rest > 0).then(|| format!("{} of other kinds", grouped(rest))));
    let (be, images) = if total == 1 { ("is", "an image") } else { ("are", "images") };
    (total > 0).then(|| format!("{} that {be} not {images} ({})", counted(total, "file"), texts.join(", ")))
}

/// A few names, and how many more there are.
fn few<'n>(names: impl ExactSizeIterator<Item = &'n String>) -> String {
    const SHOWN: usize = 5;
    let more = names.len().saturating_sub(SHOWN);
    let mut text = names.take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if more > 0 {
        text += &format!(" and {more} more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_skipped_is_said_by_kind() {
        let mut skipped = Skipped { empty_folders: vec!["dogs".into(), "elk".into()], ..Skipped::default() };
        for file in ["a.TXT", "b.txt", "c.pdf", "README"] {
            skipped.add_file(file.as_ref(), false);
        }
        skipped.add_file("photo.jpg".as_ref(), true);
        skipped.add_file("labels.csv".as_ref(), true);
        skipped.add_system("x/@eaDir".as_ref(), true);
        skipped.add_system("y/@eaDir".as_ref(), true);
        skipped.add_system("y/Thumbs.db".as_ref(), false);
        assert_eq!(
            skipped.to_string(),
            "skipped 4 files that are not images (2 .txt, 1 without extension, 1 .pdf); 1 image beside the class folders; \
             2 class folders without images (`dogs`, `elk`); 2 hidden or system folders (`@eaDir`); 1 hidden or system file"
        );
        assert!(
            skipped
                .all()
                .starts_with("5 files that are not images (2 .txt, 1 without extension, 1 .csv, 1 .pdf); ")
        );
    }

    #[test]
    fn there_may_be_nothing_to_say() {
        let mut skipped = Skipped::default();
        skipped.add_file("README.md".as_ref(), true);
        assert!(skipped.is_empty() && !skipped.has_more());
        assert_eq!(Skipped::default().all(), "nothing");
        let path = "photos/b".into();
        let reason = UnreadableReason::DeadLink { to: "nowhere".into() };
        skipped.unreadable.push(Unreadable { path, reason });
        assert!(!skipped.is_empty() && !skipped.has_more());
        assert_eq!(skipped.unreadable[0].to_string(), "`photos/b`: a link to `nowhere`, which is not there");
        assert!(skipped.all().contains("1 folder that cannot be read (`photos/b`"), "{}", skipped.all());
    }
}
