//! The list of images that all commands take.

use std::collections::BTreeSet;
use std::collections::hash_map::{Entry, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{
    Classes, Columns, Doubt, Error, Part, Place, Role, Skipped, doubt, folder, normal_label, path_as_written,
    table,
};
use crate::ImageInput;
use headstart_base::files::path_text;

/// One row of a manifest: an image, and what it is said to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The path as it is written. In a folder it is relative to that folder, as [`path_text`] has it.
    pub path: String,
    /// The file that is meant: relative paths start at the manifest's own folder.
    pub file: PathBuf,
    /// What the image shows, if that is said, in the normal form of labels ([`normal_label`]).
    pub label: Option<Arc<str>>,
    /// The part of the data that it belongs to, if that is said, as it is written: see [`part`](Self::part).
    pub split: Option<Arc<str>>,
    /// The manifest it comes from.
    pub source: Arc<Path>,
    /// Its line there, from 1, which is the header; 0 in a folder, which has no lines.
    pub line: u64,
    /// The label as it is written, where that is not its normal form.
    pub(super) written_label: Option<Arc<str>>,
    /// What the image is, where it is in memory and not in a file.
    pub(super) content: Option<ImageInput>,
}

impl Example {
    /// The part of the data that it belongs to, if that is said and known.
    pub fn part(&self) -> Option<Part> {
        self.split.as_deref().and_then(Part::named)
    }

    /// Its path as text that means the same file wherever it is read: absolute, as [`path_text`] has it.
    pub fn located(&self) -> String {
        let absolute = std::path::absolute(&self.file);
        path_text(absolute.as_deref().unwrap_or(&self.file)).into_owned()
    }

    /// The image, for an extraction.
    pub fn image(&self) -> ImageInput {
        self.content.clone().unwrap_or_else(|| self.file.as_path().into())
    }

    /// Where the row stands.
    pub fn place(&self) -> Place {
        Place { source: self.source.clone(), line: self.line }
    }
}

/// Images with labels, from one source or several, in the order in which they are listed. Never empty.
///
/// An image may be listed more than once, as long as its labels agree.
#[derive(Debug, Clone)]
pub struct Manifest {
    pub(super) sources: Vec<Arc<Path>>,
    pub(super) examples: Vec<Example>,
    pub(super) skipped: Skipped,
    pub(super) doubts: Vec<Doubt>,
    pub(super) columns: Columns,
    /// The first source whose header lacks a column that may be absent, for when it turns out to be needed.
    pub(super) no_label: Option<Lacking>,
    pub(super) no_split: Option<Lacking>,
}

#[derive(Debug, Clone)]
pub(super) struct Lacking {
    path: Arc<Path>,
    role: Role,
    column: String,
    found: Vec<String>,
}

impl Lacking {
    fn error(&self) -> Error {
        Error::MissingColumn {
            path: self.path.as_ref().into(),
            role: self.role,
            column: self.column.clone(),
            found: self.found.clone(),
        }
    }
}

impl Manifest {
    /// Read a CSV, or a folder with one subfolder per class.
    ///
    /// In a CSV, the `path` column must be there. The absence of the other two is an error only where they are
    /// used ([`classes`](Self::classes), [`labels`](Self::labels), [`split`](Self::split)): features can be
    /// extracted, and images classified, without labels.
    ///
    /// # Errors
    /// Whatever is wrong with the list as a list; whether the images exist is found when they are read.
    pub fn read(path: &Path, columns: &Columns) -> Result<Self, Error> {
        Self::read_all(&[path], columns)
    }

    /// Read several manifests as one: the rows of the first, then those of the second, and so on.
    ///
    /// # Errors
    /// As [`read`](Self::read); [`Error::NoManifest`] if `paths` is empty. Labels must agree across all of them.
    pub fn read_all<P: AsRef<Path>>(paths: &[P], columns: &Columns) -> Result<Self, Error> {
        let mut manifests = paths.iter().map(|path| Self::read_one(path.as_ref(), columns));
        let mut all = manifests.next().ok_or(Error::NoManifest)??;
        for manifest in manifests {
            let manifest = manifest?;
            all.sources.extend(manifest.sources);
            all.examples.extend(manifest.examples);
            all.skipped.add(manifest.skipped);
            all.doubts.extend(manifest.doubts);
            all.no_label = all.no_label.or(manifest.no_label);
            all.no_split = all.no_split.or(manifest.no_split);
        }
        all.check_conflicts()?;
        all.doubts.extend(doubt::lookalikes(&all.examples));
        Ok(all)
    }

    fn read_one(path: &Path, columns: &Columns) -> Result<Self, Error> {
        let path = path_as_written(path);
        let path = path.as_path();
        let source: Arc<Path> = path.into();
        let lacking = |role, column: &str, found: &[String]| {
            Some(Lacking { path: source.clone(), role, column: column.into(), found: found.into() })
        };
        let sources = vec![source.clone()];
        if path.is_dir() {
            let folder::Read { examples, skipped, doubts } = folder::read(path)?;
            let found = [columns.path.clone(), columns.label.clone()];
            let no_split = lacking(Role::Split, &columns.split, &found);
            let columns = columns.clone();
            return Ok(Self { sources, examples, skipped, doubts, columns, no_label: None, no_split });
        }
        let table = table::read(path, columns)?;
        let lacking = |has, role, column| if has { None } else { lacking(role, column, &table.header) };
        Ok(Self {
            no_label: lacking(table.has_label, Role::Label, &columns.label),
            no_split: lacking(table.has_split, Role::Split, &columns.split),
            sources,
            examples: table.examples,
            skipped: Skipped::default(),
            doubts: vec![],
            columns: columns.clone(),
        })
    }

    pub(super) fn check_conflicts(&self) -> Result<(), Error> {
        let mut first_labelled: HashMap<&Path, (&Example, &Arc<str>)> = HashMap::with_capacity(self.len());
        for example in &self.examples {
            let Some(label) = &example.label else { continue };
            match first_labelled.entry(&example.file) {
                Entry::Vacant(entry) => {
                    entry.insert((example, label));
                }
                Entry::Occupied(entry) => {
                    let (first, first_label) = *entry.get();
                    if first_label != label {
                        return Err(Error::ConflictingLabels {
                            file: example.file.clone(),
                            first: first.place(),
                            first_label: first_label.to_string(),
                            second: example.place(),
                            second_label: label.to_string(),
                        });
                    }
                }
            }
        }
        Ok(())
    }

    /// The file or folder it was read from; of several, the first.
    pub fn source(&self) -> &Path {
        &self.sources[0]
    }

    /// All files and folders it was read from.
    pub fn sources(&self) -> impl Iterator<Item = &Path> {
        self.sources.iter().map(AsRef::as_ref)
    }

    /// What the columns were called when it was read.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// The rows, in order.
    pub fn examples(&self) -> &[Example] {
        &self.examples
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.examples.len()
    }

    /// Always false: an empty manifest is an error when it is read.
    pub fn is_empty(&self) -> bool {
        self.examples.is_empty()
    }

    /// The images, in the manifest's order, for an extraction.
    pub fn images(&self) -> Vec<ImageInput> {
        self.examples().iter().map(Example::image).collect()
    }

    /// The file of every example, in order.
    pub fn files(&self) -> Vec<PathBuf> {
        self.examples.iter().map(|example| example.file.clone()).collect()
    }

    /// What a folder holds that did not become an example.
    pub fn skipped(&self) -> &Skipped {
        &self.skipped
    }

    /// What is allowed and rarely meant, such as labels that differ only in case.
    pub fn doubts(&self) -> &[Doubt] {
        &self.doubts
    }

    /// BLAKE3 over path, label and split of each row, all as written, in order.
    ///
    /// The same rows give the same digest, however the file is written: quoting, line ends, order of columns and
    /// further columns do not matter. The order of the rows does: training sees them in it.
    pub fn digest(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        let mut cell = |text: Option<&str>| {
            // The length first, so that no two rows run into each other; an absent cell differs from any text.
            hasher.update(&text.map_or(u64::MAX, |text| text.len() as u64).to_le_bytes());
            hasher.update(text.unwrap_or_default().as_bytes());
        };
        for example in &self.examples {
            cell(Some(&example.path));
            cell(example.written_label.as_deref().or(example.label.as_deref()));
            cell(example.split.as_deref());
        }
        hasher.finalize()
    }

    /// The rows of one part of the data, in order.
    ///
    /// `train`, `validation` and `test` mean all rows of that part, by whatever name ([`Part::named`]). Any other name means the
    /// rows that bear it, in whatever case, be it a known one or not; if none does, those of the part that it is a name for.
    ///
    /// # Errors
    /// [`Error::MissingColumn`] without a `split` column, [`Error::NoSuchSplit`] if there is no such row.
    pub fn split(&self, name: &str) -> Result<Self, Error> {
        let part = Part::named(name);
        let of_part = || self.clone().only(|example| part.is_some() && example.part() == part);
        let canonical = part.is_some_and(|part| part.name().eq_ignore_ascii_case(name.trim()));
        if let Some(rows) = canonical.then(of_part).flatten() {
            return Ok(rows);
        }
        let wanted = normal_label(name).to_lowercase();
        let bears = |split: &str| normal_label(split).to_lowercase() == wanted;
        let rows = self.clone().only(|example| example.split.as_deref().is_some_and(bears));
        rows.or_else(of_part).ok_or_else(|| {
            let found: Vec<String> = self.splits().into_iter().map(str::to_owned).collect();
            match &self.no_split {
                Some(lacking) if found.is_empty() => lacking.error(),
                _ => Error::NoSuchSplit { path: self.source().into(), split: name.into(), found },
            }
        })
    }

    /// The rows of a part, in order; `None` if there are none. Rows of a split that is not known are in no part: see
    /// [`require_known_splits`](Self::require_known_splits).
    pub fn part(&self, part: Part) -> Option<Self> {
        self.clone().only(|example| example.part() == Some(part))
    }

    fn only(mut self, wanted: impl Fn(&Example) -> bool) -> Option<Self> {
        self.examples.retain(wanted);
        (!self.examples.is_empty()).then_some(self)
    }

    /// That every row which names a part names one that is known, so that none is left out without a word.
    ///
    /// # Errors
    /// [`Error::UnknownSplit`] with the first row that does not.
    pub fn require_known_splits(&self) -> Result<(), Error> {
        let is_unknown = |example: &&Example| example.split.is_some() && example.part().is_none();
        match self.examples.iter().find(is_unknown) {
            None => Ok(()),
            Some(example) => Err(Error::UnknownSplit {
                place: example.place(),
                split: example.split.as_deref().unwrap_or_default().into(),
            }),
        }
    }

    /// The parts that the `split` column names, sorted, as they are written; none if it is absent or empty.
    pub fn splits(&self) -> Vec<&str> {
        let names: BTreeSet<&str> =
            self.examples.iter().filter_map(|example| example.split.as_deref()).collect();
        names.into_iter().collect()
    }

    /// The labels that occur, sorted, as the classes to train for.
    ///
    /// # Errors
    /// [`Error::OneClass`] if all labels are the same; [`Error::MissingColumn`] or [`Error::NoLabels`] if there
    /// are none.
    pub fn classes(&self) -> Result<Classes, Error> {
        let names: BTreeSet<&str> =
            self.examples.iter().filter_map(|example| example.label.as_deref()).collect();
        match names.first() {
            None => Err(self.unlabelled()),
            Some(&label) if names.len() == 1 => {
                let inner = folder::inner_classes(self.source(), &self.examples);
                Err(Error::OneClass { path: self.source().into(), label: label.into(), inner })
            }
            Some(_) => Classes::new(names),
        }
    }

    /// The class of every row.
    ///
    /// # Errors
    /// [`Error::MissingLabel`] or [`Error::UnknownLabel`] with the first such row; [`Error::MissingColumn`] or
    /// [`Error::NoLabels`] if no row has one.
    pub fn labels(&self, classes: &Classes) -> Result<Vec<usize>, Error> {
        let labels = self.labels_if_any(classes)?;
        if labels.iter().all(Option::is_none) {
            return Err(self.unlabelled());
        }
        let missing =
            |example: &Example| Error::MissingLabel { place: example.place(), image: example.path.clone() };
        labels.into_iter().zip(&self.examples).map(|(label, row)| label.ok_or_else(|| missing(row))).collect()
    }

    /// The class of every row that has a label.
    ///
    /// # Errors
    /// [`Error::UnknownLabel`] with the first row whose label is not among the classes.
    pub fn labels_if_any(&self, classes: &Classes) -> Result<Vec<Option<usize>>, Error> {
        let index = |example: &Example| {
            let Some(label) = example.label.as_deref() else { return Ok(None) };
            classes.index(label).map(Some).ok_or_else(|| Error::UnknownLabel {
                place: example.place(),
                label: label.into(),
                classes: classes.names().into(),
            })
        };
        self.examples.iter().map(index).collect()
    }

    fn unlabelled(&self) -> Error {
        match &self.no_label {
            Some(lacking) => lacking.error(),
            None => Error::NoLabels { path: self.source().into() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with these manifests.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    fn read(text: &str) -> Result<Manifest, Error> {
        let folder = folder(&[("m.csv", text)]);
        Manifest::read(&folder.path().join("m.csv"), &Columns::default())
    }

    #[test]
    fn classes_are_sorted_and_labels_are_their_indices() {
        let manifest = read("path,label\na,ship\nb,cat\nc,ship\n").unwrap();
        let classes = manifest.classes().unwrap();
        assert_eq!(classes.names(), ["cat", "ship"]);
        assert_eq!(manifest.labels(&classes).unwrap(), [1, 0, 1]);
    }

    #[test]
    fn labels_must_be_there_and_known() {
        let manifest = read("path,label\na,cat\nb,\nc,cow\n").unwrap();
        let wide = Classes::new(["cat", "cow"]).unwrap();
        assert_eq!(manifest.labels_if_any(&wide).unwrap(), [Some(0), None, Some(1)]);
        let error = manifest.labels(&wide).unwrap_err();
        assert!(matches!(&error, Error::MissingLabel { place, image } if place.line == 3 && image == "b"));
        let error = manifest.labels(&Classes::new(["cat", "dog"]).unwrap()).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("m.csv` line 4: label `cow` is not among the 2 known classes: `cat`, `dog`")
        );
    }

    #[test]
    fn without_labels_there_is_nothing_to_train_on() {
        assert!(
            matches!(read("path,label\na,cat\nb,cat\n").unwrap().classes(), Err(Error::OneClass { label, .. }) if label == "cat")
        );
        assert!(matches!(read("path,label\na,\nb,\n").unwrap().classes(), Err(Error::NoLabels { .. })));
        // A list without the column can still be extracted; why it has no labels is told when they are wanted.
        let unlabelled = read("path,lable\na,cat\nb,dog\n").unwrap();
        let Err(Error::MissingColumn { column, found, .. }) = unlabelled.classes() else { panic!() };
        assert_eq!(
            (column.as_str(), found.as_slice()),
            ("label", ["path".to_owned(), "lable".to_owned()].as_slice())
        );
        let cats_and_dogs = Classes::new(["cat", "dog"]).unwrap();
        assert!(matches!(unlabelled.labels(&cats_and_dogs), Err(Error::MissingColumn { .. })));
        assert_eq!(unlabelled.labels_if_any(&cats_and_dogs).unwrap(), [None, None]);
    }

    #[test]
    fn an_image_may_come_twice_but_not_as_two_things() {
        assert_eq!(read("path,label\na,cat\na,cat\na,\nb,dog\n").unwrap().len(), 4);
        let Err(error) = read("path,label\na,cat\nb,dog\na,dog\n") else { panic!() };
        let Error::ConflictingLabels { first, first_label, second, second_label, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(
            (first.line, first_label.as_str(), second.line, second_label.as_str()),
            (2, "cat", 4, "dog")
        );
    }

    #[test]
    fn several_are_joined_and_must_agree() {
        let folder = folder(&[
            ("a.csv", "path,label\nx.png,cat\n"),
            ("sub/b.csv", "path,label\nx.png,dog\n"),
            ("c.csv", "path\nsub/x.png\n"),
            ("bad.csv", "label,path\n,y.png\nowl,sub/x.png\n"),
        ]);
        let paths = |names: &[&str]| names.iter().map(|name| folder.path().join(name)).collect::<Vec<_>>();
        let all = Manifest::read_all(&paths(&["a.csv", "sub/b.csv", "c.csv"]), &Columns::default()).unwrap();
        assert_eq!((all.len(), all.sources().count()), (3, 3));
        assert_eq!(all.examples()[1].file, folder.path().join("sub/x.png"));
        assert_eq!(all.classes().unwrap().names(), ["cat", "dog"]);

        let error = Manifest::read_all(&paths(&["sub/b.csv", "bad.csv"]), &Columns::default()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("sub/b.csv` line 2") && text.contains("bad.csv` line 3"), "{text}");
        assert!(matches!(Manifest::read_all::<&Path>(&[], &Columns::default()), Err(Error::NoManifest)));
    }

    #[test]
    fn the_digest_is_of_the_content() {
        let digest = |text| read(text).unwrap().digest();
        let plain = digest("path,label,split\na,cat,train\nb,dog,\n");
        assert_eq!(plain, digest("\u{FEFF}id,split,label,path\r\n1,train,cat,\"a\"\r\n2,,dog,b\r\n"));
        for other in [
            "path,label,split\nb,dog,\na,cat,train\n",
            "path,label,split\na,cat,\nb,dog,\n",
            "path,label,split\na,cattrain,\nb,dog,\n",
            "path,label,split\nac,at,train\nb,dog,\n",
            "path,label,split\na,cat,train\nb,,dog\n",
        ] {
            assert_ne!(plain, digest(other), "{other:?}");
        }
    }

    #[test]
    fn a_folder_and_a_csv_of_it_are_the_same_data() {
        let folder = folder(&[
            ("data/cat/1.png", ""),
            ("data/dog/2.png", ""),
            ("data/m.csv", "path,label\ncat/1.png,cat\ndog/2.png,dog\n"),
        ]);
        let read = |name: &str| Manifest::read(&folder.path().join(name), &Columns::default()).unwrap();
        let (walked, listed) = (read("data"), read("data/m.csv"));
        assert_eq!(walked.digest(), listed.digest());
        assert!(walked.examples().iter().zip(listed.examples()).all(|(a, b)| a.file == b.file));
    }

    #[test]
    fn parts_have_many_names() {
        let text =
            "path,label,split\na,cat,TRAIN\nb,dog,Testing\nc,dog,training\nd,dog,\ne,cat,val\nf,cat,dev\n";
        let manifest = read(text).unwrap();
        manifest.require_known_splits().unwrap();
        let paths = |part: Manifest| part.examples().iter().map(|row| row.path.clone()).collect::<String>();
        for (part, rows) in [(Part::Train, "ac"), (Part::Validation, "ef"), (Part::Test, "b")] {
            assert_eq!(paths(manifest.part(part).unwrap()), rows);
            for name in [part.name().to_owned(), part.name().to_uppercase()] {
                assert_eq!(paths(manifest.split(&name).unwrap()), rows, "{name}");
            }
        }
        // A name of one's own choice means the rows that bear it.
        assert_eq!(paths(manifest.split("dev").unwrap()), "f");
        assert_eq!(paths(manifest.split("eval").unwrap()), "b");
    }

    #[test]
    fn a_split_that_is_not_known_is_told_with_its_line() {
        let manifest = read("path,label,split\na,cat,train\nb,dog,\nc,dog,Holdout\n").unwrap();
        let error = manifest.require_known_splits().unwrap_err().to_string();
        assert!(
            error.ends_with(
                "m.csv` line 4: split `Holdout` is not known: expected `train`, `validation`, `test`"
            ),
            "{error}"
        );
        // Whoever asks for it gets it.
        assert_eq!(manifest.split("holdout").unwrap().len(), 1);
    }

    #[test]
    fn labels_that_look_alike_are_doubted() {
        let doubts = |text| read(text).unwrap().doubts().iter().map(Doubt::to_string).collect::<Vec<_>>();
        assert_eq!(doubts("path,label\na,cat\nb,dog\nc,cafe\u{301}\nd,caf\u{E9}\n"), Vec::<String>::new());
        let told = doubts("path,label\na,cat\nb,Cat\nc,CAT\nd,big dog\ne,big  dog\n");
        assert_eq!(
            told,
            [
                "the labels `big  dog`, `big dog` differ only in spaces: each is a class of its own",
                "the labels `CAT`, `Cat`, `cat` differ only in case: each is a class of its own",
            ]
        );
    }

    #[test]
    fn the_digest_is_that_of_earlier_versions() {
        // Of labels as they are written, though they are compared in their normal form.
        let digest = |text| read(text).unwrap().digest().to_hex().to_string();
        let text = "path,label,split\na.png,cafe\u{301},TRAIN\nb.png,caf\u{E9},\n";
        let expected = {
            let mut hasher = blake3::Hasher::new();
            for cell in ["a.png", "cafe\u{301}", "TRAIN", "b.png", "caf\u{E9}"] {
                hasher.update(&(cell.len() as u64).to_le_bytes()).update(cell.as_bytes());
            }
            hasher.update(&u64::MAX.to_le_bytes()).finalize().to_hex().to_string()
        };
        assert_eq!(digest(text), expected);
    }

    #[test]
    fn parts_are_selected_by_name() {
        let manifest = read("path,label,split\na,cat,train\nb,dog,test\nc,dog,train\nd,dog,\n").unwrap();
        assert_eq!(manifest.splits(), ["test", "train"]);
        let train = manifest.split("train").unwrap();
        assert_eq!(train.examples().iter().map(|row| row.path.as_str()).collect::<Vec<_>>(), ["a", "c"]);
        let Err(Error::NoSuchSplit { split, found, .. }) = manifest.split("validation") else { panic!() };
        assert_eq!((split.as_str(), found.join(" ").as_str()), ("validation", "test train"));
        let Err(Error::MissingColumn { column, .. }) = read("path,label\na,cat\n").unwrap().split("train")
        else {
            panic!()
        };
        assert_eq!(column, "split");
    }
}
