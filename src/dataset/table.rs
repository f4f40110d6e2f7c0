//! A manifest as CSV.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use super::{Error, Example, Place};

/// What the columns of a manifest are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// The image's path, relative to the manifest's own folder or absolute. Default `path`.
    pub path: String,
    /// What the image shows. Default `label`. May be absent where no label is needed.
    pub label: String,
    /// The part of the data that the row belongs to (`train`, `test`, …). Default `split`. May be absent.
    pub split: String,
}

impl Default for Columns {
    fn default() -> Self {
        Self { path: "path".into(), label: "label".into(), split: "split".into() }
    }
}

/// The rows of a CSV, and what its header says.
pub(super) struct Table {
    pub examples: Vec<Example>,
    pub header: Vec<String>,
}

/// Read a CSV: the columns by name, in any order, among any others.
///
/// Commas, semicolons (as spreadsheets write them where the comma is the decimal sign) and tabs are understood:
/// the first of them that makes the header show a path column is the separator.
pub(super) fn read(path: &Path, columns: &Columns) -> Result<Table, Error> {
    let source: Arc<Path> = path.into();
    let bytes = std::fs::read(path).map_err(|cause| match cause.kind() {
        ErrorKind::NotFound => Error::Missing { path: path.into() },
        _ => Error::Read { path: path.into(), source: cause },
    })?;
    let text = utf8(&source, &bytes)?;
    let (header, separator) = header(path, text, columns)?;
    let examples = rows(&source, text, &header, separator, columns)?;
    if examples.is_empty() {
        return Err(Error::Empty { path: path.into() });
    }
    Ok(Table { examples, header })
}

/// The text without its byte order mark.
fn utf8<'a>(source: &Arc<Path>, bytes: &'a [u8]) -> Result<&'a str, Error> {
    let wrong = |line, found| Error::NotUtf8 { place: Place { source: source.clone(), line }, found };
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(wrong(1, "UTF-16"));
    }
    let text = std::str::from_utf8(bytes).map_err(|cause| {
        let before = &bytes[..cause.valid_up_to()];
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count() as u64;
        wrong(line, if bytes.contains(&0) { "binary data" } else { "another encoding" })
    })?;
    Ok(text.strip_prefix('\u{FEFF}').unwrap_or(text))
}

fn reader(text: &str, separator: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().delimiter(separator).has_headers(false).from_reader(text.as_bytes())
}

/// The header's names, trimmed, and the separator between them.
fn header(path: &Path, text: &str, columns: &Columns) -> Result<(Vec<String>, u8), Error> {
    let split_by = |separator| -> Vec<String> {
        let first = reader(text, separator).into_records().next().and_then(Result::ok).unwrap_or_default();
        first.iter().map(|name| name.trim().to_owned()).collect()
    };
    let found = split_by(b',');
    if found.is_empty() {
        return Err(Error::Empty { path: path.into() });
    }
    for separator in [b',', b';', b'\t'] {
        let names = split_by(separator);
        if names.contains(&columns.path) {
            return Ok((names, separator));
        }
    }
    Err(Error::MissingColumn { path: path.into(), column: columns.path.clone(), found })
}

/// Where a column stands, if it is there.
fn position(path: &Path, header: &[String], column: &str) -> Result<Option<usize>, Error> {
    let mut places = header.iter().enumerate().filter(|(_, name)| *name == column).map(|(place, _)| place);
    let first = places.next();
    match places.next() {
        Some(_) => Err(Error::RepeatedColumn { path: path.into(), column: column.into() }),
        None => Ok(first),
    }
}

fn rows(
    source: &Arc<Path>,
    text: &str,
    header: &[String],
    separator: u8,
    columns: &Columns,
) -> Result<Vec<Example>, Error> {
    let path_at =
        position(source, header, &columns.path)?.expect("the header was accepted because it has this");
    let label_at = position(source, header, &columns.label)?;
    let split_at = position(source, header, &columns.split)?;
    let folder = source.parent().unwrap_or(Path::new(""));

    let mut names = Names::default();
    let mut examples = Vec::new();
    let mut reader = reader(text, separator);
    let mut record = csv::StringRecord::new();
    let mut is_header = true;
    loop {
        match reader.read_record(&mut record) {
            Ok(true) if is_header => is_header = false,
            Ok(true) => {
                let place = Place { source: source.clone(), line: line(text, record.position()) };
                let path = &record[path_at];
                if path.trim().is_empty() {
                    return Err(Error::EmptyPath { place });
                }
                let mut cell = |at: Option<usize>| at.and_then(|at| names.share(record[at].trim()));
                examples.push(Example {
                    path: path.to_owned(),
                    // Relative paths start at the manifest's own folder, whatever the working directory.
                    file: folder.join(path),
                    label: cell(label_at),
                    split: cell(split_at),
                    source: place.source,
                    line: place.line,
                });
            }
            Ok(false) => return Ok(examples),
            Err(cause) => return Err(damaged(source, text, cause)),
        }
    }
}

fn damaged(source: &Arc<Path>, text: &str, cause: csv::Error) -> Error {
    match cause.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => Error::Ragged {
            place: Place { source: source.clone(), line: line(text, pos.as_ref()) },
            expected: *expected_len,
            found: *len,
        },
        // What is in memory, and UTF-8, has no other fault; this keeps the reason if that is ever wrong.
        _ => Error::Read { path: source.as_ref().into(), source: cause.into() },
    }
}

/// The line that a record begins on, from 1.
///
/// The reader's own count is where the record before it ended: it stands before blank lines, and before the `\n`
/// of a `\r\n`.
fn line(text: &str, position: Option<&csv::Position>) -> u64 {
    let Some(position) = position else { return 0 };
    let rest = &text.as_bytes()[position.byte() as usize..];
    let skipped =
        rest.iter().take_while(|&&byte| byte == b'\n' || byte == b'\r').filter(|&&byte| byte == b'\n');
    position.line() + skipped.count() as u64
}

/// One copy of each label for however many rows bear it.
#[derive(Default)]
struct Names(HashSet<Arc<str>>);

impl Names {
    /// The shared copy; nothing for an empty cell.
    fn share(&mut self, name: &str) -> Option<Arc<str>> {
        if name.is_empty() {
            return None;
        }
        if let Some(known) = self.0.get(name) {
            return Some(known.clone());
        }
        let new: Arc<str> = name.into();
        self.0.insert(new.clone());
        Some(new)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// Read `bytes` as the manifest `m.csv` of a folder of its own.
    fn parse(bytes: impl AsRef<[u8]>) -> Result<Vec<Example>, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.csv");
        std::fs::write(&path, bytes).unwrap();
        let mut examples = read(&path, &Columns::default())?.examples;
        for example in &mut examples {
            if let Ok(below) = example.file.strip_prefix(folder.path()) {
                example.file = below.to_path_buf();
            }
        }
        Ok(examples)
    }

    fn cells(example: &Example) -> (&str, Option<&str>, Option<&str>, u64) {
        (&example.path, example.label.as_deref(), example.split.as_deref(), example.line)
    }

    #[test]
    fn columns_are_found_by_name_among_others() {
        let rows = parse("id,label,path,split\n7,cat,a.png,train\n8,,sub/b.png,\n").unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(cells(&rows[0]), ("a.png", Some("cat"), Some("train"), 2));
        assert_eq!(cells(&rows[1]), ("sub/b.png", None, None, 3));
        assert_eq!(rows[1].file, PathBuf::from("sub/b.png"));
    }

    #[test]
    fn every_common_way_of_writing_it_reads_the_same() {
        let plain = parse("path,label\na b.png,cat\nc.png,dog\n").unwrap();
        for other in [
            "\u{FEFF}path,label\na b.png,cat\nc.png,dog\n",
            "path,label\r\na b.png,cat\r\nc.png,dog\r\n",
            "path,label\na b.png,cat\nc.png,dog",
            "\"path\",\"label\"\n\"a b.png\",\"cat\"\n\"c.png\",\"dog\"\n",
            "\u{FEFF}\"path\",label\na b.png,cat\nc.png,dog\n",
            "path, label\na b.png, cat\nc.png, dog\n",
            "label;path\ncat;a b.png\ndog;c.png\n",
            "path\tlabel\na b.png\tcat\nc.png\tdog\n",
        ] {
            let rows = parse(other).unwrap();
            let same = rows.iter().map(cells).eq(plain.iter().map(cells));
            assert!(same, "{other:?} gives {rows:?}");
        }
    }

    #[test]
    fn paths_are_kept_as_written() {
        let rows =
            parse("path,label\n\"a, \"\"b\"\".png\",x\n100%25 ü 猫.png,x\nC:\\a\\b.png,x\n/abs/c.png,x\n")
                .unwrap();
        let paths: Vec<&str> = rows.iter().map(|row| row.path.as_str()).collect();
        assert_eq!(paths, ["a, \"b\".png", "100%25 ü 猫.png", "C:\\a\\b.png", "/abs/c.png"]);
        assert_eq!(rows[3].file, PathBuf::from("/abs/c.png"));
    }

    #[test]
    fn lines_are_those_an_editor_shows() {
        for end in ["\n", "\r\n"] {
            let text = ["path,label", "a.png,x", "", "", "\"b", "b.png\",x", "c.png,x", ""].join(end);
            let lines: Vec<u64> = parse(&text).unwrap().iter().map(|row| row.line).collect();
            assert_eq!(lines, [2, 5, 7], "lines end with {end:?}");

            let text = ["path,label", "a.png,x", "", "b.png", ""].join(end);
            let Err(Error::Ragged { place, expected: 2, found: 1 }) = parse(&text) else {
                panic!("{text:?}")
            };
            assert_eq!(place.line, 4, "lines end with {end:?}");

            let text = ["path,label", "a.png,x", "", " ,x", ""].join(end);
            let Err(Error::EmptyPath { place }) = parse(&text) else { panic!("{text:?}") };
            assert_eq!(place.line, 4, "lines end with {end:?}");
        }
    }

    #[test]
    fn what_is_not_utf8_is_named_with_its_line() {
        let Err(Error::NotUtf8 { place, found }) = parse(b"path,label\na.png,ok\nb\xE9.png,x\n") else {
            panic!()
        };
        assert_eq!((place.line, found), (3, "another encoding"));
        let Err(Error::NotUtf8 { found, .. }) = parse(b"\xFF\xFEp\0a\0") else { panic!() };
        assert_eq!(found, "UTF-16");
        let Err(Error::NotUtf8 { found, .. }) = parse(b"\x89PNG\r\n\x1A\n\0\0") else { panic!() };
        assert_eq!(found, "binary data");
    }

    #[test]
    fn headers_that_do_not_serve() {
        let Err(Error::MissingColumn { column, found, .. }) = parse("file,lable\na.png,x\n") else {
            panic!()
        };
        assert_eq!((column.as_str(), found), ("path", vec!["file".to_owned(), "lable".to_owned()]));
        assert!(
            matches!(parse("path,path,label\na,b,c\n"), Err(Error::RepeatedColumn { column, .. }) if column == "path")
        );
        for empty in ["", "\n\n", "\u{FEFF}", "path,label\n", "path,label"] {
            assert!(matches!(parse(empty), Err(Error::Empty { .. })), "{empty:?}");
        }
    }

    #[test]
    fn a_missing_file_is_not_an_unreadable_one() {
        let folder = tempfile::tempdir().unwrap();
        let absent = folder.path().join("absent.csv");
        assert!(matches!(read(&absent, &Columns::default()), Err(Error::Missing { path }) if path == absent));
        // A file where a folder is needed.
        std::fs::write(&absent, "path").unwrap();
        assert!(matches!(read(&absent.join("m.csv"), &Columns::default()), Err(Error::Read { .. })));
    }

    #[test]
    fn labels_are_stored_once() {
        let rows = parse("path,label\na,cat\nb,cat\n").unwrap();
        assert!(Arc::ptr_eq(rows[0].label.as_ref().unwrap(), rows[1].label.as_ref().unwrap()));
    }
}
