//! The ResNets of the ONNX model zoo, known by the SHA-256 of their files.
//!
//! Source: onnx/models, `ONNX_HUB_MANIFEST.json`: its `model_sha`, and its `features` where it names them. How their images
//! are prepared stands in the README of those that were trained with MXNet; for those of Caffe2 nobody says.

use sha2::{Digest, Sha256};

/// A published file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// Without the ending.
    pub name: &'static str,
    sha256: &'static str,
    pub feature_tensor: Option<&'static str>,
    /// How its images are prepared.
    pub preset: Option<&'static str>,
}

const fn mxnet(name: &'static str, feature_tensor: &'static str, sha256: &'static str) -> Published {
    Published { name, sha256, feature_tensor: Some(feature_tensor), preset: Some("onnx-zoo") }
}

const fn caffe2(name: &'static str, sha256: &'static str) -> Published {
    Published { name, sha256, feature_tensor: Some("gpu_0/pool5_1"), preset: None }
}

#[rustfmt::skip]
const FILES: [Published; 16] = [
    mxnet("resnet18-v1-7", "resnetv15_pool1_fwd", "4e8f8653e7a2222b3904cc3fe8e304cd8b339ce1d05fd24688162f86fb6df52c"),
    mxnet("resnet34-v1-7", "resnetv16_pool1_fwd", "883a41b2e30ddc2e422c108b091b5e70b92d37dc5c345a2c563dcae27971e2cc"),
    mxnet("resnet50-v1-7", "resnetv17_pool1_fwd", "af16a04a6ec48ac494065d4439fe9dea590d337b9ca6dc328160ccf04a217b9c"),
    mxnet("resnet101-v1-7", "resnetv18_pool1_fwd", "760702f6ec0138f71ebac66f4e95d1c72dc9267a8544f4d4667a53075fd0497c"),
    mxnet("resnet152-v1-7", "resnetv19_pool1_fwd", "b0ec92437bf8c9d0739bf9bafdea9638e13f9e3c1e2fb766ad546cc182fd3f6d"),
    mxnet("resnet18-v2-7", "resnetv22_pool1_fwd", "3b4d048057854022232aa20bf68262e31718ab7119a17f920b8a2dc1433f824b"),
    mxnet("resnet34-v2-7", "resnetv23_pool1_fwd", "3d3815e25f4b1ea967e2a526a3b27ef2a03af1725bdc199a63a271c26862d914"),
    mxnet("resnet50-v2-7", "resnetv24_pool1_fwd", "79102261eb6e5fd7af5d27f41316293e388c5cb691e5d25bfb035c4f64fefe31"),
    mxnet("resnet101-v2-7", "resnetv25_pool1_fwd", "3a0a819ea0953fb4700b0d98e43540aeee253e5b4c503c552b0c7979fc67767d"),
    mxnet("resnet152-v2-7", "resnetv27_pool1_fwd", "40fb3f6dd313ba786a2c8077a0ef7d7b4afeda5d037365400d3a7fbc2b1bee64"),
    mxnet("resnet50-v1-12", "resnetv17_pool1_fwd", "3f03fdef724b22947eed826f1eef1dc5c34151bb4c37d634f1db89dfa2dd1526"),
    mxnet("resnet50-v1-12-int8", "flatten_473_quantized", "c234f30975989788b4405f25253275aae247ab6dbdd34aaa69ab0a59ff76f6d0"),
    // The manifest does not name its features, so they are looked for as in any other file.
    Published { feature_tensor: None, ..mxnet("resnet50-v1-12-qdq", "", "e6429d274805654c79ba68dc886c1efd4eff95393e747c35d3fdab579febd8a0") },
    caffe2("resnet50-caffe2-v1-7", "48c377bd20b8e7c1b4a2e371c1badefbb9db906f57bcc5c800a28835c6b988bf"),
    caffe2("resnet50-caffe2-v1-8", "4f4a244f1485883fbf4faa0f967409a747164733a7b59b2d07d124d6bbd26ae0"),
    caffe2("resnet50-caffe2-v1-9", "822daa93e11ecd505f282eb16e02d7fa6d7a88a4db0c9f832320798e508ba0dd"),
];

/// The file that consists of `bytes`, if it is one of the zoo's.
pub fn lookup(bytes: &[u8]) -> Option<Published> {
    by_hash(&hex(&Sha256::digest(bytes)))
}

fn by_hash(sha256: &str) -> Option<Published> {
    FILES.iter().find(|known| known.sha256 == sha256).copied()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use headstart_image::Recipe;

    #[test]
    fn every_entry_is_found_and_can_be_carried_out() {
        for known in FILES {
            assert_eq!(by_hash(known.sha256), Some(known), "two files of one hash");
            assert_eq!(known.sha256.len(), 64);
            assert!(known.preset.is_none_or(|preset| Recipe::preset(preset).is_ok()));
            assert_ne!(known.feature_tensor, Some(""));
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
