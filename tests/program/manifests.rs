//! Manifests and folders as people have them: names of any bytes, folders that cannot be read, Excel's tables, parts.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use image::{Rgb, RgbImage};
use serde_json::Value;

use super::place::{Place, Said};
use super::tiny;

/// A folder with a backbone `tiny.onnx`.
pub fn small() -> Place {
    let place = Place::empty();
    tiny::backbone_times(&place.path("tiny.onnx"), 4, 12, 0.002);
    place
}

impl Place {
    /// A small image, whatever its name is made of; each number gives another one.
    pub fn image(&self, name: impl AsRef<OsStr>, number: u8) {
        let path = self.path("").join(Path::new(name.as_ref()));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let colour = Rgb([9 + 20 * (number % 12), 200 - 3 * number, 30 + number]);
        RgbImage::from_pixel(4, 4, colour).save_with_format(path, image::ImageFormat::Png).unwrap();
    }

    /// Three images in each of these class folders.
    pub fn classes(&self, folders: &[&str]) {
        for (class, folder) in folders.iter().enumerate() {
            (0..3).for_each(|n| self.image(format!("{folder}/{n}.png"), 3 * class as u8 + n));
        }
    }

    /// The program with these arguments and the small backbone.
    pub fn tiny(&self, arguments: &str) -> Said {
        self.run(&format!("{arguments} --backbone tiny.onnx"))
    }
}

#[test]
fn names_of_any_bytes_are_trained_on_measured_and_looked_for() {
    let place = small();
    let name = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
    for n in 0..3 {
        place.image(name(&[b"pics/caf\xE9/\xFF", &[b'0' + n][..], b".png"].concat()), n);
        place.image(format!("pics/bar/{n}.png"), 6 + n);
    }
    let said = place.tiny("train pics --extract --epochs 5 --name a").done();
    said.says(&["2 classes: %//caf%E9 3, bar 3"]);
    place.tiny("evaluate a pics -o out").done();
    let rows = place.read("out/predictions.csv");
    assert!(rows.contains("/pics/caf%E9/%FF0.png,%//caf%E9,"), "{rows}");
    // What was written of them is read again.
    let again = place.tiny("evaluate a out/predictions.csv -o again --json").done();
    assert_eq!(again.out, place.read("out/metrics.json"));
    let listed = place.tiny("predict a out/predictions.csv --format jsonl").done();
    assert_eq!(listed.out.lines().count(), 6);

    let asked = |pattern: &[u8]| {
        place.run_with("predict a --backbone tiny.onnx --quiet", |command| {
            command.arg(OsStr::from_bytes(pattern));
        })
    };
    for (pattern, images) in [
        (&b"pics/*/*.png"[..], 6),
        (b"pics/**/*.png", 6),
        (b"pics/caf\xE9/*.png", 3),
        (b"pics/caf?/?[12].png", 2),
        (b"pics/caf\xE9", 3),
        (b"pics/caf\xE9/\xFF2.png", 1),
        (b"%//pics/caf%E9/%FF2.png", 1),
        (b"%//pics/caf%E9", 3),
    ] {
        assert_eq!(asked(pattern).done().out.lines().count(), images, "{}", String::from_utf8_lossy(pattern));
    }
    asked(b"pics/caf\xE9/z*").ended(2).says(&["`%//pics/caf%E9/z*` matches no file", "hint: "]);
}

/// `pics` with the classes `a` and `b`, a link that goes round, one that leads nowhere, and a folder too deep for any path.
fn with_bad_folders() -> Place {
    let place = small();
    place.classes(&["pics/a", "pics/b"]);
    symlink("..", place.path("pics/a/again")).unwrap();
    symlink("nowhere", place.path("pics/c")).unwrap();
    let script = "import os\nfor _ in range(20):\n    os.mkdir('n' * 250)\n    os.chdir('n' * 250)\n";
    let mut python = std::process::Command::new("python3");
    assert!(python.args(["-c", script]).current_dir(place.path("pics/b")).status().unwrap().success());
    place
}

#[test]
fn a_folder_that_cannot_be_read_is_told_counted_and_passed_over_by_every_command() {
    let place = with_bad_folders();
    let told = [
        "warning: skipped `pics/a/again`: a link back to `pics`, which it lies in",
        "warning: skipped `pics/c`: a link to `nowhere`, which is not there",
        ": file name too long",
        "warning: skipped 3 folders that cannot be read",
    ];
    for command in [
        "extract pics",
        "train pics --epochs 2 --name a",
        "compare pics --heads knn --folds 2",
        "evaluate a pics",
        "predict a pics",
        "predict a pics/**/*.png",
        "cache export pics -o features.npy",
        "cache duplicates pics",
    ] {
        let said = place.tiny(command).ended(1);
        said.says(&told).never_says("panicked");
    }
    assert_eq!(place.tiny("predict a pics --quiet").ended(1).out.lines().count(), 6);
    place.tiny("predict a pics/a/*.png").done().never_says("skipped");
    // What lies in there is not known, and features of it must not be lost.
    let said = place.run("cache gc --keep pics").ended(2);
    said.says(&["what the manifest needs is not known, so nothing was dropped", "`pics/a/again`"]);
    assert_eq!(place.extract("pics --backbone tiny.onnx")[..3], [6, 6, 0]);
}

#[test]
fn a_quote_that_is_never_closed_is_no_label() {
    let place = small();
    place.classes(&["a", "b"]);
    place.write("open.csv", "path,label\na/0.png,a\na/1.png,\"a\nb/0.png,b\nb/1.png,b\n");
    let said = place.tiny("train open.csv --extract").ended(2);
    said.says(&["error: `open.csv` line 3: a quote is opened and never closed", "hint: close the quote"]);
    place.write("stray.csv", "path,label\na/0.png,a\na/1.png,\"a\nb/0.png,b\nb/1.png,\"b\"\n");
    let said = place.tiny("train stray.csv --extract").ended(2);
    said.says(&["`stray.csv` line 3: a quote is opened and not closed before line 5", "hint: "]);
}

#[test]
fn parts_are_the_same_for_all_commands_by_whatever_name() {
    let place = small();
    place.classes(&["pics/a", "pics/b"]);
    place.tiny("extract pics").done();
    let table = |names: [&str; 3]| {
        let rows = (0..3)
            .flat_map(|n| ["a", "b"].map(|class| format!("pics/{class}/{n}.png,{class},{}\n", names[n])));
        place.write("parts.csv", format!("path,label,split\n{}", rows.collect::<String>()));
    };
    for names in [["train", "validation", "test"], ["TRAIN", "Val", "Testing"], ["training", "dev", "eval"]] {
        table(names);
        let said = place.tiny("train parts.csv --extract --epochs 2 --name a --overwrite").done();
        said.says(&["split column: training on 2 images, validating on 2, leaving out 2 of `test`"]);
        // One image of each class is too little for two folds; which images are taken is told before that.
        let said = place.tiny("compare parts.csv --heads knn --folds 2");
        said.says(&[
            "split column: training on 2 images, leaving out 2 of `validation`, leaving out 2 of `test`",
        ]);
        let said = place.tiny("evaluate a parts.csv --split test --json").done();
        assert_eq!(serde_json::from_str::<Value>(&said.out).unwrap()["examples"], 2);
        let said = place.tiny("cache duplicates parts.csv --json --threshold 0.1").done();
        let parts = serde_json::from_str::<Value>(&said.out).unwrap()["parts"].to_string();
        assert_eq!(parts, "[\"train\",\"validation\",\"test\"]");
    }
    table(["train", "holdout", ""]);
    for command in ["train parts.csv --name b", "compare parts.csv"] {
        place.tiny(command).ended(2).says(&[
            "`parts.csv` line 4: split `holdout` is not known: expected `train`, `validation`, `test`",
            "hint: ",
        ]);
    }
    // Asked for by its name it is what is wanted.
    place.tiny("evaluate a parts.csv --split Holdout").done();
    table(["train", "train", ""]);
    place
        .tiny("train parts.csv --epochs 1 --name b")
        .done()
        .says(&["training on 4 images, leaving out 2 without a split"]);
}

#[test]
fn what_belongs_to_a_system_never_becomes_a_class_or_an_image() {
    let place = small();
    place.classes(&["nas/a", "nas/b", "nas/@eaDir", "nas/$RECYCLE.BIN", "nas/#recycle", "nas/a/@eaDir"]);
    place.image("nas/b/._0.png", 1);
    place.write("nas/b/Thumbs.db", "x");
    let told =
        "skipped 4 hidden or system folders (`#recycle`, `$RECYCLE.BIN`, `@eaDir`); 2 hidden or system files";
    let said = place.tiny("train nas --extract --epochs 1 --name a").done();
    said.says(&["2 classes: a 3, b 3\n", told]);
    let said = place.tiny("predict a nas").done();
    assert_eq!(said.out.lines().count(), 6);
    said.says(&[told]);
    let said = place.tiny("predict a nas/**/*.png").done();
    assert_eq!(said.out.lines().count(), 6);
    said.says(&["skipped 4 hidden or system folders"]);
    // Whoever spells it out means it.
    assert_eq!(place.tiny("predict a nas/@eaDir/*.png").done().out.lines().count(), 3);
    assert_eq!(place.tiny("predict a nas/@eaDir").done().out.lines().count(), 3);
}

#[test]
fn a_label_in_another_normal_form_is_the_same_class() {
    let place = small();
    place.classes(&["nfc/caf\u{E9}", "nfc/bar"]);
    place.classes(&["nfd/cafe\u{301}", "nfd/bar"]);
    place.tiny("train nfc --extract --epochs 3 --name a").done();
    let figures = place.tiny("evaluate a nfc --json").done().out;
    assert_eq!(place.tiny("evaluate a nfd --extract --json").done().out, figures);
    let said = place.tiny("train nfc nfd --epochs 1 --name both").done();
    said.says(&["2 classes: bar 6, caf\u{E9} 6"]).never_says("differ only");

    // Version 0.1.0 kept the names as the folders had them.
    let run = place.read("runs/a/run.toml");
    assert!(run.contains("caf\u{E9}"));
    place.write("runs/a/run.toml", run.replace("caf\u{E9}", "cafe\u{301}"));
    for folder in ["nfc", "nfd"] {
        place.tiny(&format!("evaluate a {folder} -o out")).done();
        assert!(place.read("out/predictions.csv").contains(",cafe\u{301},"));
        place.tiny("evaluate a out/predictions.csv").done();
    }
    place.tiny("train --from a --resume --epochs 4 --name b").done();
    assert!(
        place.read("runs/b/run.toml").contains("cafe\u{301}"),
        "a run that is gone on with keeps its names"
    );
    place.write("unknown.csv", "path,label\nnfc/bar/0.png,B\u{430}r\n");
    let said = place.tiny("evaluate a unknown.csv").ended(2);
    said.says(&["label `B\\u{430}r` is not among the 2 known classes: it differs from `bar` in letters that look alike"]);
}

#[test]
fn labels_that_look_alike_are_warned_of() {
    let place = small();
    place.classes(&["pics/Cat", "pics/cat", "pics/dog", "pics/dog "]);
    let said = place.tiny("train pics --extract --epochs 1 --name a").done();
    said.says(&[
        "warning: the labels `Cat`, `cat` differ only in case: each is a class of its own",
        "warning: the folders `dog`, `dog ` are one class, `dog`: spaces at the edges of a name do not count",
        "3 classes: Cat 3, cat 3, dog 6",
    ]);
}

#[test]
fn tables_of_excel_and_of_windows_are_read() {
    let place = small();
    place.classes(&["pics/a", "pics/b"]);
    let rows = |separator: &str| {
        let row = |class: &str, n: u8| format!("pics\\{class}\\{n}.png{separator}{class}\r\n");
        (0..6).map(|n| row(["a", "b"][n as usize % 2], n / 2)).collect::<String>()
    };
    let utf16 = |text: String| -> Vec<u8> {
        "\u{FEFF}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    };
    for (name, bytes) in [
        ("sep.csv", format!("sep=;\r\npath;label\r\n{}", rows(";")).into_bytes()),
        ("semicolons.csv", format!("\u{FEFF}\"Path\";\"Label\"\r\n{};\r\n;\r\n", rows(";")).into_bytes()),
        ("utf16.csv", utf16(format!("path\tlabel\r\n{}", rows("\t")))),
        ("mac.csv", format!("path,label\r{}", rows(",").replace("\r\n", "\r")).into_bytes()),
    ] {
        place.write(name, bytes);
        let said = place.tiny(&format!("train {name} --extract --epochs 1 --name {name}")).done();
        said.says(&["2 classes: a 3, b 3"]);
    }
    place.write("cp1252.csv", b"path,label\r\npics/a/0.png,B\xE4r\r\n");
    let said = place.tiny("extract cp1252.csv").ended(2);
    said.says(&[
        "`cp1252.csv` line 2: expected text in UTF-8, found another encoding, such as Windows-1252",
        "hint: save it as text in UTF-8: in Excel by `Save As`, file type `CSV UTF-8`",
    ]);
}

#[test]
fn paths_on_stdin_may_begin_with_a_mark() {
    let place = small();
    place.classes(&["pics/a", "pics/b"]);
    place.write("all.csv", "path,label\npics/a/0.png,a\npics/b/0.png,b\n");
    place.tiny("train all.csv --extract --epochs 1 --name a").done();
    let said =
        place.run_on("\u{FEFF}pics/a/0.png\r\npics/b/0.png\r\n", "predict a - --backbone tiny.onnx").done();
    assert_eq!(said.out.lines().count(), 2);
}
