//! A look over a file before it is decoded: is it whole, and would decoding it stay within reason?
//!
//! Two bytes of protobuf can stand for a message that takes half a kilobyte decoded, so a small hostile file could fill the
//! memory. Walking the bytes without decoding them costs next to nothing, for the weights are stepped over.

use super::proto::{Attribute, Graph, Model, Node, StringStringEntry, Tensor, Type, ValueInfo};

/// No honest file comes near: a node with its names and attributes takes about ten times its size.
const FACTOR: u64 = 64;
pub(super) const ALLOWANCE: u64 = 1 << 24;

/// Deeper than any real graph of graphs, and as deep as the decoder goes.
const DEPTH: u32 = 100;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Bytes that the file's outermost lengths promise.
    Truncated { expected: u64 },
    /// More memory than this would be needed.
    Inflated { limit: u64 },
}

/// Which messages matter, for their number or their size; whatever else there is costs little more than its bytes.
#[derive(Clone, Copy)]
enum Shape {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    SparseTensor,
    ValueInfo,
    Type,
    Function,
    Training,
    Leaf,
}

impl Shape {
    /// The message in field `number`, or `None` for a string or bytes.
    fn child(self, number: u64) -> Option<Self> {
        Some(match (self, number) {
            (Self::Model, 7) => Self::Graph,
            (Self::Model, 20) => Self::Training,
            (Self::Model, 25) => Self::Function,
            (Self::Model, 8 | 14 | 26) => Self::Leaf,
            (Self::Training, 1 | 2) => Self::Graph,
            (Self::Training, 3 | 4) => Self::Leaf,
            (Self::Function, 7) | (Self::Graph, 1) => Self::Node,
            (Self::Function, 11) | (Self::Node, 5) => Self::Attribute,
            (Self::Function, 9 | 14) => Self::Leaf,
            (Self::Function, 12) | (Self::Graph, 11..=13) => Self::ValueInfo,
            (Self::Graph, 5) | (Self::SparseTensor, 1 | 2) => Self::Tensor,
            (Self::Graph, 15) => Self::SparseTensor,
            (Self::Graph, 14 | 16) | (Self::Node, 9 | 10) => Self::Leaf,
            (Self::Attribute, 5 | 10) => Self::Tensor,
            (Self::Attribute, 6 | 11) => Self::Graph,
            (Self::Attribute, 14 | 15) | (Self::ValueInfo, 2) => Self::Type,
            (Self::Attribute, 22 | 23) => Self::SparseTensor,
            (Self::Tensor, 13 | 16 | 3) | (Self::ValueInfo, 4) => Self::Leaf,
            // Sequence, map and optional types are a type inside a small message; shapes nest likewise.
            (Self::Type, 1 | 2 | 4 | 5 | 7 | 8 | 9) => Self::Type,
            (Self::Leaf, 2..=4) => Self::Leaf,
            _ => return None,
        })
    }

    /// Bytes that one of these takes in memory, besides what its own fields hold.
    fn size(self) -> u64 {
        let size = match self {
            Self::Model | Self::Training | Self::Function => size_of::<Model>(),
            Self::Graph => size_of::<Graph>(),
            Self::Node => size_of::<Node>(),
            Self::Attribute => size_of::<Attribute>(),
            Self::Tensor => size_of::<Tensor>(),
            Self::SparseTensor => 2 * size_of::<Tensor>(),
            Self::ValueInfo => size_of::<ValueInfo>(),
            Self::Type => size_of::<Type>(),
            Self::Leaf => 2 * size_of::<StringStringEntry>(),
        };
        size as u64
    }
}

/// Check that `bytes` are whole and do not decode to far more memory than they take.
///
/// Anything else that is wrong with them is left to the decoder, which has words for it.
pub(super) fn check(bytes: &[u8]) -> Result<(), Refusal> {
    if let Some(expected) = promised(bytes) {
        return Err(Refusal::Truncated { expected });
    }
    let limit = FACTOR * bytes.len() as u64 + ALLOWANCE;
    let mut walk = Walk { spent: 0, limit };
    match walk.message(bytes, Shape::Model, 0) {
        Some(()) => Ok(()),
        None => Err(Refusal::Inflated { limit }),
    }
}

/// About how many bytes of memory the function in `bytes` takes once it is decoded.
pub(super) fn weight(function: &[u8]) -> u64 {
    let mut walk = Walk { spent: 0, limit: u64::MAX };
    let _ = walk.message(function, Shape::Function, 0);
    walk.spent
}

/// The length that the outermost fields promise, where it is more than there is.
fn promised(bytes: &[u8]) -> Option<u64> {
    let mut at = Cursor { bytes, position: 0 };
    while at.position < bytes.len() {
        match at.field() {
            Step::Field(_) => {}
            Step::Short { expected } => return Some(expected),
            Step::Malformed => return None,
        }
    }
    None
}

struct Walk {
    spent: u64,
    limit: u64,
}

impl Walk {
    /// Add up what the message in `bytes` takes; `None` as soon as it is too much.
    fn message(&mut self, bytes: &[u8], shape: Shape, depth: u32) -> Option<()> {
        self.spend(shape.size())?;
        if depth > DEPTH {
            return Some(());
        }
        let mut at = Cursor { bytes, position: 0 };
        while at.position < bytes.len() {
            let Step::Field(field) = at.field() else { return Some(()) };
            match (field.content, shape.child(field.number)) {
                (Some(content), Some(child)) => self.message(content, child, depth + 1)?,
                // Text and bytes are at most copied; packed integers grow from one byte to eight.
                (Some(content), None) => self.spend(size_of::<String>() as u64 + content.len() as u64)?,
                (None, _) => self.spend(8)?,
            }
        }
        Some(())
    }

    /// Doubled, because a growing `Vec` holds the old and the new elements for a moment.
    fn spend(&mut self, bytes: u64) -> Option<()> {
        self.spent += 2 * bytes;
        (self.spent <= self.limit).then_some(())
    }
}

struct Field<'a> {
    number: u64,
    /// The bytes of a string or message; `None` for a number.
    content: Option<&'a [u8]>,
}

enum Step<'a> {
    Field(Field<'a>),
    Short { expected: u64 },
    Malformed,
}

struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Cursor<'a> {
    fn field(&mut self) -> Step<'a> {
        let tag = match self.varint() {
            Ok(tag) => tag,
            Err(step) => return step,
        };
        let length = match tag & 7 {
            0 => match self.varint() {
                Ok(_) => 0,
                Err(step) => return step,
            },
            1 => 8,
            2 => match self.varint() {
                Ok(length) => length,
                Err(step) => return step,
            },
            5 => 4,
            _ => return Step::Malformed,
        };
        let end = (self.position as u64).saturating_add(length);
        if end > self.bytes.len() as u64 {
            return Step::Short { expected: end };
        }
        let content = &self.bytes[self.position..end as usize];
        self.position = end as usize;
        Step::Field(Field { number: tag >> 3, content: (tag & 7 == 2).then_some(content) })
    }

    fn varint(&mut self) -> Result<u64, Step<'a>> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let Some(&byte) = self.bytes.get(self.position) else {
                return Err(Step::Short { expected: self.bytes.len() as u64 + 1 });
            };
            self.position += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Step::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Field `number` of wire type 2 around `content`.
    fn wrap(number: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2];
        let mut length = content.len();
        while length >= 0x80 {
            bytes.push(length as u8 | 0x80);
            length >>= 7;
        }
        bytes.push(length as u8);
        bytes.extend_from_slice(content);
        bytes
    }

    #[test]
    fn a_bomb_of_empty_messages_is_refused() {
        for inside in [wrap(1, b""), wrap(5, b""), wrap(1, &wrap(5, b""))] {
            let bomb = wrap(7, &inside.repeat(1 << 18));
            assert!(matches!(check(&bomb), Err(Refusal::Inflated { .. })), "{inside:?}");
        }
    }

    #[test]
    fn nesting_without_end_is_left_to_the_decoder() {
        use prost::Message;
        let mut bytes = Vec::new();
        for _ in 0..300 {
            bytes = wrap(1, &wrap(5, &wrap(6, &bytes)));
        }
        let bytes = wrap(7, &bytes);
        assert_eq!(check(&bytes), Ok(()));
        assert!(Model::decode(&bytes[..]).is_err());
    }

    #[test]
    fn a_missing_tail_is_seen_with_its_length() {
        let whole = wrap(7, &[0; 1000]);
        assert_eq!(check(&whole[..500]), Err(Refusal::Truncated { expected: whole.len() as u64 }));
        let huge = b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f";
        assert!(matches!(check(huge), Err(Refusal::Truncated { .. })));
    }

    proptest! {
        #[test]
        fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            use prost::Message;
            let _ = check(&bytes);
            let _ = Model::decode(&bytes[..]);
            let _ = check(&wrap(7, &bytes));
            let _ = Model::decode(&wrap(7, &bytes)[..]);
        }
    }
}
