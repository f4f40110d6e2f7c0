//! A folder as a manifest: one subfolder per class.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use walkdir::{DirEntry, WalkDir};

use super::{Error, Example};

/// File name extensions of the formats that are decoded, in lower case.
pub const EXTENSIONS: &[&str] = &[
    "avif", "avifs", "bmp", "gif", "heic", "heics", "heif", "hif", "jfif", "jpe", "jpeg", "jpg", "jxl",
    "png", "tif", "tiff", "webp",
];

/// Those of other images, which are not decoded: they are images all the same, and each is a failure that names its format,
/// where they would be passed over as notes are. In lower case.
pub const OTHER_EXTENSIONS: &[&str] = &[
    // Raw photos.
    "3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "fff", "iiq", "kdc", "mef", "mos", "mrw", "nef",
    "nrw", "orf", "pef", "raf", "rw2", "rwl", "sr2", "srf", "srw", "x3f",
    // Images of other programs, of the web, of science and of medicine.
    "bpg", "cur", "dcm", "dds", "djv", "djvu", "emf", "eps", "exr", "fits", "flif", "hdp", "icns", "ico",
    "j2c", "j2k", "jls", "jp2", "jpf", "jph", "jpx", "jxr", "pcx", "psb", "psd", "qoi", "sgi", "svg", "tga",
    "wdp", "wmf", "xcf", "xpm",
];

/// What a folder holds that did not become an example. Hidden files are not counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Files in class folders without an image's extension.
    pub other_files: u64,
    /// Images that lie beside the class folders, and so in no class.
    pub loose_images: u64,
    /// Class folders without a single image, sorted.
    pub empty_folders: Vec<String>,
}

/// Such as `left aside: files that are no images: 3; class folders without images: dogs`.
impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = vec![];
        if self.other_files > 0 {
            parts.push(format!("files that are no images: {}", self.other_files));
        }
        if self.loose_images > 0 {
            parts.push(format!("images beside the class folders: {}", self.loose_images));
        }
        if !self.empty_folders.is_empty() {
            parts.push(format!("class folders without images: {}", self.empty_folders.join(", ")));
        }
        write!(f, "left aside: {}", parts.join("; "))
    }
}

impl Skipped {
    /// Whether everything became an example.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn add(&mut self, other: Self) {
        self.other_files += other.other_files;
        self.loose_images += other.loose_images;
        self.empty_folders.extend(other.empty_folders);
    }
}

/// Every image below a class folder, however deep, sorted by path; links are followed.
pub(super) fn read(folder: &Path) -> Result<(Vec<Example>, Skipped), Error> {
    let source: Arc<Path> = folder.into();
    let mut skipped = Skipped::default();
    let mut examples = Vec::new();
    let mut classes: BTreeMap<String, (Arc<str>, u64)> = BTreeMap::new();

    let walk = WalkDir::new(folder).min_depth(1).follow_links(true).sort_by_file_name().into_iter();
    for entry in walk.filter_entry(|entry| !is_hidden(entry)) {
        let (file, is_folder, depth) = met(folder, entry)?;
        match (is_folder, depth) {
            (true, 1) => {
                let name = class_name(&file)?;
                classes.insert(name.clone(), (name.into(), 0));
            }
            (true, _) => {}
            (false, 1) => skipped.loose_images += u64::from(is_image(&file)),
            (false, _) if !is_image(&file) => skipped.other_files += 1,
            (false, _) => {
                let path = written(folder, &file);
                let name = path.split('/').next().unwrap_or_default();
                let (label, count) = classes.get_mut(name).expect("a folder is met before what it holds");
                *count += 1;
                let label = Some(label.clone());
                examples.push(Example { path, file, label, split: None, source: source.clone(), line: 0 });
            }
        }
    }

    check(folder, &classes, &examples, &skipped)?;
    skipped.empty_folders =
        classes.into_iter().filter(|(_, (_, count))| *count == 0).map(|(name, _)| name).collect();
    Ok((examples, skipped))
}

/// Every image below a folder, however deep, sorted by path; links are followed, hidden files passed over.
///
/// # Errors
/// [`Error::Read`] if a folder cannot be read.
pub fn images_in(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let walk = WalkDir::new(folder).min_depth(1).follow_links(true).sort_by_file_name().into_iter();
    let mut images = Vec::new();
    for entry in walk.filter_entry(|entry| !is_hidden(entry)) {
        let (file, is_folder, _) = met(folder, entry)?;
        if !is_folder && is_image(&file) {
            images.push(file);
        }
    }
    Ok(images)
}

/// One thing that the walk came to: its path, whether it is a folder, and how deep it lies.
fn met(folder: &Path, entry: walkdir::Result<DirEntry>) -> Result<(PathBuf, bool, usize), Error> {
    match entry {
        Ok(entry) => {
            let (is_folder, depth) = (entry.file_type().is_dir(), entry.depth());
            Ok((entry.into_path(), is_folder, depth))
        }
        Err(cause) => {
            let path = cause.path().unwrap_or(folder).to_path_buf();
            // A link to nowhere is an image that is missing: it is listed, and fails where images are read.
            if path.is_symlink() && cause.loop_ancestor().is_none() && is_image(&path) {
                return Ok((path, false, cause.depth()));
            }
            Err(Error::Read { path, source: cause.into() })
        }
    }
}

fn check(
    folder: &Path,
    classes: &BTreeMap<String, (Arc<str>, u64)>,
    examples: &[Example],
    skipped: &Skipped,
) -> Result<(), Error> {
    if examples.is_empty() {
        let (loose_images, subfolders) = (skipped.loose_images, classes.len());
        return Err(Error::NoClassFolders { path: folder.into(), loose_images, subfolders });
    }
    // Training on the classes `train` and `test` would work, and mean nothing.
    const PARTS: [&str; 7] = ["dev", "eval", "test", "train", "val", "valid", "validation"];
    let is_part = |name: &String| PARTS.contains(&name.to_lowercase().as_str());
    if classes.len() > 1 && classes.keys().all(is_part) {
        return Err(Error::SplitFolders { path: folder.into(), found: classes.keys().cloned().collect() });
    }
    Ok(())
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".")
}

/// Whether a file is taken for an image by its name: see [`EXTENSIONS`] and [`OTHER_EXTENSIONS`].
pub fn is_image(file: &Path) -> bool {
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let extension = extension.to_ascii_lowercase();
    EXTENSIONS.contains(&extension.as_str()) || OTHER_EXTENSIONS.contains(&extension.as_str())
}

fn class_name(folder: &Path) -> Result<String, Error> {
    let name = folder.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned).ok_or_else(|| Error::FolderName { path: folder.into() })
}

/// The path below `folder`, as a manifest would have it: with `/` on every system.
fn written(folder: &Path, file: &Path) -> String {
    let below = file.strip_prefix(folder).unwrap_or(file);
    below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_aside_is_said() {
        let skipped =
            Skipped { other_files: 1, loose_images: 0, empty_folders: vec!["dogs".into(), "elk".into()] };
        let words = "left aside: files that are no images: 1; class folders without images: dogs, elk";
        assert_eq!(skipped.to_string(), words);
    }

    /// A folder with these files in it, each empty: nothing is opened here.
    fn with(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, []).unwrap();
        }
        folder
    }

    fn labelled(examples: &[Example]) -> Vec<(&str, &str)> {
        examples.iter().map(|row| (row.path.as_str(), row.label.as_deref().unwrap())).collect()
    }

    #[test]
    fn subfolders_are_classes() {
        let folder = with(&[
            "dog/b.JPG",
            "dog/a.png",
            "cat/deep/er/x.webp",
            "cat/notes.txt",
            "cat/.DS_Store",
            ".git/c/x.png",
        ]);
        let (examples, skipped) = read(folder.path()).unwrap();
        assert_eq!(
            labelled(&examples),
            [("cat/deep/er/x.webp", "cat"), ("dog/a.png", "dog"), ("dog/b.JPG", "dog")]
        );
        assert!(examples.iter().all(|row| row.file == folder.path().join(&row.path) && row.line == 0));
        assert_eq!(skipped, Skipped { other_files: 1, ..Skipped::default() });
    }

    #[test]
    fn images_that_are_not_decoded_are_images() {
        let folder = with(&[
            "cat/a.HEIC",
            "cat/b.heif",
            "cat/c.hif",
            "cat/d.avif",
            "cat/e.jxl",
            "dog/f.NEF",
            "dog/g.dng",
            "dog/h.jp2",
            "dog/i.svg",
            "dog/j.psd",
            "dog/k.ico",
            "dog/notes.txt",
            "dog/film.mp4",
        ]);
        let (examples, skipped) = read(folder.path()).unwrap();
        assert_eq!(examples.len(), 11);
        assert_eq!(skipped, Skipped { other_files: 2, ..Skipped::default() });
        assert_eq!(images_in(folder.path()).unwrap().len(), 11);
        let all: std::collections::BTreeSet<_> = EXTENSIONS.iter().chain(OTHER_EXTENSIONS).collect();
        assert_eq!(all.len(), EXTENSIONS.len() + OTHER_EXTENSIONS.len(), "one stands there twice");
    }

    #[test]
    fn what_becomes_no_example_is_counted() {
        let folder = with(&["cat/a.png", "loose.png", "README.md", "empty/notes.txt", "dog/b.png"]);
        let (_, skipped) = read(folder.path()).unwrap();
        assert_eq!(skipped, Skipped { other_files: 1, loose_images: 1, empty_folders: vec!["empty".into()] });
    }

    #[test]
    fn folders_that_are_no_data_set() {
        let flat = with(&["a.png", "b.png", "notes/c.txt"]);
        let Err(Error::NoClassFolders { loose_images: 2, subfolders: 1, .. }) = read(flat.path()) else {
            panic!()
        };
        let parts = with(&["train/cat/a.png", "Test/cat/b.png"]);
        let Err(Error::SplitFolders { found, .. }) = read(parts.path()) else { panic!() };
        assert_eq!(found, ["Test", "train"]);
        // One of them may be a class: trains beside ships.
        assert_eq!(read(with(&["train/a.png", "ship/b.png"]).path()).unwrap().0.len(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_dead_ones_listed() {
        use std::os::unix::fs::symlink;
        let elsewhere = with(&["photo.png", "more/m.png"]);
        let folder = with(&["cat/a.png"]);
        symlink(elsewhere.path().join("photo.png"), folder.path().join("cat/b.png")).unwrap();
        symlink("nowhere.png", folder.path().join("cat/c.png")).unwrap();
        symlink(elsewhere.path().join("more"), folder.path().join("dog")).unwrap();
        let (examples, _) = read(folder.path()).unwrap();
        let want = [("cat/a.png", "cat"), ("cat/b.png", "cat"), ("cat/c.png", "cat"), ("dog/m.png", "dog")];
        assert_eq!(labelled(&examples), want);

        symlink(folder.path(), folder.path().join("cat/loop")).unwrap();
        assert!(matches!(read(folder.path()), Err(Error::Read { path, .. }) if path.ends_with("cat/loop")));
    }
}
