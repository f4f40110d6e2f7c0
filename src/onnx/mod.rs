//! ONNX files as data: read, write and walk them. Nothing here runs a graph.
//!
//! ```no_run
//! # fn main() -> Result<(), headstart::onnx::Error> {
//! use headstart::onnx::{self, Walk};
//!
//! let model = onnx::read("resnet50.onnx".as_ref())?;
//! let graph = model.graph.as_ref().expect("`read` refuses a file without a graph");
//! for input in Walk::new(graph).inputs() {
//!     println!("{}: {:?}", input.name(), input.tensor());
//! }
//! # Ok(())
//! # }
//! ```

mod build;
mod check;
mod error;
mod external;
mod file;
pub(crate) mod fold;
mod guard;
mod inline;
pub(crate) mod names;
pub(crate) mod opset;
mod proto;
mod skim;
mod sniff;
mod strides;
mod tensor;
mod walk;
mod window;

pub(crate) use build::{ir_version_of, reduce_mean};
pub use check::Flaw;
pub(crate) use check::check;
pub use error::{Error, Result};
pub use external::{embed_external_data, move_external_data};
pub use file::{decode, encode, read, read_bytes, write};
pub use inline::{inline, inlined};
pub use opset::{OPSETS, bring_to_opset};
pub use proto::*;
pub(crate) use skim::{Skimmed, Weights, skim};
pub use sniff::Kind;
pub(crate) use strides::{can_move_strides, move_strides};
pub use tensor::{Elements, External, type_name};
pub use walk::{Dim, Walk};
pub(crate) use window::{Padding, Window};
