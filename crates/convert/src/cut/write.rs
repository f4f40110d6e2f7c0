//! The file, whole or not at all, and the weights beside it.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use super::error::{Error, Result};
use headstart_base::files::{self, DraftFolder, Inputs, WriteError, folder_of};
use headstart_onnx::{self as onnx, Model};

/// Refuse to write over what is read, or over what nobody gave up.
pub(super) fn check_target(input: &Path, output: &Path, overwrite: bool) -> Result<()> {
    Inputs::default().files([input]).check(&[output.to_owned()], || overwrite)?;
    let writable = files::Draft::begin(output).map(drop);
    Ok(writable.map_err(|WriteError { path, source }| onnx::Error::Write { path, source })?)
}

/// The same for the weights that lie beside the two files; those of the network have to be there.
pub(super) fn check_weights(input: &Path, output: &Path, model: &Model, overwrite: bool) -> Result<()> {
    let folder = input.parent().unwrap_or(Path::new(""));
    let files: Vec<PathBuf> =
        model.external_files()?.into_iter().map(|location| folder.join(location)).collect();
    for file in &files {
        fs::metadata(file).map_err(|source| onnx::Error::Beside { path: file.clone(), source })?;
    }
    if files.is_empty() {
        return Ok(());
    }
    Ok(Inputs::default().files(files).check(&[output.to_owned(), beside(output)], || overwrite)?)
}

/// Where the weights of `output` go that do not stand in it: `features.onnx.data`.
fn beside(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".data");
    PathBuf::from(name)
}

/// A file under its own name in a folder that goes away with it unless it is persisted.
pub(super) struct Draft {
    folder: DraftFolder,
    pub(super) path: PathBuf,
    /// Whether weights stand beside it.
    weights: bool,
}

impl Draft {
    /// Write `model`, whose external data lie in `from`, next to where `output` will be: external data stay external.
    pub(super) fn write(mut model: Model, from: &Path, output: &Path) -> Result<Self> {
        let cannot = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::from(onnx::Error::Write { path, source })
        };
        let folder = DraftFolder::begin(folder_of(output), ".headstart-")
            .map_err(|error| cannot(output)(error.source))?;
        let path = folder.path().join(output.file_name().unwrap_or_default());
        let weights = !model.external_files()?.is_empty();
        if weights {
            let data = beside(&path);
            let mut file = BufWriter::new(File::create_new(&data).map_err(cannot(&data))?);
            let name = data.file_name().unwrap_or_default().to_string_lossy().into_owned();
            onnx::move_external_data(&mut model, from, &name, &mut file)?;
            let synced =
                file.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all());
            synced.map_err(cannot(&data))?;
        }
        onnx::write(&model, &path)?;
        Ok(Self { folder, path, weights })
    }

    /// Put the file where it belongs; its weights first, so that it is never there without them.
    pub(super) fn persist(self, output: &Path, overwrite: bool) -> Result<()> {
        let weights = self.weights.then(|| (beside(&self.path), beside(output)));
        for (from, to) in weights.into_iter().chain([(self.path, output.to_owned())]) {
            // Proving it took a while.
            Inputs::default().check(std::slice::from_ref(&to), || overwrite)?;
            let name = from.file_name().unwrap_or_default();
            self.folder.put(name, &to).map_err(|source| onnx::Error::Write { path: to, source })?;
        }
        Ok(())
    }
}
