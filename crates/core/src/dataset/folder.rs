//! A folder as a manifest: one subfolder per class.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::split_folders::{PartFolder, class_folders_in, parts_among};
use super::walk::{self, Met};
use super::{Doubt, Error, Example, Part, Skipped, Unreadable, UnreadableReason, normal_label};
use headstart_base::files::{path_text, relative_path_text};

/// File name extensions of the formats that are decoded, in lower case.
pub const EXTENSIONS: &[&str] = &[
    "avif", "avifs", "bmp", "gif", "heic", "heics", "heif", "hif", "jfif", "jpe", "jpeg", "jpg", "jxl",
    "pbm", "pgm", "png", "pnm", "ppm", "tif", "tiff", "webp",
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

/// What is read from a folder.
pub(super) struct Read {
    pub examples: Vec<Example>,
    pub skipped: Skipped,
    pub doubts: Vec<Doubt>,
}

/// A class folder.
struct ClassFolder {
    path: PathBuf,
    /// As it is called, which need not be text.
    name: Arc<str>,
    label: Arc<str>,
    images: u64,
}

/// Every image below a class folder, however deep, sorted by path; links are followed.
///
/// The label is the name of the class folder in its normal form ([`normal_label`]); a name that is not text becomes text as
/// [`path_text`] has it.
pub(super) fn read(folder: &Path) -> Result<Read, Error> {
    let source: Arc<Path> = folder.into();
    let mut skipped = Skipped::default();
    let mut examples = Vec::new();
    let mut classes: Vec<ClassFolder> = Vec::new();
    let mut labels: BTreeMap<String, Arc<str>> = BTreeMap::new();

    for Met { path: file, is_folder, depth } in walk::below(folder, &mut skipped)? {
        match (is_folder, depth) {
            (true, 1) => classes.extend(class_folder(file, &mut labels, &mut skipped)),
            (true, _) => {}
            (false, 1) => skipped.add_file(&file, true),
            // What lies in a folder that cannot be a class.
            (false, _) if !classes.last().is_some_and(|class| file.starts_with(&class.path)) => {}
            (false, _) if !is_image(&file) => skipped.add_file(&file, false),
            (false, _) => {
                // A folder is met just before what it holds.
                let class = classes.last_mut().expect("asked above");
                class.images += 1;
                let path = relative_path_text(file.strip_prefix(folder).unwrap_or(&file));
                let (label, line) = (Some(class.label.clone()), 0);
                let written = (class.name != class.label).then(|| class.name.clone());
                let source = source.clone();
                examples.push(Example {
                    path,
                    file,
                    label,
                    split: None,
                    source,
                    line,
                    written_label: written,
                    content: None,
                });
            }
        }
    }

    // What could not be looked into is not empty.
    let is_unreadable = |class: &ClassFolder| skipped.unreadable.iter().any(|found| found.path == class.path);
    classes.retain(|class| class.images > 0 || !is_unreadable(class));
    let with_images: Vec<&ClassFolder> = classes.iter().filter(|class| class.images > 0).collect();
    check(folder, &with_images, &classes, &examples, &skipped)?;
    let doubts = doubts(&with_images, &examples);
    let empty = classes.iter().filter(|class| class.images == 0);
    skipped.empty_folders = empty.map(|class| class.name.to_string()).collect();
    Ok(Read { examples, skipped, doubts })
}

fn class_folder(
    path: PathBuf,
    labels: &mut BTreeMap<String, Arc<str>>,
    skipped: &mut Skipped,
) -> Option<ClassFolder> {
    let name = path_text(Path::new(path.file_name()?)).into_owned();
    let label = normal_label(&name).into_owned();
    if label.is_empty() {
        skipped.unreadable.push(Unreadable { path, reason: UnreadableReason::BlankName });
        return None;
    }
    // Two folders of one label are one class.
    let label = labels.entry(label.clone()).or_insert_with(|| label.into()).clone();
    let name = if *name == *label { label.clone() } else { name.into() };
    Some(ClassFolder { path, name, label, images: 0 })
}

/// Images in a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImagesIn {
    /// Those found, however deep, sorted by path.
    pub images: Vec<PathBuf>,
    /// What else there is. No class folders are looked for here, so nothing lies beside them.
    pub skipped: Skipped,
}

/// Every image below a folder, however deep, sorted by path; links are followed, hidden and system's files passed over.
///
/// # Errors
/// [`Error::Read`] if the folder cannot be read. Of folders in it that cannot, [`ImagesIn::skipped`] tells.
pub fn images_in(folder: &Path) -> Result<ImagesIn, Error> {
    let mut found = ImagesIn::default();
    for Met { path, is_folder, .. } in walk::below(folder, &mut found.skipped)? {
        match is_folder {
            true => {}
            false if is_image(&path) => found.images.push(path),
            false => found.skipped.add_file(&path, false),
        }
    }
    Ok(found)
}

fn check(
    folder: &Path,
    with_images: &[&ClassFolder],
    classes: &[ClassFolder],
    examples: &[Example],
    skipped: &Skipped,
) -> Result<(), Error> {
    if examples.is_empty() {
        let mut found = skipped.clone();
        found.empty_folders = classes.iter().map(|class| class.name.to_string()).collect();
        let table = walk::table_beside(folder);
        return Err(Error::NoClassFolders { path: folder.into(), found: Box::new(found), table });
    }
    // Training on the classes `train` and `test` would work, and mean nothing.
    let parts = parts_among(with_images.iter().map(|class| &*class.name));
    if parts.is_empty() {
        return Ok(());
    }
    let images: Vec<&Path> = examples.iter().map(|example| example.file.as_path()).collect();
    let part_folder = |(name, part): (&str, Option<Part>)| {
        let class = with_images.iter().find(|class| *class.name == *name).expect("it was given");
        PartFolder { name: name.to_owned(), part, classes: class_folders_in(&class.path, &images) }
    };
    Err(Error::SplitFolders { path: folder.into(), found: parts.into_iter().map(part_folder).collect() })
}

/// Of a folder whose images are all in one class folder, the folder further below that may be the one that is meant.
pub(super) fn inner_classes(source: &Path, examples: &[Example]) -> Option<PathBuf> {
    let images: Vec<&Path> = examples.iter().map(|example| example.file.as_path()).collect();
    class_folders_in(source, &images).filter(|inner| inner != source)
}

/// What makes one wonder whether the folders are the classes that are meant.
fn doubts(with_images: &[&ClassFolder], examples: &[Example]) -> Vec<Doubt> {
    let mut doubts = vec![];
    let mut spellings: BTreeMap<&Arc<str>, Vec<&Arc<str>>> = BTreeMap::new();
    for class in with_images {
        spellings.entry(&class.label).or_default().push(&class.name);
    }
    for (label, names) in spellings {
        // One name in two normal forms is no doubt, and neither is a name with a space that has no like.
        if names.iter().any(|name| name.trim().len() != name.len()) && names.len() > 1 {
            let folders = names.into_iter().map(|name| name.to_string()).collect();
            doubts.push(Doubt::FoldersOfOneClass { label: label.to_string(), folders });
        }
    }
    if with_images.len() > 1 {
        let images: Vec<&Path> = examples.iter().map(|example| example.file.as_path()).collect();
        for class in with_images.iter().filter(|class| Part::named(&class.name).is_some()) {
            if let Some(classes) = class_folders_in(&class.path, &images) {
                doubts.push(Doubt::PartAsClass { label: class.label.to_string(), classes });
            }
        }
    }
    doubts
}

/// Whether a file is taken for an image by its name: see [`EXTENSIONS`] and [`OTHER_EXTENSIONS`].
pub fn is_image(file: &Path) -> bool {
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let extension = extension.to_ascii_lowercase();
    EXTENSIONS.contains(&extension.as_str()) || OTHER_EXTENSIONS.contains(&extension.as_str())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A folder with these files in it, each empty: nothing is opened here.
    pub(in crate::dataset) fn with(files: &[&str]) -> tempfile::TempDir {
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
        let Read { examples, skipped, .. } = read(folder.path()).unwrap();
        assert_eq!(
            labelled(&examples),
            [("cat/deep/er/x.webp", "cat"), ("dog/a.png", "dog"), ("dog/b.JPG", "dog")]
        );
        assert!(examples.iter().all(|row| row.file == folder.path().join(&row.path) && row.line == 0));
        assert_eq!(
            skipped.to_string(),
            "skipped 1 file that is not an image (1 .txt); 1 hidden or system folder (`.git`); 1 hidden or system file"
        );
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
        let Read { examples, skipped, .. } = read(folder.path()).unwrap();
        assert_eq!(examples.len(), 11);
        assert_eq!(skipped.to_string(), "skipped 2 files that are not images (1 .mp4, 1 .txt)");
        assert_eq!(images_in(folder.path()).unwrap().images.len(), 11);
        let all: std::collections::BTreeSet<_> = EXTENSIONS.iter().chain(OTHER_EXTENSIONS).collect();
        assert_eq!(all.len(), EXTENSIONS.len() + OTHER_EXTENSIONS.len(), "one stands there twice");
    }

    #[test]
    fn what_becomes_no_example_is_counted() {
        let folder = with(&["cat/a.png", "loose.png", "README.md", "empty/notes.txt", "dog/b.png"]);
        let skipped = read(folder.path()).unwrap().skipped;
        assert_eq!((skipped.other_files[".txt"], skipped.loose_images), (1, 1));
        assert_eq!((skipped.loose_files[".md"], skipped.empty_folders), (1, vec!["empty".to_owned()]));
    }

    #[test]
    fn folders_that_are_no_data_set() {
        let flat = with(&["a.png", "b.png", "notes/c.txt"]);
        let told = |folder: &tempfile::TempDir| read(folder.path()).err().unwrap().to_string();
        let words = "expected one subfolder per class, found 1 file that is not an image (1 .txt); 2 images beside the class \
                     folders; 1 class folder without images (`notes`)";
        assert!(told(&flat).ends_with(words), "{}", told(&flat));
        assert!(
            told(&with(&["a/1.pdf", "b/2.txt", "b/3.txt"]))
                .contains("3 files that are not images (2 .txt, 1 .pdf)")
        );
        assert!(told(&with(&[])).ends_with("found nothing"));
        let Err(Error::NoClassFolders { table: Some(table), .. }) = read(with(&["a.png", "list.CSV"]).path())
        else {
            panic!()
        };
        assert!(table.ends_with("list.CSV"));
    }

    #[test]
    fn parts_are_no_classes() {
        for (files, parts) in [
            (&["train/cat/a.png", "Test/cat/b.png"][..], &["Test", "train"][..]),
            (&["Training/cat/a.png", "Testing/cat/b.png", "README.md"], &["Testing", "Training"]),
            (&["Train/0/a.png", "Test/b.png", "Meta/c.png"], &["Test", "Train"]),
            (&["training_set/a/1.png", "test_set/a/1.png"], &["test_set", "training_set"]),
            (
                &["train/a/1.png", "valid/a/1.png", "test/a/1.png", "x/1.png", "y/1.png"],
                &["test", "train", "valid"],
            ),
        ] {
            let Err(Error::SplitFolders { found, .. }) = read(with(files).path()) else {
                panic!("{files:?}")
            };
            assert_eq!(found.iter().map(|folder| folder.name.as_str()).collect::<Vec<_>>(), parts);
        }
        // One of them may be a class: trains beside ships.
        assert_eq!(read(with(&["train/a.png", "ship/b.png"]).path()).unwrap().examples.len(), 2);
        // A part without an image is none.
        assert_eq!(
            read(with(&["train/a.png", "ship/b.png", "test/notes.txt"]).path()).unwrap().examples.len(),
            2
        );
    }

    #[test]
    fn a_part_says_where_its_classes_are() {
        let folder = with(&[
            "seg_train/seg_train/sea/1.png",
            "seg_train/seg_train/ice/1.png",
            "seg_test/sea/1.png",
            "seg_test/ice/1.png",
            "seg_pred/1.png",
        ]);
        let Err(Error::SplitFolders { found, .. }) = read(folder.path()) else { panic!() };
        let at = |name: &str| Some(folder.path().join(name));
        let told: Vec<_> = found.into_iter().map(|found| (found.part, found.classes)).collect();
        assert_eq!(
            told,
            [
                (None, None),
                (Some(Part::Test), at("seg_test")),
                (Some(Part::Train), at("seg_train/seg_train")),
            ]
        );
        let examples = read(&folder.path().join("seg_train")).unwrap().examples;
        assert_eq!(inner_classes(&folder.path().join("seg_train"), &examples), at("seg_train/seg_train"));
    }

    #[test]
    fn a_lone_part_among_classes_is_doubted_if_it_looks_like_one() {
        let doubts = |files: &[&str]| read(with(files).path()).unwrap().doubts.len();
        assert_eq!(doubts(&["train/a/1.png", "train/b/1.png", "Meta/1.png"]), 1);
        assert_eq!(doubts(&["train/1.png", "ship/1.png"]), 0);
        assert_eq!(doubts(&["ship/a/1.png", "ship/b/1.png", "car/1.png"]), 0);
    }

    #[test]
    fn what_belongs_to_a_system_is_no_class_and_no_image() {
        let files = [
            "@eaDir/a.png",
            "$RECYCLE.BIN/a.png",
            "#recycle/a.png",
            ".Trash-1000/files/a.png",
            "__MACOSX/cat/._a.png",
            "cat/@eaDir/a.png@SynoEAStream.jpg",
            "cat/deep/@eaDir/a.png",
            "cat/._a.png",
            "cat/Thumbs.db",
            "cat/a.png",
        ];
        let folder = with(&files);
        let Read { examples, skipped, .. } = read(folder.path()).unwrap();
        assert_eq!(labelled(&examples), [("cat/a.png", "cat")]);
        assert_eq!(
            (skipped.system_folders["@eaDir"], skipped.system_folders.len(), skipped.system_files),
            (3, 5, 2)
        );
        assert_eq!(images_in(folder.path()).unwrap().images, [folder.path().join("cat/a.png")]);
    }

    #[test]
    fn a_name_in_two_normal_forms_is_one_class() {
        let folder = with(&["caf\u{E9}/1.png", "cafe\u{301}/2.png", "bar /3.png", "bar/4.png"]);
        let Read { examples, doubts, .. } = read(folder.path()).unwrap();
        let labels: Vec<&str> = examples.iter().map(|row| row.label.as_deref().unwrap()).collect();
        assert_eq!(labels, ["bar", "bar", "caf\u{E9}", "caf\u{E9}"]);
        assert!(
            matches!(&doubts[..], [Doubt::FoldersOfOneClass { label, .. }] if label == "bar"),
            "{doubts:?}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn names_of_any_bytes_are_classes_and_images() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().unwrap();
        let class = folder.path().join(OsStr::from_bytes(b"caf\xE9"));
        std::fs::create_dir(&class).unwrap();
        std::fs::create_dir(folder.path().join("  ")).unwrap();
        std::fs::write(folder.path().join("  /x.png"), "").unwrap();
        for name in [&b"\xFF.png"[..], b"\xFE.png", b"a.png"] {
            std::fs::write(class.join(OsStr::from_bytes(name)), "").unwrap();
        }
        let Read { examples, skipped, .. } = read(folder.path()).unwrap();
        assert_eq!(
            labelled(&examples),
            [
                ("%//caf%E9/a.png", "%//caf%E9"),
                ("%//caf%E9/%FE.png", "%//caf%E9"),
                ("%//caf%E9/%FF.png", "%//caf%E9")
            ]
        );
        assert!(examples.iter().all(|row| row.file.exists()));
        assert_eq!(skipped.unreadable.len(), 1);
        assert_eq!(images_in(folder.path()).unwrap().images.len(), 4);
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
        let examples = read(folder.path()).unwrap().examples;
        let want = [("cat/a.png", "cat"), ("cat/b.png", "cat"), ("cat/c.png", "cat"), ("dog/m.png", "dog")];
        assert_eq!(labelled(&examples), want);
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_cannot_be_looked_into_is_told_and_the_rest_is_read() {
        use std::os::unix::fs::symlink;
        let folder = with(&["cat/a.png", "dog/b.png", "dog/z/c.png"]);
        let root = folder.path();
        symlink(root, root.join("cat/again")).unwrap();
        symlink("../nowhere", root.join("bird")).unwrap();
        symlink("self", root.join("self")).unwrap();
        symlink("nowhere", root.join("dog/.lock")).unwrap();
        // Names that are each within bounds, and together are too long for the system.
        let name = "n".repeat(255);
        symlink(format!("{name}/").repeat(20), root.join("long")).ok();
        let Read { examples, skipped, .. } = read(root).unwrap();
        assert_eq!(labelled(&examples), [("cat/a.png", "cat"), ("dog/b.png", "dog"), ("dog/z/c.png", "dog")]);
        assert!(skipped.empty_folders.is_empty(), "{:?}", skipped.empty_folders);
        let told: Vec<String> = skipped.unreadable.iter().map(|found| found.to_string()).collect();
        let at = |name: &str| root.join(name).display().to_string();
        assert_eq!(told[0], format!("`{}`: a link to `../nowhere`, which is not there", at("bird")));
        assert_eq!(
            told[1],
            format!("`{}`: a link back to `{}`, which it lies in", at("cat/again"), root.display())
        );
        assert!(told.last().unwrap().starts_with(&format!("`{}`: ", at("self"))), "{told:?}");
        assert_eq!(images_in(root).unwrap().images.len(), 3);
        assert!(matches!(read(&root.join("gone")), Err(Error::Read { .. })));
    }
}
