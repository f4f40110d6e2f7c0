//! The file, whole or not at all, and the weights beside it.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use super::error::{Error, Result};
use headstart_base::files::{folder_of, of_system, same_file};
use headstart_onnx::{self as onnx, Model};

/// Refuse to write over what is read, or over what nobody gave up.
pub(super) fn check_target(input: &Path, output: &Path, overwrite: bool) -> Result<()> {
    if same_file(input, output) {
        return Err(Error::OwnInput { path: output.to_owned() });
    }
    if !overwrite && is_there(output) {
        return Err(Error::Exists { path: output.to_owned() });
    }
    Ok(())
}

/// The same for the weights that lie beside the two files; those of the network have to be there.
pub(super) fn check_weights(input: &Path, output: &Path, model: &Model, overwrite: bool) -> Result<()> {
    let folder = input.parent().unwrap_or(Path::new(""));
    let locations = model.external_files()?;
    for location in &locations {
        let file = folder.join(location);
        if let Err(source) = fs::metadata(&file) {
            return Err(onnx::Error::Beside { path: file, source }.into());
        }
        for written in [output.to_owned(), beside(output)] {
            if same_file(&file, &written) {
                return Err(Error::OwnInput { path: written });
            }
        }
    }
    if !locations.is_empty() && !overwrite && is_there(&beside(output)) {
        return Err(Error::Exists { path: beside(output) });
    }
    Ok(())
}

fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Where the weights of `output` go that do not stand in it: `features.onnx.data`.
fn beside(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".data");
    PathBuf::from(name)
}

/// A file under its own name in a folder that goes away unless it is persisted.
pub(super) struct Draft {
    folder: tempfile::TempDir,
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
        let folder = tempfile::Builder::new()
            .prefix(".headstart-cut-")
            .tempdir_in(folder_of(output))
            .map_err(of_system)
            .map_err(cannot(output))?;
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
        let moved = |from: &Path, to: &Path| {
            if !overwrite && is_there(to) {
                return Err(Error::Exists { path: to.to_owned() });
            }
            fs::rename(from, to).map_err(|source| onnx::Error::Write { path: to.to_owned(), source }.into())
        };
        if self.weights {
            moved(&beside(&self.path), &beside(output))?;
        }
        moved(&self.path, output)?;
        // Left empty; that it cannot be removed is no reason to call the cut a failure.
        let _ = self.folder.close();
        Ok(())
    }
}
