use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;

use super::directory::stores_in;
use super::store::SEGMENTS;
use super::{FailureKind, FingerprintParts, Provenance, Result, Store, View};
use headstart_base::files::as_path_text;

/// What one store holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CacheInfo {
    /// The store's folder.
    #[serde(serialize_with = "as_path_text")]
    pub directory: PathBuf,
    /// What stands before the hash in the directory's name: the backbone.
    pub name: String,
    /// The first digits of the fingerprint's hash.
    pub short: String,
    /// How its features were computed.
    pub fingerprint: FingerprintParts,
    /// Images that have a row, in whatever view.
    pub images: usize,
    /// How many of them have one in each view.
    pub views: BTreeMap<View, usize>,
    /// Rows, duplicates included; not checked.
    pub rows: usize,
    /// Files with rows.
    pub segments: usize,
    /// On the disk, everything counted.
    pub bytes: u64,
    /// Where the rows come from.
    pub origins: Vec<Origin>,
    /// Files that failed and have not succeeded since.
    pub failures: usize,
    /// Failures of each kind, such as `truncated`.
    pub failures_by_kind: BTreeMap<FailureKind, usize>,
    /// Rows that were found damaged; [`verify`](super::verify()) looks for more.
    pub known_damaged: usize,
    /// When a segment was last written to, in RFC 3339.
    pub last_write: Option<String>,
}

/// Rows that were computed in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// What computed them.
    #[serde(flatten)]
    pub provenance: Provenance,
    /// Files that hold them.
    pub segments: usize,
    /// Duplicates included; not checked.
    pub rows: usize,
}

/// Sums up every store below `root`, in order of name; a store that cannot be read is an error in its place.
///
/// # Errors
/// [`Error::Read`](super::Error::Read) if `root` cannot be read; that there is none is no error.
pub fn info(root: &Path) -> Result<Vec<Result<CacheInfo>>> {
    Ok(stores_in(root)?.into_iter().map(|dir| of_store(&Store::open_dir(&dir)?)).collect())
}

fn of_store(store: &Store) -> Result<CacheInfo> {
    let dir = store.dir();
    let short = store.fingerprint().short();
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let failures = store.failures()?;
    let mut failures_by_kind = BTreeMap::new();
    failures.iter().for_each(|failure| *failures_by_kind.entry(failure.kind).or_default() += 1);
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
        bytes: bytes_of(dir),
        origins: origins(store),
        failures: failures.len(),
        failures_by_kind,
        known_damaged: store.known_damaged(),
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

/// In order of what computed them.
fn origins(store: &Store) -> Vec<Origin> {
    let mut origins = BTreeMap::<&Provenance, (usize, usize)>::new();
    for segment in store.segments().iter().filter(|segment| segment.rows() > 0) {
        let (segments, rows) = origins.entry(&segment.header.provenance).or_default();
        *segments += 1;
        *rows += segment.rows();
    }
    let origin = |(provenance, (segments, rows)): (&Provenance, _)| Origin {
        provenance: provenance.clone(),
        segments,
        rows,
    };
    origins.into_iter().map(origin).collect()
}

/// What a store takes up on the disk.
pub(super) fn bytes_of(dir: &Path) -> u64 {
    bytes_in(dir) + bytes_in(&dir.join(SEGMENTS))
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
