//! The cells of a CSV, one row after another.

use std::borrow::Cow;

/// A row: the line that it begins on, from 1, and its cells.
pub(super) struct Record<'t> {
    pub line: u64,
    pub cells: Vec<Cell<'t>>,
}

/// A cell, without its quotes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cell<'t> {
    pub text: Cow<'t, str>,
    /// The lines that it begins and ends on.
    pub lines: (u64, u64),
}

/// A quote that cannot be what was meant.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum QuoteFault {
    /// It is never closed.
    Unclosed {
        /// The line that it was opened on.
        line: u64,
    },
    /// It is closed on another line, in the middle of a cell.
    Stray {
        /// The line that it was opened on.
        line: u64,
        /// The line that it was closed on.
        closed: u64,
    },
}

/// Rows of a text. Lines end with `\n`, `\r\n` or, as on old Macs, `\r`; empty lines are passed over. A cell that begins with a
/// quote goes on to the next quote that is not doubled, over separators and line ends.
pub(super) struct Records<'t> {
    text: &'t str,
    at: usize,
    line: u64,
    separator: u8,
}

impl<'t> Records<'t> {
    pub(super) fn new(text: &'t str, separator: u8) -> Self {
        Self { text, at: 0, line: 1, separator }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Step over a line end, if one is here.
    fn end_line(&mut self) -> bool {
        let bytes = &self.text.as_bytes()[self.at..];
        let length = match bytes {
            [b'\r', b'\n', ..] => 2,
            [b'\r' | b'\n', ..] => 1,
            _ => return false,
        };
        self.at += length;
        self.line += 1;
        true
    }

    /// What stands from here to the next of these bytes, or to the end.
    fn until(&mut self, is_end: impl Fn(u8) -> bool) -> &'t str {
        let rest = &self.text[self.at..];
        let length = rest.bytes().position(is_end).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn cell(&mut self) -> Result<Cell<'t>, QuoteFault> {
        let separator = self.separator;
        let is_end = |byte| byte == separator || byte == b'\n' || byte == b'\r';
        let opened = self.line;
        if self.peek() != Some(b'"') {
            return Ok(Cell { text: self.until(is_end).into(), lines: (opened, opened) });
        }
        self.at += 1;
        let mut text = self.quoted(opened)?;
        let closed = self.line;
        let after = self.until(is_end);
        if !after.trim().is_empty() {
            if closed > opened {
                return Err(QuoteFault::Stray { line: opened, closed });
            }
            text += after;
        }
        Ok(Cell { text, lines: (opened, closed) })
    }

    /// Up to the quote that closes it, which is stepped over.
    fn quoted(&mut self, opened: u64) -> Result<Cow<'t, str>, QuoteFault> {
        let mut text = Cow::Borrowed("");
        loop {
            text += self.until(|byte| byte == b'"' || byte == b'\n' || byte == b'\r');
            let before = self.at;
            match self.peek() {
                None => return Err(QuoteFault::Unclosed { line: opened }),
                Some(b'"') => {
                    self.at += 1;
                    if self.peek() != Some(b'"') {
                        return Ok(text);
                    }
                    self.at += 1;
                    text += "\"";
                }
                Some(_) => {
                    self.end_line();
                    text += &self.text[before..self.at];
                }
            }
        }
    }
}

impl<'t> Iterator for Records<'t> {
    type Item = Result<Record<'t>, QuoteFault>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.end_line() {}
        self.peek()?;
        let line = self.line;
        let mut cells = vec![];
        loop {
            match self.cell() {
                Ok(cell) => cells.push(cell),
                Err(fault) => {
                    // Where a row ends is not known any more.
                    self.at = self.text.len();
                    return Some(Err(fault));
                }
            }
            if self.peek() == Some(self.separator) {
                self.at += 1;
                continue;
            }
            self.end_line();
            return Some(Ok(Record { line, cells }));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cells(text: &str) -> Vec<Vec<String>> {
        let row = |record: Record| record.cells.into_iter().map(|cell| cell.text.into_owned()).collect();
        Records::new(text, b',').map(|record| row(record.unwrap())).collect()
    }

    #[test]
    fn rows_and_cells() {
        assert_eq!(cells("a,b\nc,d"), [["a", "b"], ["c", "d"]]);
        assert_eq!(cells("\n\na,\n\r\n,b\n\n"), [["a", ""], ["", "b"]]);
        assert_eq!(cells("\"a,\"\"b\"\"\",\"c\nd\" \n"), [["a,\"b\"", "c\nd"]]);
        assert_eq!(cells("5\" pipe,a\"b\"\n"), [["5\" pipe", "a\"b\""]]);
        // Not as it should be written, and still clear.
        assert_eq!(cells("\"big\" dog,x\n"), [["big dog", "x"]]);
        assert_eq!(cells("\"\",\n"), [["", ""]]);
    }

    #[test]
    fn every_kind_of_line_end_counts_as_one() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["a,b", "", "\"c", "d\",e", "f,g"].join(end);
            let lines: Vec<u64> = Records::new(&text, b',').map(|record| record.unwrap().line).collect();
            assert_eq!(lines, [1, 3, 5], "{end:?}");
        }
    }

    #[test]
    fn quotes_that_cannot_be_meant() {
        let fault = |text: &str| Records::new(text, b',').find_map(Result::err);
        assert_eq!(fault("a,b\nc,\"d\ne,f\n"), Some(QuoteFault::Unclosed { line: 2 }));
        assert_eq!(fault("\""), Some(QuoteFault::Unclosed { line: 1 }));
        assert_eq!(fault("a,b\nc,\"d\n\"e\",f\n"), Some(QuoteFault::Stray { line: 2, closed: 3 }));
        assert_eq!(fault("a,\"b\nc\"\n"), None);
    }

    proptest! {
        /// Whatever the crate `csv` writes comes back, with its quotes where they are needed or everywhere.
        #[test]
        fn what_is_written_is_read(
            rows in prop::collection::vec(prop::collection::vec("[ab ,;\"\n\r\té=\u{A0}]{0,6}", 2..4), 1..5),
            always: bool,
            end in prop::sample::select(vec![csv::Terminator::CRLF, csv::Terminator::Any(b'\n'), csv::Terminator::Any(b'\r')]),
        ) {
            let style = if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
            let mut writer =
                csv::WriterBuilder::new().flexible(true).quote_style(style).terminator(end).from_writer(vec![]);
            rows.iter().for_each(|row| writer.write_record(row).unwrap());
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            prop_assert_eq!(cells(&text), rows);
        }

        /// And what it reads as a sound file of one line a cell is read alike.
        #[test]
        fn other_text_is_read_as_the_crate_reads_it(text in "[ab ,\n\r]{0,30}") {
            let records = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes()).into_records();
            let theirs: Vec<Vec<String>> =
                records.map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect();
            prop_assert_eq!(cells(&text), theirs);
        }

        #[test]
        fn nothing_makes_it_panic(text in "[a,\"\n\r\u{1F600}]{0,40}") {
            let total: usize = Records::new(&text, b',').filter_map(Result::ok).map(|r| r.cells.len()).sum();
            prop_assert!(total <= text.len() + 1);
        }
    }
}
