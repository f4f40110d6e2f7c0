//! Files that everybody has, by their SHA-256.

use sha2::{Digest, Sha256};

/// A published file whose features are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) name: &'static str,
    sha256: &'static str,
    pub(super) feature_tensor: &'static str,
    /// How its images are prepared, where that is documented.
    pub(super) preset: Option<&'static str>,
}

/// From the ONNX model zoo's own `ONNX_HUB_MANIFEST.json`.
const TABLE: &[Known] = &[
    Known {
        name: "ONNX model zoo resnet50-v1-7",
        sha256: "af16a04a6ec48ac494065d4439fe9dea590d337b9ca6dc328160ccf04a217b9c",
        feature_tensor: "resnetv17_pool1_fwd",
        preset: Some("onnx-zoo"),
    },
    Known {
        name: "ONNX model zoo resnet50-v1-12",
        sha256: "3f03fdef724b22947eed826f1eef1dc5c34151bb4c37d634f1db89dfa2dd1526",
        feature_tensor: "resnetv17_pool1_fwd",
        preset: Some("onnx-zoo"),
    },
    Known {
        name: "ONNX model zoo resnet50-v2-7",
        sha256: "79102261eb6e5fd7af5d27f41316293e388c5cb691e5d25bfb035c4f64fefe31",
        feature_tensor: "resnetv24_pool1_fwd",
        preset: Some("onnx-zoo"),
    },
    Known {
        name: "ONNX model zoo resnet50-v1-12-int8",
        sha256: "c234f30975989788b4405f25253275aae247ab6dbdd34aaa69ab0a59ff76f6d0",
        feature_tensor: "flatten_473_quantized",
        preset: Some("onnx-zoo"),
    },
];

/// The entry for a file of these bytes.
pub(super) fn lookup(bytes: &[u8]) -> Option<Known> {
    by_hash(&hex(&Sha256::digest(bytes)))
}

fn by_hash(sha256: &str) -> Option<Known> {
    TABLE.iter().find(|known| known.sha256 == sha256).copied()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_found_and_can_be_carried_out() {
        for known in TABLE {
            assert_eq!(by_hash(known.sha256), Some(*known));
            assert_eq!(known.sha256.len(), 64);
            assert!(known.preset.is_none_or(|preset| crate::preprocess::Recipe::preset(preset).is_ok()));
        }
        assert_eq!(lookup(b"something else"), None);
    }

    #[test]
    fn hashes_are_sha256_in_hexadecimal() {
        // The first test vector of FIPS 180-4.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex(&Sha256::digest(b"abc")), abc);
    }
}
