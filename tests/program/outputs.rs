//! What commands write: never over what they read, over other files only on request, all of it or nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use headstart::onnx::{self, Graph, Model, Node, Tensor, ValueInfo};
use image::{Rgb, RgbImage};

use super::net::{self, open};
use super::place::Place;
use super::tiny;

/// Numbers in a row of features: so many that no file with them is small.
const FEATURES: usize = 512;
pub const BACKBONE: &str = "--backbone tiny.onnx";

/// `pics`, a folder of twelve images of two classes; `list.csv`, which names them; `tiny.onnx`; their features; a run `a`.
pub fn trained() -> Place {
    let place = pictures();
    place.run(&format!("train pics --extract --epochs 2 --name a {BACKBONE}")).done();
    place
}

pub fn pictures() -> Place {
    let place = Place::empty();
    tiny::backbone(&place.path("tiny.onnx"), 8, FEATURES);
    let mut rows = String::from("path,label\n");
    for i in 0..12u8 {
        let class = ["cat", "dog"][usize::from(i % 2)];
        fs::create_dir_all(place.path(&format!("pics/{class}"))).unwrap();
        let colour = if i % 2 == 0 { [200, i * 9 + 5, 20] } else { [20, i * 9 + 5, 200] };
        let name = format!("pics/{class}/{i}.png");
        RgbImage::from_pixel(9, 9, Rgb(colour)).save(place.path(&name)).unwrap();
        rows += &format!("{name},{class}\n");
    }
    place.write("list.csv", rows);
    place
}

/// All files below the place but those of `models`, and what is in them.
fn everything(place: &Place) -> BTreeMap<String, Vec<u8>> {
    let root = place.path("");
    let entries = walkdir::WalkDir::new(&root).into_iter().map(Result::unwrap);
    let files = entries.filter(|entry| !entry.file_type().is_dir());
    let read = |path: &Path| fs::read(path).unwrap_or_default();
    files.map(|entry| (entry.path().display().to_string(), read(entry.path()))).collect()
}

fn folders(place: &Place, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(place.path(folder)).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn no_command_writes_over_what_it_reads_whatever_the_flags() {
    let place = trained();
    place.write("photos.csv", place.read("list.csv"));
    place.write("predictions.csv", place.read("list.csv"));
    symlink("list.csv", place.path("soft.csv")).unwrap();
    fs::hard_link(place.path("list.csv"), place.path("hard.csv")).unwrap();
    symlink("pics", place.path("linked")).unwrap();
    let recipe = place.run("backbone recipes torchvision-v1").done().out;
    place.write("recipe.toml", recipe);
    place.write("classes.txt", "cat\ndog\n");
    fs::copy(place.path("list.csv"), place.path("runs/a/list.csv")).unwrap();
    fs::copy(place.path("runs/a/head.safetensors"), place.path("head.safetensors")).unwrap();
    place.write(
        "model.json",
        r#"{"modelTopology": {}, "weightsManifest": [{"paths": ["shard.bin"], "weights": []}]}"#,
    );
    place.write("shard.bin", "weights");
    place.run(&format!("evaluate a list.csv --no-report {BACKBONE}")).done();
    place.run("cache info --cache data/features").done();
    let segment = place.kinds("data/features")[0].join("fingerprint.json");
    let fingerprint = segment.strip_prefix(place.path("")).unwrap().display().to_string();
    let before = everything(&place);
    for (command, flag) in [
        // Its second file has the manifest's name.
        ("cache export photos.csv -o photos.npy", "--output"),
        ("cache export list.csv -o list.csv --format parquet", "--output"),
        ("cache export list.csv -o ./pics/../soft.csv --format arrow", "--output"),
        ("cache export list.csv -o pics/cat/0.png --format arrow", "--output"),
        ("cache export pics -o linked/cat/0.png --format arrow", "--output"),
        (&format!("cache export pics -o {fingerprint} --format arrow"), "--output"),
        ("extract list.csv --failures list.csv", "--failures"),
        ("extract list.csv --failures soft.csv", "--failures"),
        ("extract hard.csv --failures list.csv", "--failures"),
        ("extract list.csv --failures pics/cat/0.png", "--failures"),
        ("extract pics --failures linked/dog/1.png", "--failures"),
        ("extract list.csv --failures tiny.onnx", "--failures"),
        ("extract list.csv --recipe recipe.toml --failures recipe.toml", "--failures"),
        ("evaluate a predictions.csv -o .", "--output"),
        ("evaluate a list.csv -o runs/a", "--output"),
        ("report a -o pics/cat/0.png", "--output"),
        ("report a -o runs/a/head.safetensors", "--output"),
        ("report a -o runs/a/run.toml", "--output"),
        ("report a -o list.csv", "--output"),
        ("report a -o runs/a/evaluation/list/metrics.json", "--output"),
        ("report a a -o runs/a/history.csv", "--output"),
        ("export a -o tiny.onnx", "--output"),
        ("export a -o runs/a/head.safetensors", "--output"),
        ("import-head head.safetensors --classes cat,dog --name a --recipe runs/a/list.csv", "--name"),
        ("import-head runs/a/head.safetensors --classes cat,dog --name a", "--name"),
        ("train runs/a/list.csv --name a", "--name"),
        ("train list.csv --from a --name a", "--name"),
    ] {
        let said = place.run(&format!("{command} --overwrite {BACKBONE}")).ended(2);
        said.says(&["this command reads", &format!("choose another `{flag}`")]).never_says("--overwrite");
        assert!(everything(&place) == before, "{command} changed a file");
    }
    for command in [
        "backbone cut tiny.onnx -o soft.onnx",
        "backbone cut tiny.onnx -o pics/cat/0.png --image pics/cat/0.png --image pics/dog/1.png",
        "backbone cut tiny.onnx -o recipe.toml --recipe recipe.toml",
        "backbone quantize tiny.onnx --calibrate list.csv -o list.csv",
        "backbone quantize tiny.onnx --calibrate pics -o pics/cat/0.png",
        "backbone quantize tiny.onnx --calibrate pics --evaluate list.csv -o hard.csv",
        "backbone import model.json -o model.json",
        "backbone import model.json -o shard.bin",
    ] {
        let link = place.path("soft.onnx");
        symlink("tiny.onnx", &link).unwrap();
        let said = place.run(&format!("{command} --overwrite")).ended(2);
        said.says(&["this command reads", "hint: choose another `--output`"]);
        fs::remove_file(link).unwrap();
        assert!(everything(&place) == before, "{command} changed a file");
    }
}

#[test]
fn another_file_is_replaced_only_on_request_and_our_own_by_newer_ones() {
    let place = trained();
    place.write("out/predictions.csv", "somebody's");
    let evaluate = format!("evaluate a list.csv -o out {BACKBONE}");
    let said = place.run(&evaluate).ended(2);
    said.says(&[
        "`out/predictions.csv` exists already",
        "choose another `--output`, or replace the file with `--overwrite`",
    ]);
    assert_eq!(folders(&place, "out"), ["predictions.csv"], "and nothing else was written");
    place.run(&format!("{evaluate} --overwrite")).done();
    let files = ["evaluation.toml", "metrics.json", "predictions.csv", "report.html"];
    assert_eq!(folders(&place, "out"), files);
    // It is an evaluation by now, and a newer one may take its place.
    place.run(&evaluate).done();

    // A folder that is no run cannot be replaced, and nobody is told to.
    fs::create_dir(place.path("runs/photos")).unwrap();
    for overwrite in ["", "--overwrite"] {
        let said = place.run(&format!("train list.csv --name photos {overwrite} {BACKBONE}")).ended(2);
        said.says(&["`runs/photos` exists already, and is not a run", "choose another `--name`"])
            .never_says("--overwrite");
    }

    place.write("page.html", "<!DOCTYPE html><html>somebody's</html>");
    let report = format!("report a -o page.html --folds 0 {BACKBONE}");
    place.run(&report).ended(2).says(&["`page.html` exists already", "--overwrite"]);
    place.run(&format!("{report} --overwrite")).done();
    place.run(&report).done();
    place.run("report a a -o page.html").done().says(&["report: page.html"]);

    place.write("failed.csv", "path,label\nsomebody's,x\n");
    let extract = format!("extract list.csv --failures failed.csv {BACKBONE}");
    place.run(&extract).ended(2).says(&["`failed.csv` exists already", "--failures", "--overwrite"]);
    assert_eq!(place.read("failed.csv"), "path,label\nsomebody's,x\n");
    place.run(&format!("{extract} --overwrite")).done();
    assert_eq!(place.read("failed.csv"), "path,key,stage,kind,reason,time\n");
    place.run(&extract).done();
    // A link to nowhere is somebody's, too.
    symlink("nowhere", place.path("dead.npy")).unwrap();
    let export = format!("cache export list.csv -o dead.npy {BACKBONE}");
    place.run(&export).ended(2).says(&["`dead.npy` exists already"]);
    place.write("dead.csv", "somebody's");
    fs::remove_file(place.path("dead.npy")).unwrap();
    place
        .run(&export)
        .ended(2)
        .says(&["`dead.csv` exists already", "`dead.csv` is written together with `dead.npy`"]);
    place
        .run(&format!("cache export list.csv -o pics {BACKBONE} --format npy"))
        .ended(2)
        .says(&["`pics` is a folder"]);
    // Devices lose nothing.
    place.run(&format!("extract list.csv --failures /dev/null {BACKBONE}")).done();
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

/// The program where no file can grow beyond 8 kB. Without the trap the first write beyond would kill it.
fn cramped(place: &Place, arguments: &str) -> (i32, String) {
    let said = Command::new("sh")
        .args(["-c", &format!("trap '' XFSZ; ulimit -f 16; exec \"$0\" {arguments}")])
        .arg(env!("CARGO_BIN_EXE_headstart"))
        .current_dir(place.path(""))
        .env("HEADSTART_DEVICE", "cpu")
        .env("XDG_CACHE_HOME", place.path("caches"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (said.status.code().unwrap(), String::from_utf8(said.stderr).unwrap())
}

#[test]
fn where_a_file_cannot_be_written_whole_nothing_of_it_is_left() {
    let place = trained();
    let fails = |arguments: &str, path: &str| {
        let before = everything(&place);
        let (status, words) = cramped(&place, &format!("{arguments} {BACKBONE}"));
        assert_eq!(status, 2, "{arguments}: {words}");
        assert!(words.contains(&format!("error: cannot write `{path}")), "{arguments}: {words}");
        assert!(words.contains("caused by: File too large") && !words.contains("stdout"), "{words}");
        let after = everything(&place);
        let known = |name: &&String| !name.contains("/caches/") && !before.contains_key(*name);
        let left: Vec<_> = after.keys().filter(known).collect();
        assert!(left.is_empty(), "{arguments} left {left:?}");
        assert!(
            before.iter().all(|(name, bytes)| after.get(name) == Some(bytes)),
            "{arguments} changed a file"
        );
    };
    fails("evaluate a list.csv", "runs/a/evaluation/list/report.html");
    assert!(!place.path("runs/a/evaluation").exists());
    place.run(&format!("evaluate a list.csv {BACKBONE}")).done();
    place.run(&format!("evaluate a list.csv -o out {BACKBONE}")).done();
    place.run(&format!("report a --folds 0 {BACKBONE}")).done();
    // What was there before stays as it was, also what the second time would have been written in full.
    fails("evaluate a list.csv --top 2", "runs/a/evaluation/list/report.html");
    fails("evaluate a list.csv --top 2 -o out", "out/report.html");
    fails("evaluate a list.csv -o new/deep", "new/deep/report.html");
    assert!(!place.path("new").exists());
    fails("report a --folds 0", "runs/a/report.html");
    fails("report a a -o both.html", "both.html");
    fails("export a -o a.onnx", "a.onnx");
    fails("cache export list.csv -o f.npy", "f.npy");
    fails("cache export list.csv -o f.parquet", "f.parquet");
    fails("train list.csv --epochs 1 --name b", "runs/b/head.safetensors");
    fails("train list.csv --epochs 1 --runs other", "other");
    assert!(!place.path("other").exists());
    place.run("runs").done().never_says("passed over");
}

/// A backbone of this graph, which makes `features` of `images` of 8 by 8 pixels.
fn backbone(path: &Path, node: Vec<Node>, initializer: Vec<Tensor>) {
    let graph = Graph {
        name: Some("wrong".into()),
        node,
        initializer,
        input: vec![ValueInfo::float_tensor("images", &open(&[3, 8, 8]))],
        output: vec![ValueInfo::float_tensor("features", &open(&[4]))],
        ..Graph::default()
    };
    let model: Model = net::model(graph, &net::account("wrong", net::recipe(8), 4));
    onnx::write(&model, path).unwrap();
}

#[test]
fn a_command_that_fails_leaves_nothing_behind() {
    let place = pictures();
    // One that ONNX Runtime refuses, and one that fails with the first image.
    backbone(&place.path("empty.onnx"), vec![], vec![]);
    let shape = Tensor::from_i64("shape", &[2], &[-1, 5]);
    let flat = Node::new("Reshape", &["images", "shape"], "flat", vec![]);
    let product = Node::new("MatMul", &["flat", "weights"], "features", vec![]);
    let weights = Tensor::from_f32("weights", &[5, 4], &[0.5; 20]);
    backbone(&place.path("breaks.onnx"), vec![flat, product], vec![shape, weights]);
    place.write("no_head.safetensors", "no head");
    let before = everything(&place);
    for command in [
        "extract list.csv --backbone empty.onnx --failures failed.csv",
        "extract list.csv --backbone breaks.onnx --failures failed.csv",
        "train list.csv --extract --backbone empty.onnx",
        "train list.csv --extract --backbone breaks.onnx --tensorboard",
        "train list.csv --backbone tiny.onnx",
        "train list.csv --backbone tiny.onnx --runs deep/er",
        "train list.csv --backbone gone.onnx",
        "compare list.csv --extract --backbone breaks.onnx",
        "import-head no_head.safetensors --classes cat,dog --backbone tiny.onnx",
        "cache export list.csv -o f.npy --extract --backbone breaks.onnx",
        "cache duplicates list.csv --extract --backbone breaks.onnx",
        "backbone import list.csv -o new.onnx",
        "backbone cut breaks.onnx -o new.onnx",
        "backbone quantize breaks.onnx --calibrate pics -o new.onnx",
    ] {
        place.run(command).ended(2).never_says("panicked");
        assert!(everything(&place).keys().eq(before.keys()), "{command}: {:?}", folders(&place, ""));
        for folder in ["data", "runs", "deep"] {
            assert!(!place.path(folder).exists(), "{command} left `{folder}`");
        }
    }
    let place = trained();
    fs::copy(place.path("pics/cat/0.png"), place.path("new.png")).unwrap();
    RgbImage::new(7, 7).save(place.path("new.png")).unwrap();
    place.write("new.csv", "path,label\nnew.png,cat\n");
    let before = everything(&place);
    for command in
        ["evaluate a new.csv", "evaluate a new.csv -o deep/er", "export a -o x.onnx --image new.png"]
    {
        place.run(&format!("{command} {BACKBONE}")).ended(2);
        assert!(everything(&place).keys().eq(before.keys()), "{command}");
        assert!(!place.path("deep").exists() && !place.path("runs/a/evaluation").exists(), "{command}");
    }
}

#[test]
fn runs_passes_over_an_empty_evaluation_and_tells_of_one_that_is_not_complete() {
    let place = trained();
    // What 0.1.0 left when an evaluation failed.
    fs::create_dir_all(place.path("runs/a/evaluation/list")).unwrap();
    for command in ["runs", "runs a", "report a --folds 0 --backbone tiny.onnx", "report a a"] {
        place.run(command).done().never_says("warning");
    }
    place.run(&format!("evaluate a list.csv {BACKBONE}")).done();
    fs::remove_file(place.path("runs/a/evaluation/list/metrics.json")).unwrap();
    place
        .run("runs")
        .ended(1)
        .says(&["`runs/a/evaluation/list`: this evaluation is not complete", "evaluate again"]);
    place.run(&format!("evaluate a list.csv {BACKBONE}")).done();
    place.run("runs").done().never_says("warning");
}
