//! The feature cache: what it holds, whether it is whole, and its rows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use headstart_base::files::path_text;
use headstart_cache::{self as cache, GcOptions, Key, Store, View};
use headstart_core::extract::{CacheStatus, DECODERS, FeatureCache};
use headstart_core::files as input_files;
use headstart_core::project::Error;
use ndarray::Array2;
use numpy::{IntoPyArray, PyArray2};
use pyo3::prelude::*;

use crate::errors::{self, OrRaise};
use crate::work;

/// What each store holds, in JSON.
#[pyfunction]
pub fn cache_info(py: Python<'_>, folder: PathBuf) -> PyResult<String> {
    let stores = py.detach(|| -> Result<Vec<_>, Error> {
        cache::info(&folder)?.into_iter().map(|store| Ok(store?)).collect()
    });
    Ok(serde_json::to_string(&stores.or_raise(py)?).expect("facts are JSON"))
}

/// What a look at every byte of each store finds, in JSON by its folder.
#[pyfunction]
pub fn cache_verify(py: Python<'_>, folder: PathBuf, listener: &Bound<'_, PyAny>) -> PyResult<String> {
    let verify = |_: &mut headstart_core::Control<'_>| -> Result<String, Error> {
        let mut reports = BTreeMap::new();
        for dir in stores_in(&folder)? {
            let store = Store::open_dir(&dir)?;
            let report = cache::verify(&store, |_| ());
            let mut value = serde_json::to_value(&report).expect("a report is JSON");
            value["clean"] = report.is_clean().into();
            reports.insert(path_text(&dir).into_owned(), value);
        }
        Ok(serde_json::to_string(&reports).expect("reports are JSON"))
    };
    work::run(py, listener, verify)?.or_raise(py)
}

/// Tidy each store up; what was done, in JSON. `keep` are the images whose features stay, if not all.
#[pyfunction]
#[pyo3(signature = (folder, *, dry_run, keep, listener))]
pub fn cache_gc(
    py: Python<'_>,
    folder: PathBuf,
    dry_run: bool,
    keep: Option<Vec<PathBuf>>,
    listener: &Bound<'_, PyAny>,
) -> PyResult<String> {
    let tidy = |_: &mut headstart_core::Control<'_>| -> Result<String, Error> {
        let files = keep.as_ref().map(|files| files.iter().map(PathBuf::as_path));
        let keys = files.map(|files| cache::keys_of(&folder, files, &DECODERS));
        let keep = keys.transpose()?;
        let options = GcOptions { dry_run, keep };
        let dirs = stores_in(&folder)?;
        let reports: Result<Vec<_>, cache::Error> =
            dirs.iter().map(|dir| cache::gc(dir, &options, |_| ())).collect();
        let memo = cache::gc_memo(&folder, dry_run)?;
        let all = serde_json::json!({ "stores": reports?, "memo": memo });
        Ok(all.to_string())
    };
    work::run(py, listener, tidy)?.or_raise(py)
}

/// The folders of all stores.
fn stores_in(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    Ok(cache::info(folder)?
        .into_iter()
        .map(|store| Ok(store?.directory))
        .collect::<Result<_, cache::Error>>()?)
}

type Rows<'py> = (Vec<String>, Vec<View>, Bound<'py, PyArray2<f32>>);

/// Rows of the store in `dir`: keys, views and features `(n, d)`. With `files` the plain rows of these, in their order.
#[pyfunction]
#[pyo3(signature = (root, dir, files))]
pub fn cache_rows<'py>(
    py: Python<'py>,
    root: PathBuf,
    dir: PathBuf,
    files: Option<Vec<PathBuf>>,
) -> PyResult<Rows<'py>> {
    let (ids, rows) = py.detach(|| read(&root, &dir, files.as_deref())).map_err(|error| match error {
        Unread::Error(error) => errors::of(py, &error),
        Unread::Missing(row, name, reason) => errors::image(py, &name, row, "not-cached", &reason),
    })?;
    let (keys, views) = ids.into_iter().map(|(key, view)| (key.to_string(), view)).unzip();
    Ok((keys, views, rows.into_pyarray(py)))
}

enum Unread {
    Error(Error),
    Missing(usize, String, String),
}

impl<E: Into<Error>> From<E> for Unread {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

type Ids = Vec<(Key, View)>;

fn read(root: &Path, dir: &Path, files: Option<&[PathBuf]>) -> Result<(Ids, Array2<f32>), Unread> {
    let store = Store::open_dir(dir)?;
    let ids = match files {
        None => ids(&store),
        Some(files) => {
            let found = FeatureCache::open(root, store.fingerprint()).map_err(Error::from)?;
            let mut found = found.expect("the store was opened just now");
            let mut ids = vec![];
            for (row, status) in found.status(&input_files(files)).into_iter().enumerate() {
                let missing = |reason: String| Unread::Missing(row, files[row].display().to_string(), reason);
                match status {
                    CacheStatus::Ready(key) => ids.push((key, headstart_core::extract::PLAIN)),
                    CacheStatus::Failed { reason } => return Err(missing(reason)),
                    CacheStatus::Absent => return Err(missing("it is not in the cache".into())),
                }
            }
            ids
        }
    };
    let rows = gather(&store, &ids)?;
    Ok((ids, rows))
}

/// Of every row, in order.
pub fn ids(store: &Store) -> Ids {
    let mut ids: Ids = store.ids().collect();
    ids.sort();
    ids
}

/// The features of these rows.
///
/// # Errors
/// If a row is damaged, or not there.
pub fn gather(store: &Store, ids: &[(Key, View)]) -> Result<Array2<f32>, cache::Error> {
    let selection = store.select(ids)?;
    let mut rows = Array2::zeros((ids.len(), store.dim()));
    selection.gather_into(&(0..ids.len()).collect::<Vec<_>>(), rows.view_mut())?;
    Ok(rows)
}
