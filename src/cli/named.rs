//! Backbones of model hubs: `--backbone org/name` is a file by the time that a command looks at it.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use headstart::UserCache;
use headstart::hub::{Reference, Settings};
use headstart::hub_backbone::{BackboneHub, Known};

use super::args::BackboneArgs;
use super::console::Console;
use super::error::Error;
use super::{Status, installed};

/// How a name begins that is one of a hub, whatever files there are.
const MARKS: [&str; 5] = ["hf://", "hf_hub:", "hf-hub:", "https://", "http://"];

/// The repository that is meant, if it is not a file: a short name that is not installed, `org/name`, or its address.
pub fn repository(backbone: &Path) -> Option<String> {
    let typed = backbone.to_str()?;
    if MARKS.iter().any(|mark| typed.starts_with(mark)) {
        return Some(typed.to_owned());
    }
    if let Some(word) = installed::name(backbone) {
        let known = Known::of(word).filter(|_| !installed::has(word))?;
        return known.repository.map(String::from);
    }
    // What lies, or would lie, in a folder that is there is a file.
    let (folder, rest) = typed.split_once('/')?;
    let is_name = rest.split('@').next().is_some_and(|name| !name.is_empty() && !name.contains(['/', '\\']));
    let is_file = backbone.exists()
        || Path::new(folder).exists()
        || folder.is_empty()
        || folder.starts_with(['.', '~']);
    let is_network = |ending: &str| typed.to_lowercase().ends_with(ending);
    (is_name && !is_file && ![".onnx", ".json", ".pth"].into_iter().any(is_network)).then(|| typed.to_owned())
}

/// The hub that the environment names, and what was made of its files.
pub fn hub() -> anyhow::Result<(Settings, BackboneHub)> {
    let settings = Settings::of_environment()?;
    let folder = UserCache::of_user().ok_or(Error::NoUserFolder)?.hub_folder();
    Ok((settings.clone(), BackboneHub::new(settings, folder)?))
}

/// What `--backbone` has to say for a file that was made of a repository.
pub fn flag(file: &Path) -> Option<PathBuf> {
    let below = file.strip_prefix(UserCache::of_user()?.hub_folder()).ok()?;
    let parts: Vec<&str> = below.iter().map(|part| part.to_str()).collect::<Option<_>>()?;
    let [_, repository, commit, file] = parts[..] else { return None };
    let name = format!("{}@{commit}", repository.replacen("--", "/", 1));
    Some(
        if file == "backbone.onnx" { name } else { format!("hf://{name}/{}", file.replace("--", "/")) }
            .into(),
    )
}

/// Let `args` name a file instead of a repository. What is not there yet is fetched and made by another process: this one may
/// need another ONNX Runtime afterwards. The status with which that ended, if this one need not go on.
pub fn resolve(
    args: &mut BackboneArgs,
    library: Option<&Path>,
    console: &Console,
) -> anyhow::Result<Option<Status>> {
    let Some(typed) = repository(&args.backbone) else { return Ok(None) };
    let (settings, hub) = hub()?;
    let reference = settings.parse(&typed)?;
    let file = match hub.kept(&reference) {
        Some(file) => file,
        None => match fetch(&typed, args.yes, library, console)? {
            Ok(()) => hub.kept(&reference).ok_or(Error::NotKept { repository: typed })?,
            Err(status) => return Ok(Some(status)),
        },
    };
    if let Some(name) = flag(&file) {
        console.detail(format_args!("backbone {}", name.display()));
    }
    args.backbone = file;
    Ok(None)
}

/// `headstart backbone fetch`, whose words go where ours go.
fn fetch(
    typed: &str,
    yes: bool,
    library: Option<&Path>,
    console: &Console,
) -> anyhow::Result<Result<(), Status>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["backbone", "fetch", typed]).stdout(Stdio::null());
    command.args(yes.then_some("--yes")).args(console.is_quiet().then_some("--quiet"));
    if let Some(library) = library {
        command.arg("--onnxruntime").arg(library);
    }
    let status = command.args(console.is_verbose().then_some("--verbose")).status()?;
    Ok(match status.code() {
        Some(0) => Ok(()),
        Some(130) => Err(Status::Interrupted),
        _ => Err(Status::Error),
    })
}

/// Ask whether to go on; whoever cannot be asked has to say so beforehand.
pub fn consents(reference: &Reference, yes: bool) -> anyhow::Result<bool> {
    if yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Error::NotAsked { repository: reference.repository.to_string() }.into());
    }
    let _ = write!(std::io::stderr(), "fetch it? [y/N] ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_told_from_a_file() {
        for name in [
            "no-org/name",
            "timm/resnet50.a1_in1k",
            "no-org/name@v1",
            "no-org/name@refs/pr/1",
            "hf://src/name",
        ] {
            assert_eq!(repository(Path::new(name)).as_deref(), Some(name));
        }
        // `src` and `models` are folders here.
        for file in [
            "src/name",
            "models/gone",
            "gone.onnx",
            "no-org/gone.onnx",
            "./no-org/name",
            "/no/name",
            "a/b/c",
            "word",
            "src",
        ] {
            assert_eq!(repository(Path::new(file)), None, "{file}");
        }
        assert_eq!(
            repository(Path::new("dinov2-small")).as_deref(),
            Known::of("dinov2-small").unwrap().repository
        );
    }

    #[test]
    fn what_was_made_is_named_by_its_commit() {
        let Some(folder) = UserCache::of_user().map(|cache| cache.hub_folder()) else { return };
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let of = |file: &str| flag(&folder.join("1/org--name").join(commit).join(file));
        assert_eq!(of("backbone.onnx").unwrap(), Path::new(&format!("org/name@{commit}")));
        assert_eq!(of("onnx--a.onnx").unwrap(), Path::new(&format!("hf://org/name@{commit}/onnx/a.onnx")));
        assert_eq!(flag(Path::new("models/resnet50.onnx")), None);
    }
}
