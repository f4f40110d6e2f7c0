//! The program in a folder with two photographs, and somebody who does what it advises.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use headstart::onnx::{self, Model};

/// More hints in a row than these nobody would follow.
const PATIENCE: usize = 5;

pub struct Desk(tempfile::TempDir);

pub struct Said {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    /// What is advised, if anything.
    pub fn hint(&self) -> Option<&str> {
        self.err.rsplit_once("hint: ").map(|(_, hint)| hint.trim_end())
    }
}

impl Desk {
    pub fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/convert/src/cut/photos");
        for name in ["cat", "coffee"] {
            fs::copy(photos.join(format!("{name}.jpg")), desk.path(&format!("{name}.jpg"))).unwrap();
        }
        fs::write(desk.path("photos.csv"), "path,label\ncat.jpg,cat\ncoffee.jpg,coffee\n").unwrap();
        desk
    }

    pub fn with(name: &str, model: &Model) -> Self {
        let desk = Self::new();
        std::fs::create_dir_all(desk.path(name).parent().unwrap()).unwrap();
        onnx::write(model, &desk.path(name)).unwrap();
        desk
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The program with these words, of which one may be in quotes as a shell takes them.
    pub fn run(&self, command: &str) -> Said {
        let output = Command::new(env!("CARGO_BIN_EXE_headstart"))
            .args(words(command))
            .current_dir(self.0.path())
            .env("HEADSTART_DEVICE", "cpu")
            .env("ORT_DYLIB_PATH", super::runtime().library())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said {
            status: output.status.code().unwrap_or(-1),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// Do what `command` says, and if it fails each of the things that its hint names, until all of them end well. How many ways
    /// there were.
    #[track_caller]
    pub fn follow(&self, command: &str) -> usize {
        self.follow_patiently(command, PATIENCE)
    }

    #[track_caller]
    fn follow_patiently(&self, command: &str, patience: usize) -> usize {
        let said = self.run(command);
        if said.status == 0 {
            return 1;
        }
        assert!(patience > 0, "`{command}` leads nowhere:\n{}", said.err);
        let Some(hint) = said.hint() else { panic!("`{command}` is refused without a hint:\n{}", said.err) };
        let mut ways = 0;
        if let Some((flag, _)) = hint.strip_prefix("remove `").and_then(|rest| rest.split_once('`')) {
            ways += self.follow_patiently(&without_flag(command, flag), patience - 1);
        }
        for advice in quoted(hint) {
            self.clear(command);
            if let Some(network) = self.carry_out(advice, hint, patience) {
                ways += self.follow_patiently(&with_flag(command, &network), patience - 1);
            }
        }
        assert!(ways > 0, "`{command}`: nothing to be done is named in: {hint}");
        ways
    }

    /// Do one thing that was advised; the flag that goes on with it, if it is a way out.
    #[track_caller]
    fn carry_out(&self, advice: &str, hint: &str, patience: usize) -> Option<String> {
        if let Some((print, file)) = advice.strip_prefix("headstart ").and_then(|line| line.split_once(" > "))
        {
            let printed = self.run(print);
            assert_eq!(printed.status, 0, "`{advice}`: {}", printed.err);
            let line =
                quoted(hint).into_iter().find(|line| line.starts_with("resize = ")).expect("what to write");
            let kept = printed.out.lines().filter(|old| !old.starts_with("crop = "));
            let changed = kept.map(|old| if old.starts_with("resize = ") { line } else { old });
            fs::write(self.path(file), changed.collect::<Vec<_>>().join("\n")).unwrap();
            return None;
        }
        if let Some(line) = advice.strip_prefix("headstart ") {
            self.follow_patiently(line, patience - 1);
            let words = words(line);
            let output = words.iter().position(|word| word == "--output")?;
            return Some(format!("--backbone {}", words[output + 1]));
        }
        // A flag without a value is only spoken of, and so is a line of a file.
        (advice.starts_with("--") && advice.contains(' ')).then(|| advice.to_owned())
    }

    /// What an earlier way has made, unless `command` goes on with it.
    fn clear(&self, command: &str) {
        for name in ["features.onnx", "data"]
            .into_iter()
            .filter(|name| !command.contains(&format!("--backbone' '{name}")))
        {
            let path = self.path(name);
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
    }
}

/// `command` with the flag in `flag` set to its value, instead of another value that it may have there.
fn with_flag(command: &str, flag: &str) -> String {
    let (name, value) = flag.split_once(' ').unwrap();
    format!("{} '{name}' '{}'", without_flag(command, name), value.trim_matches('\''))
}

fn without_flag(command: &str, name: &str) -> String {
    let mut kept = words(command);
    if let Some(place) = kept.iter().position(|word| word == name) {
        kept.drain(place..place + 2);
    }
    kept.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ")
}

fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn words(line: &str) -> Vec<String> {
    let mut words = vec![];
    for (place, part) in line.split('\'').enumerate() {
        match place % 2 {
            1 => words.push(part.to_owned()),
            _ => words.extend(part.split_whitespace().map(str::to_owned)),
        }
    }
    words
}
