//! One line of a memo, in a fixed number of bytes.

use std::io;
use std::ops::Range;
use std::path::Path;

use super::super::Key;
use super::FileFacts;

/// Not 3: one flipped bit would make an old memo of it, and damage is to be told.
pub(super) const MAGIC: &[u8; 16] = b"headstart memo 4";
/// Of version 0.1.0. Its keys are those of the bytes alone, which are no longer right for every file, and cannot be told
/// apart without reading the files: so each is hashed once more.
pub(super) const OLD_MAGIC: &[u8; 16] = b"headstart memo 2";
const BODY: usize = 16 + 32 + 8 + 8 + 8;
pub(super) const LENGTH: usize = BODY + 4;

/// What tells one state of one file from all others: 16 bytes of the BLAKE3 of path, size, times and inode.
pub(super) type State = [u8; 16];

/// That a file had a key in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Record {
    pub state: State,
    pub key: Key,
    /// 8 bytes of the BLAKE3 of the path. This and what follows tells whether a file was changed.
    pub path: [u8; 8],
    /// In bytes.
    pub size: u64,
    /// In nanoseconds since 1970.
    pub modified: i64,
}

impl Record {
    pub(super) fn new(path: &Path, facts: &FileFacts, key: Key) -> io::Result<Self> {
        let modified = facts.modified.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
        Ok(Self { state: facts.state(path)?, key, path: id_of(path)?, size: facts.size, modified })
    }

    pub(super) fn encode(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..16].copy_from_slice(&self.state);
        bytes[16..48].copy_from_slice(&self.key.0);
        bytes[48..56].copy_from_slice(&self.path);
        bytes[56..64].copy_from_slice(&self.size.to_le_bytes());
        bytes[64..72].copy_from_slice(&self.modified.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..BODY]);
        bytes[BODY..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// None if the checksum fails.
    fn decode(bytes: &[u8; LENGTH]) -> Option<Self> {
        let (body, crc) = bytes.split_at(BODY);
        if crc32c::crc32c(body).to_le_bytes() != crc {
            return None;
        }
        Some(Self {
            state: body[..16].try_into().ok()?,
            key: Key(body[16..48].try_into().ok()?),
            path: body[48..56].try_into().ok()?,
            size: u64::from_le_bytes(body[56..64].try_into().ok()?),
            modified: i64::from_le_bytes(body[64..72].try_into().ok()?),
        })
    }
}

/// The sound records of a memo file; none of one that is something else.
pub(super) fn read(bytes: &[u8]) -> impl Iterator<Item = Record> {
    let records = bytes.strip_prefix(MAGIC).unwrap_or_default();
    records.as_chunks::<LENGTH>().0.iter().filter_map(Record::decode)
}

/// Where in a memo file the records lie that fail their checksum.
pub(super) fn bad(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let records = bytes.strip_prefix(MAGIC).unwrap_or_default().as_chunks::<LENGTH>().0.iter().enumerate();
    let failed = records.filter(|(_, record)| Record::decode(record).is_none());
    failed.map(|(number, _)| MAGIC.len() + number * LENGTH).map(|start| start..start + LENGTH)
}

/// What a path is known by in a record.
pub(super) fn id_of(path: &Path) -> io::Result<[u8; 8]> {
    let mut id = [0; 8];
    let path = std::path::absolute(path)?;
    blake3::Hasher::new().update(path.as_os_str().as_encoded_bytes()).finalize_xof().fill(&mut id);
    Ok(id)
}
