//! Manifests: those that were typed, and those of a run, wherever they are now.

use std::path::{Path, PathBuf};

use headstart_base::files::path_of_text;
use headstart_base::text::counted;

use super::error::path_names;
use super::relocate::{self, Found};
use super::{Error, Project};
use crate::Control;
use crate::dataset::{Columns, Manifest, Part as SplitPart, Skipped, Whereabouts};
use crate::run::{DataChoice, Run, Training};

/// Doubtful labels that are told of one by one.
const DOUBTS_TOLD: usize = 3;
/// Folders that cannot be read which are told of one by one.
const UNREADABLE_TOLD: usize = 5;

impl Project {
    /// Read a folder with one subfolder of images per class, or a CSV with the columns `path` and `label`. What was skipped and
    /// what is doubtful is told.
    ///
    /// # Errors
    /// As [`Manifest::read`].
    pub fn read(&self, path: impl AsRef<Path>, control: &mut Control<'_>) -> Result<Manifest, Error> {
        self.read_all(&[path], &Columns::default(), control)
    }

    /// Read several as one.
    ///
    /// # Errors
    /// As [`Manifest::read_all`].
    pub fn read_all<P: AsRef<Path>>(
        &self,
        paths: &[P],
        columns: &Columns,
        control: &mut Control<'_>,
    ) -> Result<Manifest, Error> {
        let manifest = Manifest::read_all(paths, columns)?;
        tell_manifest(&manifest, control);
        Ok(manifest)
    }
}

/// What was found in folders and not taken, and labels that may be mistakes.
fn tell_manifest(manifest: &Manifest, control: &mut Control<'_>) {
    tell_skipped(manifest.skipped(), control);
    for doubt in manifest.doubts().iter().take(DOUBTS_TOLD) {
        control.warn(doubt);
    }
    let more = manifest.doubts().len().saturating_sub(DOUBTS_TOLD);
    if more > 0 {
        control.warn(format_args!("{} like these", counted(more as u64, "more case")));
    }
}

/// Tell what was found in folders and not taken. A folder that could not be read was passed over.
pub fn tell_skipped(skipped: &Skipped, control: &mut Control<'_>) {
    if skipped.has_more() {
        control.note(skipped);
    }
    for unreadable in skipped.unreadable.iter().take(UNREADABLE_TOLD) {
        control.passed_over(format_args!("skipped {unreadable}"));
    }
    let all = skipped.unreadable.len();
    if all > 1 {
        control.passed_over(format_args!("skipped {} that cannot be read", counted(all as u64, "folder")));
    }
}

/// A run whose manifests are to be found again.
#[derive(Clone, Copy)]
pub(super) struct TrainedRun<'a> {
    pub(super) run: &'a Run,
    pub(super) training: &'a Training,
}

/// Where one of a run's sets of manifests was, and the digest of what was used of it.
type Kept<'a> = (Option<&'a Whereabouts>, Option<&'a str>);

/// Which of a run's manifests.
#[derive(Clone, Copy)]
pub(super) enum Role {
    Training,
    Validation,
}

impl<'a> TrainedRun<'a> {
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
    fn folder(&self) -> PathBuf {
        folder_of(self.run)
    }
}

/// The folder that a run lies in.
pub(super) fn folder_of(run: &Run) -> PathBuf {
    let dir = std::fs::canonicalize(run.dir()).unwrap_or_else(|_| run.dir().to_path_buf());
    dir.parent().map(Path::to_path_buf).unwrap_or(dir)
}

/// Manifests, read as one.
#[derive(Debug)]
pub(super) struct Located {
    pub(super) manifest: Manifest,
    pub(super) paths: Vec<PathBuf>,
    pub(super) found_by: FoundBy,
}

/// How it is known which manifests are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FoundBy {
    /// They were asked for.
    Request,
    /// They lie where they lay when a run was trained on them.
    Run { changed: bool },
    /// They have the same relative name and the same rows as those of a run.
    Name,
}

impl Located {
    /// A manifest that was read already.
    pub(super) fn read(manifest: Manifest, paths: &[PathBuf]) -> Self {
        Self { manifest, paths: paths.to_vec(), found_by: FoundBy::Request }
    }

    /// The manifests that were typed; else the `named` ones of a run.
    pub(super) fn find(
        typed: &[PathBuf],
        named: &[String],
        choice: &DataChoice,
        of_run: Option<&TrainedRun>,
        role: Role,
    ) -> Result<Self, Error> {
        let columns = choice.columns();
        let read = |paths: &[PathBuf]| Ok(Manifest::read_all(paths, &columns)?);
        let as_named = || match typed {
            [] => named.iter().map(|path| path_of_text(path)).collect(),
            typed => typed.to_vec(),
        };
        let at = |paths: Vec<PathBuf>, found_by| Ok(Self { manifest: read(&paths)?, paths, found_by });
        let Some(origin) = of_run else { return at(as_named(), FoundBy::Request) };
        let (places, digest) = origin.kept(role);
        // Read by other columns, it cannot be compared.
        let is_comparable = origin.training.data.as_ref().is_none_or(|data| data.columns() == columns);
        let is_same = |manifest: &Manifest| {
            let digests =
                [Some(manifest.digest()), manifest.part(SplitPart::Train).map(|part| part.digest())];
            !is_comparable || digests.into_iter().flatten().any(|found| Some(&*found.to_hex()) == digest)
        };
        let candidates = Whereabouts::candidates(places, named, &origin.folder());
        match relocate::find(candidates, read, is_same)? {
            // The error names what was typed.
            None => at(as_named(), FoundBy::Request),
            Some(Found { read: manifest, paths, is_same, is_known: true }) => {
                Ok(Self { manifest, paths, found_by: FoundBy::Run { changed: !is_same } })
            }
            Some(Found { read: manifest, paths, is_same: true, .. }) => {
                Ok(Self { manifest, paths, found_by: FoundBy::Name })
            }
            Some(Found { paths, .. }) => Err(Error::other_images(origin.run, &paths)),
        }
    }

    pub(super) fn tell(&self, control: &mut Control<'_>) {
        tell_manifest(&self.manifest, control);
        if self.found_by == (FoundBy::Run { changed: true }) {
            let names = path_names(&self.paths);
            control.warn(format_args!("{names} has changed since the run was trained on it"));
        }
    }
}
