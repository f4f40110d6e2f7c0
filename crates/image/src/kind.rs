//! What a file is, judged by its first bytes.

use std::fmt;

use super::{bmp, pnm};

/// An image format that is decoded here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JPEG, baseline and progressive.
    Jpeg,
    /// PNG; of an animated one the default image.
    Png,
    /// GIF; of an animated one the first frame.
    Gif,
    /// WebP, lossy and lossless; of an animated one the first frame.
    Webp,
    /// Windows bitmap.
    Bmp,
    /// TIFF; of several pages the first.
    Tiff,
    /// PBM, PGM and PPM, plain and binary; of several images the first.
    Pnm,
    /// HEIC, if libheif is installed; of several images the primary one.
    Heic,
    /// AVIF; of several images the primary one.
    Avif,
    /// JPEG XL; of an animated one the first frame.
    JpegXl,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Gif => "GIF",
            Self::Webp => "WebP",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
            Self::Pnm => "PNM",
            Self::Heic => "HEIC",
            Self::Avif => "AVIF",
            Self::JpegXl => "JPEG XL",
        })
    }
}

/// What the first bytes of a file say that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// An image that is decoded here.
    Image(Format),
    /// An image of another format, by its name.
    OtherImage(&'static str),
    /// No image: a phrase such as `a PDF document`.
    Other(&'static str),
    /// Bytes of no kind that is known here.
    Unknown,
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(format) => write!(f, "an image ({format})"),
            Self::OtherImage(name) => write!(f, "an image ({name})"),
            Self::Other(phrase) => f.write_str(phrase),
            Self::Unknown => f.write_str("bytes of an unknown kind"),
        }
    }
}

/// How far text is looked at: a drawing may begin with a long comment.
const LOOK: usize = 4096;

/// Say what a file is by its first bytes; 4096 of them are enough.
pub fn sniff(bytes: &[u8]) -> FileKind {
    let head = &bytes[..bytes.len().min(LOOK)];
    if head.is_empty() {
        return FileKind::Other("an empty file");
    }
    by_signature(head)
        .or_else(|| by_shape(head))
        .or_else(|| further_in(head))
        .or_else(|| by_brand(head))
        .or_else(|| by_text(head))
        .unwrap_or(if head.iter().all(|&byte| byte == 0) {
            FileKind::Other("nothing but zeros")
        } else {
            FileKind::Unknown
        })
}

/// Formats that begin with bytes of their own.
fn by_signature(head: &[u8]) -> Option<FileKind> {
    use FileKind::{Image, Other, OtherImage};
    const SIGNATURES: &[(&[u8], FileKind)] = &[
        (b"\xff\xd8\xff", Image(Format::Jpeg)),
        (b"\x89PNG\r\n\x1a\n", Image(Format::Png)),
        (b"GIF87a", Image(Format::Gif)),
        (b"GIF89a", Image(Format::Gif)),
        // Raw photos that begin like a TIFF; others are told apart by their fields.
        (b"II*\0\x10\0\0\0CR\x02", OtherImage("a raw photo (Canon CR2)")),
        (b"II*\0", Image(Format::Tiff)),
        (b"MM\0*", Image(Format::Tiff)),
        (b"II+\0", Image(Format::Tiff)), // BigTIFF
        (b"MM\0+", Image(Format::Tiff)),
        (b"IIRO", OtherImage("a raw photo (Olympus ORF)")),
        (b"IIRS", OtherImage("a raw photo (Olympus ORF)")),
        (b"MMOR", OtherImage("a raw photo (Olympus ORF)")),
        (b"IIU\0", OtherImage("a raw photo (Panasonic RW2)")),
        (b"II\x1a\0\0\0HEAPCCDR", OtherImage("a raw photo (Canon CRW)")),
        (b"FUJIFILMCCD-RAW", OtherImage("a raw photo (Fujifilm RAF)")),
        (b"FOVb", OtherImage("a raw photo (Sigma X3F)")),
        (b"\0MRM", OtherImage("a raw photo (Minolta MRW)")),
        (b"\xff\x0a", Image(Format::JpegXl)),
        (b"\0\0\0\x0cJXL \r\n", Image(Format::JpegXl)),
        (b"\0\0\0\x0cjP  \r\n", OtherImage("JPEG 2000")),
        (b"\xff\x4f\xff\x51", OtherImage("JPEG 2000")),
        (b"8BPS", OtherImage("Photoshop (PSD)")),
        (b"\0\0\x01\0", OtherImage("icons (ICO)")),
        (b"icns", OtherImage("icons (ICNS)")),
        (b"qoif", OtherImage("QOI")),
        (b"DDS ", OtherImage("DDS")),
        (b"\x76\x2f\x31\x01", OtherImage("OpenEXR")),
        (b"#?RADIANCE", OtherImage("Radiance HDR")),
        (b"#?RGBE", OtherImage("Radiance HDR")),
        (b"II\xbc\x01", OtherImage("JPEG XR")),
        (b"gimp xcf", OtherImage("GIMP (XCF)")),
        (b"BPG\xfb", OtherImage("BPG")),
        (b"FLIF", OtherImage("FLIF")),
        (b"AT&TFORM", OtherImage("DjVu")),
        (b"\xd7\xcd\xc6\x9a", OtherImage("Windows Metafile (WMF)")),
        (b"%!PS-Adobe", OtherImage("PostScript (EPS)")),
        (b"\xc5\xd0\xd3\xc6", OtherImage("PostScript (EPS)")),
        (b"SIMPLE  =", OtherImage("FITS")),
        (b"\x01\xda\0", OtherImage("Silicon Graphics (SGI)")),
        (b"\x01\xda\x01", OtherImage("Silicon Graphics (SGI)")),
        (b"/* XPM */", OtherImage("XPM")),
        (b"%PDF-", Other("a PDF document")),
        (b"PK\x03\x04", Other("a ZIP archive (or a document or model kept in one)")),
        (b"\x1f\x8b", Other("a gzip archive")),
        (b"7z\xbc\xaf\x27\x1c", Other("a 7z archive")),
        (b"Rar!", Other("a RAR archive")),
        (b"\x89HDF\r\n\x1a\n", Other("an HDF5 file")),
        (b"\x93NUMPY", Other("a NumPy array")),
        (b"ARROW1", Other("an Arrow file")),
        (b"PAR1", Other("a Parquet file")),
        (b"\x7fELF", Other("a program")),
        (b"MZ", Other("a program")),
        (b"\x1aE\xdf\xa3", Other("a video (Matroska or WebM)")),
        (b"ID3", Other("an audio file")),
        (b"OggS", Other("an audio or video file (Ogg)")),
        (b"\0\x05\x16\x07", Other("a macOS resource file (`._` name)")),
        (b"version https://git-lfs", Other("a Git LFS pointer: the image itself was not fetched")),
    ];
    let found = SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature));
    found.map(|&(_, kind)| kind)
}

/// Formats whose first bytes alone are too few to go by.
fn by_shape(head: &[u8]) -> Option<FileKind> {
    if bmp::begins(head) {
        return Some(FileKind::Image(Format::Bmp));
    }
    if pnm::begins(head) {
        return Some(FileKind::Image(Format::Pnm));
    }
    match head {
        [b'P', b'7', b'\n', ..] => Some(FileKind::OtherImage("PAM")),
        [b'P', b'F' | b'f', b'\n' | b' ' | b'\r', b'0'..=b'9', ..] => {
            Some(FileKind::OtherImage("PFM, whose pixels are floating-point numbers"))
        }
        _ => None,
    }
}

/// Containers that say at byte 4 or 8 what they hold.
fn by_brand(head: &[u8]) -> Option<FileKind> {
    if head.starts_with(b"RIFF") {
        return Some(match head.get(8..12) {
            Some(b"WEBP") => FileKind::Image(Format::Webp),
            Some(b"AVI ") => FileKind::Other("a video (AVI)"),
            _ => FileKind::Other("an audio or video file (RIFF)"),
        });
    }
    (head.get(4..8) == Some(b"ftyp")).then(|| by_ftyp(head))
}

/// Formats that say what they are behind the beginning.
fn further_in(head: &[u8]) -> Option<FileKind> {
    if head.get(128..132) == Some(b"DICM") {
        return Some(FileKind::OtherImage("DICOM"));
    }
    // As TGA begins, but for the number of pointers.
    if head.starts_with(b"\0\0\x02\0") && head.get(4..6).is_some_and(|count| count != [0; 2]) {
        return Some(FileKind::OtherImage("mouse pointers (CUR)"));
    }
    if head.starts_with(b"\x01\0\0\0") && head.get(40..44) == Some(b" EMF") {
        return Some(FileKind::OtherImage("Windows Metafile (EMF)"));
    }
    // PCX and TGA have no signature, but headers of which few values make sense.
    if let [10, 0 | 2..=5, 1, 1 | 2 | 4 | 8, ..] = head
        && head.len() >= 128
    {
        return Some(FileKind::OtherImage("PCX"));
    }
    let number = |at: usize| head.get(at..at + 2).map_or(0, |pair| u16::from_le_bytes([pair[0], pair[1]]));
    let (palette, bits) = (head.get(1)?, head.get(16)?);
    let makes_sense =
        matches!((palette, head[2], bits), (1, 1 | 9, 8) | (0, 2 | 10, 15 | 16 | 24 | 32) | (0, 3 | 11, 8));
    let no_palette = *palette == 1 || head.get(3..8) == Some(&[0; 5]);
    (makes_sense && no_palette && number(12) > 0 && number(14) > 0 && head.get(17)? & 0xc0 == 0)
        .then_some(FileKind::OtherImage("TGA"))
}

/// What the first box of an ISO base media file says: the brand that it is foremost, and those that it is as well.
fn by_ftyp(head: &[u8]) -> FileKind {
    let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
    let brands = &head[..head.len().min(length.max(12))];
    let (others, _) = brands.get(16..).unwrap_or_default().as_chunks::<4>();
    let first = brands.get(8..12).unwrap_or_default();
    let coded = |brand: &[u8]| match brand {
        b"avif" | b"avis" => Some(FileKind::Image(Format::Avif)),
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"hevm" | b"hevs" => {
            Some(FileKind::Image(Format::Heic))
        }
        b"crx " => Some(FileKind::OtherImage("a raw photo (Canon CR3)")),
        _ => None,
    };
    // The container of HEIC and AVIF, whatever is in it.
    let is_container = |brand: &[u8]| matches!(brand, b"mif1" | b"mif2" | b"mif3" | b"msf1" | b"miaf");
    let own = coded(first);
    own.unwrap_or_else(|| match is_container(first) || others.iter().any(|brand| is_container(brand)) {
        true => others.iter().find_map(|brand| coded(brand)).unwrap_or(FileKind::Image(Format::Heic)),
        false => FileKind::Other("a video (MP4 or QuickTime)"),
    })
}

/// Text, and what it is written in.
fn by_text(head: &[u8]) -> Option<FileKind> {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // A letter may have been cut in two by the limit.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    if text.contains(|c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\x0c' | '\x1b')) {
        return None;
    }
    let start = text.trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    Some(match start {
        _ if start.starts_with("<!doctype html") || start.starts_with("<html") => {
            FileKind::Other("an HTML page")
        }
        _ if start.starts_with('<') && start.contains("<svg") => FileKind::OtherImage("SVG"),
        _ if start.starts_with("<?xml") => FileKind::Other("XML"),
        _ if start.starts_with(['{', '[']) => FileKind::Other("text (JSON, by its first letter)"),
        _ => FileKind::Other("text"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_people_mistake_for_photos() {
        let cases: [(&[u8], FileKind); 27] = [
            (b"\xff\xd8\xff\xe0....", FileKind::Image(Format::Jpeg)),
            (b"RIFF\x10\0\0\0WEBPVP8 ", FileKind::Image(Format::Webp)),
            (b"RIFF\x10\0\0\0WAVEfmt ", FileKind::Other("an audio or video file (RIFF)")),
            (b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0", FileKind::Image(Format::Bmp)),
            (b"BM\x36\0\0\0\x01\x02\x03\x04\x36\0\0\0\x28\0\0\0", FileKind::Image(Format::Bmp)),
            (b"BM is what the letter begins with", FileKind::Other("text")),
            (b"P5 3 4 255\n............", FileKind::Image(Format::Pnm)),
            (b"P1\n# a comment\n\n2 1\n0 1\n", FileKind::Image(Format::Pnm)),
            (b"P6 is a floor of the car park", FileKind::Other("text")),
            (b"P6", FileKind::Other("text")),
            (b"P9\n3 4\n", FileKind::Other("text")),
            (b"P7\nWIDTH 3\n", FileKind::OtherImage("PAM")),
            (b"PF\n3 4\n-1.0\n", FileKind::OtherImage("PFM, whose pixels are floating-point numbers")),
            (b"II*\0\x10\0\0\0CR\x02\0", FileKind::OtherImage("a raw photo (Canon CR2)")),
            (b"IIRO\x08\0\0\0", FileKind::OtherImage("a raw photo (Olympus ORF)")),
            (b"IIU\0\x18\0\0\0", FileKind::OtherImage("a raw photo (Panasonic RW2)")),
            (b"FUJIFILMCCD-RAW 0201", FileKind::OtherImage("a raw photo (Fujifilm RAF)")),
            (b"\0\0\0\x18ftypheic\0\0\0\0", FileKind::Image(Format::Heic)),
            (b"\0\0\0\x1cftypavif\0\0\0\0", FileKind::Image(Format::Avif)),
            (b"\0\0\0\x20ftypisom\0\0\x02\0", FileKind::Other("a video (MP4 or QuickTime)")),
            (b"<?xml version='1.0'?>\n<!-- c -->\n<svg width='3'/>", FileKind::OtherImage("SVG")),
            (b"\n\n<!DOCTYPE HTML><title>404</title>", FileKind::Other("an HTML page")),
            (b"%PDF-1.7\n", FileKind::Other("a PDF document")),
            ("\u{feff}a short note, na\u{ef}ve".as_bytes(), FileKind::Other("text")),
            (b"{\"error\": \"not found\"}", FileKind::Other("text (JSON, by its first letter)")),
            (&[0; 5000], FileKind::Other("nothing but zeros")),
            (b"\x01\x02\x03\xfe", FileKind::Unknown),
        ];
        for (bytes, kind) in cases {
            assert_eq!(sniff(bytes), kind, "{:?}", &bytes[..bytes.len().min(40)]);
        }
    }

    #[test]
    fn the_container_of_heic_and_avif_says_which_it_holds() {
        let of = |first: &str, others: &str| {
            let length = (16 + others.len()) as u32;
            let head =
                [&length.to_be_bytes(), b"ftyp".as_slice(), first.as_bytes(), &[0; 4], others.as_bytes()];
            sniff(&[head.concat(), b"\0\0\0\x08avifavif".to_vec()].concat())
        };
        assert_eq!(of("mif1", "mif1heicmiaf"), FileKind::Image(Format::Heic));
        assert_eq!(of("mif1", "mif1avifmiaf"), FileKind::Image(Format::Avif));
        assert_eq!(of("avis", "avifmsf1"), FileKind::Image(Format::Avif));
        assert_eq!(of("MA1B", "mif1avif"), FileKind::Image(Format::Avif));
        // What neither says is up to the decoder, which names what it finds.
        assert_eq!(of("mif1", "mif1"), FileKind::Image(Format::Heic));
        assert_eq!(of("crx ", "crx isom"), FileKind::OtherImage("a raw photo (Canon CR3)"));
        assert_eq!(of("isom", "isomavc1"), FileKind::Other("a video (MP4 or QuickTime)"));
        assert_eq!(of("qt  ", ""), FileKind::Other("a video (MP4 or QuickTime)"));
    }

    #[test]
    fn images_of_other_formats_are_known_by_name() {
        let at = |place: usize, bytes: &[u8]| [vec![1; place], bytes.to_vec(), vec![1; 200]].concat();
        let mut emf = at(40, b" EMF");
        emf[..4].copy_from_slice(&[1, 0, 0, 0]);
        let tga = [0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 48, 0, 24, 0x20, 9, 9];
        let pcx = [[10, 5, 1, 8].as_slice(), &[0; 200]].concat();
        let cases: [(&[u8], &str); 13] = [
            (b"\0\0\x02\0\x01\0\x20\x20", "mouse pointers (CUR)"),
            (b"FUJIFILMCCD-RAW 0201", "a raw photo (Fujifilm RAF)"),
            (b"IIRS\x08\0\0\0", "a raw photo (Olympus ORF)"),
            (b"IIU\0\x18\0\0\0", "a raw photo (Panasonic RW2)"),
            (b"8BPS\0\x01", "Photoshop (PSD)"),
            (b"\0\0\x01\0\x02\0", "icons (ICO)"),
            (b"gimp xcf v011", "GIMP (XCF)"),
            (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript (EPS)"),
            (b"SIMPLE  =                    T", "FITS"),
            (&at(128, b"DICM"), "DICOM"),
            (&emf, "Windows Metafile (EMF)"),
            (&tga, "TGA"),
            (&pcx, "PCX"),
        ];
        for (bytes, name) in cases {
            assert_eq!(sniff(bytes), FileKind::OtherImage(name));
        }
    }

    #[test]
    fn a_letter_cut_by_the_limit_is_still_text() {
        let long = format!("{}\u{e9}", "a".repeat(LOOK - 1));
        assert_eq!(sniff(long.as_bytes()), FileKind::Other("text"));
    }
}
