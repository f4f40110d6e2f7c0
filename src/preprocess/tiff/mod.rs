//! TIFF: the first page, with Pillow's pixels.

mod directory;

use directory::Directory;

/// What is wrong with a file.
#[derive(Debug)]
pub(super) enum Fault {
    /// Its data end before the image does.
    Early,
    /// They contradict the format.
    Damaged(&'static str),
}

mod tag {
    pub const COMPRESSION: u16 = 259;
    pub const FILL_ORDER: u16 = 266;
    pub const EXTRA_SAMPLES: u16 = 338;
    pub const SUB_PAGES: u16 = 330;
    pub const DNG_VERSION: u16 = 50_706;
}

/// Whether the pixels of a file that 0.1.0 decoded may differ from those that it has now: see
/// [`changed`](super::changed).
pub(super) fn differs_since_0_1_0(bytes: &[u8]) -> bool {
    let differs = || {
        let page = Directory::first(bytes)?;
        let number = |tag, missing| Ok::<_, Fault>(page.number(tag)?.unwrap_or(missing));
        let alpha = page.numbers(tag::EXTRA_SAMPLES)?.unwrap_or_default();
        // 0.1.0 read bits in the one order only, had another JPEG decoder, multiplied colours with their alpha twice,
        // and took the thumbnail of a raw photo for the photo.
        Ok::<_, Fault>(
            number(tag::FILL_ORDER, 1)? != 1
                || number(tag::COMPRESSION, 1)? == 7
                || page.has(tag::SUB_PAGES)
                || page.has(tag::DNG_VERSION)
                || alpha.iter().any(|&kind| kind != 0 && kind != 2),
        )
    };
    differs().unwrap_or(true)
}
