//! `images.bin`: which images a run was trained on and validated on, by their content.
//!
//! With it one can tell whether an image that is evaluated was learned by heart, though manifests, files and cache may be gone.
//!
//! ```text
//! 16 bytes   "headstart images"
//!  4         format, 1
//!  8 + 8     number of training images, of validation images
//! 20 each    the first 16 bytes of the key, the class; first all training images
//! 32         BLAKE3 of all that
//! ```
//! Numbers are little-endian.

use std::{fs, io, path::Path};

use super::Error;
use super::{Run, load::damaged};
use headstart_cache::Key;

pub(super) const FILE: &str = "images.bin";
const MAGIC: &[u8; 16] = b"headstart images";
const FORMAT: u32 = 1;
const HEADER: usize = 36;
const RECORD: usize = 20;
const HASH: usize = 32;

/// What an image is known by in a run: the first half of its key. No two images of a data set have the same half by chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ImageId([u8; 16]);

impl From<&Key> for ImageId {
    fn from(key: &Key) -> Self {
        let (half, _) = key.0.split_first_chunk().expect("a key has 32 bytes");
        Self(*half)
    }
}

/// Which images a run was trained on and validated on, each with its class.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunImages {
    /// In the order of the training rows.
    pub training: Vec<(ImageId, usize)>,
    /// In the order of the validation rows.
    pub validation: Vec<(ImageId, usize)>,
}

/// What is wrong with the file.
#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error("it is not a list of images")]
    Magic,
    #[error("it is cut off, or its numbers were changed")]
    Length,
    #[error("its content was changed")]
    Hash,
}

impl RunImages {
    /// Those with these keys and classes.
    pub fn new(training: &[(Key, usize)], validation: &[(Key, usize)]) -> Self {
        let ids = |images: &[(Key, usize)]| images.iter().map(|(key, label)| (key.into(), *label)).collect();
        Self { training: ids(training), validation: ids(validation) }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let images = self.training.len() + self.validation.len();
        let mut bytes = Vec::with_capacity(HEADER + RECORD * images + HASH);
        bytes.extend(MAGIC);
        bytes.extend(FORMAT.to_le_bytes());
        bytes.extend((self.training.len() as u64).to_le_bytes());
        bytes.extend((self.validation.len() as u64).to_le_bytes());
        for (id, label) in self.training.iter().chain(&self.validation) {
            bytes.extend(id.0);
            bytes.extend(u32::try_from(*label).expect("no head has so many classes").to_le_bytes());
        }
        bytes.extend(blake3::hash(&bytes).as_bytes());
        bytes
    }

    fn read(path: &Path) -> Result<Self, Error> {
        let bytes = fs::read(path).map_err(|source| Error::Read { path: path.into(), source })?;
        let wrong = |what: Wrong| damaged(path)(what);
        let header: &[u8; HEADER] = bytes.first_chunk().ok_or_else(|| wrong(Wrong::Length))?;
        if !header.starts_with(MAGIC) {
            return Err(wrong(Wrong::Magic));
        }
        let number = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().expect("eight bytes"));
        let found = u32::from_le_bytes(header[16..20].try_into().expect("four bytes"));
        if found > FORMAT {
            return Err(Error::NewerRun { path: path.into(), found, known: FORMAT });
        }
        let (training, validation) = (number(20), number(28));
        let images = u128::from(training) + u128::from(validation);
        if bytes.len() as u128 != HEADER as u128 + RECORD as u128 * images + HASH as u128 {
            return Err(wrong(Wrong::Length));
        }
        let (content, hash) = bytes.split_at(bytes.len() - HASH);
        if blake3::hash(content).as_bytes() != hash {
            return Err(wrong(Wrong::Hash));
        }
        let record = |record: &[u8]| {
            let (id, label) = record.split_first_chunk().expect("a record is longer");
            let label = u32::from_le_bytes(label.try_into().expect("the rest of a record"));
            (ImageId(*id), label as usize)
        };
        let mut all: Vec<_> = content[HEADER..].chunks_exact(RECORD).map(record).collect();
        // The length of the file says that there are as many.
        let validation = all.split_off(training as usize);
        Ok(Self { training: all, validation })
    }
}

impl Run {
    /// Which images it was trained and validated on; `None` if it does not tell, as a run of version 0.1.0 or an imported head.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Damaged`], [`Error::NewerRun`].
    pub fn images(&self) -> Result<Option<RunImages>, Error> {
        match RunImages::read(&self.dir.join(FILE)) {
            Err(Error::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }
}
