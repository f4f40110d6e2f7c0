//! What an ONNX file says of a graph, without the weights: read once, from the first byte to the last, and not kept.
//!
//! Inputs, outputs and nodes are a small part of a file that is mostly weights. The reader may look at every byte
//! that passes, so that a hash is of the very bytes that were understood.

use std::io::{self, BufRead, ErrorKind, Read};

use prost::Message as _;
use prost::encoding::encode_varint;

use super::guard;
use super::proto::Model;

/// Raw data of fewer bytes stay in the graph: shapes, axes and scales are there.
const WEIGHTS: u64 = 4096;

/// Raw data that were left out.
pub struct Weights<'r> {
    /// A [`DataType`](super::DataType); `None` if the tensor has not said it before its data.
    pub kind: Option<i32>,
    /// In bytes.
    pub length: u64,
    /// Has them next. What is left in it is stepped over.
    pub reader: io::Take<&'r mut dyn BufRead>,
}

/// The graph without its weights, and what `take` made of those: which of the graph's initializers each belongs to.
pub struct Skimmed<W> {
    /// The model; the data of its large initializers are left out.
    pub model: Model,
    /// The initializer's place in the graph's list, and what `take` made of it.
    pub weights: Vec<(usize, W)>,
}

/// Read a model of `length` bytes to its end. Initializers have no raw data in it where those are large: `take` has them.
///
/// # Errors
/// What the reader and `take` say, and that these bytes are not understood; what is wrong with them [`decode`](super::decode) tells.
pub fn skim<W>(
    reader: &mut dyn BufRead,
    length: u64,
    take: &mut dyn FnMut(&mut Weights<'_>) -> io::Result<W>,
) -> io::Result<Skimmed<W>> {
    let mut weights = Vec::new();
    let mut model = Message::new(reader, length);
    let mut graphs = 0;
    while let Some(field) = model.next()? {
        match field {
            Field { number: 7, content: Content::Bytes(length), .. } => {
                graphs += 1;
                let graph = skim_graph(Message::new(model.reader, length), &mut weights, take)?;
                model.put(field.tag, &graph);
            }
            _ => model.keep(&field)?,
        }
    }
    // Two would be merged, and their initializers counted anew.
    if graphs != 1 || !model.reader.fill_buf()?.is_empty() {
        return Err(strange());
    }
    let kept = model.kept;
    guard::check(&kept).map_err(|_| strange())?;
    let model = Model::decode(kept.as_slice()).map_err(|_| strange())?;
    Ok(Skimmed { model, weights })
}

fn skim_graph<W>(
    mut graph: Message<'_>,
    weights: &mut Vec<(usize, W)>,
    take: &mut dyn FnMut(&mut Weights<'_>) -> io::Result<W>,
) -> io::Result<Vec<u8>> {
    let mut initializers = 0;
    while let Some(field) = graph.next()? {
        match field {
            Field { number: 5, content: Content::Bytes(length), .. } => {
                let (tensor, taken) = skim_tensor(Message::new(graph.reader, length), take)?;
                graph.put(field.tag, &tensor);
                weights.extend(taken.map(|taken| (initializers, taken)));
                initializers += 1;
            }
            _ => graph.keep(&field)?,
        }
    }
    Ok(graph.kept)
}

fn skim_tensor<W>(
    mut tensor: Message<'_>,
    take: &mut dyn FnMut(&mut Weights<'_>) -> io::Result<W>,
) -> io::Result<(Vec<u8>, Option<W>)> {
    let (mut kind, mut taken) = (None, None);
    while let Some(field) = tensor.next()? {
        match field {
            Field { number: 9, content: Content::Bytes(length), .. } if length >= WEIGHTS => {
                let reader: &mut dyn BufRead = &mut *tensor.reader;
                let mut weights = Weights { kind, length, reader: reader.take(length) };
                // Of raw data that stand there twice the second count.
                if taken.replace(take(&mut weights)?).is_some() {
                    return Err(strange());
                }
                step_over(&mut weights.reader)?;
            }
            _ => {
                if let Field { number: 2, content: Content::Number(number), .. } = field {
                    kind = i32::try_from(number).ok();
                }
                tensor.keep(&field)?;
            }
        }
    }
    Ok((tensor.kept, taken))
}

fn step_over(reader: &mut io::Take<&mut dyn BufRead>) -> io::Result<()> {
    while reader.limit() > 0 {
        match reader.fill_buf()?.len() {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            there => reader.consume(there),
        }
    }
    Ok(())
}

fn strange() -> io::Error {
    ErrorKind::InvalidData.into()
}

struct Field {
    tag: u64,
    number: u64,
    content: Content,
}

enum Content {
    Number(u64),
    /// Four or eight bytes.
    Fixed(u64),
    Bytes(u64),
}

/// A message in the reader, and what of it is kept.
struct Message<'r> {
    reader: &'r mut dyn BufRead,
    /// Bytes that are not read yet.
    left: u64,
    kept: Vec<u8>,
}

impl<'r> Message<'r> {
    fn new(reader: &'r mut dyn BufRead, length: u64) -> Self {
        Self { reader, left: length, kept: Vec::new() }
    }

    /// The next field up to its content, which whoever calls has to read.
    fn next(&mut self) -> io::Result<Option<Field>> {
        if self.left == 0 {
            return Ok(None);
        }
        let tag = self.varint()?;
        let content = match tag & 7 {
            0 => Content::Number(self.varint()?),
            1 => Content::Fixed(8),
            2 => Content::Bytes(self.varint()?),
            5 => Content::Fixed(4),
            _ => return Err(strange()),
        };
        if let Content::Fixed(length) | Content::Bytes(length) = content {
            self.left = self.left.checked_sub(length).ok_or_else(strange)?;
        }
        Ok(Some(Field { tag, number: tag >> 3, content }))
    }

    fn keep(&mut self, field: &Field) -> io::Result<()> {
        encode_varint(field.tag, &mut self.kept);
        match field.content {
            Content::Number(number) => {
                encode_varint(number, &mut self.kept);
                Ok(())
            }
            Content::Fixed(length) => self.copy(length),
            Content::Bytes(length) => {
                encode_varint(length, &mut self.kept);
                self.copy(length)
            }
        }
    }

    fn copy(&mut self, length: u64) -> io::Result<()> {
        let copied = (&mut *self.reader).take(length).read_to_end(&mut self.kept)?;
        if copied as u64 == length { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
    }

    /// A message in place of the one that was there.
    fn put(&mut self, tag: u64, message: &[u8]) {
        encode_varint(tag, &mut self.kept);
        encode_varint(message.len() as u64, &mut self.kept);
        self.kept.extend_from_slice(message);
    }

    fn varint(&mut self) -> io::Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let mut byte = [0];
            self.reader.read_exact(&mut byte)?;
            self.left = self.left.checked_sub(1).ok_or_else(strange)?;
            value |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] < 0x80 {
                return Ok(value);
            }
        }
        Err(strange())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::{DataType, Graph, Node, Tensor};

    fn tensor(name: &str, bytes: usize) -> Tensor {
        let raw: Vec<u8> = (0..bytes).map(|i| (i * 7) as u8).collect();
        let raw_data = Some(Bytes::from(raw));
        let data_type = Some(DataType::Float as i32);
        Tensor {
            name: Some(name.into()),
            dims: vec![bytes as i64 / 4],
            data_type,
            raw_data,
            ..Tensor::default()
        }
    }

    fn model() -> Model {
        let graph = Graph {
            node: vec![Node::new("Relu", &["x"], "y", vec![])],
            initializer: vec![tensor("a", 8000), tensor("b", 100), tensor("c", 4096)],
            ..Graph::default()
        };
        Model { ir_version: Some(8), graph: Some(graph), ..Model::default() }
    }

    fn skim_bytes(mut bytes: &[u8]) -> io::Result<Skimmed<(Option<i32>, Vec<u8>)>> {
        let length = bytes.len() as u64;
        skim(&mut bytes, length, &mut |weights| {
            let mut taken = vec![];
            weights.reader.read_to_end(&mut taken)?;
            Ok((weights.kind, taken))
        })
    }

    #[test]
    fn all_is_there_but_the_weights_and_those_are_handed_over() {
        let (whole, bytes) = (model(), model().encode_to_vec());
        let Skimmed { model: mut found, weights } = skim_bytes(&bytes).unwrap();
        assert_eq!(weights.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [0, 2]);
        for (place, (kind, raw)) in weights {
            let tensor = &mut found.graph.as_mut().unwrap().initializer[place];
            assert_eq!((kind, &tensor.raw_data), (Some(DataType::Float as i32), &None));
            tensor.raw_data = Some(raw.into());
        }
        assert_eq!(found, whole);
        // Weights that nobody wants are stepped over.
        let skimmed = skim(&mut &bytes[..], bytes.len() as u64, &mut |_| Ok(())).unwrap();
        assert_eq!(skimmed.weights.len(), 2);
    }

    #[test]
    fn what_is_not_whole_is_not_understood() {
        let bytes = model().encode_to_vec();
        for length in 0..bytes.len() {
            assert!(skim_bytes(&bytes[..length]).is_err(), "{length}");
            assert!(skim(&mut &bytes[..length], bytes.len() as u64, &mut |_| Ok(())).is_err(), "{length}");
            assert!(skim(&mut &bytes[..], length as u64, &mut |_| Ok(())).is_err(), "{length}");
        }
        assert!(skim_bytes(&bytes.repeat(2)).is_err(), "two graphs");
    }

    proptest! {
        #[test]
        fn noise_never_panics(place in 0usize..12_000, noise in proptest::collection::vec(any::<u8>(), 1..20)) {
            let mut bytes = model().encode_to_vec();
            let place = place % (bytes.len() - noise.len());
            bytes[place..place + noise.len()].copy_from_slice(&noise);
            // Where it is understood, it is what the decoder makes of it.
            if let Ok(Skimmed { model: mut found, weights }) = skim_bytes(&bytes) {
                for (place, (_, raw)) in weights {
                    found.graph.as_mut().unwrap().initializer[place].raw_data = Some(raw.into());
                }
                if let Ok(whole) = Model::decode(&bytes[..]) {
                    prop_assert_eq!(found, whole);
                }
            }
        }
    }
}
