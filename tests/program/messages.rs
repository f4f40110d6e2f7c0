//! What the program says when it is given what it cannot use, whole: a change of words is seen when it is read, not when it is met.
//!
//! `messages/*.txt` hold what is said today. `HEADSTART_UPDATE_MESSAGES=1 cargo test --release --test program messages` writes
//! them again; look at the difference before it is committed. A message is good if it says what failed, where, and what was
//! expected and found, once each, and then one thing to do.

use std::fmt::Write as _;
use std::fs;

use super::noisy;
use super::place::{Place, Said, repository};

/// A file of `messages`, and the commands whose messages are in it.
type Topic = (&'static str, &'static [&'static str]);

const TOPICS: [Topic; 6] = [
    (
        "manifests",
        &[
            "extract",
            "extract gone.csv",
            "extract empty.csv",
            "extract header.csv",
            "extract columns.csv",
            "train columns.csv --path-column file",
            "extract ragged.csv",
            "extract quote.csv",
            "extract windows-1252.csv",
            "extract nothing",
            "extract held0.png",
            "train unlabelled.csv --backbone tiny.onnx",
            "train one-class.csv --backbone tiny.onnx",
            "train two-labels.csv --backbone tiny.onnx",
            "train parts.csv --backbone tiny.onnx",
        ],
    ),
    (
        "runs",
        &[
            "evaluate nobody held.csv --backbone tiny.onnx",
            "report nobody --backbone tiny.onnx",
            "predict nobody held0.png --backbone tiny.onnx",
            "export nobody -o new.onnx --backbone tiny.onnx",
            "train train.csv --name a --backbone tiny.onnx",
            "train train.csv --name ../a --backbone tiny.onnx",
            "train train.csv --from nobody --backbone tiny.onnx",
            "train train.csv --resume --backbone tiny.onnx",
            "evaluate a unknown.csv --backbone tiny.onnx",
            "evaluate a unlabelled.csv --backbone tiny.onnx",
            "evaluate a new.csv --backbone tiny.onnx",
            "evaluate a held.csv --backbone tiny.onnx --no-report --require accuracy",
            "evaluate a held.csv --backbone tiny.onnx --no-report --require beauty=1",
        ],
    ),
    (
        "settings",
        &[
            "train train.csv --backbone tiny.onnx --config gone.toml",
            "train train.csv --backbone tiny.onnx --config syntax.toml",
            "train train.csv --backbone tiny.onnx --config unknown.toml",
            "train train.csv --backbone tiny.onnx --epochs 0",
            "train train.csv --backbone tiny.onnx --epochs many",
            "train train.csv --backbone tiny.onnx --learning-rate fast",
            "train train.csv --backbone tiny.onnx --threads 0",
            "train train.csv --backbone tiny.onnx --dropout 1",
            "train train.csv --backbone tiny.onnx --hidden wide",
            "train train.csv --backbone tiny.onnx --schedule sometimes",
            "train train.csv --backbone tiny.onnx --momentum 0.9",
            "train train.csv --backbone tiny.onnx --patience 3",
            "train train.csv --backbone tiny.onnx --set clipnorm=1 --set clipvalue=1",
            "train train.csv --backbone tiny.onnx --set alpha=0.5",
            "train train.csv --backbone tiny.onnx --class-weight {owl=2.0}",
            "train train.csv --backbone tiny.onnx --class-weight {Müllers=2.0}",
            "train train.csv --backbone tiny.onnx --set l2=abc",
            "train train.csv --backbone tiny.onnx --set epochs=1.5",
            "train train.csv --backbone tiny.onnx --class-weight [0,0]",
            "train train.csv --backbone tiny.onnx --validation 2",
            "train train.csv --backbone tiny.onnx --shots 1000",
            "compare train.csv --backbone tiny.onnx --heads magic",
            "compare train.csv --backbone tiny.onnx --folds 1000",
        ],
    ),
    (
        "backbones",
        &[
            "extract train.csv --backbone gone.onnx",
            "extract train.csv --backbone text.onnx",
            "extract train.csv --backbone empty.csv",
            "extract train.csv --backbone nothing",
            "extract train.csv --backbone tiny.onnx --recipe gone.toml",
            "extract train.csv --backbone tiny.onnx --recipe unknown.toml",
            "extract train.csv --backbone tiny.onnx --views sideways",
            "extract train.csv --backbone tiny.onnx --precision int7",
            "extract train.csv --backbone tiny.onnx --shard 3/2",
            "backbone inspect text.onnx",
            "backbone cut gone.onnx -o new.onnx",
            "import-head text.onnx --classes warm,cold --backbone tiny.onnx",
        ],
    ),
    (
        "images",
        &[
            "predict a --backbone tiny.onnx",
            "predict a gone.png --backbone tiny.onnx",
            "predict a text.png --backbone tiny.onnx",
            "predict a *.bmp --backbone tiny.onnx",
            "predict a held0.png --top 0 --backbone tiny.onnx",
            "extract bad.csv --backbone tiny.onnx --quiet",
            "extract bad.csv --backbone tiny.onnx --max-failures 0",
            "extract many-bad.csv --backbone tiny.onnx --failures failures.csv",
            "extract many-bad.csv --backbone tiny.onnx",
        ],
    ),
    (
        "files",
        &[
            "export a -o tiny.onnx --backbone tiny.onnx",
            "export a -o text.onnx --backbone tiny.onnx",
            "export a -o nowhere/new.onnx --backbone tiny.onnx",
            "cache info --cache nowhere",
            "cache verify --cache nowhere",
            "cache export held.csv -o text.onnx --backbone tiny.onnx",
            "cache export held.csv -o new.unknown --backbone tiny.onnx",
            "evaluate a held.csv -o text.onnx --backbone tiny.onnx",
            "extract train.csv --backbone tiny.onnx --failures nowhere/failures.csv",
        ],
    ),
];

/// A trained run, and files in which something is wrong.
fn place() -> Place {
    let place = noisy::trained();
    for (name, bytes) in [
        ("empty.csv", &b""[..]),
        ("header.csv", b"path,label\n"),
        ("columns.csv", b"file,kind\nheld0.png,warm\n"),
        ("ragged.csv", b"path,label\nheld0.png\n"),
        ("quote.csv", b"path,label\nheld0.png,\"warm\nheld1.png,cold\n"),
        ("windows-1252.csv", b"path,label\nheld0.png,caf\xe9\n"),
        ("unlabelled.csv", b"path,label\nheld0.png,\n"),
        ("one-class.csv", b"path,label\ntrain0.png,warm\ntrain1.png,warm\n"),
        ("two-labels.csv", b"path,label\ntrain0.png,warm\ntrain0.png,cold\n"),
        ("parts.csv", b"path,label,split\ntrain0.png,warm,holdout\ntrain1.png,cold,test\n"),
        ("unknown.csv", b"path,label\nheld0.png,tepid\n"),
        ("bad.csv", b"path,label\nheld0.png,warm\nheld1.png,cold\ntext.png,warm\n"),
        ("text.png", b"this is no image"),
        ("text.onnx", b"this is no network"),
        ("syntax.toml", b"epochs = \n"),
        ("unknown.toml", b"epoch = 3\n"),
    ] {
        place.write(name, bytes);
    }
    let many: String = (0..24).map(|number| format!("gone{number}.png,cold\n")).collect();
    place.write("many-bad.csv", format!("path,label\nheld0.png,warm\n{many}"));
    fs::create_dir(place.path("nothing")).unwrap();
    image::RgbImage::from_pixel(4, 4, image::Rgb([1, 2, 3])).save(place.path("new.png")).unwrap();
    place.write("new.csv", "path,label\nnew.png,warm\n");
    place
}

/// A command and all that comes of it.
fn told(command: &str, Said { status, out, err }: &Said, place: &Place) -> String {
    let folder = place.path("").display().to_string();
    let err = err.replace(folder.trim_end_matches('/'), "FOLDER");
    let said = format!("{out}{err}");
    format!("$ headstart {command}\n{}\nexit status {status}\n\n", said.trim_end())
}

#[test]
fn what_is_said_is_what_was_read_before() {
    let place = place();
    let folder = repository().join("tests/program/messages");
    let updates = std::env::var_os("HEADSTART_UPDATE_MESSAGES").is_some();
    let mut differences = String::new();
    for (topic, commands) in TOPICS {
        let found: String =
            commands.iter().map(|command| told(command, &place.run(command), &place)).collect();
        no_message_says_a_thing_twice_or_speaks_rust(&found);
        let file = folder.join(format!("{topic}.txt"));
        if updates {
            fs::write(&file, &found).unwrap();
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        for (found, expected) in pairs(&found, &expected) {
            writeln!(differences, "--- {topic}.txt\n{expected}+++ today\n{found}").unwrap();
        }
    }
    assert_eq!(
        differences, "",
        "\n{differences}If these words are better: HEADSTART_UPDATE_MESSAGES=1 writes them down."
    );
}

/// Messages that differ; one without its like stands beside nothing.
fn pairs<'t>(found: &'t str, expected: &'t str) -> Vec<(&'t str, &'t str)> {
    let split = |text: &'t str| text.split_inclusive("\n\n$ ").collect::<Vec<_>>();
    let (found, expected) = (split(found), split(expected));
    let count = found.len().max(expected.len());
    let at = |all: &[&'t str], place: usize| all.get(place).copied().unwrap_or_default();
    (0..count).map(|place| (at(&found, place), at(&expected, place))).filter(|(a, b)| a != b).collect()
}

/// What no message may do, whatever it says.
fn no_message_says_a_thing_twice_or_speaks_rust(messages: &str) {
    const RUST: [&str; 13] = [
        "invalid type",
        "expected f64",
        "usize",
        "TOML parse error",
        "EOF while",
        "Some(",
        "None",
        "Err(",
        "Os {",
        "failed to fill whole buffer",
        "panicked",
        "unwrap",
        "::",
    ];
    for message in messages.split("\n\n$ ") {
        assert!(message.contains("error: ") || message.contains("warning: "), "{message}");
        assert!(message.matches("\nerror: ").count() <= 1, "{message}");
        assert!(message.matches("\nhint: ").count() <= 1, "{message}");
        let mut lines: Vec<&str> = message.lines().filter(|line| line.len() > 20).collect();
        let all = lines.len();
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), all, "a line stands there twice: {message}");
        for rust in RUST {
            assert!(!message.contains(rust), "`{rust}`: {message}");
        }
    }
}
