//! Every hint about a list of images, followed to the letter, leads out.

use std::fs;

use super::manifests::small;
use super::place::Place;

/// What the hint of a command says that ends with status 2, after an error with these words.
#[track_caller]
fn hint(place: &Place, command: &str, error: &str) -> String {
    let said = place.tiny(command).ended(2).says(&[error]).never_says("panicked");
    let hint = said.err.split("hint: ").nth(1).unwrap_or_else(|| panic!("no hint in {}", said.err));
    hint.trim().to_owned()
}

/// The text between the `n`th pair of backquotes.
fn quoted(hint: &str, n: usize) -> String {
    hint.split('`').nth(2 * n + 1).unwrap_or_else(|| panic!("{hint}")).to_owned()
}

/// `a` and `b` with three images each.
fn with_classes() -> Place {
    let place = small();
    place.classes(&["pics/a", "pics/b"]);
    place
}

const ROWS: &str = "pics/a/0.png,a\npics/a/1.png,a\npics/b/0.png,b\npics/b/1.png,b\n";

#[test]
fn of_columns() {
    let place = with_classes();
    let train = "train m.csv --extract --epochs 1 --name a --overwrite";
    // The hint names the very flags.
    for header in ["file_name,Class", "Image Path,label", "path,category", "PATH,species", "img,target"] {
        place.write("m.csv", format!("{header}\n{ROWS}"));
        let flags = quoted(&hint(&place, train, "has no column"), 0);
        let said = place.run_with(&format!("{train} --backbone tiny.onnx"), |command| {
            let mut rest = flags.as_str();
            while !rest.is_empty() {
                let (flag, value) = rest.split_once(' ').unwrap();
                let end = match value.strip_prefix('\'') {
                    Some(quoted) => quoted.find('\'').unwrap() + 2,
                    None => value.find(' ').unwrap_or(value.len()),
                };
                command.args([flag, value[..end].trim_matches('\'')]);
                rest = value[end..].trim_start();
            }
        });
        said.done();
    }
    // So does that of predict.
    place.write("m.csv", format!("filename,x\n{ROWS}"));
    let flags = quoted(&hint(&place, "predict a m.csv", "has no column `path`"), 0);
    assert_eq!(flags, "--path-column filename");
    place.tiny(&format!("predict a m.csv {flags}")).done();

    place.write("m.csv", ROWS);
    let line = quoted(&hint(&place, train, "has no column `path`"), 0);
    place.write("m.csv", format!("{line}\n{ROWS}"));
    place.tiny(train).done();

    place.write("m.csv", format!("zzz,label\n{ROWS}"));
    let flag = quoted(&hint(&place, train, "has no column `path`: found `zzz`, `label`"), 0);
    place.tiny(&format!("{train} {flag} zzz")).done();

    place.write("m.csv", format!("path,path,label\n{}", ROWS.replace(".png,", ".png,x,")));
    let said = hint(&place, train, "more than one column `path`");
    place.write("m.csv", format!("file,other,label\n{}", ROWS.replace(".png,", ".png,x,")));
    place.tiny(&format!("{train} {} file", quoted(&said, 0))).done();

    place.write(
        "m.csv",
        format!("path,label,subset\n{}", ROWS.replace(",a\n", ",a,test\n").replace(",b\n", ",b,test\n")),
    );
    let flags = quoted(&hint(&place, "evaluate a m.csv --split test", "has no column `split`"), 0);
    place.tiny(&format!("evaluate a m.csv --split test {flags}")).done();
    assert!(
        hint(&place, "evaluate a pics --split test", "has no column `split`").contains("leave `--split` out")
    );
    place.tiny("evaluate a pics --extract").done();
}

#[test]
fn of_rows() {
    let place = with_classes();
    let train = "train m.csv --extract --epochs 1 --name a --overwrite";
    let cured = |broken: &str, error: &str, advice: &str, mended: &str| {
        place.write("m.csv", broken);
        let said = hint(&place, train, error);
        assert!(said.contains(advice), "{said}");
        place.write("m.csv", mended);
        place.tiny(train).done();
    };
    let good = format!("path,label\n{ROWS}");
    cured(
        &format!("{good}pics/a/2.png\n"),
        "expected 2 cells",
        "as many cells as the header",
        &format!("{good}pics/a/2.png,a\n"),
    );
    cured(
        &format!("{good}pics/a/2.png,a,c\n"),
        "found 3",
        "in quotes",
        &format!("{good}pics/a/2.png,\"a,c\"\n"),
    );
    cured(
        &format!("{good}pics/a/2.png,\"a\n"),
        "never closed",
        "close the quote or remove it",
        &format!("{good}pics/a/2.png,\"a\"\n"),
    );
    cured(
        &format!("{good}pics/a/2.png,\"a\npics/b/2.png,\"b\"\n"),
        "not closed before line 7",
        "close the quote in its own line",
        &format!("{good}pics/a/2.png,\"a\"\npics/b/2.png,\"b\"\n"),
    );
    cured(&format!("{good},a\n"), "the path is empty", "remove the row", &good);
    cured(&format!("{good}pics/a/2.png,\n"), "has no label", "leave the row out", &good);
    cured(&format!("{good}pics/a/0.png,b\n"), "is labelled", "remove its row", &good);
    cured("path,label\npics/a/0.png,\n", "no row of", "fill in the labels", &good);
    cured("path,label\npics/a/0.png,a\n", "every label in", "add images of another class", &good);
    cured("path,label\n", "lists no images", "each row below the header names an image", &good);
    let split = |value: &str| {
        format!(
            "path,label,split\n{}",
            ROWS.replace(",a\n", ",a,train\n").replace(",b\n", &format!(",b,{value}\n"))
        )
    };
    cured(&split("mine"), "split `mine` is not known", "write one of these", &split("train"));
    place.write("m.csv", split("mine"));
    place.tiny(&format!("{train} --split-column none")).done();
    place.tiny("evaluate a m.csv --split mine").done();
    let said =
        hint(&place, "evaluate a m.csv --split yours", "no rows of the split `yours`: found `mine`, `train`");
    assert!(said.contains("without it all rows"), "{said}");
    place.tiny("evaluate a m.csv").done();
    place.write("m.csv", split("train").replace("train", "test"));
    let said = hint(&place, train, "no rows to train on: found `test`");
    place.tiny(&format!("{train} {} none", quoted(&said, 1).split(' ').next().unwrap())).done();
    place.write("m.csv", "path,label\npics/a/0.png,c\n");
    assert!(
        hint(&place, "evaluate a m.csv", "label `c`")
            .contains("correct the label, or train a run with this class")
    );
    place.write("m.csv", "path,label\npics/a/0.png,a\n");
    place.tiny("evaluate a m.csv").done();
    assert!(
        hint(&place, "extract gone.csv", "no manifest at `gone.csv`")
            .starts_with("a manifest is a CSV with the columns `path,label`")
    );
}

#[test]
fn of_text_that_is_none() {
    let place = with_classes();
    for bytes in [
        &b"path,label\npics/a/0.png,B\xE4r\n"[..],
        b"p\0a\0t\0h\0,\0x\0\n\0",
        b"PK\x03\x04",
        b"path,label\npics/\0a.png,a\n",
    ] {
        place.write("m.csv", bytes);
        let said = hint(&place, "extract m.csv", "expected text in UTF-8");
        assert!(said.contains("`CSV UTF-8`"), "{said}");
    }
    // As Excel saves it then.
    place.write("m.csv", "\u{FEFF}path,label\r\npics/a/0.png,B\u{E4}r\r\n");
    place.tiny("extract m.csv").done();
    assert!(hint(&place, "extract pics/a/0.png", "found binary data").starts_with("a manifest is a CSV"));
}

#[test]
fn of_folders() {
    let place = with_classes();
    fs::create_dir(place.path("nothing")).unwrap();
    let said = hint(
        &place,
        "extract nothing",
        "`nothing` has no images in subfolders: expected one subfolder per class, found nothing",
    );
    assert!(said.contains("give a folder with images, one subfolder per class; images end in"), "{said}");
    place.tiny("extract pics").done();
    place.write("docs/a/1.pdf", "x");
    place.write("docs/b/2.txt", "x");
    place.write("docs/b/3.txt", "x");
    hint(
        &place,
        "extract docs",
        "found 3 files that are not images (2 .txt, 1 .pdf); 2 class folders without images (`a`, `b`)",
    );

    place.image("flat/1.png", 1);
    let said = hint(&place, "extract flat", "found 1 image beside the class folders");
    assert!(
        said.starts_with("put the images of each class into a subfolder of its own, or list them in a CSV"),
        "{said}"
    );
    place.image("flat/a/2.png", 2);
    place.tiny("extract flat").done();
    fs::remove_dir_all(place.path("flat/a")).unwrap();
    // A table lies with them.
    place.write("flat/labels.csv", "path,label\n1.png,a\n");
    let said = hint(&place, "extract flat", "found 1 file that is not an image");
    place.tiny(&format!("extract {}", said.rsplit(' ').next().unwrap())).done();

    place.classes(&["outer/inner/a", "outer/inner/b"]);
    let said = hint(&place, "train outer --extract", "every label in `outer` is `inner`");
    place.tiny(&format!("train {} --extract --epochs 1 --name a", said.rsplit(' ').next().unwrap())).done();
    let said = hint(&place, "evaluate a outer", "label `inner` is not among");
    assert!(said.contains("give the folder whose subfolders are the classes"), "{said}");
    place.tiny("evaluate a outer/inner").done();

    place.write("none/1.txt", "x");
    let said =
        hint(&place, "predict a none", "`none` holds no images: found 1 file that is not an image (1 .txt)");
    assert!(said.starts_with("give a folder with images in it"), "{said}");
    place.tiny("predict a flat").done();
}

#[test]
fn of_parts_that_are_no_classes() {
    let place = small();
    place.classes(&[
        "d/Training/a",
        "d/Training/b",
        "d/Validation/a",
        "d/Validation/b",
        "d/Testing/a",
        "d/Testing/b",
        "d/Meta",
    ]);
    let said = hint(
        &place,
        "train d --extract",
        "`d` holds the splits of a data set, not classes: found the subfolders `Testing`, `Training`, `Validation`",
    );
    let words: Vec<&str> = said.split([' ', ',']).collect();
    let before = |word: &str| words[words.iter().position(|other| *other == word).unwrap() - 1];
    let (train, validation) =
        (words[words.iter().position(|word| *word == "train").unwrap() - 2], before("for"));
    place
        .tiny(&format!("train {train} --validation-manifest {validation} --extract --epochs 1 --name a"))
        .done();
    let test = words[words.iter().position(|word| *word == "evaluate").unwrap() - 2];
    assert_eq!((train, validation, test), ("d/Training", "d/Validation", "d/Testing"));
    place.tiny(&format!("evaluate a {test} --extract")).done();

    // One folder deeper.
    place.classes(&[
        "i/seg_train/seg_train/a",
        "i/seg_train/seg_train/b",
        "i/seg_test/seg_test/a",
        "i/seg_test/seg_test/b",
        "i/seg_pred/seg_pred",
    ]);
    let said = hint(&place, "extract i", "found the subfolders `seg_pred`, `seg_test`, `seg_train`");
    assert!(said.contains("i/seg_train/seg_train to train on, i/seg_test/seg_test to evaluate on"), "{said}");
    place.tiny("train i/seg_train/seg_train --extract --epochs 1 --name b").done();

    // Without class folders in them.
    place.classes(&["f/train", "f/test"]);
    let said = hint(&place, "extract f", "found the subfolders `test`, `train`");
    assert_eq!(said, "list the images in a CSV with the columns `path,label,split`");
    place.write(
        "f.csv",
        "path,label,split\nf/train/0.png,a,train\nf/train/1.png,b,train\nf/test/0.png,a,test\n",
    );
    place.tiny("train f.csv --extract --epochs 1 --name c").done();
    // Classes all the same.
    place.write("g.csv", "path,label\nf/train/0.png,train\nf/test/1.png,test\n");
    place.tiny("train g.csv --extract --epochs 1 --name e").done();
}

#[test]
fn of_divisions() {
    let place = with_classes();
    place.tiny("extract pics").done();
    for fraction in ["0", "1", "2"] {
        let said = hint(&place, &format!("train pics --validation {fraction}"), "is not possible");
        assert!(said.contains("0.2"), "{said}");
    }
    place.tiny("train pics --validation 0.2 --epochs 1 --name a").done();
    let said = hint(&place, "compare pics --folds 99 --heads knn", "99 folds of 6 examples are not possible");
    assert!(said.contains("at most the number of images"), "{said}");
    place.write("m.csv", "path,label\npics/a/0.png,a\npics/b/0.png,b\n");
    let said = hint(&place, "train m.csv --validation 0.2", "2 examples cannot be split");
    assert!(said.contains("leave `--validation` out"), "{said}");
    place.tiny("train m.csv --epochs 1 --name b").done();
}
