//! Whatever the bytes are, reading them as ONNX, guessing a recipe and looking for features ends in an answer or an error.

#![no_main]

use std::path::Path;

use bytes::Bytes;
use headstart::backbone::guess;
use headstart::convert::cut::candidates;
use headstart::onnx;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("fuzzed.onnx");
    let Ok(mut model) = onnx::decode(path, Bytes::copy_from_slice(bytes)) else { return };
    let _ = guess::recipe(&model, bytes);
    let _ = candidates(&model);
    model.for_each_tensor(&mut |tensor| {
        let _ = tensor.shape();
        // Without the bytes outside the file, which no fuzzer has.
        if !tensor.is_external() {
            let _ = tensor.elements(Path::new(""));
        }
    });
    if let Some(graph) = model.graph.as_mut() {
        graph.drop_unused();
    }
    let _ = onnx::encode(&model, path);
});
