//! Files of trained weights, read as data: tensors by name, and nothing else that may be in them.
//!
//! A file of PyTorch is a Python pickle, a program that Python would run. Here it is not run: the few steps that build a
//! dictionary of tensors are followed, and whatever asks for more is refused by its name. Lengths, shapes and strides are
//! held against the bytes that are there before anything is reserved for them.

mod error;
mod tensors;
mod torch;

use std::path::Path;

pub use error::{Error, Result};
pub use tensors::{Element, Tensors, View};

/// Read the tensors in the file that `torch.save` wrote at `path`, in either of its formats.
///
/// # Errors
/// [`Error`] says what is wrong, and at which byte.
pub fn read(path: &Path) -> Result<Tensors> {
    let bytes = std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    parse(bytes)
}

/// The same of the `bytes` of a file.
///
/// # Errors
/// As [`read`], but for [`Error::Read`].
pub fn parse(bytes: Vec<u8>) -> Result<Tensors> {
    let views = torch::views(&bytes)?;
    Tensors::new(bytes, views)
}
