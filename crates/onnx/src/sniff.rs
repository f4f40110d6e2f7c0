//! What a file is that is no ONNX file: people hand over many things that were called a model.

use std::fmt;

/// A format recognised by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// No bytes at all.
    Empty,
    /// The note that Git LFS leaves in place of a large file.
    GitLfsPointer,
    /// What `torch.save` writes.
    PyTorchZip,
    /// Another ZIP archive.
    Zip,
    /// Python objects, as older versions of PyTorch write them.
    Pickle,
    /// HDF5, as older versions of Keras write it.
    Hdf5,
    /// Weights without a graph.
    Safetensors,
    /// A network for TensorFlow Lite.
    TfLite,
    /// ONNX Runtime's own format.
    OrtFormat,
    /// TensorFlow's `saved_model.pb`.
    SavedModel,
    /// Something compressed by gzip.
    Gzip,
    /// A picture.
    Image,
    /// A web page, often an error instead of the file.
    Html,
    /// JSON, such as the description of a network.
    Json,
    /// Other text.
    Text,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "empty",
            Self::GitLfsPointer => "a Git LFS pointer (the real file was not fetched)",
            Self::PyTorchZip => "a PyTorch checkpoint",
            Self::Zip => "a ZIP archive",
            Self::Pickle => "a Python pickle (an old PyTorch checkpoint?)",
            Self::Hdf5 => "an HDF5 file (Keras weights?)",
            Self::Safetensors => "a safetensors file",
            Self::TfLite => "a TensorFlow Lite model",
            Self::OrtFormat => "a model in ONNX Runtime's own format",
            Self::SavedModel => "a TensorFlow SavedModel",
            Self::Gzip => "a gzip archive",
            Self::Image => "an image",
            Self::Html => "an HTML page (a download that went wrong?)",
            Self::Json => "a JSON file",
            Self::Text => "a text file",
        })
    }
}

/// Recognise `bytes`, or `None` where they may well be ONNX.
///
/// An ONNX file has no signature of its own: it starts with the field `ir_version` (`08`, a small number) or, from a
/// few writers, with a string field. So this names what is known and leaves the rest to the decoder.
pub(super) fn sniff(bytes: &[u8]) -> Option<Kind> {
    const IMAGES: [&[u8]; 6] = [b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"II*\0", b"MM\0*"];
    let starts = |prefix: &[u8]| bytes.starts_with(prefix);
    if bytes.is_empty() {
        return Some(Kind::Empty);
    }
    if starts(b"version https://git-lfs") {
        return Some(Kind::GitLfsPointer);
    }
    if starts(b"PK\x03\x04") {
        // A PyTorch archive stores its pickle uncompressed as `NAME/data.pkl`, among the first entries.
        let head = &bytes[..bytes.len().min(4096)];
        let pickled = head.windows(9).any(|window| window == b"/data.pkl");
        return Some(if pickled { Kind::PyTorchZip } else { Kind::Zip });
    }
    if let [0x80, 2..=5, ..] = bytes {
        return Some(Kind::Pickle);
    }
    if starts(b"\x89HDF\r\n") {
        return Some(Kind::Hdf5);
    }
    if starts(b"\x1f\x8b") {
        return Some(Kind::Gzip);
    }
    match bytes.get(4..8) {
        Some(b"TFL3") => return Some(Kind::TfLite),
        Some(b"ORTM") => return Some(Kind::OrtFormat),
        _ => {}
    }
    // Eight bytes of header length, then the header's JSON.
    if bytes.get(6..9) == Some(b"\0\0{") {
        return Some(Kind::Safetensors);
    }
    if IMAGES.iter().any(|magic| starts(magic)) {
        return Some(Kind::Image);
    }
    // `saved_model_schema_version = 1`, then a MetaGraphDef: in ONNX the second field cannot be of number 2 and that
    // long, for it is the producer's name.
    if let [0x08, 0x01, 0x12, rest @ ..] = bytes
        && rest.iter().take_while(|byte| **byte >= 0x80).count() >= 2
    {
        return Some(Kind::SavedModel);
    }
    text(bytes)
}

fn text(bytes: &[u8]) -> Option<Kind> {
    let head = &bytes[..bytes.len().min(1024)];
    // The last character may be cut in two by the window.
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}');
    if valid.contains(control) {
        return None;
    }
    let start = valid.trim_start_matches('\u{feff}').trim_start();
    Some(match start.chars().next() {
        Some('{' | '[') => Kind::Json,
        Some('<') => Kind::Html,
        _ => Kind::Text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_is_named() {
        let table: [(&[u8], Kind); 18] = [
            (b"", Kind::Empty),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", Kind::GitLfsPointer),
            (b"PK\x03\x04................archive/data.pkl", Kind::PyTorchZip),
            (b"PK\x03\x04................config.json", Kind::Zip),
            (b"\x80\x02\x8a\nl\xfc", Kind::Pickle),
            (b"\x89HDF\r\n\x1a\n", Kind::Hdf5),
            (b"\x40\0\0\0\0\0\0\0{\"a\":{}}", Kind::Safetensors),
            (b"\x1c\0\0\0TFL3\x14\0", Kind::TfLite),
            (b"\x1c\0\0\0ORTM\x14\0", Kind::OrtFormat),
            (b"\x08\x01\x12\xa5\xd4\x06\x0a", Kind::SavedModel),
            (b"\x1f\x8b\x08\0", Kind::Gzip),
            (b"\x89PNG\r\n\x1a\n", Kind::Image),
            (b"\xff\xd8\xff\xe0", Kind::Image),
            (b"<!DOCTYPE html><html>", Kind::Html),
            (b"{\"modelTopology\": 1}", Kind::Json),
            (b"\xef\xbb\xbf [1]", Kind::Json),
            (b"resnet50.onnx\n", Kind::Text),
            ("caf\u{e9}".as_bytes(), Kind::Text),
        ];
        for (bytes, kind) in table {
            assert_eq!(sniff(bytes), Some(kind), "{bytes:?}");
        }
    }

    #[test]
    fn onnx_is_left_to_the_decoder() {
        assert_eq!(sniff(b"\x08\x08\x12\x09headstart"), None);
        assert_eq!(sniff(b"\x08\x01\x12\x07pytorch"), None);
        assert_eq!(sniff(b"\x12\x07pytorch\x08\x01"), None);
    }
}
