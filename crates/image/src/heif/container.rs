//! The items of a file: images, tiles, what belongs to what.
//!
//! # Source
//! ISO/IEC 14496-12, section 8.11 (`meta` and what is in it); ISO/IEC 23008-12:2022, sections 6.4, 9.3 and 9.4.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::boxes::{self, Kind, Reader};
use super::fault::{Fault, Result, damaged, unsupported};
use super::property::Property;

/// More parts than any picture has. Their lengths may have no bytes, so that a small file could claim billions.
const MOST_EXTENTS: usize = 1 << 17;

/// One item: an image, a tile, metadata.
#[derive(Debug, Default)]
pub(super) struct Item {
    /// Such as `av01`, `hvc1` or `grid`.
    pub kind: Kind,
    source: Source,
    extents: Vec<Extent>,
    /// Places in the list of properties, and whether one who does not know it must leave the image alone.
    properties: Vec<(usize, bool)>,
}

/// What an item's offsets count from.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Source {
    #[default]
    File,
    Idat,
    Item,
}

#[derive(Debug, Clone, Copy)]
struct Extent {
    offset: u64,
    /// 0: to the end.
    length: u64,
}

/// One item refers to others.
#[derive(Debug)]
struct Reference {
    kind: Kind,
    from: u32,
    to: Vec<u32>,
}

/// A file, taken apart; nothing is decoded.
#[derive(Debug, Default)]
pub(super) struct Container<'a> {
    file: &'a [u8],
    idat: &'a [u8],
    primary: Option<u32>,
    items: BTreeMap<u32, Item>,
    references: Vec<Reference>,
    properties: Vec<Property>,
}

impl<'a> Container<'a> {
    /// Take a file apart.
    ///
    /// # Errors
    /// [`Fault::CutOff`], [`Fault::Damaged`], and [`Fault::Unsupported`] for a film without a still image.
    pub(super) fn read(file: &'a [u8]) -> Result<Self> {
        let top = boxes::of_file(file)?;
        let Some(meta) = top.iter().find(|b| b.kind == *b"meta") else {
            return match top.iter().any(|b| b.kind == *b"moov") {
                true => unsupported("a sequence of frames and no still image"),
                // What announces the items comes before their data.
                false if top.iter().all(|b| b.kind == *b"ftyp") => Err(Fault::CutOff),
                false => damaged("it has no box `meta`"),
            };
        };
        let mut container = Self { file, ..Self::default() };
        let (reader, ..) = Reader::full(meta.body)?;
        let parts = boxes::within(reader.rest)?;
        // Properties are told apart by item, so the items come first, whatever the order in the file.
        let (kinds, others): (Vec<_>, Vec<_>) = parts.into_iter().partition(|part| part.kind == *b"iinf");
        for part in [kinds, others].concat() {
            container.part(part.kind, part.body)?;
        }
        Ok(container)
    }

    fn part(&mut self, kind: Kind, body: &'a [u8]) -> Result<()> {
        match &kind {
            b"idat" => self.idat = body,
            b"iinf" => self.item_kinds(body)?,
            b"iloc" => self.locations(body)?,
            b"iref" => self.read_references(body)?,
            b"iprp" => self.read_properties(body)?,
            b"pitm" => {
                let (mut reader, version, _) = Reader::full(body)?;
                self.primary = Some(reader.either(version > 0)?);
            }
            _ => {}
        }
        Ok(())
    }

    fn item_kinds(&mut self, body: &[u8]) -> Result<()> {
        let (mut reader, version, _) = Reader::full(body)?;
        reader.either(version > 0)?;
        for entry in boxes::within(reader.rest)?.into_iter().filter(|entry| entry.kind == *b"infe") {
            let (mut reader, version, _) = Reader::full(entry.body)?;
            if version < 2 {
                continue; // Items of files that are no pictures.
            }
            let id = reader.either(version > 2)?;
            reader.u16()?; // Protection; what is encrypted does not decode.
            self.items.entry(id).or_default().kind = reader.kind()?;
        }
        Ok(())
    }

    fn locations(&mut self, body: &[u8]) -> Result<()> {
        let (mut reader, version, _) = Reader::full(body)?;
        let (sizes, more) = (reader.u8()?, reader.u8()?);
        let (offset_size, length_size, base_size) = (sizes >> 4, sizes & 15, more >> 4);
        let index_size = if version > 0 { more & 15 } else { 0 };
        if [offset_size, length_size, base_size, index_size].iter().any(|&size| size > 8) {
            return damaged("`iloc` has numbers of more than eight bytes");
        }
        let mut extents = 0;
        for _ in 0..reader.either(version > 1)? {
            let id = reader.either(version > 1)?;
            let source = if version > 0 { reader.u16()? & 15 } else { 0 };
            reader.u16()?; // Of several files the one meant; there is one.
            let base = reader.uint(base_size)?;
            let count = usize::from(reader.u16()?);
            extents += count.max(1);
            if extents > MOST_EXTENTS {
                return damaged("`iloc` claims more parts than a picture has");
            }
            // One without an entry in `iinf` is nothing that is ever asked for.
            let item = self.items.entry(id).or_default();
            item.source =
                [Source::File, Source::Idat].get(usize::from(source)).copied().unwrap_or(Source::Item);
            item.extents.clear();
            for _ in 0..count {
                reader.uint(index_size)?;
                let offset = base.saturating_add(reader.uint(offset_size)?);
                item.extents.push(Extent { offset, length: reader.uint(length_size)? });
            }
        }
        Ok(())
    }

    fn read_references(&mut self, body: &[u8]) -> Result<()> {
        let (reader, version, _) = Reader::full(body)?;
        for entry in boxes::within(reader.rest)? {
            let mut reader = Reader::new(entry.body);
            let from = reader.either(version > 0)?;
            let count = reader.u16()?;
            let to = (0..count).map(|_| reader.either(version > 0)).collect::<Result<_>>()?;
            self.references.push(Reference { kind: entry.kind, from, to });
        }
        Ok(())
    }

    fn read_properties(&mut self, body: &[u8]) -> Result<()> {
        for part in boxes::within(body)? {
            match &part.kind {
                b"ipco" => {
                    for property in boxes::within(part.body)? {
                        self.properties.push(Property::read(property)?);
                    }
                }
                b"ipma" => self.associations(part.body)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn associations(&mut self, body: &[u8]) -> Result<()> {
        let (mut reader, version, flags) = Reader::full(body)?;
        let wide = flags & 1 == 1;
        for _ in 0..reader.u32()? {
            let id = reader.either(version > 0)?;
            for _ in 0..reader.u8()? {
                let number = if wide { reader.u16()? } else { reader.u8()?.into() };
                let essential = number & if wide { 0x8000 } else { 0x80 } != 0;
                let index = usize::from(number & if wide { 0x7fff } else { 0x7f });
                // They are counted from 1; 0 is none.
                if let (Some(index), Some(item)) = (index.checked_sub(1), self.items.get_mut(&id)) {
                    item.properties.push((index, essential));
                }
            }
        }
        Ok(())
    }

    /// The image that stands for the file.
    pub(super) fn primary(&self) -> Result<u32> {
        let Some(primary) = self.primary else { return damaged("it does not say which image is meant") };
        self.item(primary)?;
        Ok(primary)
    }

    pub(super) fn item(&self, id: u32) -> Result<&Item> {
        match self.items.get(&id) {
            Some(item) => Ok(item),
            None => damaged(format!("item {id} is missing")),
        }
    }

    /// What is said of an item, in order.
    ///
    /// # Errors
    /// [`Fault::Unsupported`] if one that may not be left aside is not known here.
    pub(super) fn properties(&self, id: u32) -> Result<Vec<&Property>> {
        let mut found = vec![];
        for &(index, essential) in &self.item(id)?.properties {
            let Some(property) = self.properties.get(index) else {
                return damaged("an image has a property that is missing");
            };
            match property.unknown() {
                Some(name) if essential => return unsupported(format!("the property `{name}`")),
                Some(_) => {}
                None => found.push(property),
            }
        }
        Ok(found)
    }

    /// The items that `id` refers to as `kind`, in order.
    pub(super) fn from(&self, id: u32, kind: &Kind) -> &[u32] {
        let found = self.references.iter().find(|reference| reference.from == id && reference.kind == *kind);
        found.map_or(&[], |reference| &reference.to)
    }

    /// The items that refer to `id` as `kind`.
    pub(super) fn to(&self, id: u32, kind: &Kind) -> impl Iterator<Item = u32> {
        let refers = move |reference: &&Reference| reference.kind == *kind && reference.to.contains(&id);
        self.references.iter().filter(refers).map(|reference| reference.from)
    }

    /// An item's data, put together.
    ///
    /// # Errors
    /// [`Fault::CutOff`] if they lie beyond the end of the file, [`Fault::Damaged`], or [`Fault::Unsupported`].
    pub(super) fn data(&self, id: u32) -> Result<Cow<'a, [u8]>> {
        let item = self.item(id)?;
        let (whole, beyond) = match item.source {
            Source::File => (self.file, Fault::CutOff),
            Source::Idat => (self.idat, Fault::Damaged("an item lies beyond the end of `idat`".into())),
            Source::Item => return unsupported("images that are made of parts of other items"),
        };
        let mut parts = Vec::with_capacity(item.extents.len());
        for extent in &item.extents {
            match part(whole, extent) {
                Some(part) => parts.push(part),
                None => return Err(beyond),
            }
        }
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if length > self.file.len() {
            return damaged("an item is longer than the file");
        }
        match parts[..] {
            [] => damaged(format!("item {id} has no data")),
            [one] => Ok(one.into()),
            _ => Ok(parts.concat().into()),
        }
    }
}

fn part<'a>(whole: &'a [u8], &Extent { offset, length }: &Extent) -> Option<&'a [u8]> {
    let start = usize::try_from(offset).ok()?;
    match length {
        0 => whole.get(start..).filter(|part| !part.is_empty()),
        length => whole.get(start..start.checked_add(usize::try_from(length).ok()?)?),
    }
}
