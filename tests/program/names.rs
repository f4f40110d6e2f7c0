//! File names that are no text: they are written so that they can be used again.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use headstart::files::{path_of_text, path_text};

use super::outputs::{BACKBONE, trained};
use super::place::Place;

fn bytes(name: &[u8]) -> PathBuf {
    OsStr::from_bytes(name).into()
}

/// In Latin-1, and one that looks like an escape; two with the same bytes in them.
fn with_odd_names() -> Option<(Place, Vec<PathBuf>)> {
    let place = trained();
    let names = [&b"odd/caf\xE9.png"[..], b"odd/50%.png", b"odd/%41.png", b"odd/a\xFF\xFE%.png"].map(bytes);
    fs::create_dir(place.path("odd")).unwrap();
    for name in &names {
        // Some file systems take no such name, and then there is nothing to test.
        fs::copy(place.path("pics/cat/0.png"), place.path("").join(name)).ok()?;
    }
    Some((place, names.into()))
}

fn column(csv: &str) -> Vec<PathBuf> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    reader.records().map(|record| path_of_text(&record.unwrap()[0])).collect()
}

#[test]
fn what_predict_writes_is_read_back_by_predict() {
    let Some((place, names)) = with_odd_names() else { return };
    let mut names = names;
    names.sort();
    let asked = |place: &Place, words: &[&OsStr]| {
        let mut command = place.command(&format!("predict a {BACKBONE}"));
        let output = command.args(words).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let csv = asked(&place, &["--format".as_ref(), "csv".as_ref(), "odd".as_ref()]);
    assert_eq!(column(&csv), names, "{csv}");
    assert!(csv.contains("\n%//odd/caf%E9.png,") && csv.contains("\nodd/50%.png,"), "{csv}");
    let lines = asked(&place, &["--format".as_ref(), "jsonl".as_ref(), "odd".as_ref()]);
    let texts =
        lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["path"].clone());
    let texts: Vec<String> = texts.map(|text| text.as_str().unwrap().to_owned()).collect();
    assert_eq!(texts.iter().map(|text| path_of_text(text)).collect::<Vec<_>>(), names);
    // On stdin, as words, and as they are.
    let again = place.run_on(&texts.join("\n"), &format!("predict a - --format csv {BACKBONE}")).done();
    assert_eq!(again.out, csv);
    let mut words: Vec<OsString> = ["--format", "csv"].map(OsString::from).into();
    words.extend(texts.iter().map(OsString::from));
    assert_eq!(asked(&place, &words.iter().map(OsString::as_os_str).collect::<Vec<_>>()), csv);
    let mut words: Vec<&OsStr> = ["--format".as_ref(), "csv".as_ref()].into();
    words.extend(names.iter().map(|name| name.as_os_str()));
    assert_eq!(asked(&place, &words), csv);
    let raw =
        names.iter().flat_map(|name| [name.as_os_str().as_bytes(), b"\n"].concat()).collect::<Vec<u8>>();
    place.write("raw", raw);
    let said = place.run_with(&format!("predict a - --format csv {BACKBONE}"), |command| {
        command.stdin(fs::File::open(place.path("raw")).unwrap());
    });
    assert_eq!(said.done().out, csv);
}

#[test]
fn folders_of_any_name_work_wherever_a_path_is_taken() {
    let Some((place, _)) = with_odd_names() else { return };
    let odd = |name: &[u8]| OsString::from_vec(name.to_vec());
    let run = |arguments: &str, words: &[&OsStr]| {
        let mut command = place.command(arguments);
        let output = command.args(words).output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && !words.contains("panicked"), "{arguments}: {words}");
        output.stdout
    };
    let (runs, cache, network) = (odd(b"runs\xE9"), odd(b"cache\xE9"), odd(b"net\xE9.onnx"));
    fs::copy(place.path("tiny.onnx"), place.path("").join(&network)).unwrap();
    let shared: Vec<&OsStr> =
        vec!["--cache".as_ref(), &cache, "--backbone".as_ref(), &network, "--runs".as_ref(), &runs];
    let printed = run("train pics --extract --epochs 1 --name b", &shared);
    assert_eq!(printed, b"runs\xE9/b\n", "a path for programs that go on with it, byte for byte");
    let at: &OsStr = OsStr::from_bytes(b"runs\xE9/b");
    let used = &shared[..4];
    run("evaluate", &[&[at, "pics".as_ref()], used].concat());
    run("predict", &[&[at, "pics".as_ref()], used].concat());
    let exported = odd(b"out\xE9.onnx");
    run("export", &[&[at, "-o".as_ref(), &exported], used].concat());
    run("predict", &[exported.as_os_str(), "pics".as_ref()]);
    let failures = odd(b"failed\xE9.csv");
    run("extract pics", &[&["--failures".as_ref(), failures.as_os_str()], used].concat());
    assert!(place.path("").join(&failures).is_file());

    for (command, words, wanted) in [
        ("runs --json", vec!["--runs".as_ref(), runs.as_os_str()], path_text(Path::new(at)).into_owned()),
        ("runs --json", vec![at], path_text(Path::new(at)).into_owned()),
        ("cache info --json", vec!["--cache".as_ref(), cache.as_os_str()], "%//cache%E9/".into()),
        ("cache verify --json", vec![cache.as_os_str()], "%//cache%E9/".into()),
        (
            "cache info --json --image pics/cat/0.png",
            vec!["--cache".as_ref(), cache.as_os_str()],
            "%//cache%E9/".into(),
        ),
        ("backbone inspect --json", vec![network.as_os_str()], "%//net%E9.onnx".into()),
        ("compare pics --heads linear --folds 2 --json", used.to_vec(), "\"linear\"".into()),
    ] {
        let out = String::from_utf8(run(command, &words)).unwrap();
        assert!(out.contains(&wanted), "{command}: {out}");
    }
    // Of what a run was trained on it can be trained again.
    let manifest = odd(b"list\xE9.csv");
    fs::copy(place.path("list.csv"), place.path("").join(&manifest)).unwrap();
    run("train --epochs 1 --name c", &[&[manifest.as_os_str()], &shared[..]].concat());
    run("train --epochs 1 --name d --from c", &shared);
}

#[test]
fn duplicates_and_failures_name_them_too() {
    let Some((place, _)) = with_odd_names() else { return };
    fs::create_dir_all(place.path("folder/cat")).unwrap();
    fs::create_dir_all(place.path("folder/dog")).unwrap();
    for (class, name) in [("cat", &b"caf\xE9.png"[..]), ("dog", b"th\xE9.png")] {
        fs::copy(place.path("pics/cat/0.png"), place.path(&format!("folder/{class}")).join(bytes(name)))
            .unwrap();
    }
    fs::write(place.path("folder/cat").join(bytes(b"bad\xE9.png")), "no image").unwrap();
    fs::write(place.path("folder/cat/100%.png"), "no image").unwrap();
    let said = place.run(&format!("extract folder --failures failed.csv {BACKBONE}")).ended(1);
    said.says(&["2 failed"]);
    let failed = place.read("failed.csv");
    assert_eq!(
        column(&failed),
        [bytes(b"folder/cat/100%.png"), bytes(b"folder/cat/bad\xE9.png")],
        "{failed}"
    );
    let said = place.run(&format!("cache duplicates folder {BACKBONE}")).done();
    let pair: Vec<PathBuf> = {
        let mut reader = csv::Reader::from_reader(said.out.as_bytes());
        let record = reader.records().next().unwrap().unwrap();
        [5, 8].map(|column| path_of_text(&record[column])).into()
    };
    assert_eq!(pair, [bytes(b"folder/cat/caf\xE9.png"), bytes(b"folder/dog/th\xE9.png")], "{}", said.out);
}
