//! The bytes of a segment: an Arrow IPC stream that a reader trusts nothing of.
//!
//! ```text
//! schema message    columns key: FixedSizeBinary(32), view: UInt16, features: FixedSizeList<f32 | f16, d>, crc: UInt32,
//!                   none of them nullable; `headstart.*` metadata
//! batch message     FF FF FF FF, u32 length of the header, header (a flatbuffer), body; both padded to 64 bytes,
//! ...               and so is each buffer, so that numbers are aligned wherever the file is mapped
//! end               FF FF FF FF 00 00 00 00, once the disk has all before it
//! ```
//!
//! The checksum of a row is the CRC-32C of, in this order: the 32 bytes of the fingerprint's hash, the 32 bytes of the
//! key, the view as two bytes, the features as they are stored; numbers are little-endian. Because the fingerprint
//! goes in, a row that strayed in from another store fails its checksum, whatever the schema says.
//!
//! Headers are parsed by `arrow-ipc`'s generated, verifying accessors. Its decoder proper is not used: it may panic
//! on lengths that disagree, and once they are checked there is nothing left for it to do.

use std::collections::BTreeMap;
use std::ops::Range;

use arrow_ipc::{MessageHeader, MetadataVersion, root_as_message};
use half::f16;
use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};
use serde::{Deserialize, Serialize};

use super::{Error, Fingerprint, FingerprintParts, Key, Storage, View};

const MARKER: [u8; 4] = [0xFF; 4];
const PREFIX: usize = 8;
const ALIGN: usize = 64;
/// Headers of batches take some 500 bytes and that of the schema 2,000: a longer one is damaged.
const MAX_HEADER: usize = 1 << 20;
pub(super) const METADATA: &str = "headstart.";
pub(super) const FINGERPRINT: &str = "headstart.fingerprint";

/// Where rows come from; kept for people, and no part of the fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of this program; empty means the one that is running.
    pub version: String,
    /// The runtime that computed and its version.
    pub runtime: String,
    /// The device that was really used.
    pub device: String,
    /// Images per run of the graph.
    pub batch: String,
}

impl Provenance {
    pub(super) fn fields(&self) -> [(&'static str, &str); 4] {
        let version = if self.version.is_empty() { env!("CARGO_PKG_VERSION") } else { &self.version };
        [("version", version), ("runtime", &self.runtime), ("device", &self.device), ("batch", &self.batch)]
    }

    fn from_metadata(metadata: &BTreeMap<String, String>) -> Self {
        let get = |name: &str| metadata.get(&format!("{METADATA}{name}")).cloned().unwrap_or_default();
        Self { version: get("version"), runtime: get("runtime"), device: get("device"), batch: get("batch") }
    }
}

/// What the schema message of a segment says.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Header {
    pub provenance: Provenance,
    /// Hash of the fingerprint that the segment was written for.
    pub fingerprint: String,
}

/// Where one batch stands in its file: offsets in bytes from the start of the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Batch {
    pub start: usize,
    pub end: usize,
    pub rows: usize,
    keys: usize,
    views: usize,
    features: usize,
    crcs: usize,
}

/// What stands at one place of a segment.
#[derive(Debug, PartialEq)]
pub(super) enum Message {
    Schema(Header),
    Rows(Batch),
    End,
}

/// Why no message stands there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Flaw {
    /// The bytes end before the message does.
    Torn,
    /// What is wrong.
    Damaged(&'static str),
}

/// How the rows of a store are laid out and summed; taken from its fingerprint, never from a segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowLayout {
    pub dim: usize,
    pub storage: Storage,
    /// CRC-32C of the fingerprint's hash, with which that of each row begins.
    seed: u32,
}

impl RowLayout {
    /// # Errors
    /// [`Error::FeatureSize`].
    pub(crate) fn new(fingerprint: &Fingerprint) -> Result<Self, Error> {
        let FingerprintParts { feature_size: dim, storage, .. } = *fingerprint.parts();
        // Arrow counts the numbers of a list in an `i32`.
        if !(1..=i32::MAX as usize).contains(&dim) {
            return Err(Error::FeatureSize { found: dim });
        }
        Ok(Self { dim, storage, seed: crc32c::crc32c(fingerprint.hash().as_bytes()) })
    }

    pub(crate) fn row_bytes(&self) -> usize {
        self.dim * self.storage.width()
    }

    pub(crate) fn crc(&self, key: &[u8], view: &[u8], features: &[u8]) -> u32 {
        let crc = crc32c::crc32c_append(self.seed, key);
        crc32c::crc32c_append(crc32c::crc32c_append(crc, view), features)
    }

    /// Key and view of row `slot` of a batch, unchecked.
    pub(crate) fn id(&self, bytes: &[u8], batch: &Batch, slot: usize) -> Option<(Key, View)> {
        let key = take(bytes, batch.keys + slot * 32, 32)?;
        let view = take(bytes, batch.views + slot * 2, 2)?;
        Some((Key(key.try_into().ok()?), View::from_le_bytes(view.try_into().ok()?)))
    }

    /// The stored features of a row, unchecked.
    pub(crate) fn features<'a>(&self, bytes: &'a [u8], batch: &Batch, slot: usize) -> Option<&'a [u8]> {
        take(bytes, batch.features + slot * self.row_bytes(), self.row_bytes())
    }

    /// Whether a row's checksum holds.
    pub(crate) fn holds(&self, bytes: &[u8], batch: &Batch, slot: usize) -> bool {
        let check = || {
            let key = take(bytes, batch.keys + slot * 32, 32)?;
            let view = take(bytes, batch.views + slot * 2, 2)?;
            let crc = take(bytes, batch.crcs + slot * 4, 4)?;
            Some(self.crc(key, view, self.features(bytes, batch, slot)?).to_le_bytes() == crc)
        };
        check().unwrap_or(false)
    }

    /// Whether any row of a batch holds.
    pub(crate) fn any_holds(&self, bytes: &[u8], batch: &Batch) -> bool {
        (0..batch.rows).any(|slot| self.holds(bytes, batch, slot))
    }

    /// Decodes the stored numbers of one row.
    pub(crate) fn decode(&self, stored: &[u8], out: &mut [f32]) {
        match self.storage {
            Storage::F32 => {
                for (value, bytes) in out.iter_mut().zip(stored.as_chunks().0) {
                    *value = f32::from_le_bytes(*bytes);
                }
            }
            // By the slice, for then the processor's own conversion is chosen once and not for every number.
            Storage::F16 => match aligned::<u16>(stored) {
                Some(bits) => bits.reinterpret_cast::<f16>().convert_to_f32_slice(out),
                None => {
                    for (value, bytes) in out.iter_mut().zip(stored.as_chunks().0) {
                        *value = f16::from_le_bytes(*bytes).to_f32();
                    }
                }
            },
        }
    }

    /// The stored numbers of one row as they are, where no conversion is needed.
    pub(crate) fn borrow<'a>(&self, stored: &'a [u8]) -> Option<&'a [f32]> {
        if self.storage == Storage::F32 { aligned(stored) } else { None }
    }

    /// The message that begins at byte `at`, and where the next one begins.
    pub(crate) fn message(&self, bytes: &[u8], at: usize) -> Result<(Message, usize), Flaw> {
        let prefix = take(bytes, at, PREFIX).ok_or(Flaw::Torn)?;
        if prefix[..4] != MARKER {
            return Err(Flaw::Damaged("no message begins here"));
        }
        let length = u32::from_le_bytes([prefix[4], prefix[5], prefix[6], prefix[7]]) as usize;
        if length == 0 {
            return Ok((Message::End, at + PREFIX));
        }
        if length > MAX_HEADER || !(PREFIX + length).is_multiple_of(ALIGN) {
            return Err(Flaw::Damaged("a header of an impossible length"));
        }
        let header = take(bytes, at + PREFIX, length).ok_or(Flaw::Torn)?;
        let message = root_as_message(header).map_err(|_| Flaw::Damaged("a header that cannot be parsed"))?;
        if message.version() != MetadataVersion::V5 {
            return Err(Flaw::Damaged("a message of another Arrow version"));
        }
        let body = at + PREFIX + length;
        match message.header_type() {
            MessageHeader::Schema if message.bodyLength() == 0 => {
                Ok((Message::Schema(read_header(&message).unwrap_or_default()), body))
            }
            MessageHeader::RecordBatch => {
                let batch =
                    self.read_batch(&message, at, body).ok_or(Flaw::Damaged("a batch of another shape"))?;
                if batch.end > bytes.len() {
                    Err(Flaw::Torn)
                } else {
                    Ok((Message::Rows(batch.clone()), batch.end))
                }
            }
            _ => Err(Flaw::Damaged("a message of an unknown kind")),
        }
    }

    /// The places of a batch's columns, if it is laid out just as a writer lays it out, to the byte.
    fn read_batch(&self, message: &arrow_ipc::Message<'_>, start: usize, body: usize) -> Option<Batch> {
        let batch = message.header_as_record_batch()?;
        let rows = usize::try_from(batch.length()).ok().filter(|n| (1..=u32::MAX as usize).contains(n))?;
        let numbers = rows.checked_mul(self.dim)?;
        // A list has a node for itself and one for its numbers.
        let lengths = [rows, rows, rows, numbers, rows];
        let nodes = batch.nodes()?;
        let fits = |(node, length): (&arrow_ipc::FieldNode, &usize)| {
            usize::try_from(node.length()) == Ok(*length) && node.null_count() == 0
        };
        if batch.compression().is_some() || nodes.len() != 5 || !nodes.iter().zip(&lengths).all(fits) {
            return None;
        }
        // Each column's validity (ignored, for nothing is null) and values; of the list itself, validity alone.
        let values = [Some(32), Some(2), None, Some(self.storage.width()), Some(4)];
        let buffers = batch.buffers()?;
        let mut buffers = buffers.iter();
        let (mut end, mut places) = (0_usize, [0; 5]);
        for ((place, length), width) in places.iter_mut().zip(lengths).zip(values) {
            let validity = next_place(buffers.next()?, &mut end)?;
            if ![0, length.div_ceil(8)].contains(&validity.len()) {
                return None;
            }
            let Some(width) = width else { continue };
            let found = next_place(buffers.next()?, &mut end)?;
            if found.len() != length.checked_mul(width)? {
                return None;
            }
            *place = body.checked_add(found.start)?;
        }
        if buffers.next().is_some() || usize::try_from(message.bodyLength()) != Ok(end) {
            return None;
        }
        let [keys, views, _, features, crcs] = places;
        Some(Batch { start, end: body.checked_add(end)?, rows, keys, views, features, crcs })
    }

    /// The first place from `at` on where a batch begins of which some row holds.
    pub(crate) fn next_sound(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let mut from = at;
        while let Some(found) = bytes.get(from..)?.windows(MARKER.len()).position(|window| window == MARKER) {
            let place = from + found;
            match self.message(bytes, place) {
                Ok((Message::Rows(batch), _)) if self.any_holds(bytes, &batch) => return Some(place),
                _ => from = place + 1,
            }
        }
        None
    }
}

fn take(bytes: &[u8], at: usize, length: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(length)?)
}

/// A buffer must begin where the one before it ended, and moves `end` past itself and its padding.
fn next_place(buffer: &arrow_ipc::Buffer, end: &mut usize) -> Option<Range<usize>> {
    let start = usize::try_from(buffer.offset()).ok().filter(|start| start == end)?;
    let stop = start.checked_add(usize::try_from(buffer.length()).ok()?)?;
    *end = stop.checked_next_multiple_of(ALIGN)?;
    Some(start..stop)
}

fn read_header(message: &arrow_ipc::Message<'_>) -> Option<Header> {
    let pairs = message.header_as_schema()?.custom_metadata()?;
    let pairs = pairs.iter().filter_map(|pair| Some((pair.key()?.to_owned(), pair.value()?.to_owned())));
    let metadata: BTreeMap<_, _> = pairs.collect();
    let fingerprint = metadata.get(FINGERPRINT).cloned().unwrap_or_default();
    Some(Header { provenance: Provenance::from_metadata(&metadata), fingerprint })
}

/// A number of which any bytes are one.
trait Plain {}
impl Plain for u16 {}
impl Plain for f32 {}

/// Stored bytes as numbers, if they stand where this machine can take them as such.
fn aligned<T: Plain>(stored: &[u8]) -> Option<&[T]> {
    // SAFETY: any bytes are a `T`, by its being `Plain`.
    let (before, numbers, after) = unsafe { stored.align_to::<T>() };
    (before.is_empty() && after.is_empty() && cfg!(target_endian = "little")).then_some(numbers)
}
