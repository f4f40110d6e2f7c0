//! The library with the real backbone, and what it writes in the hands of others: Python's readers, TensorBoard, ONNX Runtime.
//!
//! `just setup` brings what these tests need: ONNX Runtime, the backbone, CIFAR-10.

#![allow(unreachable_pub, reason = "nothing outside a test meets its parts")]

mod cache_gc;
mod copies;
mod cut;
mod efficientnet;
mod examples;
mod features;
mod five_images;
mod import;
mod net;
mod process;
mod quantize;
#[cfg(target_os = "linux")]
mod read_export;
#[cfg(unix)]
mod setup;
mod strides;
#[cfg(target_os = "linux")]
mod tensorboard;
