//! Whatever the bytes of a segment are, reading it ends, and every row that it gives stands in it with a checksum that holds.

#![no_main]

use std::sync::LazyLock;

use headstart::cache::{Fingerprint, FingerprintParts, Storage, rows_of};
use libfuzzer_sys::fuzz_target;

/// That of the segments in `crates/cache/tests/golden/segments`.
static FINGERPRINT: LazyLock<Fingerprint> = LazyLock::new(|| {
    Fingerprint::new(FingerprintParts {
        graph: "ab".into(),
        feature_tensor: "pool".into(),
        feature_size: 6,
        precision: "fp32".into(),
        recipe: serde_json::json!({"resize": 224}),
        storage: Storage::F32,
    })
});

fuzz_target!(|bytes: &[u8]| {
    let stands = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    for cut in [0, bytes.len() / 2, bytes.len()] {
        for (key, view, features) in rows_of(bytes, cut, &FINGERPRINT) {
            let view = view.to_le_bytes();
            // Summed here once more, from the definition alone.
            let summed = [FINGERPRINT.hash().as_bytes(), &key.0[..], &view, &features].concat();
            assert_eq!(features.len(), 6 * 4);
            assert!(stands(&crc32c::crc32c(&summed).to_le_bytes()), "a row whose checksum does not hold");
            assert!(stands(&key.0) && stands(&features) && stands(&view), "a row that does not stand there");
        }
    }
});
