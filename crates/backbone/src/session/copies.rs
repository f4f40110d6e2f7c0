//! Optimised copies of graphs: what ONNX Runtime makes of a graph before it can run it, kept for the next start.
//!
//! Folding, fusing and laying out the weights anew is most of the time that loading takes. A copy has all that behind it. It is good for one
//! graph, one build of ONNX Runtime and one kind of processor, for the weights lie as its vector units want them; all
//! of that is in its name and in its checksum. Features computed by a copy are those of the graph, bit for bit, and their
//! fingerprint is that of the graph.
//!
//! ```text
//! FOLDER/resnet50-4be1f8a09c55d2e7.graph
//!     weights, each at a multiple of ALIGNMENT
//!     an ONNX model, which says of each large initializer where in this file its weights are
//!     8 bytes: where that begins, little-endian; 32 of checksum; 16 of MARK
//! ```
//!
//! So the file needs only to be read: ONNX Runtime uses the weights where they lie in memory, and does not hold them twice.
//!
//! Nothing depends on a copy: it is written under another name first, one that is damaged or cut off is passed over and
//! written anew, and all of them may be deleted at any time.

use std::fs::{self, File, FileTimes};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;

use super::memory::Memory;
use crate::Backbone;
use crate::runtime::Runtime;
use headstart_base::files;
use headstart_onnx::{self as onnx, DataLocation, Model, Skimmed, StringStringEntry};

/// Of the form of a copy, and of how sessions are made: another one is another mark.
const MARK: &[u8; 16] = b"headstart graph4";
const ENDING: &str = "graph";
const CHECKSUM: usize = blake3::OUT_LEN;
/// What stands behind the model.
const SEAL: usize = CHECKSUM + MARK.len();
/// Of the place where the model begins.
const PLACE: usize = size_of::<u64>();
/// Of weights in the file: as ONNX Runtime's own memory is aligned.
const ALIGNMENT: u64 = 64;
/// Copies take up no more than this together; those go first that were used least lately.
const ROOM: u64 = 1 << 30;
/// Of a smaller graph a copy would save nothing worth a file.
const WORTH_IT: u64 = 4 << 20;

/// Where the program keeps copies: `headstart/graphs` in the user's folder for caches; `None` if there is no such folder.
pub fn default_folder() -> Option<PathBuf> {
    Some(cache_folder()?.join("graphs"))
}

/// Where things are kept that may be deleted at any time: `headstart` in the user's folder for caches, if there is one.
pub fn cache_folder() -> Option<PathBuf> {
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
    /// `None` if the graph is too small for a copy to be of use, or the folder's name is of a kind that cannot be passed on.
    pub(super) fn of(folder: &Path, backbone: &Backbone, runtime: &Runtime) -> Option<Self> {
        // ONNX Runtime is told the folder, in Unicode.
        if fs::metadata(backbone.path()).ok()?.len() < WORTH_IT || folder.to_str().is_none() {
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
        self.folder.join(self.file_name())
    }

    fn file_name(&self) -> String {
        format!("{}-{}.{ENDING}", self.name, &self.key.to_hex()[..16])
    }

    /// The graph, and the memory that its large initializers are in, if the copy is there and whole.
    pub(super) fn read(&self) -> Option<(Model, Memory)> {
        let path = self.path();
        let mut file = File::open(&path).ok()?;
        let length = usize::try_from(file.metadata().ok()?.len()).ok()?.checked_sub(SEAL)?;
        let (memory, hasher) = Memory::read(&mut file, length, self.hasher()).ok()?;
        let mut seal = Vec::new();
        file.read_to_end(&mut seal).ok()?;
        if seal.get(..CHECKSUM)? != hasher.finalize().as_bytes() || seal[CHECKSUM..] != *MARK {
            return None;
        }
        let end = length.checked_sub(PLACE)?;
        let place = u64::from_le_bytes(memory.get(end..length)?.try_into().ok()?);
        let graph = memory.get(usize::try_from(place).ok()?..end)?;
        let model = onnx::decode(&path, Bytes::copy_from_slice(graph)).ok()?;
        // Only for the order in which copies go.
        let _ = File::open(&path)
            .and_then(|file| file.set_times(FileTimes::new().set_modified(SystemTime::now())));
        Some((model, memory))
    }

    /// Over the key too: a copy that came here under another's name is none.
    fn hasher(&self) -> blake3::Hasher {
        blake3::Hasher::new_keyed(self.key.as_bytes())
    }

    /// A file for ONNX Runtime to write the graph into.
    pub(super) fn draft(&self) -> io::Result<files::Draft> {
        fs::create_dir_all(&self.folder)?;
        files::Draft::begin(&self.path()).map_err(|error| error.source)
    }

    /// Make the copy of what ONNX Runtime wrote into `draft`, and let the oldest copies go.
    pub(super) fn keep(&self, draft: files::Draft) -> io::Result<()> {
        let copy = self.draft()?;
        let mut writer = BufWriter::new(copy.file());
        self.lay_out(draft.path(), &mut writer)?;
        writer.flush()?;
        drop(writer);
        let mut file = File::options().read(true).append(true).open(copy.path())?;
        let checksum = self.hasher().update_reader(&file)?.finalize();
        file.write_all(checksum.as_bytes())?;
        file.write_all(MARK)?;
        drop(file);
        copy.rename()?;
        make_room(&self.folder);
        Ok(())
    }

    /// The weights of the ONNX file at `path`, the rest of it, and where that begins.
    fn lay_out(&self, path: &Path, writer: &mut impl Write) -> io::Result<()> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut end = 0_u64;
        let mut take = |weights: &mut onnx::Weights<'_>| {
            if !super::weights::is_lent(weights.kind) {
                return Err(ErrorKind::Unsupported.into());
            }
            let start = end.next_multiple_of(ALIGNMENT);
            io::copy(&mut io::repeat(0).take(start - end), writer)?;
            io::copy(&mut weights.reader, writer)?;
            end = start + weights.length;
            Ok((start, weights.length))
        };
        let Skimmed { mut model, weights } = onnx::skim(&mut BufReader::new(file), length, &mut take)?;
        // Places in other files would be taken for places in this one.
        if !model.external_files().is_ok_and(|files| files.is_empty()) {
            return Err(ErrorKind::Unsupported.into());
        }
        let initializers = model.graph.as_mut().map_or(&mut [][..], |graph| &mut graph.initializer);
        for (place, (start, length)) in weights {
            let tensor = &mut initializers[place];
            // ONNX Runtime has a look whether there is such a file.
            let entries = [
                ("location", self.file_name()),
                ("offset", start.to_string()),
                ("length", length.to_string()),
            ];
            tensor.data_location = Some(DataLocation::External as i32);
            tensor.external_data =
                entries.iter().map(|(key, value)| StringStringEntry::new(key, value)).collect();
        }
        let model = onnx::encode(&model, path).map_err(|error| io::Error::other(error.to_string()))?;
        writer.write_all(&model)?;
        writer.write_all(&end.to_le_bytes())
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
