//! The program as its users meet it: the real binary, the real backbone, real images.
//!
//! `just setup` brings what these tests need: ONNX Runtime, the backbone, CIFAR-10.
#![cfg(unix)]

mod bad_input;
mod bad_surroundings;
mod cache;
mod demo;
#[cfg(target_os = "linux")]
mod device;
mod doctor;
mod extract;
mod from;
mod interrupt;
mod manual;
mod place;
mod predict;
mod recipes;
mod runs;
mod train;
