//! Where the features are to be kept.

use std::path::{Path, PathBuf};

use headstart::backbone::session::copies;
use headstart::files::of_system;

use super::report::Check;
use crate::cli::console::count;

/// Less than this is room for 100,000 images of 2,048 features.
const ROOM: u64 = 1 << 30;

/// Can the cache's folder be written to, and does its disk have room?
pub fn cache(folder: &Path) -> [Check; 2] {
    let there = nearest(folder);
    [writable(folder, &there), room(&there)]
}

/// Where optimised copies of graphs are, which make the next start faster.
pub fn copies() -> Check {
    let Some(folder) = copies::default_folder() else {
        return Check::absent(
            "copies",
            "no folder for optimised graphs: neither XDG_CACHE_HOME nor HOME is set",
        );
    };
    let found = copies::list(&folder);
    let bytes = found.iter().map(|(_, bytes)| bytes).sum();
    let graphs = count(found.len(), "optimised graph");
    let folder = folder.display();
    Check::ok("copies", format!("{graphs}, {} in `{folder}`; may be deleted", indicatif::HumanBytes(bytes)))
}

/// The folder itself, or the first above it that is there.
fn nearest(folder: &Path) -> PathBuf {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
    absolute.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/")).to_path_buf()
}

/// By writing: nothing else tells the truth about rights, quotas and network disks.
fn writable(folder: &Path, there: &Path) -> Check {
    let found = format!("`{}`", folder.display());
    match tempfile::NamedTempFile::new_in(there).map_err(of_system) {
        Ok(_) if folder.exists() => Check::ok("cache", format!("{found} can be written to")),
        Ok(_) => Check::ok("cache", format!("{found} is not there yet and can be made")),
        Err(error) => Check::failed("cache", format!("{found} cannot be written to: {error}"))
            .remedy("choose a folder that you can write to with `--cache`"),
    }
}

fn room(there: &Path) -> Check {
    match fs4::available_space(there) {
        Ok(bytes) => {
            let found = format!("{} free", indicatif::HumanBytes(bytes));
            if bytes >= ROOM {
                Check::ok("disk", found)
            } else {
                Check::warning("disk", found).remedy(
                    "free some space: 1,000 images take 8 MB, and half with `--storage f16`; `--cache` names another disk",
                )
            }
        }
        Err(error) => Check::warning("disk", format!("the free space is not known: {error}"))
            .remedy("look with the system's own tools"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    #[test]
    fn a_folder_that_cannot_be_made_is_told_and_nothing_is_left() {
        let root = tempfile::tempdir().unwrap();
        let [writable, disk] = cache(&root.path().join("a/b/c"));
        assert_eq!((writable.verdict, disk.name.as_str()), (Verdict::Ok, "disk"));
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
        let file = root.path().join("file");
        std::fs::write(&file, "in the way").unwrap();
        let [writable, _] = cache(&file.join("below"));
        assert_eq!(writable.verdict, Verdict::Failed);
        assert!(writable.remedy.is_some());
    }
}
