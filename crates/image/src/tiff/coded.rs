//! Strips and tiles that are JPEG files.
//!
//! Their tables may stand in a field of the page, and their colours are what the page says, whatever they say themselves.
//!
//! Source: TIFF Technical Note 2, Adobe 1995; libtiff for what it leaves open.

use image::metadata::Orientation;

use super::super::jpeg;
use super::Fault;
use super::page::Part;
use super::unpack::Unpacker;

/// Unpack a part into rows of samples, as an uncompressed file has them.
pub(super) fn unpack(
    unpacker: &mut Unpacker<'_, '_>,
    part: &Part,
    packed: &[u8],
    out: &mut [u8],
) -> Result<(), Fault> {
    let page = unpacker.page;
    let file = whole_file(page.jpeg_tables, packed);
    let rgb = &mut unpacker.rgb;
    let header = jpeg::decode_as(
        &file,
        Some(page.coded),
        Orientation::NoTransforms,
        |_| None,
        unpacker.limits,
        unpacker.jpeg,
        rgb,
    );
    let (width, height) = header.map_err(|error| Fault::Part(Box::new(error)))?.decoded;
    if width < part.size.0 || height < part.size.1 {
        return Err(Fault::Damaged("a strip or tile is smaller than it should be"));
    }
    // One sample of grey, which has three equal ones, or all three.
    let together = page.together();
    let rows = out.chunks_exact_mut(part.size.0 * together).zip(rgb.chunks_exact(width * 3));
    for (row, pixels) in rows {
        let (pixels, _) = pixels.as_chunks::<3>();
        for (samples, pixel) in row.chunks_exact_mut(together).zip(pixels) {
            samples.copy_from_slice(&pixel[..together]);
        }
    }
    Ok(())
}

/// A file of its own, the tables first.
fn whole_file(tables: &[u8], packed: &[u8]) -> Vec<u8> {
    let mut file = b"\xff\xd8".to_vec();
    copy_segments(tables, &mut file);
    let scan = copy_segments(packed, &mut file);
    file.extend_from_slice(scan);
    // Some writers leave it out, and twice does no harm.
    file.extend(b"\xff\xd9");
    file
}

/// Copy the segments but those of applications and comments, and return the rest, from the first scan on.
fn copy_segments<'a>(jpeg: &'a [u8], file: &mut Vec<u8>) -> &'a [u8] {
    let mut rest = jpeg;
    loop {
        match rest {
            [0xff, 0xff, ..] => rest = &rest[1..],
            [0xff, 0xd8 | 0xd9, ..] => rest = &rest[2..],
            // What is no segment is left for the decoder to judge.
            [0xff, marker @ 0xc0..=0xfe, upper, lower, ..] if *marker != 0xda => {
                let length = 2 + usize::from(u16::from_be_bytes([*upper, *lower]));
                let Some((segment, behind)) = rest.split_at_checked(length) else { return rest };
                if !matches!(marker, 0xe0..=0xef | 0xfe) {
                    file.extend_from_slice(segment);
                }
                rest = behind;
            }
            _ => return rest,
        }
    }
}
