//! The folder of the runs, and what may be said where a run is meant: its folder, its name, or `latest`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use headstart_base::files::{Inputs, NewFolder, WriteError, check_writable};

use super::{Error, Project};
use crate::run::{LATEST, Run, checked_name};

/// The folder that runs lie in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunsFolder {
    runs: PathBuf,
}

impl Project {
    /// The folder that its runs lie in.
    pub fn runs(&self) -> RunsFolder {
        RunsFolder::new(&self.config().runs)
    }

    /// The run that `name` means: its folder, its name, or `latest`.
    ///
    /// # Errors
    /// [`Error::NoRun`], [`Error::NoRunAt`]; as [`Run::load`].
    pub fn run(&self, name: impl AsRef<Path>) -> Result<Run, Error> {
        self.runs().load(name.as_ref())
    }
}

impl RunsFolder {
    /// The folder at this path, be it there or not.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { runs: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.runs
    }

    /// Complain before the training, not after it. The folder of the runs, if it is made here, goes away again with what is
    /// returned, unless there is a run in it by then.
    ///
    /// # Errors
    /// If no run of that name can be written there.
    pub fn check_new(&self, name: Option<&str>, overwrite: bool) -> Result<NewFolder, Error> {
        name.map(checked_name).transpose()?;
        let made = NewFolder::make(&self.runs)
            .map_err(|source| Error::RunsFolder { path: self.runs.clone(), source })?;
        check_writable(&self.runs.join(".new")).map_err(|WriteError { source, .. }| {
            Error::RunsNotWritable { path: self.runs.clone(), source }
        })?;
        let taken = name.map(|name| self.runs.join(name)).filter(|path| path.symlink_metadata().is_ok());
        match taken {
            // Nobody may replace it, so it would not help to ask for that.
            Some(path) if !holds_run(&path) => Err(Error::NameTaken { path }),
            Some(path) if !overwrite => Err(Error::RunIsThere { path }),
            _ => Ok(made),
        }
    }

    /// That a run which is replaced holds nothing that is read for the new one.
    ///
    /// # Errors
    /// [`Error::RunIsInput`].
    pub fn check_inputs(&self, name: Option<&str>, inputs: impl FnOnce() -> Inputs) -> Result<(), Error> {
        let path = name.map(|name| self.runs.join(name)).filter(|path| path.exists());
        let Some(path) = path else { return Ok(()) };
        let inputs = inputs();
        let input = inputs.first_in(&path).map(Path::to_path_buf);
        input.map_or(Ok(()), |input| Err(Error::RunIsInput { path, input }))
    }

    /// Load the run that `name` means.
    ///
    /// # Errors
    /// As [`find`](Self::find), and as [`Run::load`].
    pub fn load(&self, name: &Path) -> Result<Run, Error> {
        Ok(Run::load(&self.find(name)?)?)
    }

    /// The same with no more than it takes to answer.
    ///
    /// # Errors
    /// As [`find`](Self::find), and as [`Run::load_head`].
    pub fn load_head(&self, name: &Path) -> Result<Run, Error> {
        Ok(Run::load_head(&self.find(name)?)?)
    }

    /// Whether `name` means one of the runs, rather than a path.
    pub fn has(&self, name: &Path) -> bool {
        is_name(name) && (name.as_os_str() == LATEST || holds_run(&self.runs.join(name)))
    }

    /// The folder that `name` means: a name is looked up among the runs first, and then it is a path like any other.
    ///
    /// # Errors
    /// [`Error::NoRun`], [`Error::NoRunAt`].
    pub fn find(&self, name: &Path) -> Result<PathBuf, Error> {
        if !is_name(name) {
            return if name.exists() { Ok(name.into()) } else { Err(Error::NoRunAt { path: name.into() }) };
        }
        let runs = self.by_age();
        if let (true, Some((_, last))) = (name.as_os_str() == LATEST, runs.last()) {
            return Ok(last.clone());
        }
        let among_runs = self.runs.join(name);
        let places = [among_runs.as_path(), name];
        let there = places.into_iter().find(|place| holds_run(place));
        // What is no run gets an error that says so.
        if let Some(place) = there.or_else(|| places.into_iter().find(|place| place.exists())) {
            return Ok(place.into());
        }
        let found = runs.into_iter().map(|(_, path)| name_of(&path)).collect();
        Err(Error::NoRun { name: name.display().to_string(), folder: self.runs.clone(), found })
    }

    /// Every folder among the runs, whether a run is in it or not, but no hidden one, such as a run that is being written;
    /// none if there is no folder for runs.
    ///
    /// # Errors
    /// [`Error::ReadRuns`].
    pub fn all(&self) -> Result<Vec<PathBuf>, Error> {
        let cannot = |source| Error::ReadRuns { path: self.runs.clone(), source };
        let entries = match std::fs::read_dir(&self.runs) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(vec![]),
            entries => entries.map_err(cannot)?,
        };
        let mut folders = vec![];
        for entry in entries {
            let entry = entry.map_err(cannot)?;
            if !is_hidden(&entry) && entry.path().is_dir() {
                folders.push(entry.path());
            }
        }
        Ok(folders)
    }

    /// Every run of the folder, the oldest first.
    fn by_age(&self) -> Vec<(std::time::SystemTime, PathBuf)> {
        let entries = std::fs::read_dir(&self.runs).into_iter().flatten().flatten();
        let mut runs: Vec<_> = entries
            .filter(|entry| !is_hidden(entry))
            .filter_map(|entry| {
                let info = std::fs::metadata(entry.path().join("run.toml")).ok()?;
                Some((info.modified().ok()?, entry.path()))
            })
            .collect();
        runs.sort();
        runs
    }
}

fn is_hidden(entry: &std::fs::DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

/// Whether it can be a run's name: `photos`, but neither `./photos` nor `photos/`, which are paths.
fn is_name(name: &Path) -> bool {
    name.file_name() == Some(name.as_os_str())
}

fn holds_run(folder: &Path) -> bool {
    folder.join("run.toml").is_file()
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_path() {
        for name in ["photos", "latest", "a.b-c_d", "..a"] {
            assert!(is_name(name.as_ref()), "{name}");
        }
        for path in ["./photos", "photos/", "runs/photos", "/photos", ".", "..", "../photos", "", "photos/."]
        {
            assert!(!is_name(path.as_ref()), "{path}");
        }
    }
}
