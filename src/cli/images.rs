//! The images that `predict` is asked about: files, folders, manifests, patterns, and paths on stdin.

#[cfg(unix)]
use std::ffi::OsString;
use std::io::BufRead;
#[cfg(unix)]
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use glob::{MatchOptions, Pattern, glob_with};
use headstart::dataset::{Columns, Manifest, images_in, is_image};
use headstart::files::{path_of_text, without_mark};

use super::console::{Console, count};
use super::error::Error;

/// As a shell has it: `*` stays within a folder and passes hidden files over; `**` goes through all folders.
const AS_IN_A_SHELL: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// Every image that these words mean, in their order.
pub fn named(words: &[PathBuf], console: &Console) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = vec![];
    for word in words {
        // As results have it: a name that is no text, with `%XX` in it.
        let word = &word.to_str().map_or_else(|| word.clone(), path_of_text);
        if word == Path::new("-") {
            files.extend(on_stdin()?);
        } else if word.is_dir() {
            files.extend(images_in(word)?);
        } else if word.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
            && !is_pattern(word)
        {
            let manifest = Manifest::read(word, &Columns::default())?;
            files.extend(manifest.files());
        } else if is_pattern(word) {
            files.extend(matching(word, console)?);
        } else {
            files.push(word.clone());
        }
    }
    anyhow::ensure!(!files.is_empty(), Error::NoImages);
    Ok(files)
}

/// Whether it has to be looked for: a file of that very name, such as `IMG[1].jpg`, is meant by it.
fn is_pattern(word: &Path) -> bool {
    let has_wildcards = word.to_str().is_some_and(|text| text.contains(['*', '?', '[']));
    has_wildcards && std::fs::symlink_metadata(word).is_err()
}

/// The images that a pattern matches, by path.
fn matching(pattern: &Path, console: &Console) -> anyhow::Result<Vec<PathBuf>> {
    let text = pattern.to_str().expect("what has wildcards is text");
    // A name with a `[` in it that is no pattern is the name of a file, and that file is missing.
    if Pattern::new(text).is_err() {
        return Ok(vec![pattern.to_path_buf()]);
    }
    let found = glob_with(text, AS_IN_A_SHELL).expect("looked at above");
    let mut files = vec![];
    for entry in found {
        let entry = entry.with_context(|| format!("cannot look for `{text}`"))?;
        if !entry.is_dir() {
            files.push(entry);
        }
    }
    let matched = files.len();
    files.retain(|file| is_image(file));
    anyhow::ensure!(!files.is_empty(), Error::NothingMatches { pattern: text.to_owned(), others: matched });
    if files.len() < matched {
        console.note(format_args!(
            "`{text}`: {} left aside that are no images",
            count(matched - files.len(), "file")
        ));
    }
    Ok(files)
}

/// A path a line, whatever bytes are in it; empty lines, and a byte-order mark before the first, are passed over.
fn on_stdin() -> anyhow::Result<Vec<PathBuf>> {
    let mut files = vec![];
    for (number, line) in std::io::stdin().lock().split(b'\n').enumerate() {
        let mut line = line.context("cannot read paths from stdin")?;
        if number == 0 {
            line = without_mark(&line).to_vec();
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if !line.is_empty() {
            files.push(as_path(line)?);
        }
    }
    Ok(files)
}

/// Text is a path as results have it; any other bytes are one as they are.
fn as_path(bytes: Vec<u8>) -> anyhow::Result<PathBuf> {
    match String::from_utf8(bytes) {
        Ok(text) => Ok(path_of_text(&text)),
        #[cfg(unix)]
        Err(error) => Ok(OsString::from_vec(error.into_bytes()).into()),
        #[cfg(not(unix))]
        Err(error) => Err(error).context("a path on stdin is not UTF-8"),
    }
}
