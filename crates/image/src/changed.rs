//! Which files of the formats that changed have other pixels than version 0.1.0 gave them.
//!
//! Features that 0.1.0 computed of such a file have to be computed again. Judged by the headers (and by the colours that a GIF
//! uses, where its palette is short), which is quick; where they do not tell, the answer is yes: to compute a row again costs a
//! moment, and a wrong row would stay for good.

use super::kind::Format;
use super::{bmp, gif, tiff};

/// Whether the pixels of the image in `bytes` may differ from those that version 0.1.0 made of it.
///
/// Asked of files that 0.1.0 decoded without an error; of others the answer means nothing. `true` also stands for a file
/// that is refused now, such as a raw photo of which 0.1.0 took the thumbnail.
pub(super) fn differs_since_0_1_0(format: Format, bytes: &[u8]) -> bool {
    match format {
        Format::Gif => gif_differs(bytes),
        Format::Tiff => tiff::differs_since_0_1_0(bytes),
        // 0.1.0 rounded where Pillow rounds down.
        Format::Bmp => bmp::has_sixteen_bits(bytes),
        _ => false,
    }
}

/// 0.1.0 cut the frame to the screen, left what the frame does not cover white, and took a colour beyond the palette for
/// nothing.
fn gif_differs(bytes: &[u8]) -> bool {
    let Ok(first) = gif::First::find(bytes) else { return true };
    let covers = first.origin == (0, 0) && first.size == first.screen;
    !covers || !first.has_all_colours()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::read;

    fn golden(name: &str) -> (Format, Vec<u8>) {
        let format = if name.ends_with(".gif") { Format::Gif } else { Format::Tiff };
        (format, read(&format!("tests/golden/formats/{name}")))
    }

    #[test]
    fn what_0_1_0_read_well_is_left_alone() {
        let names = [
            "two_frames.gif",
            "interlaced.gif",
            "clear_alpha.gif",
            "colour8_lzw.tiff",
            "grey16.tiff",
            "alpha.tiff",
        ];
        for name in names {
            let (format, bytes) = golden(name);
            assert!(!differs_since_0_1_0(format, &bytes), "{name}");
        }
    }

    #[test]
    fn a_frame_that_is_not_the_screen_differs() {
        let (format, bytes) = golden("two_frames.gif");
        for at in [6, 8] {
            let mut moved = bytes.clone();
            moved[at] += 1;
            assert!(differs_since_0_1_0(format, &moved), "byte {at}");
        }
    }

    #[test]
    fn whatever_the_bytes_nothing_panics() {
        for name in ["two_frames.gif", "cmyk8.tiff", "palette8_big_endian.tiff"] {
            let (format, bytes) = golden(name);
            for end in 0..bytes.len() {
                differs_since_0_1_0(format, &bytes[..end]);
            }
            for at in 0..bytes.len() {
                for value in [0, 0x7f, 0xff] {
                    let mut damaged = bytes.clone();
                    damaged[at] = value;
                    differs_since_0_1_0(format, &damaged);
                }
            }
        }
    }
}
