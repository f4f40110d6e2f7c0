//! ONNX files as data: read, write and walk them. Nothing here runs a graph.
//!
//! ```no_run
//! # fn main() -> Result<(), headstart_onnx::Error> {
//! use headstart_onnx::{self as onnx, Walk};
//!
//! let model = onnx::read("resnet50.onnx".as_ref())?;
//! let graph = model.graph.as_ref().expect("`read` refuses a file without a graph");
//! for input in Walk::new(graph).inputs() {
//!     println!("{}: {:?}", input.name(), input.tensor());
//! }
//! # Ok(())
//! # }
//! ```

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod build;
mod check;
mod error;
mod external;
mod file;
pub mod fold;
mod guard;
mod inline;
pub mod names;
pub mod opset;
mod proto;
mod skim;
mod sniff;
mod strides;
mod tensor;
mod walk;
mod window;

pub use build::{ir_version_of, reduce_mean};
pub use check::Flaw;
pub use check::check;
pub use error::{Error, Result};
pub use external::{embed_external_data, move_external_data, network_files};
pub use file::{decode, encode, read, read_bytes, write};
pub use inline::{inline, inlined};
pub use opset::{OPSETS, bring_to_opset};
pub use proto::*;
pub use skim::{Skimmed, Weights, skim};
pub use sniff::Kind;
pub use strides::{can_move_strides, move_strides};
pub use tensor::{Elements, External, type_name};
pub use walk::{Dim, Walk};
pub use window::{Padding, Window};
