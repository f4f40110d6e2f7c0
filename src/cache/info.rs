use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;

use super::directory::dirs_in;
use super::fingerprint;
use super::{FingerprintParts, Provenance, Result, Store, View};

/// What one store holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CacheInfo {
    pub directory: PathBuf,
    /// What stands before the hash in the directory's name: the backbone.
    pub name: String,
    /// The first digits of the fingerprint's hash.
    pub short: String,
    pub fingerprint: FingerprintParts,
    /// Images that have a row, in whatever view.
    pub images: usize,
    /// How many of them have one in each view.
    pub views: BTreeMap<View, usize>,
    /// Rows, duplicates included; not checked.
    pub rows: usize,
    pub segments: usize,
    /// On the disk, everything counted.
    pub bytes: u64,
    /// Where the rows come from, each once.
    pub provenance: Vec<Provenance>,
    pub failures: usize,
    /// When a segment was last written to, in RFC 3339.
    pub last_write: Option<String>,
}

/// Sums up every store below `root`, in order of name; a store that cannot be read is an error in its place.
///
/// # Errors
/// [`Error::Read`](super::Error::Read) if `root` cannot be read; that there is none is no error.
pub fn info(root: &Path) -> Result<Vec<Result<CacheInfo>>> {
    let stores = dirs_in(root)?.into_iter().filter(|dir| dir.join(fingerprint::FILE).is_file());
    Ok(stores.map(|dir| of_store(&Store::open_dir(&dir)?)).collect())
}

fn of_store(store: &Store) -> Result<CacheInfo> {
    let dir = store.dir();
    let short = store.fingerprint().short();
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let mut provenance: Vec<_> = store.segments().iter().map(|s| s.header.provenance.clone()).collect();
    provenance.sort();
    provenance.dedup();
    let (images, views) = images_and_views(store);
    let written = store.segments().iter().filter_map(|s| fs::metadata(&s.path).ok()?.modified().ok()).max();
    Ok(CacheInfo {
        directory: dir.into(),
        name: name.strip_suffix(&format!("-{short}")).unwrap_or(&name).into(),
        short,
        fingerprint: store.fingerprint().parts().clone(),
        images,
        views,
        rows: store.segments().iter().map(|segment| segment.rows()).sum(),
        segments: store.segments().len(),
        bytes: bytes_in(dir) + bytes_in(&store.segments_dir()),
        provenance,
        failures: store.failures()?.len(),
        last_write: written.and_then(rfc3339),
    })
}

fn images_and_views(store: &Store) -> (usize, BTreeMap<View, usize>) {
    let mut views = BTreeMap::new();
    for (_, view) in store.ids() {
        *views.entry(view).or_insert(0) += 1;
    }
    let images = match views.len() {
        // Each image has one row; no need to hold all keys at once.
        0 | 1 => store.len(),
        _ => store.ids().map(|(key, _)| key).collect::<HashSet<_>>().len(),
    };
    (images, views)
}

/// Of the files in a folder, not below it.
fn bytes_in(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).filter(|m| m.is_file()).map(|m| m.len()).sum()
}

fn rfc3339(time: SystemTime) -> Option<String> {
    let time = jiff::Timestamp::try_from(time).ok()?;
    Some(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}
