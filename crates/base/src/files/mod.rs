//! Files: read as text, written whole or not at all, never written over what is read; and paths as text.

mod path_text;
mod target;
mod text;
mod unfinished;
mod write;

use std::path::Path;

pub use path_text::{as_path_text, as_path_texts, of_path_text, path_of_text, path_text, relative_path_text};
pub use path_text::{of_percent, percent};
pub use target::same_file;
pub use target::{Inputs, TargetError};
pub use text::{NotUtf8, read_text, text_of, without_mark};
pub use unfinished::{Unfinished, remove_unfinished};
pub use write::{Draft, DraftFolder, FileSet, NewFolder, WriteError, check_writable};
pub use write::{has_no_flush, missing, remove_empty, sync_folder};
pub use write::{of_system, write_bytes, write_whole};

/// The folder of the file at `path`; for a name alone the one that the program runs in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_alone_has_a_folder_too() {
        for (path, folder) in
            [("head.onnx", "."), ("runs/head.onnx", "runs"), ("/head.onnx", "/"), ("/", ".")]
        {
            assert_eq!(folder_of(path.as_ref()), Path::new(folder), "{path}");
        }
    }
}
