//! What to do about an error: the library says what is wrong, the program knows its own flags and commands.

use std::path::Path;

use headstart::evaluate::CalibrationError;
use headstart::files::NotUtf8;
use headstart::nn::import::ImportError;
use headstart::train::Quantity;
use headstart::{cache, export, extract, image as preprocess, onnx, project, run, train};

use super::dataset_hint::{for_dataset, for_split};
use super::error::Error;
use super::graph_hint::{for_backbone, for_cut, for_import, for_library, for_onnx, for_quantize};
use super::hub_hint::{for_hub, for_hub_backbone};
use super::output;
use super::project_hint::for_project;

/// A remedy in the program's own terms, if there is one.
pub fn hint(error: &anyhow::Error) -> Option<String> {
    of(error.as_ref())
}

/// The same.
pub fn of(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    std::iter::successors(Some(error), |error| error.source()).find_map(|cause| {
        // An error of a use case that only passes another on does not stand in the chain beside it.
        let passed_on = cause.downcast_ref::<project::Error>().and_then(project::Error::cause);
        let cause = passed_on.unwrap_or(cause);
        cause
            .downcast_ref()
            .and_then(own)
            .or_else(|| cause.downcast_ref().and_then(for_project))
            .or_else(|| super::of_system(cause).and_then(for_system))
            .or_else(|| cause.downcast_ref().and_then(for_extract))
            .or_else(|| cause.downcast_ref().and_then(for_dataset))
            .or_else(|| cause.downcast_ref().and_then(for_split))
            .or_else(|| cause.downcast_ref().and_then(for_library))
            .or_else(|| cause.downcast_ref().and_then(for_cut))
            .or_else(|| cause.downcast_ref().and_then(for_quantize))
            .or_else(|| cause.downcast_ref().and_then(for_export))
            .or_else(|| cause.downcast_ref().and_then(for_backbone))
            .or_else(|| cause.downcast_ref().and_then(for_onnx))
            .or_else(|| cause.downcast_ref().and_then(for_import))
            .or_else(|| cause.downcast_ref().and_then(for_preprocess))
            .or_else(|| cause.downcast_ref().and_then(for_cache))
            .or_else(|| cause.downcast_ref().and_then(for_train))
            .or_else(|| cause.downcast_ref().and_then(for_run))
            .or_else(|| cause.downcast_ref().and_then(for_calibration))
            .or_else(|| cause.downcast_ref().and_then(for_import_head))
            .or_else(|| cause.downcast_ref().and_then(for_hub_backbone))
            .or_else(|| cause.downcast_ref().and_then(for_hub))
    })
}

/// As it can be typed. What is no text, or would move the cursor, stands as an escape, which today's shells understand.
pub fn quoted(path: &Path) -> String {
    let path = match path.to_str().filter(|text| !text.contains(char::is_control)) {
        Some(text) => text.to_owned(),
        None => return escaped(path),
    };
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:=@~".contains(c);
    if path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

/// What the system says is the same wherever it happens.
fn for_system(error: &std::io::Error) -> Option<String> {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    match error.kind() {
        StorageFull | QuotaExceeded => Some("free some space, and run the same command again".into()),
        _ if NotUtf8::of(error).is_some() => {
            Some("save the file as UTF-8: editors offer it as the encoding when a file is saved".into())
        }
        _ => None,
    }
}

/// `$'caf\xe9.jpg'`
fn escaped(path: &Path) -> String {
    let mut text = String::from("$'");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'\'' | b'\\' => text.extend(['\\', char::from(*byte)]),
            b' '..=b'~' => text.push(char::from(*byte)),
            byte => text += &format!("\\x{byte:02x}"),
        }
    }
    text + "'"
}

fn own(error: &Error) -> Option<String> {
    Some(match error {
        Error::Target { flag, named, source } => output::hint(flag, named, source),
        Error::NotOfHub { .. } => "in the project's folder `./justw setup` makes it; `headstart backbone list` shows what is here".into(),
        Error::NotAsked { .. } => {
            "`headstart backbone fetch NAME` tells size and licence first; `--yes` fetches without asking".into()
        }
        Error::NotKept { .. } => "run `headstart backbone fetch NAME`, which says where it is put".into(),
        Error::NoUserFolder => "set HOME or XDG_CACHE_HOME to a folder that is yours".into(),
        // What to do depends on what is broken, and is said by whoever found it.
        Error::Broken { .. } => return None,
        Error::NoCache { path } => {
            format!("run `headstart extract MANIFEST --cache {}` to make one", quoted(path))
        }
        Error::ImagesFailed { .. } => {
            "the others have features; `--failures FILE` lists those that have none, and `--retry-failed` tries them again".into()
        }
        Error::ViewsOfExport { .. } => "remove `--views`, or give the run that the file was exported from".into(),
        Error::TemperatureOfExport { .. } => {
            "`headstart export RUN --no-temperature` makes a file without it".into()
        }
        Error::NothingMatches { .. } => {
            "`*` stands for any part of a name, `**` for any folders between, `?` for one character, `[ab]` for one of these"
                .into()
        }
        Error::NoImages => "give images, folders of images, or a manifest".into(),
        Error::NoImagesIn { .. } => {
            "give a folder with images in it: image files are recognised by the end of their names, such as `.jpg`".into()
        }
        Error::NoShippedCalibration { .. } => {
            "calibrate it on your images: `--calibrate FOLDER`; a few hundred are enough".into()
        }
        Error::SameFile { second, .. } => format!("give `{second}` another name"),
        Error::NoExport { .. } => {
            "give the file that `headstart export RUN --output FILE` wrote; or a run, which `headstart runs` lists".into()
        }
        Error::FlagsOfExport { flags, .. } => {
            let it = if flags.len() == 1 { "it" } else { "them" };
            format!("remove {it}, or give the run that the file was exported from: the file already contains these settings")
        }
    })
}

/// What helps where a head is of no use.
pub const NEW_HEAD: &str = "train a new head, with a lower `--learning-rate`: this one has diverged";

/// Its errors pass for what they wrap, so these do not stand in the chain themselves.
fn for_extract(error: &extract::Error) -> Option<String> {
    match error {
        extract::Error::Backbone(error) => for_backbone(error),
        extract::Error::Runtime(error) => for_library(error),
        extract::Error::Cache(error) => for_cache(error),
        extract::Error::TooManyFailures { .. } => Some(
            "what was computed is kept; `--max-failures` allows more failures, and `--failures FILE` lists them".into(),
        ),
        _ => None,
    }
}

fn for_export(error: &export::Error) -> Option<String> {
    Some(match error {
        export::Error::Backbone(error) => return for_backbone(error),
        export::Error::Onnx(onnx::Error::Opset { .. }) => {
            "remove `--opset` to keep the backbone's own".into()
        }
        export::Error::Onnx(error) => return for_onnx(error),
        export::Error::OtherBackbone { .. } => {
            "give the graph that the run was trained with by `--backbone`".into()
        }
        export::Error::Target(error) => output::hint("--output", error.path(), error),
        export::Error::Half { .. } => "remove `--f16`".into(),
        export::Error::TooFewImages { .. } => "give `--image` twice or more, or not at all".into(),
        export::Error::NoNumbers { .. } => NEW_HEAD.into(),
        export::Error::NotExported { .. } => "make the file with `headstart export RUN --output FILE`".into(),
        export::Error::HeadOnly { .. } => "export the run again without `--head-only`".into(),
        _ => return None,
    })
}

fn for_preprocess(error: &preprocess::Error) -> Option<String> {
    use preprocess::Error::{Recipe, RecipeSyntax, UnknownPreset};
    Some(match error {
        UnknownPreset { .. } => {
            "`headstart backbone recipes` says what each is for; a TOML file of your own works too".into()
        }
        RecipeSyntax { .. } | Recipe { .. } => {
            "`headstart backbone recipes torchvision-v1` prints a complete recipe that explains each line"
                .into()
        }
        _ => return None,
    })
}

fn for_cache(error: &cache::Error) -> Option<String> {
    Some(match error {
        cache::Error::NotWritable { .. } | cache::Error::Write { .. } => {
            "choose a folder that you can write to with `--cache`".into()
        }
        cache::Error::Read { .. } => "`--cache` names the folder of the feature cache".into(),
        cache::Error::DiskFull { .. } => {
            "free some space and run the same command again: what was computed is kept".into()
        }
        cache::Error::Sync { .. } => {
            "the disk may be failing: check it, or choose another with `--cache`; the same command then continues"
                .into()
        }
        cache::Error::GcAtWork { .. } => "wait for it to end; two at once would do the same work".into(),
        cache::Error::TooManyPairs { .. } => "raise `--threshold`: so many pairs are not duplicates".into(),
        cache::Error::Exists { .. } => "choose another `--output`, or replace it with `--overwrite`".into(),
        cache::Error::BadCopy { .. } => {
            "nothing was removed; the disk or the memory may be failing: `headstart cache verify` looks at every byte".into()
        }
        cache::Error::BadRow { .. } => {
            "run `headstart extract` on the manifest again: damaged rows are computed again".into()
        }
        _ => return None,
    })
}

pub fn for_train(error: &train::Error) -> Option<String> {
    use train::Error::{NotFinite, OtherSettings, Setting, ValidationNotFinite};
    Some(match error {
        NotFinite { quantity: Quantity::Features, .. }
        | ValidationNotFinite { quantity: Quantity::Features, .. } => {
            "the backbone gives no number for this image: remove it, or repair it and run `headstart extract`".into()
        }
        NotFinite { .. } | ValidationNotFinite { .. } => {
            "a lower `--learning-rate` may help, or `--set global_clipnorm=1`".into()
        }
        Setting { setting: "monitor", .. } => {
            "add `--validation 0.2`, or monitor the training loss with `--set monitor=loss`".into()
        }
        OtherSettings { .. } => {
            "with `--resume` only `--epochs` may differ; leave it out to start a new training with other settings".into()
        }
        train::Error::Rows { .. } => {
            "run `headstart extract` on the manifest again: damaged rows are computed again".into()
        }
        _ => return None,
    })
}

fn for_run(error: &run::Error) -> Option<String> {
    use run::Error::{CurvesExist, Damaged, Lacks, NotARun, OtherData, ReservedRunName, RunExists, RunName};
    Some(match error {
        RunName { .. } | ReservedRunName { .. } => "choose another `--name`".into(),
        RunExists { .. } => "choose another `--name`, or replace it with `--overwrite`".into(),
        CurvesExist { .. } => {
            "give another folder, or `--tensorboard` without one: curves of two trainings would be drawn as one".into()
        }
        Damaged { path, .. } if path.ends_with("calibration.toml") => {
            "remove the file, and fit the temperature again: `headstart evaluate RUN MANIFEST --calibrate`".into()
        }
        Lacks { .. } | Damaged { .. } => {
            "copy the file from a backup, or train again; `predict` and `export` need run.toml and head.safetensors only".into()
        }
        NotARun { .. } => "a run is a folder that `headstart train` wrote".into(),
        OtherData { .. } => {
            "`--resume` continues on the same images; leave it out to start a new training on others".into()
        }
        _ => return None,
    })
}

fn for_calibration(error: &CalibrationError) -> Option<String> {
    Some(match error {
        CalibrationError::TooFew { .. } | CalibrationError::OneClass => {
            "give more images, of all classes, that the run was not trained on".into()
        }
        CalibrationError::AllRight { .. } => "give harder images, or more of them".into(),
        CalibrationError::Chance | CalibrationError::Beyond => {
            "check that the labels mean the same as those that the run was trained with".into()
        }
        _ => return None,
    })
}

fn for_import_head(error: &ImportError) -> Option<String> {
    Some(match error {
        ImportError::SafeTensors(_) => {
            "Python's `safetensors` writes such files: `save_file(model.state_dict(), …)` of PyTorch, \
             `save_file({w.path: w.numpy() for w in model.weights}, …)` of Keras"
                .into()
        }
        ImportError::NoLayer { .. } | ImportError::NotDense { .. } | ImportError::OrderUnknown { .. } => {
            "name the dense layers, first to last: `--layers hidden,answer`".into()
        }
        ImportError::LayoutUnknown { .. } | ImportError::Bias { .. } => {
            "add `--layout keras` for (inputs, units), or `--layout pytorch` for (units, inputs)".into()
        }
        ImportError::NoChain { .. } => {
            "`--backbone` names the graph that the head was trained on, `--classes` all of its classes, `--layers` its layers"
                .into()
        }
        _ => return None,
    })
}
