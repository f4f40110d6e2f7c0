//! Unpacks strips and tiles.

use std::io::Read;

use flate2::{Decompress, FlushDecompress, Status};
use weezl::BitOrder;

use super::super::{Limits, jpeg};
use super::page::{Compression, Page, Part};
use super::{Fault, coded, fax, samples};

/// Working space and what all parts share.
pub(super) struct Unpacker<'a, 'p> {
    pub page: &'a Page<'p>,
    pub limits: &'a Limits,
    pub jpeg: &'a mut jpeg::Space,
    /// A part that was JPEG.
    pub rgb: Vec<u8>,
}

impl Unpacker<'_, '_> {
    /// Unpack a part into rows of samples, as an uncompressed file has them.
    pub(super) fn unpack<'o>(&mut self, part: &Part, out: &'o mut Vec<u8>) -> Result<&'o [u8], Fault> {
        let page = self.page;
        let packed = page.packed(part)?;
        let row_bytes = page.row_bytes(part.size.0);
        out.clear();
        out.resize(row_bytes * part.size.1, 0);
        if page.compression == Compression::Jpeg {
            coded::unpack(self, part, packed, out)?;
            return Ok(out);
        }
        let turned: Vec<u8>;
        let packed = match page.reversed {
            true => {
                turned = packed.iter().map(|byte| byte.reverse_bits()).collect();
                &turned
            }
            false => packed,
        };
        match page.compression {
            Compression::None => out.copy_from_slice(packed),
            Compression::Fax(kind) => fax::unpack(packed, kind, part.size, out)?,
            Compression::Lzw => lzw(packed, out)?,
            Compression::Deflate => deflate(packed, out)?,
            Compression::PackBits => pack_bits(packed, out)?,
            Compression::Zstd => zstd(packed, out)?,
            Compression::Jpeg => unreachable!("done above"),
        }
        if page.predictor {
            samples::add_up(out, row_bytes, page.together(), page.bits, page.order);
        }
        Ok(out)
    }
}

const SHORT: Fault = Fault::Damaged("a strip or tile ends before its last row");

fn lzw(packed: &[u8], mut out: &mut [u8]) -> Result<(), Fault> {
    if let [0, second, ..] = packed
        && second & 1 == 1
    {
        return Err(Fault::Unsupported("a TIFF with LZW compression of the old kind".to_owned()));
    }
    let mut decoder = weezl::decode::Decoder::with_tiff_size_switch(BitOrder::Msb, 8);
    let mut rest = packed;
    // The end code is not asked for: not every writer sets it, and whoever has all pixels needs it no more.
    while !out.is_empty() {
        let step = decoder.decode_bytes(rest, out);
        step.status.map_err(|_| Fault::Damaged("an LZW code that means nothing"))?;
        if step.consumed_in == 0 && step.consumed_out == 0 {
            return Err(SHORT);
        }
        rest = &rest[step.consumed_in..];
        out = &mut out[step.consumed_out..];
    }
    Ok(())
}

fn deflate(packed: &[u8], out: &mut [u8]) -> Result<(), Fault> {
    let mut decoder = Decompress::new(true);
    loop {
        let (read, written) = (decoder.total_in() as usize, decoder.total_out() as usize);
        if written == out.len() {
            return Ok(());
        }
        let status = decoder.decompress(&packed[read..], &mut out[written..], FlushDecompress::None);
        let status = status.map_err(|_| Fault::Damaged("its Deflate data contradict themselves"))?;
        let stuck = (decoder.total_in() as usize, decoder.total_out() as usize) == (read, written);
        if (stuck || status == Status::StreamEnd) && (decoder.total_out() as usize) < out.len() {
            return Err(SHORT);
        }
    }
}

fn pack_bits(mut packed: &[u8], mut out: &mut [u8]) -> Result<(), Fault> {
    while !out.is_empty() {
        let (&count, rest) = packed.split_first().ok_or(SHORT)?;
        packed = rest;
        match count {
            // So many bytes and one more.
            0..=127 => {
                let count = usize::from(count) + 1;
                let literal = packed.get(..count).ok_or(SHORT)?;
                let fits = count.min(out.len());
                out[..fits].copy_from_slice(&literal[..fits]);
                (packed, out) = (&packed[count..], &mut out[fits..]);
            }
            // Does nothing.
            128 => {}
            // The next byte, 257 less so many times.
            129..=255 => {
                let (&value, rest) = packed.split_first().ok_or(SHORT)?;
                let fits = (257 - usize::from(count)).min(out.len());
                out[..fits].fill(value);
                (packed, out) = (rest, &mut out[fits..]);
            }
        }
    }
    Ok(())
}

fn zstd(packed: &[u8], out: &mut [u8]) -> Result<(), Fault> {
    const WRONG: Fault = Fault::Damaged("its Zstandard data contradict themselves");
    let mut decoder = ruzstd::decoding::StreamingDecoder::new(packed).map_err(|_| WRONG)?;
    decoder.read_exact(out).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => SHORT,
        _ => WRONG,
    })
}
