use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which view of an image a row holds: 0 is the plain image.
pub type View = u16;

/// What an image is known by: the BLAKE3 of its file's bytes, so a renamed file is the same and an edited one is not. Where
/// decoders have come to make other pixels of a file, its key is [revised](Self::revised).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Key(pub [u8; 32]);

impl Key {
    /// The key of an image file with these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The same of a file that is read in pieces: whatever its size, it takes no memory.
    ///
    /// # Errors
    /// What reading says.
    pub fn of_reader(reader: impl Read) -> io::Result<Self> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(reader)?;
        Ok(Self(*hasher.finalize().as_bytes()))
    }

    /// The key of a file with these bytes since decoders of this revision make other pixels of it than all before them; 1, the
    /// first, leaves it as it is.
    #[must_use]
    pub fn revised(self, revision: u32) -> Self {
        if revision <= 1 {
            return self;
        }
        let mut hasher =
            blake3::Hasher::new_derive_key("headstart 2026 pixels of a later revision of the decoders");
        hasher.update(&revision.to_le_bytes());
        hasher.update(&self.0);
        Self(*hasher.finalize().as_bytes())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.to_string()
    }
}

impl FromStr for Key {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, ParseKeyError> {
        match blake3::Hash::from_hex(text) {
            Ok(hash) => Ok(Self(*hash.as_bytes())),
            Err(_) => Err(ParseKeyError { text: text.into() }),
        }
    }
}

impl TryFrom<String> for Key {
    type Error = ParseKeyError;

    fn try_from(text: String) -> Result<Self, ParseKeyError> {
        text.parse()
    }
}

/// A text that is not a [`Key`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a key of 64 hexadecimal digits, found `{text}`")]
pub struct ParseKeyError {
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_text() {
        let key = Key::of(b"an image");
        assert_eq!(key.to_string().parse(), Ok(key));
        assert_eq!(key.to_string().len(), 64);
        assert_ne!(key, Key::of(b"an imagf"));
        for wrong in ["", "12", &"g".repeat(64), &"0".repeat(63), &"é".repeat(32)] {
            assert!(wrong.parse::<Key>().is_err(), "`{wrong}`");
        }
    }
}
