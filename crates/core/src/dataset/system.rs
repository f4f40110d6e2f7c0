//! Names that belong to a system, not to a data set.

use std::ffi::OsStr;

/// Files and folders that NAS boxes, Windows, macOS and archives leave behind, in lower case.
const SYSTEM_NAMES: [&str; 23] = [
    "#recycle",
    "#snapshot",
    "$recycle.bin",
    "@__thumb",
    "@eadir",
    "@recently-snapshot",
    "@recycle",
    "@tmp",
    "__macosx",
    "__pycache__",
    "desktop db",
    "desktop df",
    "desktop.ini",
    "ehthumbs.db",
    "ehthumbs_vista.db",
    "icon\r",
    "lost+found",
    "network trash folder",
    "picasa.ini",
    "system volume information",
    "temporary items",
    "thumbs.db",
    "~snapshot",
];

/// What Synology writes into the names of the streams that it keeps beside a file.
const SYSTEM_MARKS: [&str; 2] = ["@synoeastream", "@synoresource"];

/// Whether a file or folder of this name is hidden (`.DS_Store`, `._x.jpg`, `.ipynb_checkpoints`, `.Trash-1000`) or a
/// system's own (`@eaDir`, `$RECYCLE.BIN`, `lost+found`, `__MACOSX`, `Thumbs.db`, …). Such things never become classes
/// or images.
pub fn is_system_name(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_lowercase();
    // Windows' disk check: `FOUND.000`.
    let is_found = name.strip_prefix("found.").is_some_and(|n| n.len() == 3 && n.parse::<u16>().is_ok());
    name.starts_with('.')
        || is_found
        || SYSTEM_NAMES.contains(&name.as_str())
        || SYSTEM_MARKS.iter().any(|mark| name.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_names_are_known_in_any_case() {
        for name in [
            "@eaDir",
            "$RECYCLE.BIN",
            "$Recycle.Bin",
            "#recycle",
            "#snapshot",
            ".Trash-1000",
            "System Volume Information",
            "lost+found",
            "__MACOSX",
            "Thumbs.db",
            ".DS_Store",
            "._x.jpg",
            ".ipynb_checkpoints",
            ".thumbnails",
            ".@__thumb",
            "@Recycle",
            "x@SynoEAStream.jpg",
            "x.jpg@SynoResource",
            "FOUND.000",
        ] {
            assert!(is_system_name(name.as_ref()), "{name}");
        }
    }

    #[test]
    fn names_that_people_give_are_not() {
        for name in [
            "recycled",
            "recycle",
            "lost",
            "eaDir",
            "@home",
            "#1",
            "$5",
            "found.cat",
            "thumbs",
            "snapshot",
            "tmp",
        ] {
            assert!(!is_system_name(name.as_ref()), "{name}");
        }
    }
}
