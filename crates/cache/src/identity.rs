//! What a file is known by, where decoders have changed since its row was computed.

use std::io;
use std::path::Path;

use super::Key;

/// What the bytes of a file are known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The key of its rows.
    pub key: Key,
    /// The key of rows that earlier decoders made, of other pixels, if there can be such.
    pub earlier: Option<Key>,
}

impl Identity {
    /// Of a file whose bytes hash to `plain`, and of which decoders make the pixels of today since this revision.
    pub fn new(plain: Key, revision: u32) -> Self {
        let key = plain.revised(revision);
        Self { key, earlier: (key != plain).then_some(plain) }
    }
}

/// What the cache has to be told of the decoders of images, which are not its business.
#[derive(Debug, Clone, Copy)]
pub struct Decoders {
    /// Their number: a failure of decoders of a lower one is worth another try.
    pub revision: u32,
    /// What a file is known by. It reads the file.
    pub identify: fn(&Path) -> io::Result<Identity>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_revision_changes_a_key() {
        let plain = Key::of(b"an image");
        assert_eq!(Identity::new(plain, 1), Identity { key: plain, earlier: None });
        let second = Identity::new(plain, 2);
        assert_eq!(second.earlier, Some(plain));
        let keys = [plain, second.key, plain.revised(3), Key::of(b"another").revised(2)];
        for (place, key) in keys.iter().enumerate() {
            assert!(!keys[..place].contains(key));
        }
        // Keys are on disks: this one must not move.
        assert_eq!(second.key.to_string()[..16], *"14ad29c51ecde7a7");
    }
}
