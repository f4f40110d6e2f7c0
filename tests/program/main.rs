//! The program as its users meet it: the real binary, the real backbone, real images.
//!
//! `just setup` brings what these tests need: ONNX Runtime, the backbone, CIFAR-10.
#![cfg(unix)]
#![allow(unreachable_pub, reason = "nothing outside a test meets its parts")]

mod bad_input;
mod bad_surroundings;
mod cache;
mod calibrate;
#[cfg(target_os = "linux")]
mod compare;
mod dataset_hints;
mod demo;
#[cfg(target_os = "linux")]
mod device;
mod doctor;
mod documents;
mod evaluate;
mod export;
mod extract;
mod failures;
mod from;
mod heic;
mod hints;
mod hostile;
#[cfg(target_os = "linux")]
mod hub;
mod huge;
mod import_head;
mod inputs;
mod installed;
mod interrupt;
mod leaks;
mod manifests;
mod manual;
#[cfg(target_os = "linux")]
mod memory;
mod messages;
mod names;
#[path = "../library/net/mod.rs"]
mod net;
mod noisy;
mod old_cache;
mod outputs;
mod place;
mod precision;
mod predict;
mod project;
mod quantize;
mod recipes;
mod report;
mod results;
mod runs;
mod shipped_int8;
mod tiny;
mod train;
mod truth;
mod views;
mod words;
