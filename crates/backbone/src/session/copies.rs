//! Optimised copies of graphs: what ONNX Runtime makes of a graph before it can run it, kept for the next start.
//!
//! Folding, fusing and laying out the weights anew is most of the time that loading takes. A copy has all that behind it. It is good for one
//! graph, one build of ONNX Runtime and one kind of processor, for the weights lie as its vector units want them; all
//! of that is in its name and in its checksum. Features computed by a copy are those of the graph, bit for bit, and their
//! fingerprint is that of the graph.
//!
//! ```text
//! FOLDER/resnet50-4be1f8a09c55d2e7.graph      an ONNX file, 32 bytes of checksum, 16 of MARK
//! ```
//!
//! Nothing depends on a copy: it is written under another name first, one that is damaged or cut off is passed over and
//! written anew, and all of them may be deleted at any time.

use std::fs::{self, File, FileTimes};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::weights::Weights;
use crate::Backbone;
use crate::hashing::Hashing;
use crate::runtime::Runtime;
use headstart_base::files;
use headstart_onnx::{self as onnx, Skimmed};

/// Of the form of a copy, and of how sessions are made: another one is another mark.
const MARK: &[u8; 16] = b"headstart graph3";
const ENDING: &str = "graph";
const CHECKSUM: usize = blake3::OUT_LEN;
/// Copies take up no more than this together; those go first that were used least lately.
const ROOM: u64 = 1 << 30;
/// Of a smaller graph a copy would save nothing worth a file.
const WORTH_IT: u64 = 4 << 20;

/// Where the program keeps copies: `headstart/graphs` in the user's folder for caches; `None` if there is no such folder.
pub fn default_folder() -> Option<PathBuf> {
    Some(cache_folder()?.join("graphs"))
}

/// Where things are kept that may be deleted at any time: `headstart` in the user's folder for caches, if there is one.
pub(super) fn cache_folder() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || set("HOME").map(|home| home.join(".cache"));
    Some(set("XDG_CACHE_HOME").or_else(|| set("LOCALAPPDATA")).or_else(home)?.join("headstart"))
}

/// The copies in a folder, the last used first, and the bytes of each.
pub fn list(folder: &Path) -> Vec<(PathBuf, u64)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let copies = entries.filter(|entry| entry.path().extension().is_some_and(|ending| ending == ENDING));
    let mut copies: Vec<(SystemTime, PathBuf, u64)> = copies
        .filter_map(|entry| {
            let metadata = entry.metadata().ok()?;
            Some((metadata.modified().ok()?, entry.path(), metadata.len()))
        })
        .collect();
    copies.sort_by_key(|copy| std::cmp::Reverse(copy.0));
    copies.into_iter().map(|(_, path, bytes)| (path, bytes)).collect()
}

/// The copy of one graph for this machine, whether it is there or not.
#[derive(Debug)]
pub(super) struct Copy {
    folder: PathBuf,
    name: String,
    key: blake3::Hash,
}

impl Copy {
    /// `None` if the graph is too small for a copy to be of use.
    pub(super) fn of(folder: &Path, backbone: &Backbone, runtime: &Runtime) -> Option<Self> {
        if fs::metadata(backbone.path()).ok()?.len() < WORTH_IT {
            return None;
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(MARK);
        hasher.update(backbone.digest().as_bytes());
        for part in [runtime.identity().as_str(), super::processor::identity()] {
            // Its length first, so that no two lists of parts read alike.
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        Some(Self { folder: folder.to_owned(), name: plain(backbone.name()), key: hasher.finalize() })
    }

    fn path(&self) -> PathBuf {
        self.folder.join(format!("{}-{}.{ENDING}", self.name, &self.key.to_hex()[..16]))
    }

    /// The graph and its weights, if the copy is there and whole.
    pub(super) fn read(&self) -> Option<Skimmed<Weights>> {
        let path = self.path();
        let file = File::open(&path).ok()?;
        let length = file.metadata().ok()?.len().checked_sub((CHECKSUM + MARK.len()) as u64)?;
        let mut reader = Hashing::new(file.take(length), self.hasher());
        let graph = onnx::skim(&mut reader, length, &mut Weights::read).ok()?;
        let (file, hasher) = reader.into_inner().into_parts();
        let mut seal = Vec::new();
        file.into_inner().read_to_end(&mut seal).ok()?;
        if seal.get(..CHECKSUM)? != hasher.finalize().as_bytes() || seal[CHECKSUM..] != *MARK {
            return None;
        }
        // Only for the order in which copies go.
        let _ = File::open(&path)
            .and_then(|file| file.set_times(FileTimes::new().set_modified(SystemTime::now())));
        Some(graph)
    }

    /// Over the key too: a copy that came here under another's name is none.
    fn hasher(&self) -> blake3::Hasher {
        blake3::Hasher::new_keyed(self.key.as_bytes())
    }

    /// A file for ONNX Runtime to write the graph into.
    pub(super) fn draft(self) -> io::Result<Draft> {
        fs::create_dir_all(&self.folder)?;
        let file = files::Draft::begin(&self.path()).map_err(|error| error.source)?;
        Ok(Draft { file, copy: self })
    }
}

/// A copy in the making; gone when dropped.
pub(super) struct Draft {
    file: files::Draft,
    copy: Copy,
}

impl Draft {
    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Seal what ONNX Runtime wrote, give it its name, and let the oldest copies go.
    pub(super) fn keep(self) -> io::Result<()> {
        let mut file = File::options().read(true).append(true).open(self.path())?;
        let checksum = self.copy.hasher().update_reader(&file)?.finalize();
        file.write_all(checksum.as_bytes())?;
        file.write_all(MARK)?;
        drop(file);
        self.file.rename()?;
        make_room(&self.copy.folder);
        Ok(())
    }
}

/// Remove what is beyond [`ROOM`], but not the last copy.
fn make_room(folder: &Path) {
    let mut taken = 0;
    for (place, (path, bytes)) in list(folder).into_iter().enumerate() {
        taken += bytes;
        if place > 0 && taken > ROOM {
            // Whoever reads it goes on with what he has.
            let _ = fs::remove_file(path);
        }
    }
}

/// As the first part of a file's name on every system.
fn plain(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    name.chars().take(40).map(plain).collect()
}
