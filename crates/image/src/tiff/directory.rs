//! A TIFF's list of fields, in either byte order, with offsets of 32 or (BigTIFF) 64 bits.
//!
//! Source: TIFF 6.0, section 2; the BigTIFF design of Aware Systems.

use super::Fault;

/// The fields of one page.
#[derive(Debug, Clone)]
pub(super) struct Directory<'a> {
    pub file: &'a [u8],
    pub order: Order,
    big: bool,
    fields: Vec<Field>,
    /// Where the next page's list begins; 0 if there is none.
    next: u64,
}

#[derive(Debug, Clone, Copy)]
struct Field {
    tag: u16,
    kind: u16,
    count: u64,
    /// Where the values are, or the offset to them if they take more room than that.
    at: usize,
}

/// The order of a number's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

/// Fields of a page; the older kind of TIFF has no room for more.
const MOST_FIELDS: u64 = u16::MAX as u64;

/// Values of a field that are not one for each strip or tile: twice as many as any has by right.
const MOST_VALUES: u64 = 1 << 17;

/// Lists that are followed from page to page and into sub-pages. More are in no photo, and a ring of them has no end.
const MOST_PAGES: usize = 64;

impl<'a> Directory<'a> {
    /// The fields of the first page.
    pub(super) fn first(file: &'a [u8]) -> Result<Self, Fault> {
        let (order, big) = match file {
            [b'I', b'I', 42, 0, ..] => (Order::Little, false),
            [b'M', b'M', 0, 42, ..] => (Order::Big, false),
            [b'I', b'I', 43, 0, ..] => (Order::Little, true),
            [b'M', b'M', 0, 43, ..] => (Order::Big, true),
            _ => return Err(Fault::Damaged("its first bytes are not those of a TIFF")),
        };
        let start = order.unsigned(file, if big { 8 } else { 4 }, width(big)).ok_or(Fault::Early)?;
        Self::read(file, order, big, start)
    }

    fn read(file: &'a [u8], order: Order, big: bool, start: u64) -> Result<Self, Fault> {
        let start = usize::try_from(start).map_err(|_| Fault::Early)?;
        let count_width = if big { 8 } else { 2 };
        let count = order.unsigned(file, start, count_width).ok_or(Fault::Early)?;
        if count > MOST_FIELDS {
            return Err(Fault::Damaged("it has too many fields"));
        }
        let size = if big { 20 } else { 12 };
        let begin = start + count_width;
        let length = usize::try_from(count).ok().and_then(|count| count.checked_mul(size));
        let end = length.and_then(|length| begin.checked_add(length)).ok_or(Fault::Early)?;
        let next = order.unsigned(file, end, width(big)).ok_or(Fault::Early)?;
        let field = |at: usize| {
            Some(Field {
                tag: order.unsigned(file, at, 2)? as u16,
                kind: order.unsigned(file, at + 2, 2)? as u16,
                count: order.unsigned(file, at + 4, width(big))?,
                at: at + 4 + width(big),
            })
        };
        let fields = (begin..end).step_by(size).map_while(field).collect();
        Ok(Self { file, order, big, fields, next })
    }

    /// This page, all that follow it, and all that are below one of them (fields 330), as far as they can be read.
    pub(super) fn family(&self) -> Vec<Self> {
        const SUB_PAGES: u16 = 330;
        let mut family = vec![self.clone()];
        let mut seen = vec![];
        let mut at = 0;
        while let Some(page) = family.get(at) {
            let below = page.numbers_up_to(SUB_PAGES, MOST_PAGES as u64).ok().flatten().unwrap_or_default();
            let others: Vec<u64> = below.into_iter().chain([page.next]).filter(|&start| start != 0).collect();
            for start in others {
                if family.len() < MOST_PAGES && !seen.contains(&start) {
                    seen.push(start);
                    family.extend(Self::read(self.file, self.order, self.big, start));
                }
            }
            at += 1;
        }
        family
    }

    pub(super) fn has(&self, tag: u16) -> bool {
        self.fields.iter().any(|field| field.tag == tag)
    }

    /// The first value of a field of whole numbers.
    pub(super) fn number(&self, tag: u16) -> Result<Option<u64>, Fault> {
        Ok(self.numbers_up_to(tag, 1)?.and_then(|values| values.first().copied()))
    }

    /// All values of a field of whole numbers.
    pub(super) fn numbers(&self, tag: u16) -> Result<Option<Vec<u64>>, Fault> {
        self.numbers_up_to(tag, MOST_VALUES)
    }

    /// The first values of a field of whole numbers, at most so many.
    pub(super) fn numbers_up_to(&self, tag: u16, most: u64) -> Result<Option<Vec<u64>>, Fault> {
        let Some(field) = self.find(tag) else { return Ok(None) };
        let width = match field.kind {
            // BYTE and UNDEFINED; SHORT; LONG and IFD; LONG8 and IFD8.
            1 | 7 => 1,
            3 => 2,
            4 | 13 => 4,
            16 | 18 => 8,
            _ => return Err(Fault::Damaged("a number is stored as another type")),
        };
        let count = field.count.min(most);
        let bytes = self.values(field, width, count)?;
        let value = |bytes: &[u8]| self.order.unsigned(bytes, 0, width).unwrap_or_default();
        Ok(Some(bytes.chunks_exact(width).map(value).collect()))
    }

    /// The bytes of a field of bytes or text.
    pub(super) fn bytes(&self, tag: u16) -> Result<Option<&'a [u8]>, Fault> {
        let Some(field) = self.find(tag) else { return Ok(None) };
        match field.kind {
            1 | 2 | 7 => self.values(field, 1, field.count).map(Some),
            _ => Err(Fault::Damaged("bytes are stored as another type")),
        }
    }

    fn find(&self, tag: u16) -> Option<Field> {
        self.fields.iter().copied().find(|field| field.tag == tag)
    }

    /// The first `count` values of a field, each of `width` bytes.
    fn values(&self, field: Field, width_of_one: usize, count: u64) -> Result<&'a [u8], Fault> {
        let bytes =
            |count: u64| count.checked_mul(width_of_one as u64).and_then(|all| usize::try_from(all).ok());
        let room = width(self.big);
        // Whether they are here or elsewhere depends on all of them, however many are wanted.
        let here = bytes(field.count).is_some_and(|all| all <= room);
        let start = match here {
            true => Some(field.at),
            false => self.order.unsigned(self.file, field.at, room).and_then(|at| usize::try_from(at).ok()),
        };
        let range = start.zip(bytes(count)).and_then(|(start, all)| Some(start..start.checked_add(all)?));
        range.and_then(|range| self.file.get(range)).ok_or(Fault::Early)
    }
}

/// Bytes of an offset.
fn width(big: bool) -> usize {
    if big { 8 } else { 4 }
}

impl Order {
    /// The number in the `width` bytes from `at` on.
    pub(super) fn unsigned(self, bytes: &[u8], at: usize, width: usize) -> Option<u64> {
        let bytes = bytes.get(at..at.checked_add(width)?)?;
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(match self {
            Self::Little => bytes.iter().rev().fold(0, add),
            Self::Big => bytes.iter().fold(0, add),
        })
    }
}
