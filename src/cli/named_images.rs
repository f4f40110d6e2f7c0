//! The images that `predict` is asked about: files, folders, manifests, patterns, and paths on stdin.

use std::ffi::OsString;
use std::io::BufRead;
#[cfg(unix)]
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use headstart::dataset::{Columns, Pattern, images_in, is_image, path_as_written};
use headstart::files::{path_text, without_mark};
use headstart::project::tell_skipped;
use headstart::{Control, Project};

use super::console::count;
use super::error::Error;

/// Every image that these words mean, in their order.
pub fn named(
    words: &[PathBuf],
    columns: &Columns,
    control: &mut Control<'_>,
) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = vec![];
    for word in words {
        let word = &path_as_written(word);
        if word == Path::new("-") {
            files.extend(on_stdin()?);
        } else if word.is_dir() {
            files.extend(in_folder(word, control)?);
        } else if let Some(pattern) = pattern(word) {
            files.extend(matching(word, &pattern, control)?);
        } else if word.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv")) {
            files.extend(Project::default().read_all(&[word], columns, control)?.files());
        } else {
            files.push(word.clone());
        }
    }
    anyhow::ensure!(!files.is_empty(), Error::NoImages);
    Ok(files)
}

/// What has to be looked for: a file of that very name, such as `IMG[1].jpg`, is meant by it.
fn pattern(word: &Path) -> Option<Pattern> {
    let pattern = Pattern::of(word)?;
    std::fs::symlink_metadata(word).is_err().then_some(pattern)
}

fn in_folder(folder: &Path, control: &mut Control<'_>) -> anyhow::Result<Vec<PathBuf>> {
    let found = images_in(folder)?;
    if found.images.is_empty() {
        return Err(Error::NoImagesIn { folder: folder.into(), found: Box::new(found.skipped) }.into());
    }
    tell_skipped(&found.skipped, control);
    Ok(found.images)
}

/// The images that a pattern matches, by path.
fn matching(word: &Path, pattern: &Pattern, control: &mut Control<'_>) -> anyhow::Result<Vec<PathBuf>> {
    let found = pattern.files()?;
    tell_skipped(&found.skipped, control);
    let (images, others): (Vec<_>, Vec<_>) = found.files.into_iter().partition(|file| is_image(file));
    let pattern = path_text(word).into_owned();
    anyhow::ensure!(!images.is_empty(), Error::NothingMatches { pattern, others: others.len() });
    if !others.is_empty() {
        let what = if others.len() == 1 { "is not an image" } else { "are not images" };
        control.note(format_args!("`{pattern}`: skipped {} that {what}", count(others.len(), "file")));
    }
    Ok(images)
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
            files.push(path_as_written(as_name(line)?.as_ref()));
        }
    }
    Ok(files)
}

/// The bytes of a line as a name.
#[cfg(unix)]
fn as_name(line: Vec<u8>) -> anyhow::Result<OsString> {
    Ok(OsString::from_vec(line))
}

#[cfg(not(unix))]
fn as_name(line: Vec<u8>) -> anyhow::Result<OsString> {
    Ok(String::from_utf8(line).context("a path on stdin is not UTF-8")?.into())
}
