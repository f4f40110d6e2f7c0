//! What to do about an error of a use case.

use headstart::project::Error;

use super::flags::{extract_command, kind_flags, place_flags};
use super::hint::{NEW_HEAD, for_train, quoted};

pub fn for_project(error: &Error) -> Option<String> {
    Some(match error {
        Error::NoFeatures { request, elsewhere: None, .. } => {
            format!("run `{}` first, or add `--extract`", extract_command(request))
        }
        Error::NoFeatures { request, elsewhere: Some(kind), .. } => format!(
            "the cache has features of all of them: add `{}`; or run `{}` first, or add `--extract`",
            kind_flags(*kind),
            extract_command(request)
        ),
        Error::NothingLeft { request, .. } => format!("`{}` says why each failed", extract_command(request)),
        Error::OtherFeatures { acceptable: true, .. } => {
            "remove `--precision` to use that of the run; `--accept-precision` accepts these features, and what is written says so".into()
        }
        Error::OtherFeatures { settings, .. } if !settings.is_empty() => {
            let flags: Vec<String> =
                settings.iter().map(|(name, value)| format!("--{name} {value}")).collect();
            format!("add `{}`, as the run was trained", flags.join(" "))
        }
        Error::OtherFeatures { .. } => {
            "give the backbone and the recipe that the run was trained with (`--backbone`, `--recipe`), or train again".into()
        }
        Error::LostInt8Graph { run, config, .. } => format!(
            "give the cache that the run was trained on by `--cache`; or train again: `headstart train --from {} --extract {}`",
            quoted(run),
            [place_flags(config), vec!["--precision int8".to_owned()]].concat().join(" ")
        ),
        Error::OtherImages { dir, .. } => format!(
            "if these are the images that you mean, name them: `headstart train MANIFEST --from {}`",
            quoted(dir)
        ),
        Error::NoInt8Graph { config, .. } => format!(
            "run `{}` to make it",
            with_flags("headstart extract MANIFEST --precision int8", &place_flags(config))
        ),
        Error::NothingChosen { config } => format!(
            "run `{}` to measure and choose",
            with_flags("headstart extract MANIFEST --precision auto", &place_flags(config))
        ),
        Error::ClassesLost { .. } => "repair their images, or remove the classes from the manifest".into(),
        Error::NothingToTrainOn { .. } => {
            "mark the rows to train on with `train`; `--split-column none` trains on all rows".into()
        }
        Error::NoRun { found, .. } if found.is_empty() => "run `headstart train MANIFEST` to make one".into(),
        Error::NoRun { found, .. } => format!("existing runs: {}; `latest` means the newest", found.join(", ")),
        Error::RunIsThere { .. } => "choose another `--name`, or replace it with `--overwrite`".into(),
        Error::RunIsInput { .. } | Error::NameTaken { .. } => "choose another `--name`".into(),
        Error::NoRunAt { .. } => "`headstart runs` lists the runs; a name without `/` is looked up among them".into(),
        Error::TrainedOnThese { .. } => "fit the temperature on images that were held out".into(),
        Error::NothingHeldOut => {
            "hold some out with `--validation 0.2`, or name others with `--validation-manifest`".into()
        }
        Error::NotTrained { .. } => "remove `--from`: a new training starts with a new head".into(),
        Error::ImagesUnknown { run } => format!("name them: `headstart train MANIFEST --from {}`", quoted(run)),
        Error::TooFewImages { .. } => {
            "give `--shots` no more images than the smallest class has, without those that are held out".into()
        }
        Error::NoUsableFold { .. } => "give two different images of two classes at least".into(),
        Error::NothingLeftToTrain { .. } => {
            "`--epochs` is the number of epochs in all: give a larger one; without `--resume` a new training starts".into()
        }
        Error::StoppedEarly { min_delta, .. } => format!(
            "leave `--resume` out, and start a new training with a larger `--set patience=N` or with `--set patience=none{}`",
            if *min_delta { " --set min_delta=0" } else { "" }
        ),
        Error::NoNumbers { .. } => NEW_HEAD.into(),
        Error::RunsNotWritable { .. } => "choose a folder that you can write to with `--runs DIR`".into(),
        Error::BrokenOff { source, .. } => return for_train(source),
        // What it passes on has a remedy of its own.
        _ => return None,
    })
}

fn with_flags(command: &str, flags: &[String]) -> String {
    std::iter::once(command).chain(flags.iter().map(String::as_str)).collect::<Vec<_>>().join(" ")
}
