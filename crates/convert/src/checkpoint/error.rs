use std::io;
use std::path::PathBuf;

/// What is wrong with a file of weights. Numbers of bytes count from the beginning of the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It does not begin as such a file does.
    #[error("expected a file that `torch.save` wrote, found {found}")]
    Format {
        /// What it is, for people.
        found: &'static str,
    },
    /// It is cut off.
    #[error("the file ends at byte {at}, within {within}")]
    End {
        /// Bytes in the file, or in the part of it that is read.
        at: usize,
        /// What was being read.
        within: &'static str,
    },
    /// A step that no dictionary of tensors needs.
    #[error("byte {at}: the pickle's opcode {found:#04x} is not one that a dictionary of tensors needs")]
    Opcode {
        /// Where it stands.
        at: usize,
        /// The opcode.
        found: u8,
    },
    /// The pickle asks Python for a class or a function; nothing is looked up and nothing is run.
    #[error("byte {at}: the pickle asks for `{name}`, which is not read; expected nothing but {known}")]
    Global {
        /// Where it asks.
        at: usize,
        /// Module and name.
        name: String,
        /// What may be asked for, for people.
        known: &'static str,
    },
    /// Steps that are known, in an order or with values that make no sense.
    #[error("byte {at}: expected {expected}, found {found}")]
    Structure {
        /// Behind the step that went wrong.
        at: usize,
        /// What belongs there, for people.
        expected: &'static str,
        /// What is there, for people.
        found: String,
    },
    /// More of something than any network has.
    #[error("there are more than {limit} {what}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much is read.
        limit: usize,
    },
    /// Not a length that fits the others.
    #[error("storage `{key}`: expected {expected}, found {found}")]
    Storage {
        /// Its name in the file.
        key: String,
        /// What belongs there, for people.
        expected: String,
        /// What is there, for people.
        found: String,
    },
    /// Behind the last storage the file goes on.
    #[error("expected the end of the file at byte {at}, found {found} more")]
    Trailing {
        /// Where it should end.
        at: usize,
        /// Bytes that follow.
        found: usize,
    },
    /// A tensor that is not inside its storage, or whose numbers are of a type that weights do not have.
    #[error("tensor `{tensor}`: expected {expected}, found {found}")]
    Tensor {
        /// Its name.
        tensor: String,
        /// What is read, for people.
        expected: &'static str,
        /// What it is, for people.
        found: String,
    },
    /// Nothing in it has a name.
    #[error("expected a dictionary of tensors (a `state_dict`), found {found}")]
    NoTensors {
        /// What it holds, for people.
        found: &'static str,
    },
    /// The archive around the pickle is damaged, or not one of PyTorch.
    #[error("archive: expected {expected}, found {found}")]
    Archive {
        /// What belongs there, for people.
        expected: &'static str,
        /// What is there, for people.
        found: String,
    },
}

/// A result of reading a file of weights.
pub type Result<T> = std::result::Result<T, Error>;
