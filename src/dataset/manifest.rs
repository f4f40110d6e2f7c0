//! The list of images that all commands take.

use std::collections::BTreeSet;
use std::collections::hash_map::{Entry, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Classes, Columns, Error, Place, Skipped, folder, table};

/// One row of a manifest: an image, and what it is said to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The path as it is written.
    pub path: String,
    /// The file that is meant: relative paths start at the manifest's own folder.
    pub file: PathBuf,
    /// What the image shows, if that is said.
    pub label: Option<Arc<str>>,
    /// The part of the data that it belongs to, if that is said.
    pub split: Option<Arc<str>>,
    /// The manifest it comes from.
    pub source: Arc<Path>,
    /// Its line there, from 1, which is the header; 0 in a folder, which has no lines.
    pub line: u64,
}

impl Example {
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
    sources: Vec<Arc<Path>>,
    examples: Vec<Example>,
    skipped: Skipped,
    columns: Columns,
    /// The first source whose header lacks a column that may be absent, for when it turns out to be needed.
    no_label: Option<Lacking>,
    no_split: Option<Lacking>,
}

#[derive(Debug, Clone)]
struct Lacking {
    path: Arc<Path>,
    column: String,
    found: Vec<String>,
}

impl Lacking {
    fn error(&self) -> Error {
        Error::MissingColumn {
            path: self.path.as_ref().into(),
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
        let manifest = Self::read_one(path, columns)?;
        manifest.check_conflicts()?;
        Ok(manifest)
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
            all.no_label = all.no_label.or(manifest.no_label);
            all.no_split = all.no_split.or(manifest.no_split);
        }
        all.check_conflicts()?;
        Ok(all)
    }

    fn read_one(path: &Path, columns: &Columns) -> Result<Self, Error> {
        let source: Arc<Path> = path.into();
        let lacking = |column: &str, found: &[String]| {
            let absent = !found.iter().any(|name| name == column);
            absent.then(|| Lacking { path: source.clone(), column: column.into(), found: found.into() })
        };
        if path.is_dir() {
            let (examples, skipped) = folder::read(path)?;
            let no_split = lacking(&columns.split, &[columns.path.clone(), columns.label.clone()]);
            let (sources, columns) = (vec![source.clone()], columns.clone());
            return Ok(Self { sources, examples, skipped, columns, no_label: None, no_split });
        }
        let table = table::read(path, columns)?;
        Ok(Self {
            no_label: lacking(&columns.label, &table.header),
            no_split: lacking(&columns.split, &table.header),
            sources: vec![source.clone()],
            examples: table.examples,
            skipped: Skipped::default(),
            columns: columns.clone(),
        })
    }

    fn check_conflicts(&self) -> Result<(), Error> {
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

    /// The file of every example, in order.
    pub fn files(&self) -> Vec<PathBuf> {
        self.examples.iter().map(|example| example.file.clone()).collect()
    }

    /// What a folder holds that did not become an example.
    pub fn skipped(&self) -> &Skipped {
        &self.skipped
    }

    /// BLAKE3 over path (as written), label and split of each row, in order.
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
            cell(example.label.as_deref());
            cell(example.split.as_deref());
        }
        hasher.finalize()
    }

    /// The rows of one part of the data, in order.
    ///
    /// # Errors
    /// [`Error::MissingColumn`] without a `split` column, [`Error::NoSuchSplit`] if no row bears the name.
    pub fn split(&self, name: &str) -> Result<Self, Error> {
        let mut part = self.clone();
        part.examples.retain(|example| example.split.as_deref() == Some(name));
        if part.is_empty() {
            let found: Vec<String> = self.splits().into_iter().map(str::to_owned).collect();
            return Err(match &self.no_split {
                Some(lacking) if found.is_empty() => lacking.error(),
                _ => Error::NoSuchSplit { path: self.source().into(), split: name.into(), found },
            });
        }
        Ok(part)
    }

    /// The parts that the `split` column names, sorted; none if it is absent or empty.
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
                Err(Error::OneClass { path: self.source().into(), label: label.into() })
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
