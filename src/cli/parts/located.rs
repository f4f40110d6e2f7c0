//! Manifests: those that were typed, and those of a run, wherever they are now.

use std::path::{Path, PathBuf};

use headstart::dataset::{Manifest, Part as SplitPart, Whereabouts};
use headstart::files::path_of_text;
use headstart::run::{DataChoice, Run, Training};

use crate::cli::args::tell_manifest;
use crate::cli::console::Console;
use crate::cli::error::Error;
use crate::cli::found::{self, Found};

/// A run whose manifests are to be found again.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    pub run: &'a Run,
    pub training: &'a Training,
}

/// Where one of a run's sets of manifests was, and the digest of what was used of it.
type Kept<'a> = (Option<&'a Whereabouts>, Option<&'a str>);

/// Which of a run's manifests.
#[derive(Clone, Copy)]
pub(super) enum Role {
    Training,
    Validation,
}

impl<'a> Origin<'a> {
    fn kept(self, role: Role) -> Kept<'a> {
        let data = self.training.data.as_ref();
        match role {
            Role::Training => {
                (data.and_then(|data| data.places.as_ref()), Some(&self.training.images.digest))
            }
            Role::Validation => (
                data.and_then(|data| data.validation_place.as_ref()),
                self.training.validation.as_ref().map(|part| part.digest.as_str()),
            ),
        }
    }

    /// The folder of the runs: what its paths are found from.
    pub fn folder(&self) -> PathBuf {
        folder_of(self.run)
    }
}

/// The folder that a run lies in.
pub fn folder_of(run: &Run) -> PathBuf {
    let dir = std::fs::canonicalize(run.dir()).unwrap_or_else(|_| run.dir().to_path_buf());
    dir.parent().map(Path::to_path_buf).unwrap_or(dir)
}

/// Manifests, read as one.
pub(super) struct Located {
    pub(super) manifest: Manifest,
    pub(super) paths: Vec<PathBuf>,
    pub(super) whence: Whence,
}

/// How it is known which manifests are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whence {
    Typed,
    /// They lie where they lay when a run was trained on them.
    Run {
        changed: bool,
    },
    /// They have the same relative name and the same rows as those of a run.
    Name,
}

impl Located {
    /// The manifests that were typed; else the `named` ones of a run.
    pub(super) fn find(
        typed: &[PathBuf],
        named: &[String],
        choice: &DataChoice,
        of_run: Option<&Origin>,
        role: Role,
    ) -> anyhow::Result<Self> {
        let columns = choice.columns();
        let read = |paths: &[PathBuf]| Ok(Manifest::read_all(paths, &columns)?);
        let as_named = || match typed {
            [] => named.iter().map(|path| path_of_text(path)).collect(),
            typed => typed.to_vec(),
        };
        let at = |paths: Vec<PathBuf>, whence| Ok(Self { manifest: read(&paths)?, paths, whence });
        let Some(origin) = of_run else { return at(as_named(), Whence::Typed) };
        let (places, digest) = origin.kept(role);
        // Read by other columns, it cannot be compared.
        let is_comparable = origin.training.data.as_ref().is_none_or(|data| data.columns() == columns);
        let is_same = |manifest: &Manifest| {
            let digests =
                [Some(manifest.digest()), manifest.part(SplitPart::Train).map(|part| part.digest())];
            !is_comparable || digests.into_iter().flatten().any(|found| Some(&*found.to_hex()) == digest)
        };
        let candidates = Whereabouts::candidates(places, named, &origin.folder());
        match found::find(candidates, read, is_same)? {
            // The error names what was typed.
            None => at(as_named(), Whence::Typed),
            Some(Found { read: manifest, paths, is_same, is_known: true }) => {
                Ok(Self { manifest, paths, whence: Whence::Run { changed: !is_same } })
            }
            Some(Found { read: manifest, paths, is_same: true, .. }) => {
                Ok(Self { manifest, paths, whence: Whence::Name })
            }
            Some(Found { paths, .. }) => Err(Error::other_images(origin.run, &paths).into()),
        }
    }

    pub(super) fn tell(&self, console: &Console) {
        tell_manifest(&self.manifest, console);
        if self.whence == (Whence::Run { changed: true }) {
            console.warn(format_args!("{} has changed since the run was trained on it", names(&self.paths)));
        }
    }
}

/// `a.csv`, `b.csv`
pub fn names(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(", ")
}
