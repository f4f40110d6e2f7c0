//! The program with `shim.c` in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::place::{Place, Said};

/// A system call that changed, or was to change, a file below the place; or the begin or end of a run of the graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub op: String,
    /// As the system gives it: negative for an error.
    pub result: i64,
    pub path: PathBuf,
    /// Where it was renamed to.
    pub other: PathBuf,
}

/// What the program did to its place, in order.
pub type Trace = Vec<Call>;

/// The shared library, built once.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fault-shim.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fault/shim.c");
        let mut compile = Command::new("cc");
        compile
            .args(["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"])
            .arg(&library)
            .arg(source);
        let output = compile.arg("-ldl").output().expect("a C compiler");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        library
    })
}

/// Runs `extract` under a rule of the shim's; `""` harms nothing.
pub fn extract(place: &Place, rule: &str) -> (Said, Trace) {
    run(place, place.command(), rule)
}

pub fn run(place: &Place, mut command: Command, rule: &str) -> (Said, Trace) {
    let log = tempfile::NamedTempFile::new().unwrap();
    command.env("LD_PRELOAD", library()).env("FAULT_BELOW", place.path());
    command.env("FAULT_LOG", log.path()).env("FAULT_RULE", rule);
    let said = Said::new(command.output().unwrap());
    assert_ne!(said.status, Some(99), "the shim itself failed: {}", said.err);
    (said, fs::read_to_string(log.path()).unwrap().lines().map(parse).collect())
}

fn parse(line: &str) -> Call {
    let cells: Vec<_> = line.split('\t').collect();
    let [_, op, result, path, other] = cells[..] else { panic!("{line}") };
    Call { op: op.into(), result: result.parse().unwrap(), path: path.into(), other: other.into() }
}

impl Call {
    pub fn is_write_of(&self, extension: &str) -> bool {
        self.op == "write" && self.path.extension().is_some_and(|found| found == extension)
    }
}

/// The calls of an extraction that nothing happens to.
pub fn whole() -> &'static Trace {
    static WHOLE: OnceLock<Trace> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let (said, trace) = extract(&Place::new(), "");
        assert_eq!(said.status, Some(1), "{}", said.err);
        trace
    })
}

/// Were a call not seen, the walks would pass over the gaps beside it.
#[test]
fn the_shim_sees_all_that_becomes_of_the_cache() {
    let place = Place::new();
    let (said, trace) = extract(&place, "");
    assert_eq!(said.status, Some(1), "{}", said.err);
    let mut written = std::collections::BTreeMap::new();
    for call in &trace {
        match call.op.as_str() {
            "write" => *written.entry(call.path.clone()).or_insert(0) += call.result as u64,
            "create" => assert_eq!(written.insert(call.path.clone(), 0), None),
            "rename" => {
                let length = written.remove(&call.path).unwrap();
                written.insert(call.other.clone(), length);
            }
            _ => {}
        }
    }
    let found: std::collections::BTreeMap<_, _> = walkdir::WalkDir::new(place.path())
        .into_iter()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| (entry.path().to_owned(), entry.metadata().unwrap().len()))
        .collect();
    assert_eq!(written, found);
    for op in ["mkdir", "create", "write", "fsync", "rename", "run", "ran"] {
        assert!(trace.iter().any(|call| call.op == op), "no {op}");
    }
    let runs = trace.iter().filter(|call| call.op == "run").count();
    assert_eq!(runs, super::place::IMAGES.div_ceil(super::place::BATCH));
}
