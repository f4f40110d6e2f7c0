//! The fields of EXIF and TIFF, read as leniently and as strictly as Pillow 13 does (`ImageFileDirectory_v2.load`).

use image::metadata::Orientation;

const ORIENTATION: u16 = 274;
const XMP: u16 = 700;
/// What stands before EXIF in a JPEG, and by mistake elsewhere.
const PREFIX: &[u8] = b"Exif\0\0";

/// The orientation in a block of EXIF: none if it has no such field, or is no EXIF.
pub(super) fn of_block(block: &[u8]) -> Option<Orientation> {
    let once = block.strip_prefix(PREFIX).unwrap_or(block);
    let tiff = once.strip_prefix(PREFIX).unwrap_or(once);
    let order = match tiff.first_chunk()? {
        b"II*\0" | b"II\0*" => Order::Little,
        b"MM\0*" | b"MM*\0" => Order::Big,
        _ => return None,
    };
    let start = order.unsigned(tiff.get(4..8)?);
    Directory { tiff, order, wide: false, start }.orientation()
}

/// The orientation of the first page of a TIFF file.
pub(super) fn of_tiff(tiff: &[u8]) -> Option<Orientation> {
    Directory::first(tiff)?.orientation()
}

/// The XMP of the first page of a TIFF file.
pub(super) fn xmp_of_tiff(tiff: &[u8]) -> Option<&[u8]> {
    Directory::first(tiff)?.find(XMP).map(|(_, value)| value)
}

/// A list of fields.
#[derive(Clone, Copy)]
struct Directory<'a> {
    /// What offsets count in.
    tiff: &'a [u8],
    order: Order,
    /// Whether it is BigTIFF, with numbers of 64 bits.
    wide: bool,
    start: u64,
}

impl<'a> Directory<'a> {
    fn first(tiff: &'a [u8]) -> Option<Self> {
        let (order, wide) = match tiff.first_chunk()? {
            b"II*\0" => (Order::Little, false),
            b"MM\0*" => (Order::Big, false),
            b"II+\0" => (Order::Little, true),
            b"MM\0+" => (Order::Big, true),
            _ => return None,
        };
        let start = order.unsigned(if wide { tiff.get(8..16)? } else { tiff.get(4..8)? });
        Some(Self { tiff, order, wide, start })
    }

    fn orientation(&self) -> Option<Orientation> {
        let (kind, value) = self.find(ORIENTATION)?;
        let number = self.order.number(kind, value).and_then(|number| u8::try_from(number).ok());
        // The field is there, so nothing else is asked, whatever it says.
        Some(number.and_then(Orientation::from_exif).unwrap_or(Orientation::NoTransforms))
    }

    /// Type and bytes of the field `tag`.
    ///
    /// Of several the first one that has a value counts. A value that lies beyond the end ends the list, as in Pillow.
    fn find(&self, tag: u16) -> Option<(u16, &'a [u8])> {
        let Self { tiff, order, wide, start } = *self;
        let start = usize::try_from(start).ok()?;
        let (count_bytes, entry_bytes, inline) = if wide { (8, 20, 8) } else { (2, 12, 4) };
        let entries = order.unsigned(tiff.get(start..start.checked_add(count_bytes)?)?);
        // An entry takes bytes, so the file's end bounds the loop.
        let list = &tiff[start + count_bytes..];
        let entries = usize::try_from(entries).unwrap_or(usize::MAX);
        let mut elsewhere = 0_u64;
        for entry in list.chunks_exact(entry_bytes).take(entries) {
            let kind = order.unsigned(&entry[2..4]) as u16;
            let Some(unit) = size_of_kind(kind) else { continue };
            let count = order.unsigned(&entry[4..entry_bytes - inline]);
            let size = count.saturating_mul(unit);
            let field = &entry[entry_bytes - inline..];
            let value = if size <= inline as u64 {
                &field[..size as usize]
            } else {
                let offset = order.unsigned(field);
                elsewhere = elsewhere.saturating_add(size);
                if offset >= 1 << 63 || elsewhere > tiff.len() as u64 {
                    continue;
                }
                let offset = usize::try_from(offset).ok()?;
                tiff.get(offset..offset.checked_add(size as usize)?)?
            };
            if order.unsigned(&entry[..2]) == u64::from(tag) && !value.is_empty() {
                return Some((kind, value));
            }
        }
        None
    }
}

/// Bytes of a value of this type; none for a type that Pillow does not know.
fn size_of_kind(kind: u16) -> Option<u64> {
    Some(match kind {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16 => 8,
        _ => return None,
    })
}

#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

impl Order {
    /// Up to eight bytes as a number.
    fn unsigned(self, bytes: &[u8]) -> u64 {
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        match self {
            Self::Little => bytes.iter().rev().fold(0, add),
            Self::Big => bytes.iter().fold(0, add),
        }
    }

    /// The first of the values, if it is a whole number of a type that Pillow takes for one. Bytes and text are none.
    fn number(self, kind: u16, values: &[u8]) -> Option<i64> {
        let value = |size: usize| values.get(..size).map(|bytes| self.unsigned(bytes));
        let whole = |number: f64| (number.fract() == 0.0 && number.abs() < 1e9).then_some(number as i64);
        let quotient = |above: i64, below: i64| (below != 0 && above % below == 0).then(|| above / below);
        match kind {
            3 => value(2).map(|bits| bits as i64),
            4 | 13 => value(4).map(|bits| bits as i64),
            6 => value(1).map(|bits| i64::from(bits as i8)),
            8 => value(2).map(|bits| i64::from(bits as i16)),
            9 => value(4).map(|bits| i64::from(bits as i32)),
            16 => value(8).and_then(|bits| i64::try_from(bits).ok()),
            11 => value(4).and_then(|bits| whole(f32::from_bits(bits as u32).into())),
            12 => value(8).and_then(|bits| whole(f64::from_bits(bits))),
            5 | 10 => {
                let (above, below) =
                    (self.unsigned(values.get(..4)?) as u32, self.unsigned(values.get(4..8)?) as u32);
                match kind {
                    5 => quotient(above.into(), below.into()),
                    _ => quotient((above as i32).into(), (below as i32).into()),
                }
            }
            _ => None,
        }
    }
}
