//! Manifests of images that are at hand in the program, rather than in a folder or a CSV.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use headstart_base::files::path_text;

use super::{Columns, Error, Example, Manifest, Skipped, doubt, normal_label};
use crate::ImageInput;

impl Manifest {
    /// Images and their labels; `name` is what messages call all of them. Paths are written down from the root on, so that a file
    /// of these rows means the same images wherever it is read.
    ///
    /// Bytes and pixels are known by their names, so each needs a name of its own.
    ///
    /// ```
    /// use headstart_core::ImageInput;
    /// use headstart_core::dataset::Manifest;
    ///
    /// let upload = ImageInput::bytes("upload 1", b"the bytes of a JPEG".to_vec());
    /// let rows = [(upload, Some("cat".to_owned())), (ImageInput::from("dog.jpg"), Some("dog".to_owned()))];
    /// let manifest = Manifest::of_rows("uploads", rows)?;
    /// assert_eq!((manifest.len(), manifest.classes()?.names()), (2, &["cat".to_owned(), "dog".to_owned()][..]));
    /// # Ok::<(), headstart_core::dataset::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Empty`] without a row; [`Error::ConflictingLabels`] if an image has two.
    pub fn of_rows(
        name: impl AsRef<Path>,
        rows: impl IntoIterator<Item = (ImageInput, Option<String>)>,
    ) -> Result<Self, Error> {
        let source: Arc<Path> = name.as_ref().into();
        let mut shared: HashMap<String, Arc<str>> = HashMap::new();
        let mut share = |text: &str| match shared.get(text) {
            Some(known) => known.clone(),
            None => shared.entry(text.to_owned()).or_insert_with(|| text.into()).clone(),
        };
        let example = |(input, written): (ImageInput, Option<String>)| {
            // As a cell of a table is read.
            let written = written.as_deref().map(str::trim);
            let label = written.map(normal_label).filter(|label| !label.is_empty());
            let written_label = written.filter(|&text| label.as_deref() != Some(text));
            let (path, file, content) = match input {
                ImageInput::File(file) => {
                    let whole = std::path::absolute(&file).unwrap_or_else(|_| file.clone());
                    (path_text(&whole).into_owned(), file, None)
                }
                ImageInput::Bytes { ref name, .. } => (name.clone(), PathBuf::from(name), Some(input)),
            };
            Example {
                path,
                file,
                written_label: written_label.map(&mut share),
                label: label.map(|label| share(&label)),
                split: None,
                source: source.clone(),
                line: 0,
                content,
            }
        };
        let examples: Vec<Example> = rows.into_iter().map(example).collect();
        if examples.is_empty() {
            return Err(Error::Empty { path: name.as_ref().into() });
        }
        let doubts = doubt::lookalikes(&examples);
        let manifest = Self {
            sources: vec![source],
            examples,
            skipped: Skipped::default(),
            doubts,
            columns: Columns::default(),
            no_label: None,
            no_split: None,
        };
        manifest.check_conflicts()?;
        Ok(manifest)
    }

    /// Whether every image is a file, so that a list of paths says it all.
    pub fn is_of_files(&self) -> bool {
        self.examples.iter().all(|example| example.content.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn rows_are_a_manifest_like_that_of_a_file_with_them() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = ["a.png", "b.png"].map(|name| folder.path().join(name));
        let rows = [(a.as_path().into(), label("cat")), (b.as_path().into(), label(" dog"))];
        let here = Manifest::of_rows("rows", rows).unwrap();
        let csv = folder.path().join("m.csv");
        std::fs::write(&csv, format!("path,label\n{},cat\n{}, dog\n", a.display(), b.display())).unwrap();
        let read = Manifest::read(&csv, &Columns::default()).unwrap();
        assert_eq!((here.files(), here.digest()), (read.files(), read.digest()));
        assert_eq!(here.classes().unwrap().names(), read.classes().unwrap().names());
        assert!(here.is_of_files());
    }

    #[test]
    fn what_is_in_memory_is_given_to_extraction_as_it_is() {
        let input = ImageInput::bytes("item 0", b"bytes".to_vec());
        let manifest = Manifest::of_rows("rows", [(input.clone(), None)]).unwrap();
        assert_eq!((manifest.images(), manifest.is_of_files()), (vec![input], false));
        assert!(matches!(Manifest::of_rows("rows", []), Err(Error::Empty { .. })));
        let file = || ImageInput::from("a.png");
        let twice = Manifest::of_rows("rows", [(file(), label("cat")), (file(), label("dog"))]);
        assert!(matches!(twice, Err(Error::ConflictingLabels { .. })), "{twice:?}");
    }
}
