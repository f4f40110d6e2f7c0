//! Work divided between machines that share nothing.

use std::num::NonZeroU32;
use std::str::FromStr;

use headstart_cache::Key;

/// One of `of` equal parts of all images there can be: each image is in just one of them, whatever file it is in.
///
/// ```
/// use headstart_core::extract::Shard;
///
/// let shard: Shard = "2/3".parse()?;
/// assert_eq!(shard.to_string(), "2/3");
/// # Ok::<(), headstart_core::extract::ParseShardError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 1 to `of`.
    number: u32,
    of: NonZeroU32,
}

impl Shard {
    /// Shard `number` of `of`, counted from 1; `None` unless `1 <= number <= of`.
    pub fn new(number: u32, of: u32) -> Option<Self> {
        let of = NonZeroU32::new(of)?;
        (1..=of.get()).contains(&number).then_some(Self { number, of })
    }

    /// Whether the image with this key is in the shard. Keys are hashes, so all shards are about equal.
    pub fn contains(&self, key: &Key) -> bool {
        let [a, b, c, d, e, f, g, h, ..] = key.0;
        let place = u64::from_le_bytes([a, b, c, d, e, f, g, h]) % u64::from(self.of.get());
        place + 1 == u64::from(self.number)
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// A text that is not a [`Shard`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseShardError {
    /// It is not two numbers with a slash between them.
    #[error("expected `NUMBER/COUNT`, such as `1/3`")]
    Syntax,
    /// It divides into nothing.
    #[error("expected at least one shard, found 0")]
    NoShards,
    /// There is no shard of this number.
    #[error("expected a shard from 1 to {of}, found {number}")]
    OutOfRange {
        /// The shard that was asked for, from 1.
        number: u32,
        /// How many there are.
        of: u32,
    },
}

impl FromStr for Shard {
    type Err = ParseShardError;

    fn from_str(text: &str) -> Result<Self, ParseShardError> {
        let (number, of) = text.split_once('/').ok_or(ParseShardError::Syntax)?;
        // Not `u32`'s own leniency: `+1/3` is a slip of the finger.
        let parse = |digits: &str| {
            let plain = digits.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| digits.parse::<u32>().ok()).flatten().ok_or(ParseShardError::Syntax)
        };
        match (parse(number)?, parse(of)?) {
            (_, 0) => Err(ParseShardError::NoShards),
            (number, of) => Self::new(number, of).ok_or(ParseShardError::OutOfRange { number, of }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_in_one_shard_and_shards_are_about_equal() {
        for of in [1, 2, 3, 7] {
            let shards: Vec<_> = (1..=of).map(|number| Shard::new(number, of).unwrap()).collect();
            let mut sizes = vec![0_u32; shards.len()];
            for key in (0..7000_u32).map(|number| Key::of(&number.to_le_bytes())) {
                let mut of_key = (0..shards.len()).filter(|&shard| shards[shard].contains(&key));
                sizes[of_key.next().unwrap()] += 1;
                assert_eq!(of_key.next(), None);
            }
            // Binomial with a standard deviation below 42: five of them.
            assert!(sizes.iter().all(|size| size.abs_diff(7000 / of) < 210), "{sizes:?}");
        }
    }

    #[test]
    fn what_is_no_shard_is_told() {
        for (text, why) in [
            ("0/3", "expected a shard from 1 to 3, found 0"),
            ("4/3", "expected a shard from 1 to 3, found 4"),
            ("1/0", "expected at least one shard, found 0"),
            ("", "expected `NUMBER/COUNT`, such as `1/3`"),
            ("2", "expected `NUMBER/COUNT`, such as `1/3`"),
            ("1/3/5", "expected `NUMBER/COUNT`, such as `1/3`"),
            ("+1/3", "expected `NUMBER/COUNT`, such as `1/3`"),
            ("1/ 3", "expected `NUMBER/COUNT`, such as `1/3`"),
            ("one/3", "expected `NUMBER/COUNT`, such as `1/3`"),
            ("1/99999999999", "expected `NUMBER/COUNT`, such as `1/3`"),
        ] {
            assert_eq!(text.parse::<Shard>().unwrap_err().to_string(), why, "`{text}`");
        }
        assert_eq!("3/3".parse(), Ok(Shard::new(3, 3).unwrap()));
    }
}
