//! The images that `predict` is asked about: files, folders, manifests, patterns, and paths on stdin.

use std::ffi::OsString;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use anyhow::Context;
use glob::{MatchOptions, Pattern, glob_with};
use headstart::dataset::{Columns, Manifest, images_in, is_image};

use super::console::{Console, count};
use super::error::Error;

/// As a shell has it: `*` stays within a folder and passes hidden files over; `**` goes through all folders.
const AS_IN_A_SHELL: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// Every image that these words mean, in their order.
pub fn named(words: &[PathBuf], console: &Console) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = vec![];
    for word in words {
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

/// A path a line, whatever bytes are in it; empty lines are passed over.
fn on_stdin() -> anyhow::Result<Vec<PathBuf>> {
    let mut files = vec![];
    for line in std::io::stdin().lock().split(b'\n') {
        let mut line = line.context("cannot read paths from stdin")?;
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if !line.is_empty() {
            files.push(PathBuf::from(as_name(line)?));
        }
    }
    Ok(files)
}

#[cfg(unix)]
fn as_name(bytes: Vec<u8>) -> anyhow::Result<OsString> {
    Ok(std::os::unix::ffi::OsStringExt::from_vec(bytes))
}

#[cfg(not(unix))]
fn as_name(bytes: Vec<u8>) -> anyhow::Result<OsString> {
    Ok(String::from_utf8(bytes).context("a path on stdin is not UTF-8")?.into())
}
