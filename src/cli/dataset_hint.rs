//! What to do about an error in a list of images.

use std::path::Path;

use headstart::dataset::split;
use headstart::dataset::{EXTENSIONS, Error, Part, PartFolder, Role, Skipped, is_image};

use super::hint::quoted;

/// Names that people give to these columns.
const PATH_NAMES: [&str; 17] = [
    "path",
    "paths",
    "filepath",
    "filename",
    "file",
    "files",
    "image",
    "images",
    "img",
    "imagepath",
    "imgpath",
    "imagename",
    "imagefile",
    "imageid",
    "name",
    "photo",
    "id",
];
const LABEL_NAMES: [&str; 12] = [
    "label",
    "labels",
    "class",
    "classes",
    "classname",
    "classid",
    "category",
    "target",
    "species",
    "breed",
    "tag",
    "y",
];
const SPLIT_NAMES: [&str; 8] = ["split", "splits", "set", "subset", "part", "partition", "usage", "phase"];

/// How a manifest can look, for who gave none.
const FORMS: &str =
    "a manifest is a CSV with the columns `path,label`, or a folder with one subfolder of images per class";

pub fn for_dataset(error: &Error) -> Option<String> {
    Some(match error {
        Error::Missing { .. } | Error::NoManifest => FORMS.into(),
        Error::Empty { .. } => format!("{FORMS}; in a CSV, each row below the header names an image"),
        Error::NotUtf8 { found, .. } => as_utf8(found),
        Error::Ragged { .. } => {
            "give each row as many cells as the header has; put a cell that contains the separator in quotes".into()
        }
        Error::UnclosedQuote { .. } => {
            "close the quote or remove it; if it belongs to a name, write it twice and put the cell in quotes".into()
        }
        Error::StrayQuote { .. } => {
            "close the quote in its own line, or remove it; a label that has line breaks may have 10 of them at most".into()
        }
        Error::MissingColumn { path, role, found, .. } => missing_column(path, *role, found),
        Error::RepeatedColumn { role, .. } => {
            format!("give the columns different names, or name the right one with `{}`", flag(*role))
        }
        Error::EmptyPath { .. } => "fill in the path, or remove the row".into(),
        Error::NoClassFolders { found, table, .. } => no_class_folders(found, table.as_deref()),
        Error::SplitFolders { found, .. } => parts(found),
        Error::ConflictingLabels { .. } => "correct one of the two labels, or remove its row".into(),
        Error::MissingLabel { .. } => "fill in the label, or leave the row out".into(),
        Error::NoLabels { .. } => "fill in the labels; `headstart predict` takes images without any".into(),
        Error::OneClass { inner: Some(inner), .. } => {
            format!("if its subfolders are the classes, give that folder: {}", quoted(inner))
        }
        Error::OneClass { .. } => "add images of another class".into(),
        Error::UnknownLabel { place, .. } if place.line == 0 => {
            "the names of the subfolders are the labels: rename the subfolder, give the folder whose subfolders are the classes, \
             or train a run with this class"
                .into()
        }
        Error::UnknownLabel { .. } => "correct the label, or train a run with this class".into(),
        Error::UnknownSplit { .. } => {
            "write one of these, or leave the cell empty to leave the row out; `--split-column none` ignores the column, and \
             `headstart evaluate --split NAME` takes any name"
                .into()
        }
        Error::NoSuchSplit { .. } => "`--split` takes a name that was found; without it all rows are taken".into(),
        Error::ClassName { .. } => "give each class a name of its own".into(),
        _ => return None,
    })
}

fn as_utf8(found: &str) -> String {
    let save = "in Excel by `Save As`, file type `CSV UTF-8`";
    match found {
        "binary data" => format!("{FORMS}; save another kind of table as a CSV {save}"),
        _ => format!("save it as text in UTF-8: {save}; in other programs by the encoding `UTF-8`"),
    }
}

fn flag(role: Role) -> &'static str {
    match role {
        Role::Path => "--path-column",
        Role::Label => "--label-column",
        Role::Split => "--split-column",
    }
}

fn missing_column(path: &Path, role: Role, found: &[String]) -> String {
    if path.is_dir() {
        return "a folder has no split column: leave `--split` out, or give the folder of that split".into();
    }
    if found.iter().any(|name| is_image(Path::new(name))) {
        return "the first line has to name the columns: put `path,label` above it".into();
    }
    // What else is missing would be the next error.
    let mut flags = vec![];
    for (of, own, names) in [
        (Role::Path, "path", &PATH_NAMES[..]),
        (Role::Label, "label", &LABEL_NAMES),
        (Role::Split, "split", &SPLIT_NAMES),
    ] {
        let is_there = found.iter().any(|name| name.eq_ignore_ascii_case(own));
        let wanted = of == role || (role == Role::Path && of == Role::Label && !is_there);
        if let Some(like) = wanted.then(|| likely(found, names)).flatten() {
            flags.push(format!("{} {}", flag(of), quoted(like.as_ref())));
        }
    }
    match (flags.is_empty(), role) {
        (false, _) => format!("name the columns: `{}`", flags.join(" ")),
        (true, Role::Split) => {
            "`--split-column` names the column; without `--split` all rows are taken".into()
        }
        (true, _) => {
            format!("give the name of the right column by `{}`; if there is none, add it", flag(role))
        }
    }
}

/// The column that has the likeliest name.
fn likely<'f>(found: &'f [String], names: &[&str]) -> Option<&'f String> {
    let plain =
        |name: &String| name.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    names.iter().find_map(|name| found.iter().find(|found| plain(found) == **name))
}

fn no_class_folders(found: &Skipped, table: Option<&Path>) -> String {
    match table {
        Some(table) => format!("if it is the manifest, give the CSV that lies in it: {}", quoted(table)),
        None if found.loose_images > 0 => {
            "put the images of each class into a subfolder of its own, or list them in a CSV with the columns `path,label`".into()
        }
        None => format!("give a folder with images, one subfolder per class; images end in {}", EXTENSIONS.join(", ")),
    }
}

fn parts(found: &[PartFolder]) -> String {
    let of = |part| {
        found
            .iter()
            .filter(move |folder| folder.part == Some(part))
            .find_map(|folder| folder.classes.as_deref())
    };
    let uses = [
        (Part::Train, "to train on"),
        (Part::Validation, "for `--validation-manifest`"),
        (Part::Test, "to evaluate on"),
    ];
    let told: Vec<String> =
        uses.into_iter().filter_map(|(part, use_)| Some(format!("{} {use_}", quoted(of(part)?)))).collect();
    match told.is_empty() {
        true => "list the images in a CSV with the columns `path,label,split`".into(),
        false => format!(
            "give the folder of one split: {}; if the folders are classes after all, list their images in a CSV with the \
             columns `path,label`",
            told.join(", ")
        ),
    }
}

pub fn for_split(error: &split::Error) -> Option<String> {
    Some(match error {
        split::Error::Fraction { .. } => "`--validation` takes a fraction such as 0.2".into(),
        split::Error::NothingToSplit { .. } => "add images, or leave `--validation` out".into(),
        split::Error::Shots { .. } => {
            "`--shots` is at least 1, and at most what the smallest class has".into()
        }
        split::Error::Folds { .. } => "`--folds` is at least 2, and at most the number of images".into(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(role: Role, found: &[&str]) -> String {
        missing_column(
            "m.csv".as_ref(),
            role,
            &found.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(),
        )
    }

    #[test]
    fn the_column_that_is_there_is_named() {
        assert_eq!(
            column(Role::Path, &["id", "file_name", "Class"]),
            "name the columns: `--path-column file_name --label-column Class`"
        );
        assert_eq!(
            column(Role::Path, &["Image Path", "label"]),
            "name the columns: `--path-column 'Image Path'`"
        );
        assert_eq!(column(Role::Label, &["path", "target"]), "name the columns: `--label-column target`");
        assert_eq!(
            column(Role::Split, &["path", "label", "subset"]),
            "name the columns: `--split-column subset`"
        );
        assert!(column(Role::Path, &["a.png", "cat"]).contains("put `path,label` above it"));
        assert!(
            column(Role::Path, &["x", "z"])
                .starts_with("give the name of the right column by `--path-column`")
        );
    }
}
