//! Raw photos, most of which are TIFF: their first page is a thumbnail, or numbers of a sensor that are no picture yet.
//!
//! Source: the DNG specification 1.7, Adobe; TIFF/EP; the numbers of makers' own compressions as ExifTool documents them.

use super::directory::Directory;
use super::page::tag;

const DNG_VERSION: u16 = 50_706;
const MAKE: u16 = 271;
const MODEL: u16 = 272;

/// `a raw photo (…)`, if it is one.
pub(super) fn name(first: &Directory<'_>) -> Option<String> {
    if first.has(DNG_VERSION) {
        return Some("a raw photo (DNG)".to_owned());
    }
    if !first.family().iter().any(holds_a_sensor) {
        return None;
    }
    let text = |tag| first.bytes(tag).ok().flatten().unwrap_or_default();
    let maker = String::from_utf8_lossy(text(MAKE)).to_ascii_uppercase();
    let model = String::from_utf8_lossy(text(MODEL)).to_ascii_uppercase();
    const MAKERS: [(&str, &str); 14] = [
        ("NIKON", "Nikon NEF"),
        ("CANON", "Canon CR2"),
        ("SONY", "Sony ARW"),
        ("PENTAX", "Pentax PEF"),
        ("RICOH", "Pentax PEF"),
        ("SAMSUNG", "Samsung SRW"),
        ("HASSELBLAD", "Hasselblad 3FR"),
        ("PHASE ONE", "Phase One IIQ"),
        ("LEAF", "Leaf MOS"),
        ("MAMIYA", "Mamiya MEF"),
        ("EPSON", "Epson ERF"),
        ("SEIKO EPSON", "Epson ERF"),
        ("KODAK", "Kodak DCR"),
        ("EASTMAN KODAK", "Kodak DCR"),
    ];
    let by = |words: &str| MAKERS.iter().find(|(maker, _)| words.trim_start().starts_with(maker));
    let found = by(&maker).or_else(|| by(&model));
    Some(found.map_or_else(|| "a raw photo".to_owned(), |(_, name)| format!("a raw photo ({name})")))
}

/// Whether a page holds the numbers of a sensor.
fn holds_a_sensor(page: &Directory<'_>) -> bool {
    let number = |tag| page.number(tag).ok().flatten();
    // A mosaic of colours, and what was made of it without developing it.
    let colours = matches!(number(tag::PHOTOMETRIC), Some(32_803 | 34_892));
    // Of Sony, packed, of Samsung, Nikon, Kodak (two) and Pentax.
    let packed = matches!(
        number(tag::COMPRESSION),
        Some(32_767 | 32_769 | 32_770 | 34_713 | 32_867 | 65_000 | 65_535)
    );
    colours || packed
}
