//! What an image is known by in a cache: the one place where keys of files are made.

use std::fs::File;
use std::io;
use std::path::Path;

use super::failure::read_image;
use headstart_cache::{Decoders, Identity, Key};
use headstart_image::{REVISION, revision};

/// Today's decoders, as a cache has to know them.
pub const DECODERS: Decoders = Decoders { revision: REVISION, identify: identify_file };

/// The key under which the features of the image in `bytes`, which are a file's, are kept.
///
/// It is the BLAKE3 of the bytes; but where pixels are read from them that version 0.1.0 did not make, another one, so that
/// its features of them are never met.
pub fn key_of(bytes: &[u8]) -> Key {
    identify(bytes).key
}

fn identify(bytes: &[u8]) -> Identity {
    Identity::new(Key::of(bytes), revision(bytes))
}

/// The same of a file. One that is too large for an image takes no memory: it is known by its bytes alone.
fn identify_file(path: &Path) -> io::Result<Identity> {
    match read_image(path) {
        Ok(bytes) => Ok(identify(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            Ok(Identity::new(Key::of_reader(File::open(path)?)?, 1))
        }
        Err(error) => Err(error),
    }
}
