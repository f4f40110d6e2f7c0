//! What can be told of a shared library without loading it: to load one that is cut off kills the process.

use std::fmt;
use std::fs::File;
use std::path::Path;

use object::elf::{DT_NEEDED, FileHeader64, SHT_NOBITS};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
use object::{Endianness, read};

/// Whether shared libraries are such files on this system. Elsewhere nothing can be told.
const READ_HERE: bool = cfg!(all(unix, target_pointer_width = "64", not(target_vendor = "apple")));

/// Why a file is not loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// The system's own words.
    Unreadable(String),
    /// Something else: a text, an archive, a library of another system.
    OtherFormat,
    /// In bytes.
    CutOff {
        /// How long the file is.
        found: u64,
        /// How long its header says that it is, at the least.
        expected: u64,
    },
    /// Its tables contradict each other.
    Damaged(String),
}

/// Completes a sentence that begins with the file.
impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(reason) => write!(f, "cannot be read: {reason}"),
            Self::OtherFormat => f.write_str("is not a shared library for this system"),
            Self::CutOff { found, expected } => {
                write!(f, "is cut off: it has {found} bytes, expected {expected}")
            }
            Self::Damaged(reason) => write!(f, "is damaged: {reason}"),
        }
    }
}

/// The libraries that the one at `path` needs, in its order; none where that cannot be told.
///
/// # Errors
/// [`Flaw`], if it should not be loaded.
pub(crate) fn needed(path: &Path) -> Result<Vec<String>, Flaw> {
    if !READ_HERE {
        return Ok(vec![]);
    }
    let unreadable = |error: std::io::Error| Flaw::Unreadable(error.to_string());
    let file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.len() == 0 {
        return Err(Flaw::OtherFormat);
    }
    // SAFETY: the mapping ends with this function. Whoever shortens a shared library while it is being read is about
    // to crash every program that uses it.
    let bytes = unsafe { memmap2::Mmap::map(&file) }.map_err(unreadable)?;
    let header = FileHeader64::<Endianness>::parse(&*bytes).map_err(|_| Flaw::OtherFormat)?;
    let expected = length(header, &bytes).map_err(damaged)?;
    let found = bytes.len() as u64;
    if found < expected {
        return Err(Flaw::CutOff { found, expected });
    }
    read_needed(header, &bytes).map_err(damaged)
}

fn damaged(error: read::Error) -> Flaw {
    Flaw::Damaged(error.to_string())
}

/// How long the file must be, by what of its tables is there.
fn length(header: &FileHeader64<Endianness>, bytes: &[u8]) -> read::Result<u64> {
    let endian = header.endian()?;
    let table = |start: u64, count: u16, size: u16| start.saturating_add(u64::from(count) * u64::from(size));
    let segments = table(header.e_phoff(endian), header.e_phnum(endian), header.e_phentsize(endian));
    let sections = table(header.e_shoff(endian), header.e_shnum(endian), header.e_shentsize(endian));
    let mut end = segments.max(sections);
    if segments <= bytes.len() as u64 {
        for segment in header.program_headers(endian, bytes)? {
            end = end.max(segment.p_offset(endian).saturating_add(segment.p_filesz(endian)));
        }
    }
    if sections <= bytes.len() as u64 {
        for section in header.section_headers(endian, bytes)? {
            if section.sh_type(endian) != SHT_NOBITS {
                end = end.max(section.sh_offset(endian).saturating_add(section.sh_size(endian)));
            }
        }
    }
    Ok(end)
}

fn read_needed(header: &FileHeader64<Endianness>, bytes: &[u8]) -> read::Result<Vec<String>> {
    let endian = header.endian()?;
    let table = header.sections(endian, bytes)?.dynamic_table(endian, bytes)?;
    let needed = table.iter().filter(|entry| entry.tag == DT_NEEDED);
    needed.map(|entry| Ok(String::from_utf8_lossy(table.string(entry)?).into_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Result<Vec<String>, Flaw> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, bytes).unwrap();
        needed(file.path())
    }

    #[test]
    fn the_running_program_needs_the_c_library() {
        if READ_HERE {
            let names = needed(&std::env::current_exe().unwrap()).unwrap();
            assert!(names.iter().any(|name| name.starts_with("libc.")), "{names:?}");
        }
    }

    #[test]
    fn other_files_are_told_as_such() {
        if !READ_HERE {
            return;
        }
        for bytes in
            [b"".as_slice(), b"\x7fELF\x02\x01\x01", b"plain text", b"MZ\x90\x00 a library of Windows"]
        {
            assert_eq!(of(bytes), Err(Flaw::OtherFormat), "{bytes:?}");
        }
        assert!(matches!(needed(Path::new("no such file")), Err(Flaw::Unreadable(_))));
    }

    #[test]
    fn one_that_is_cut_off_is_told_wherever_the_cut_is() {
        if !READ_HERE {
            return;
        }
        let whole = std::fs::read("/proc/self/exe").unwrap();
        for part in [70, 4096, whole.len() / 2, whole.len() - 1] {
            let flaw = of(&whole[..part]).unwrap_err();
            let Flaw::CutOff { found, expected } = flaw else { panic!("{part}: {flaw}") };
            assert!(found == part as u64 && expected > found && expected <= whole.len() as u64, "{flaw}");
        }
        // A section's table in the middle of nowhere.
        let mut lost = whole.clone();
        lost[40..48].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(of(&lost).is_err());
    }
}
