//! What to do about an error, in Python's words.

use headstart_backbone as backbone;
use headstart_cache as cache;
use headstart_core::project::Error;
use headstart_core::{export, extract, run};
use headstart_nn::train;

/// The remedy, if there is one.
pub fn of(error: &Error) -> Option<String> {
    Some(match error {
        Error::Backbone(error) | Error::Extract(extract::Error::Backbone(error)) => {
            return of_backbone(error);
        }
        Error::Runtime(_) | Error::Extract(extract::Error::Runtime(_)) => RUNTIME.into(),
        Error::Cache(error) | Error::Extract(extract::Error::Cache(error)) => return of_cache(error),
        Error::NoInt8Graph { .. } => {
            "compute features in int8 first: `Features(…, precision=\"int8\").transform(paths)`".into()
        }
        Error::NothingChosen { .. } => {
            "measure first: `Features(…, precision=\"auto\").transform(paths)`".into()
        }
        Error::OtherFeatures { acceptable: true, .. } => {
            "leave `precision` out to use that of the run".into()
        }
        Error::OtherFeatures { settings, .. } if !settings.is_empty() => {
            let settings: Vec<String> =
                settings.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
            format!("the run was trained with `{}`", settings.join(", "))
        }
        Error::OtherFeatures { .. } => "give the `backbone` that it was trained with, or train again".into(),
        Error::LostInt8Graph { .. } => "give the `cache` that the run was trained on, or train again".into(),
        Error::ClassesLost { .. } => "repair their images, or leave the classes out".into(),
        Error::NoRun { found, .. } if !found.is_empty() => format!("existing runs: {}", found.join(", ")),
        Error::NoRun { .. } | Error::NoRunAt { .. } => {
            "`ImageClassifier.save` and `headstart train` write runs".into()
        }
        Error::RunIsThere { .. } | Error::Run(run::Error::RunExists { .. }) => {
            "choose another name, or give `overwrite=True`".into()
        }
        Error::NameTaken { .. } | Error::RunIsInput { .. } => "choose another name".into(),
        Error::TrainedOnThese { .. } => "fit the temperature on images that were held out".into(),
        Error::NothingHeldOut => "hold some out: `validation_fraction=0.2`".into(),
        Error::TooFewImages { .. } => "give `shots` no more images than the smallest class has".into(),
        Error::Split(_) => {
            "give more images of the smallest class, or a smaller `validation_fraction`".into()
        }
        Error::Train(error) => return of_train(error),
        Error::BrokenOff { source, .. } => return of_train(source),
        Error::Export(export::Error::Target(_)) => "give another file, or `overwrite=True`".into(),
        Error::Export(export::Error::Half { .. }) => "leave `half` out".into(),
        Error::RunsNotWritable { .. } => "save to a folder that you can write to".into(),
        _ => return None,
    })
}

const RUNTIME: &str = "the package brings ONNX Runtime: install it again; or name a shared library of your own by ORT_DYLIB_PATH";

fn of_backbone(error: &backbone::Error) -> Option<String> {
    Some(match error {
        backbone::Error::Device(_) => {
            "`device=\"auto\"` takes what works here; for a GPU install `onnxruntime-gpu`".into()
        }
        backbone::Error::Inference { .. } if error.is_out_of_memory() => {
            "there is not enough memory for one image: close other programs, or take a smaller backbone"
                .into()
        }
        backbone::Error::Quantised { .. } => "leave `precision` out, or give the backbone in floats".into(),
        backbone::Error::NoRecipe { .. } => {
            "`headstart backbone` prepares a network of your own; it needs a recipe".into()
        }
        backbone::Error::Classifier { .. } | backbone::Error::Unclear { .. } => {
            "`headstart backbone cut` makes a graph that ends in features".into()
        }
        _ => return None,
    })
}

fn of_cache(error: &cache::Error) -> Option<String> {
    Some(match error {
        cache::Error::Read { .. } | cache::Error::NotWritable { .. } | cache::Error::Write { .. } => {
            "give a `cache` folder that you can write to, or `cache=None` to keep nothing".into()
        }
        cache::Error::DiskFull { .. } => "free some space, and do it again: what was computed is kept".into(),
        cache::Error::BadRow { .. } => "transform the images again: damaged rows are computed again".into(),
        _ => return None,
    })
}

fn of_train(error: &train::Error) -> Option<String> {
    use train::Error::{NotFinite, Setting, ValidationNotFinite};
    Some(match error {
        NotFinite { .. } | ValidationNotFinite { .. } => {
            "a lower `learning_rate` may help, or `settings={\"global_clipnorm\": 1.0}`".into()
        }
        Setting { setting: "monitor", .. } => "hold images out: `validation_fraction=0.2`".into(),
        _ => return None,
    })
}
