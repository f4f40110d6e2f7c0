//! Files that the user names for a command to write: never one that it reads, and another one only on request.
//!
//! A file is known to be ours by what is in it: a report by the line at its foot, a list of failures by its header, an
//! evaluation by the `evaluation.toml` beside it. Such a file is replaced by a newer one. Any other file that is there is
//! replaced only with `--overwrite`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use headstart::cache::Failures;
use headstart::evaluation::EvaluationRecord;
use headstart::files::{Inputs, TargetError};
use headstart::report;

use super::error::Error;
use super::hint::quoted;

/// That the file that `flag` names may be written: to be asked before the work.
pub fn check(
    flag: &'static str,
    path: &Path,
    inputs: impl FnOnce() -> Inputs,
    may_replace: impl Fn() -> bool,
) -> anyhow::Result<()> {
    check_all(flag, path, vec![path.into()], inputs, may_replace)
}

/// The same of several files, of which `named` is named by `flag`.
pub fn check_all(
    flag: &'static str,
    named: &Path,
    mut paths: Vec<PathBuf>,
    inputs: impl FnOnce() -> Inputs,
    may_replace: impl Fn() -> bool,
) -> anyhow::Result<()> {
    // Most often there is nothing, and it need not be known what is read.
    paths.retain(|path| path.symlink_metadata().is_ok());
    if paths.is_empty() {
        return Ok(());
    }
    let named = named.to_path_buf();
    Ok(inputs().check(&paths, may_replace).map_err(|source| Error::Target { flag, named, source })?)
}

/// What to do about a file that may not be written.
pub fn hint(flag: &str, named: &Path, error: &TargetError) -> String {
    let lead = match error {
        TargetError::IsInput { path } | TargetError::Exists { path } if !path.starts_with(named) => {
            format!("`{}` is written together with `{}`: ", path.display(), named.display())
        }
        _ => String::new(),
    };
    match error {
        TargetError::IsFolder { path } if path == named => {
            format!("add the name of a file to `{flag} {}`", quoted(named))
        }
        TargetError::Exists { .. } => {
            format!("{lead}choose another `{flag}`, or replace the file with `--overwrite`")
        }
        _ => format!("{lead}choose another `{flag}`"),
    }
}

/// Whether `extract --failures` wrote this.
pub fn is_list_of_failures(path: &Path) -> bool {
    let mut begin = String::new();
    let header = format!("{}\n", Failures::CSV_HEADER);
    let read = File::open(path).and_then(|file| file.take(header.len() as u64).read_to_string(&mut begin));
    read.is_ok() && begin == header
}

/// Whether this is a page of ours.
pub fn is_report(path: &Path) -> bool {
    std::fs::read(path).is_ok_and(|page| report::is_ours(&page))
}

/// Whether `evaluate` wrote the files of this folder.
pub fn is_evaluation(folder: &Path) -> bool {
    EvaluationRecord::read(&folder.join("evaluation.toml")).is_ok()
}
