//! Which other libraries a shared library names.

use std::fs::File;
use std::path::Path;

use object::elf::{DT_NEEDED, FileHeader64};
use object::read::elf::FileHeader;
use object::{Endianness, read};

/// The libraries that the ELF file at `path` needs, in its order; `None` if it is no such file.
pub fn needed(path: &Path) -> Option<Vec<String>> {
    let file = File::open(path).ok()?;
    // SAFETY: the mapping ends with this function. Whoever shortens a shared library while it is being read is about
    // to crash every program that uses it.
    let bytes = unsafe { memmap2::Mmap::map(&file) }.ok()?;
    read_needed(&bytes).ok()
}

fn read_needed(bytes: &[u8]) -> read::Result<Vec<String>> {
    let header = FileHeader64::<Endianness>::parse(bytes)?;
    let endian = header.endian()?;
    let table = header.sections(endian, bytes)?.dynamic_table(endian, bytes)?;
    let needed = table.iter().filter(|entry| entry.tag == DT_NEEDED);
    needed.map(|entry| Ok(String::from_utf8_lossy(table.string(entry)?).into_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_running_program_needs_the_c_library() {
        if cfg!(target_os = "linux") {
            let names = needed(&std::env::current_exe().unwrap()).unwrap();
            assert!(names.iter().any(|name| name.starts_with("libc.")), "{names:?}");
        }
    }

    #[test]
    fn other_files_need_nothing() {
        let folder = tempfile::tempdir().unwrap();
        for bytes in [b"".as_slice(), b"\x7fELF\x02\x01\x01", b"plain text"] {
            let path = folder.path().join("file");
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(needed(&path), None);
        }
    }
}
