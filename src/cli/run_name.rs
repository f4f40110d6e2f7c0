//! What a user may write where a run is meant: its folder, its name, or `latest`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context;
use headstart::train::{Run, checked_name};

use super::error::Error;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Runs")]
pub struct RunsArgs {
    /// Folder of the runs
    #[arg(long, value_name = "DIR", default_value = "runs")]
    runs: PathBuf,
}

impl RunsArgs {
    pub fn folder(&self) -> &Path {
        &self.runs
    }

    /// Complain before the training, not after it.
    pub fn check_new(&self, name: Option<&str>, overwrite: bool) -> anyhow::Result<()> {
        name.map(checked_name).transpose()?;
        std::fs::create_dir_all(&self.runs)
            .with_context(|| format!("cannot make the folder `{}` for runs", self.runs.display()))?;
        let taken = name.map(|name| self.runs.join(name)).filter(|path| path.exists() && !overwrite);
        taken.map_or(Ok(()), |path| Err(Error::RunIsThere { path }.into()))
    }

    /// Load the run that `name` means.
    pub fn load(&self, name: &str) -> anyhow::Result<Run> {
        Ok(Run::load(&self.find(name)?)?)
    }

    /// The folder that `name` means.
    pub fn find(&self, name: &str) -> anyhow::Result<PathBuf> {
        let as_path = PathBuf::from(name);
        if as_path.exists() {
            return Ok(as_path);
        }
        let in_folder = self.runs.join(name);
        if in_folder.exists() {
            return Ok(in_folder);
        }
        let runs = self.by_age();
        match runs.last() {
            Some((_, path)) if name == "latest" => Ok(path.clone()),
            _ => Err(Error::NoRun {
                name: name.to_owned(),
                folder: self.runs.clone(),
                found: runs.into_iter().map(|(_, path)| name_of(&path)).collect(),
            }
            .into()),
        }
    }

    /// Every folder among the runs, whether a run is in it or not; none if there is no folder for runs.
    pub fn all(&self) -> anyhow::Result<Vec<PathBuf>> {
        let cannot = || format!("cannot read the folder `{}` of the runs", self.runs.display());
        let entries = match std::fs::read_dir(&self.runs) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(vec![]),
            entries => entries.with_context(cannot)?,
        };
        let mut folders = vec![];
        for entry in entries {
            let path = entry.with_context(cannot)?.path();
            if path.is_dir() {
                folders.push(path);
            }
        }
        Ok(folders)
    }

    /// Every run of the folder, the oldest first.
    fn by_age(&self) -> Vec<(std::time::SystemTime, PathBuf)> {
        let entries = std::fs::read_dir(&self.runs).into_iter().flatten().flatten();
        let mut runs: Vec<_> = entries
            .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
            .filter_map(|entry| {
                let info = std::fs::metadata(entry.path().join("run.toml")).ok()?;
                Some((info.modified().ok()?, entry.path()))
            })
            .collect();
        runs.sort();
        runs
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
