//! A hub with one repository, and an empty cache.

use std::ffi::OsString;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use headstart_hub::{Error, FileName, Hub, Progress, Result, Settings};

use super::server::Server;

pub const REPOSITORY: &str = "org/name";
pub const MODEL: &str = "onnx/model.onnx";
pub const CONFIG: &str = "config.json";

pub struct Place {
    pub server: Server,
    pub folder: tempfile::TempDir,
    pub variables: Vec<(&'static str, OsString)>,
}

impl Place {
    pub fn new() -> Self {
        let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
        server.small(REPOSITORY, CONFIG, "{\"model_type\": \"vit\"}").large(REPOSITORY, MODEL, model());
        let variables = vec![
            ("HF_ENDPOINT", server.hub.clone().into()),
            ("HF_HUB_CACHE", folder.path().join("hub").into()),
            ("HF_HUB_ETAG_TIMEOUT", "2".into()),
            ("HF_HUB_DOWNLOAD_TIMEOUT", "1".into()),
        ];
        Self { server, folder, variables }
    }

    pub fn with(mut self, variable: &'static str, value: &str) -> Self {
        self.variables.retain(|(known, _)| *known != variable);
        self.variables.push((variable, value.into()));
        self
    }

    pub fn settings(&self) -> Settings {
        let find = |name: &str| self.variables.iter().find(|(known, _)| *known == name);
        let settings = Settings::of_variables(&|name| find(name).map(|(_, value)| value.clone())).unwrap();
        settings.with_pause(Duration::from_millis(5))
    }

    pub fn cache(&self) -> PathBuf {
        self.folder.path().join("hub")
    }

    pub fn repository(&self) -> PathBuf {
        self.cache().join("models--org--name")
    }

    pub fn blob(&self, file: &str) -> PathBuf {
        self.repository().join("blobs").join(self.server.tag(REPOSITORY, file))
    }

    /// The file of `main`.
    pub fn get(&self, file: &str) -> Result<PathBuf> {
        self.get_at(REPOSITORY, file, &mut |_| ControlFlow::Continue(()))
    }

    pub fn get_at(
        &self,
        typed: &str,
        file: &str,
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<PathBuf> {
        let settings = self.settings();
        let reference = settings.parse(typed)?;
        let hub = Hub::new(settings)?;
        hub.resolve(&reference)?.get(&FileName::new(file)?, watch)
    }

    /// The error that there is; it must have a remedy, and fit on a line.
    pub fn error(&self, file: &str) -> Error {
        let error = self.get(file).unwrap_err();
        let (said, remedy) = (error.to_string(), error.remedy().unwrap());
        assert!(!said.contains('\n') && !said.ends_with('.') && !remedy.is_empty(), "{said}: {remedy}");
        error
    }

    /// No file under a name that stands for whole ones.
    pub fn has_no_blob(&self) -> bool {
        let is_whole = |name: &str| matches!(name.len(), 40 | 64);
        !files_below(&self.repository().join("blobs")).iter().any(|path| {
            is_whole(path.file_name().unwrap().to_str().unwrap())
                && path.file_name().unwrap().to_str() != Some(&self.server.tag(REPOSITORY, CONFIG))
        })
    }

    /// What is left of fetches that ended early.
    pub fn incomplete(&self) -> Vec<PathBuf> {
        let mut found = files_below(&self.repository().join("blobs"));
        found.retain(|path| path.extension().is_some_and(|ending| ending == "incomplete"));
        found
    }
}

/// A megabyte that is not the same everywhere.
pub fn model() -> Vec<u8> {
    (0..1_000_003u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// Files and links, without following these.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files_below(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}
