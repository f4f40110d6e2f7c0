//! What the Python on the PATH has installed: ONNX Runtime and NVIDIA's libraries often come that way.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Where Python looks for packages.
#[derive(Debug, Default)]
pub struct Python {
    /// The folder of the package `onnxruntime` (also `-gpu` and `-openvino`, which install under that name).
    pub onnxruntime: Option<PathBuf>,
    /// `site-packages` and its like.
    pub packages: Vec<PathBuf>,
}

const ASK: &str = "
import importlib.util, sys
found = importlib.util.find_spec('onnxruntime')
print(found.submodule_search_locations[0] if found and found.submodule_search_locations else '')
print(*filter(None, sys.path), sep='\\n')
";

/// Asks once per process; without a Python nothing is found.
pub fn python() -> &'static Python {
    static ANSWER: OnceLock<Python> = OnceLock::new();
    ANSWER.get_or_init(|| ["python3", "python"].iter().find_map(|name| ask(name)).unwrap_or_default())
}

fn ask(program: &str) -> Option<Python> {
    // `-I` would hide the user's own packages; the current folder is not searched, for `sys.path` has it as ''.
    let output = Command::new(program).args(["-c", ASK]).stdin(Stdio::null()).stderr(Stdio::null()).output();
    let text = String::from_utf8(output.ok().filter(|output| output.status.success())?.stdout).ok()?;
    Some(read(&text))
}

fn read(answer: &str) -> Python {
    let mut lines = answer.lines().map(str::trim);
    let onnxruntime = lines.next().filter(|line| !line.is_empty()).map(PathBuf::from);
    Python { onnxruntime, packages: lines.map(PathBuf::from).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_a_package_and_folders() {
        let none = read("\n/usr/lib/python3\n/home/a/site-packages\n");
        assert_eq!((none.onnxruntime, none.packages.len()), (None, 2));
        let some = read("/a/onnxruntime\r\n/a\r\n");
        assert_eq!(
            (some.onnxruntime, some.packages),
            (Some("/a/onnxruntime".into()), vec![PathBuf::from("/a")])
        );
        assert!(ask("no such program").is_none());
    }
}
