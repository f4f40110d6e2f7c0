//! A manifest as CSV.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use super::encoding::text_of;
use super::locate::located;
use super::records::{Cell, QuoteFault, Record, Records};
use super::{Error, Example, Place, Role, is_image, normal_label};

/// What the columns of a manifest are called.
///
/// Where no column has the very name, one that differs in case only is taken. Spaces around these names, and around labels and
/// splits, are not part of them; in paths every space counts.
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
    pub has_label: bool,
    pub has_split: bool,
}

/// Where the columns stand.
struct Places {
    columns: usize,
    path: usize,
    label: Option<usize>,
    split: Option<usize>,
}

/// Read a CSV: the columns by name, in any order, among any others.
///
/// Commas, semicolons (as spreadsheets write them where the comma is the decimal sign), tabs and `|` are understood: the first
/// of them that makes the header show a path column is the separator, unless a line `sep=;` before it names another. Rows
/// without anything in them are passed over.
pub(super) fn read(path: &Path, columns: &Columns) -> Result<Table, Error> {
    let source: Arc<Path> = path.into();
    let bytes = std::fs::read(path).map_err(|cause| match cause.kind() {
        ErrorKind::NotFound => Error::Missing { path: path.into() },
        _ => Error::Read { path: path.into(), source: cause },
    })?;
    let text = text_of(&source, &bytes)?;
    let (header, separator) = header(&source, &text, columns)?;
    let at = |role, column: &str| position(path, &header, role, column);
    let places = Places {
        columns: header.len(),
        path: at(Role::Path, &columns.path)?.expect("the header was accepted because it has this"),
        label: at(Role::Label, &columns.label)?,
        split: at(Role::Split, &columns.split)?,
    };
    let examples = rows(&source, &text, separator, &places)?;
    if examples.is_empty() {
        return Err(Error::Empty { path: path.into() });
    }
    Ok(Table { examples, header, has_label: places.label.is_some(), has_split: places.split.is_some() })
}

/// The rows that have something in them; a line `sep=;` at the top is none.
fn records<'t>(text: &'t str, separator: u8) -> impl Iterator<Item = Result<Record<'t>, QuoteFault>> {
    let declared = declared_separator(text).is_some();
    let is_blank = |record: &Record| record.cells.iter().all(|cell| cell.text.trim().is_empty());
    let records = Records::new(text, separator).skip(usize::from(declared));
    records.filter(move |record| !record.as_ref().is_ok_and(is_blank))
}

/// What Excel writes, and reads, above the header where the separator is not the one of the country.
fn declared_separator(text: &str) -> Option<u8> {
    let first = text.lines().next()?.trim_end_matches('\r').trim_matches('"');
    let first = first.split('\r').next()?.trim_end_matches('"');
    match first.as_bytes() {
        [s, e, p, b'=', separator] if [s, e, p].map(u8::to_ascii_lowercase) == *b"sep" => Some(*separator),
        _ => None,
    }
}

/// The header's names, trimmed, and the separator between them.
fn header(source: &Arc<Path>, text: &str, columns: &Columns) -> Result<(Vec<String>, u8), Error> {
    let split_by = |separator| -> Result<Vec<String>, Error> {
        let first = records(text, separator).next().transpose().map_err(|fault| faulty(source, &fault))?;
        let names = |record: Record| record.cells.iter().map(|cell| cell.text.trim().to_owned()).collect();
        Ok(first.map(names).unwrap_or_default())
    };
    let declared = declared_separator(text);
    let separators = declared.map_or(vec![b',', b';', b'\t', b'|'], |separator| vec![separator]);
    let mut most = vec![];
    for separator in separators {
        let names = split_by(separator)?;
        if names.iter().any(|name| same_name(name, &columns.path)) {
            return Ok((names, separator));
        }
        if names.is_empty() {
            return Err(Error::Empty { path: source.as_ref().into() });
        }
        if names.len() > most.len() {
            most = names;
        }
    }
    Err(Error::MissingColumn {
        path: source.as_ref().into(),
        role: Role::Path,
        column: columns.path.clone(),
        found: most,
    })
}

fn same_name(name: &str, column: &str) -> bool {
    name == column || name.to_lowercase() == column.to_lowercase()
}

/// Where a column stands, if it is there: the one of this very name, or else the one that differs in case.
fn position(path: &Path, header: &[String], role: Role, column: &str) -> Result<Option<usize>, Error> {
    let of = |is_it: &dyn Fn(&str) -> bool| -> Vec<usize> {
        (0..header.len()).filter(|&place| is_it(&header[place])).collect()
    };
    let exact = of(&|name| name == column);
    let found = if exact.is_empty() { of(&|name| same_name(name, column)) } else { exact };
    match found[..] {
        [] => Ok(None),
        [place] => Ok(Some(place)),
        _ => Err(Error::RepeatedColumn { path: path.into(), role, column: column.into() }),
    }
}

fn rows(source: &Arc<Path>, text: &str, separator: u8, at: &Places) -> Result<Vec<Example>, Error> {
    let folder = source.parent().unwrap_or(Path::new(""));
    let mut names = Names::default();
    let mut examples = Vec::new();
    for record in records(text, separator).skip(1) {
        let record = record.map_err(|fault| faulty(source, &fault))?;
        let place = Place { source: source.clone(), line: record.line };
        let cells = record.cells;
        // Spreadsheets fill rows up with separators, as far as any row has ever gone.
        let blank_end = cells.iter().skip(at.columns).all(|cell| cell.text.trim().is_empty());
        if cells.len() < at.columns || !blank_end {
            return Err(Error::Ragged { place, expected: at.columns as u64, found: cells.len() as u64 });
        }
        if let Some(cell) =
            cells.iter().enumerate().find_map(|(n, cell)| swallows(cell, n, separator, at).then_some(cell))
        {
            let (opened, closed) = cell.lines;
            return Err(Error::StrayQuote { place: Place { line: opened, ..place }, closed });
        }
        let path = &*cells[at.path].text;
        if path.trim().is_empty() {
            return Err(Error::EmptyPath { place });
        }
        let cell = |at: Option<usize>| at.map(|at| cells[at].text.trim()).filter(|text| !text.is_empty());
        let written = cell(at.label);
        let label = written.map(normal_label).filter(|label| !label.is_empty());
        examples.push(Example {
            path: path.to_owned(),
            file: located(folder, path),
            written_label: written
                .filter(|&written| label.as_deref() != Some(written))
                .map(|text| names.share(text)),
            label: label.map(|label| names.share(&label)),
            split: cell(at.split).map(|split| names.share(split)),
            source: place.source,
            line: place.line,
            content: None,
        });
    }
    Ok(examples)
}

/// Whether a cell has rows in it that a stray quote has taken in: lines that look like rows, with an image where the path
/// would be; in a path, a label or a split also very many lines.
fn swallows(cell: &Cell, number: usize, separator: u8, at: &Places) -> bool {
    /// Lines that a label may have.
    const LINES: u64 = 10;
    let (first, last) = cell.lines;
    if first == last {
        return false;
    }
    if [Some(at.path), at.label, at.split].contains(&Some(number)) && last - first >= LINES {
        return true;
    }
    let lines: Vec<&str> = cell.text.split(['\n', '\r']).filter(|line| !line.is_empty()).collect();
    let looks_like_a_row = |(number, line): (usize, &&str)| {
        let parts: Vec<&str> = line.split(char::from(separator)).collect();
        // The last one goes on behind the quote.
        let is_whole = parts.len() == at.columns || (number + 1 == lines.len() && parts.len() > 1);
        let path = parts.get(at.path).map(|path| path.trim().trim_matches('"'));
        is_whole && path.is_some_and(|path| is_image(Path::new(path)))
    };
    lines.iter().enumerate().skip(1).any(looks_like_a_row)
}

fn faulty(source: &Arc<Path>, fault: &QuoteFault) -> Error {
    let place = |line| Place { source: source.clone(), line };
    match *fault {
        QuoteFault::Unclosed { line } => Error::UnclosedQuote { place: place(line) },
        QuoteFault::Stray { line, closed } => Error::StrayQuote { place: place(line), closed },
    }
}

/// One copy of each label for however many rows bear it.
#[derive(Default)]
struct Names(HashSet<Arc<str>>);

impl Names {
    fn share(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return known.clone();
        }
        let new: Arc<str> = name.into();
        self.0.insert(new.clone());
        new
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
            "path|label\na b.png|cat\nc.png|dog\n",
            "sep=;\r\npath;label\r\na b.png;cat\r\nc.png;dog\r\n",
            "\u{FEFF}\"sep=,\"\npath,label\na b.png,cat\nc.png,dog\n",
            "SEP=\t\rpath\tlabel\ra b.png\tcat\rc.png\tdog\r",
            "path,label\ra b.png,cat\rc.png,dog",
            "path,label\n,\na b.png,cat\n , \nc.png,dog\n,\n,\n",
            ",,\npath,label,\na b.png,cat,\nc.png,dog,,,\n,,,,\n",
            "Path,LABEL\na b.png,cat\nc.png,dog\n",
            "\"Label\";\"Path\"\n\"cat\";\"a b.png\"\n\"dog\";\"c.png\"\n",
        ] {
            let rows = parse(other).unwrap();
            // But for the lines that they stand on.
            let content =
                |example: &Example| (example.path.clone(), example.label.clone(), example.split.clone());
            let same = rows.iter().map(content).eq(plain.iter().map(content));
            assert!(same, "{other:?} gives {rows:?}");
        }
    }

    #[test]
    fn text_of_sixteen_bits_reads_the_same() {
        let text = "path\tlabel\r\na b.png\tcaf\u{E9}\r\n";
        let rows = parse(text).unwrap();
        for unit in [u16::to_le_bytes, u16::to_be_bytes] {
            let bytes: Vec<u8> =
                "\u{FEFF}".encode_utf16().chain(text.encode_utf16()).flat_map(unit).collect();
            assert!(parse(&bytes).unwrap().iter().map(cells).eq(rows.iter().map(cells)));
        }
    }

    #[test]
    fn a_column_of_this_very_name_comes_before_one_of_another_case() {
        let rows = parse("Path,path,label\nx.png,a.png,cat\n").unwrap();
        assert_eq!(rows[0].path, "a.png");
        assert!(matches!(parse("Path,PATH\na,b\n"), Err(Error::RepeatedColumn { role: Role::Path, .. })));
    }

    #[test]
    fn a_quote_that_is_never_closed_is_told_with_its_line() {
        for (text, line) in [
            ("path,label\na.png,disc\nb.png,\"box\nc.png,box\n", 3),
            ("path,label\r\na.png,disc\r\n\"b.png,box\r\nc.png,box\r\n", 3),
            ("path,label\ra.png,\"box", 2),
            ("\"path,label\na.png,box\n", 1),
            ("path;label\na.png;\"a\nb\"\nc.png;\"x\n", 4),
        ] {
            let Err(Error::UnclosedQuote { place }) = parse(text) else { panic!("{text:?}") };
            assert_eq!(place.line, line, "{text:?}");
        }
    }

    #[test]
    fn a_quote_that_takes_in_rows_is_told_with_both_lines() {
        let many = "a\n".repeat(12);
        for (text, lines) in [
            // It is closed by the quote that opens a later cell.
            ("path,label\na.png,\"box\nb.png,\"disc\"\nc.png,box\n", (2, 3)),
            ("path,label\n\"a.png,box\nb.png,disc\n\"c.png\",box\n", (2, 4)),
            // By another stray one, at the end of a line.
            ("path,label\na.png,\"box\nb.png,disc\nc.png,box\"\nd.png,box\n", (2, 4)),
            ("label,path\n\"cat,a.png\ndog,b.png\ndog\",c.png\n", (2, 4)),
            // In a column that nobody reads.
            ("path,label,notes\na.png,cat,\"5 in\nb.png,dog,\nc.png,dog,\"\n", (2, 4)),
            (&format!("path,label\na.png,\"{many}\"\n"), (2, 14)),
        ] {
            let Err(Error::StrayQuote { place, closed }) = parse(text) else {
                panic!("{text:?}: {:?}", parse(text))
            };
            assert_eq!((place.line, closed), lines, "{text:?}");
        }
    }

    #[test]
    fn cells_of_several_lines_are_fine() {
        let text = "path,label,notes\na.png,\"big\ndog\",\"seen at 5,\n6, and 7\n\"\n\"b\nb.png\",x,\n";
        let rows = parse(text).unwrap();
        assert_eq!(
            rows.iter().map(cells).collect::<Vec<_>>(),
            [("a.png", Some("big\ndog"), None, 2), ("b\nb.png", Some("x"), None, 6)]
        );
    }

    #[test]
    fn labels_are_kept_in_one_normal_form() {
        let rows = parse("path,label\na.png,cafe\u{301}\nb.png,caf\u{E9}\n").unwrap();
        assert_eq!(rows[0].label, rows[1].label);
        assert_eq!(
            (rows[0].written_label.as_deref(), rows[1].written_label.as_deref()),
            (Some("cafe\u{301}"), None)
        );
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
        assert_eq!((place.line, found), (3, "another encoding, such as Windows-1252"));
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
        for empty in
            ["", "\n\n", "\u{FEFF}", "path,label\n", "path,label", "path,label\n,\n,\n", ",\n", "sep=;\n"]
        {
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
