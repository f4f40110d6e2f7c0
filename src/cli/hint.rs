//! What to do about an error: the library says what is wrong, the program knows its own flags and commands.

use std::path::Path;

use headstart::backbone::{Guess, cut, import, quantize};
use headstart::evaluate::CalibrationError;
use headstart::files::NotUtf8;
use headstart::nn::import::ImportError;
use headstart::train::Quantity;
use headstart::{backbone, cache, dataset, export, extract, onnx, preprocess, train};

use super::error::Error;
use super::{output, remedy};

/// A remedy in the program's own terms, if there is one.
pub fn hint(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|cause| {
        cause
            .downcast_ref()
            .and_then(own)
            .or_else(|| cause.downcast_ref().and_then(for_system))
            .or_else(|| cause.downcast_ref().and_then(for_extract))
            .or_else(|| cause.downcast_ref().and_then(for_dataset))
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
            .or_else(|| cause.downcast_ref().and_then(for_calibration))
            .or_else(|| cause.downcast_ref().and_then(for_import_head))
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
        Error::NoFeatures { manifests, views, .. } => {
            let mut words: Vec<_> = manifests.iter().map(|path| quoted(path)).collect();
            if !views.is_empty() {
                words.push(format!("--views {views}"));
            }
            format!("run `headstart extract {}` first, or add `--extract`", words.join(" "))
        }
        Error::NothingLeft { .. } => "`headstart extract` on the same manifest tells why each failed".into(),
        Error::OtherFeatures { acceptable: true, .. } => {
            "leave `--precision` out, for the run knows its own; `--accept-precision` takes these features nevertheless, and what is written tells so".into()
        }
        Error::NoInt8Graph { .. } => {
            "`headstart extract MANIFEST --precision int8` makes it, of your own images; so does `--extract`".into()
        }
        Error::NothingChosen => {
            "`headstart extract MANIFEST --precision auto` measures and chooses; so does `--extract`".into()
        }
        Error::OtherFeatures { .. } => {
            "give the backbone, recipe and precision that the run was trained with (`--backbone`, `--recipe`, `--exif`, `--decode`, `--precision`, `--storage`), or train anew".into()
        }
        Error::ClassesLost { .. } => "mend their images, or leave the classes out of the manifest".into(),
        Error::NoSuchPart { .. } => "`--split-column` names the column, if another one is meant".into(),
        Error::NoRun { found, .. } if found.is_empty() => "`headstart train MANIFEST` makes one".into(),
        Error::NoRun { found, .. } => format!("there are {}; `latest` means the last", found.join(", ")),
        Error::RunIsThere { .. } => "choose another `--name`, or replace it with `--overwrite`".into(),
        Error::RunIsInput { .. } => "choose another `--name`".into(),
        Error::NoRunAt { .. } => "`headstart runs` lists the runs; a name without `/` is looked up among them".into(),
        Error::Target { flag, named, source } => output::hint(flag, named, source),
        Error::NoCache { .. } => "`headstart extract MANIFEST` begins one".into(),
        Error::ImagesFailed { .. } => {
            "the others have features; `--failures FILE` lists those that have none, and `--retry-failed` tries them again".into()
        }
        Error::ViewsOfExport { .. } => "leave `--views` out, or give the run that the file was exported from".into(),
        Error::TemperatureOfExport { .. } => {
            "`headstart export RUN --no-temperature` makes a file without it".into()
        }
        Error::TrainedOnThese { .. } => "fit the temperature on images that were held out".into(),
        Error::NothingHeldOut => {
            "hold some out with `--validation 0.2`, or name others with `--validation-manifest`".into()
        }
        Error::NothingMatches { .. } => {
            "`*` stands for any part of a name, `**` for any folders between, `?` for one character, `[ab]` for one of these"
                .into()
        }
        Error::NoImages => "give images, folders of images, or a manifest".into(),
        Error::NotTrained { .. } => "leave `--from` out: a training begins with a head of its own".into(),
        Error::ImagesUnknown { run } => format!("name them: `headstart train MANIFEST --from {run}`"),
        Error::TooFewImages { .. } => {
            "`--shots` can be as many as the smallest class has, after what is held out of it".into()
        }
        Error::NothingLeftToTrain { .. } => {
            "`--epochs` says how many there are to be in all; without `--resume` it is trained anew".into()
        }
        Error::StoppedEarly { .. } => {
            "leave `--resume` out, to train anew with more `--set patience` or `--set patience=none`".into()
        }
        Error::BrokenOff { source, .. } => return for_train(source),
    })
}

/// Its errors pass for what they wrap, so these do not stand in the chain themselves.
fn for_extract(error: &extract::Error) -> Option<String> {
    match error {
        extract::Error::Backbone(error) => for_backbone(error),
        extract::Error::Runtime(error) => for_library(error),
        extract::Error::Cache(error) => for_cache(error),
        extract::Error::TooManyFailures { .. } => Some(
            "what was computed is kept; `--max-failures` allows more, and `--failures FILE` lists those there were".into(),
        ),
        _ => None,
    }
}

fn for_dataset(error: &dataset::Error) -> Option<String> {
    use dataset::Error::{
        MissingColumn, MissingLabel, NoClassFolders, NoLabels, OneClass, Shots, SplitFolders, UnknownLabel,
    };
    Some(match error {
        dataset::Error::Missing { .. } | dataset::Error::Empty { .. } => {
            "a manifest is a CSV with the columns `path,label`, or a folder with one subfolder of images per class".into()
        }
        MissingColumn { .. } => "name the columns with `--path-column` and `--label-column`".into(),
        NoClassFolders { .. } => "put the images of each class into a subfolder of its own, or write a CSV".into(),
        SplitFolders { .. } => "give the folder of one part, such as the one called `train`".into(),
        MissingLabel { .. } | NoLabels { .. } => "fill in the label, or leave the row out".into(),
        OneClass { .. } => "a classifier has something to choose from: add images of another class".into(),
        Shots { .. } => "`--shots` is at least 1, and at most what the smallest class has".into(),
        UnknownLabel { .. } => "correct the label, or train a run that knows the class".into(),
        _ => return None,
    })
}

pub fn for_library(_: &backbone::library::Error) -> Option<String> {
    Some(
        "`just setup` puts ONNX Runtime into models/runtime; or point `--onnxruntime` or ORT_DYLIB_PATH at the shared \
         library, as `pip install onnxruntime` brings it"
            .into(),
    )
}

/// How to tell a recipe that a file does not.
pub fn say_recipe(guess: Option<&Guess>) -> String {
    let Some(guess) = guess else {
        return "say it with `--recipe`: a preset's name, which `headstart backbone recipes` lists, or a TOML file"
            .into();
    };
    let names = [guess.preset].into_iter().chain(guess.alternatives.iter().copied());
    let names: Vec<String> = names.map(|name| format!("`--recipe {name}`")).collect();
    format!(
        "say it: {}, as whoever published the weights writes; `headstart backbone recipes` tells them apart. A wrong recipe \
         is no error, only worse features",
        names.join(" or ")
    )
}

fn for_backbone(error: &backbone::Error) -> Option<String> {
    Some(match error {
        backbone::Error::Device(error) => return remedy::for_device(error),
        backbone::Error::Inference { .. } if error.is_out_of_memory() => {
            "one image alone is too much for the memory there is: close other programs, or use a smaller backbone".into()
        }
        backbone::Error::NoRecipe { guess, .. } => say_recipe(guess.as_deref()),
        backbone::Error::NoFeatures { .. } | backbone::Error::NoSuchOutput { .. } => {
            "name the output with the features by `--feature-tensor`".into()
        }
        backbone::Error::Onnx(error) => return for_onnx(error),
        backbone::Error::Classifier { .. } => {
            "`headstart backbone cut FILE --output features.onnx` makes one that ends in features".into()
        }
        _ => return Some("`headstart backbone inspect FILE` tells what the file is".into()),
    })
}

fn for_quantize(error: &quantize::Error) -> Option<String> {
    Some(match error {
        quantize::Error::Backbone(error) => return for_backbone(error),
        quantize::Error::Onnx(onnx::Error::Opset { .. }) => "export the network again, with opset 13 or later".into(),
        quantize::Error::Onnx(error) => return for_onnx(error),
        quantize::Error::OwnInput { .. } => "choose another `--output`".into(),
        quantize::Error::Exists { .. } => {
            "choose another `--output`, or replace it with `--overwrite`".into()
        }
        quantize::Error::Quantised { .. } => "give the graph in floats that it was made of".into(),
        quantize::Error::TooFewImages { .. } => {
            "`--calibrate` takes a manifest or folder with images such as the backbone will see; a few hundred are enough"
                .into()
        }
        quantize::Error::NoSuchLayer { layers, .. } => format!("`--keep-float` takes names of layers: {}", layers.join(", ")),
        quantize::Error::Fidelity { .. } => {
            "give more images, or others that are more like those to be classified; `--keep-float auto` keeps layers in floats, \
             and `--min-cosine` is the bound"
                .into()
        }
        _ => return None,
    })
}

fn for_cut(error: &cut::Error) -> Option<String> {
    Some(match error {
        cut::Error::Backbone(error) => return for_backbone(error),
        cut::Error::Runtime(error) => return for_library(error),
        cut::Error::OwnInput { .. } => "choose another `--output`".into(),
        cut::Error::Exists { .. } => "choose another `--output`, or replace it with `--overwrite`".into(),
        cut::Error::Ambiguous { .. } | cut::Error::NotPooled { .. } | cut::Error::NoSuchTensor { .. } => {
            "name the one that you mean by `--feature-tensor`".into()
        }
        cut::Error::NoFeatures { .. } => {
            "if one of its inner tensors holds features, name it by `--feature-tensor`".into()
        }
        cut::Error::MadeTwice { .. } => "make the file again: its exporter has gone wrong".into(),
        cut::Error::Tokens { .. } => {
            "say it with `--pool`: `cls` takes the class token, `mean` averages those of the patches, as whoever trained it did".into()
        }
        cut::Error::NoClassToken { .. } => "`--pool mean` averages them".into(),
        cut::Error::Hidden { .. } => {
            "if a tensor before it holds the features, name it by `--feature-tensor`; functions of the file that stand for \
             other versions of the operators are written out by the Python package `onnx`, in `onnx.inliner`"
                .into()
        }
        cut::Error::Size { .. } => "`--recipe` takes a TOML file, too, with a size of your own".into(),
        cut::Error::TooFewImages { .. } => "give `--image` twice or more, or not at all".into(),
        cut::Error::Disproved { .. } => {
            "nothing was written; if another tensor is meant, name it by `--feature-tensor`".into()
        }
        _ => return None,
    })
}

fn for_export(error: &export::Error) -> Option<String> {
    Some(match error {
        export::Error::Backbone(error) => return for_backbone(error),
        export::Error::Onnx(onnx::Error::Opset { .. }) => {
            "without `--opset` the backbone's own is kept".into()
        }
        export::Error::Onnx(error) => return for_onnx(error),
        export::Error::OtherBackbone { .. } => {
            "`--backbone` names the graph that the run was trained with".into()
        }
        export::Error::Exists { .. } => "choose another `--output`, or replace it with `--overwrite`".into(),
        export::Error::OwnBackbone { .. } => "choose another `--output`".into(),
        export::Error::Half { .. } => "leave `--f16` out".into(),
        export::Error::TooFewImages { .. } => "give `--image` twice or more, or not at all".into(),
        export::Error::NotExported { .. } => {
            "`headstart export RUN --output FILE` makes files that say it".into()
        }
        export::Error::HeadOnly { .. } => "export the run again without `--head-only`".into(),
        _ => return None,
    })
}

fn for_onnx(error: &onnx::Error) -> Option<String> {
    Some(match error {
        onnx::Error::Missing { .. } => {
            "`just setup` makes models/resnet50.onnx; `--backbone` names another file".into()
        }
        onnx::Error::OtherFormat { kind, .. } => instead_of(*kind).into(),
        onnx::Error::Folder { .. } | onnx::Error::NoGraph { .. } => instead_of(onnx::Kind::Json).into(),
        onnx::Error::Beside { .. } | onnx::Error::External { .. } => {
            "the network consists of several files: fetch them all, and leave them beside each other under their names".into()
        }
        onnx::Error::Truncated { .. } | onnx::Error::Decode { .. } => {
            "fetch or make the file again: it is damaged".into()
        }
        _ => return None,
    })
}

/// How an ONNX file is made of what was given for one.
fn instead_of(kind: onnx::Kind) -> &'static str {
    use onnx::Kind::{
        Empty, GitLfsPointer, Gzip, Hdf5, Html, OrtFormat, Pickle, PyTorchZip, Safetensors, SavedModel,
        TfLite, Zip,
    };
    match kind {
        GitLfsPointer => "`git lfs pull` in its repository fetches the file itself",
        Empty | Html => "fetch the file again: the download went wrong",
        Zip | Gzip => "unpack it, and give the ONNX file that is in it",
        PyTorchZip | Pickle | Safetensors => {
            "PyTorch's `torch.onnx.export` makes an ONNX file of the model, `headstart backbone cut` a backbone of that"
        }
        Hdf5 | SavedModel | TfLite => {
            "`python -m tf2onnx.convert` makes an ONNX file of the model, `headstart backbone cut` a backbone of that"
        }
        OrtFormat => "give the ONNX file that it was made from",
        _ => "`headstart backbone import` makes an ONNX file from a TensorFlow.js model",
    }
}

fn for_import(error: &import::Error) -> Option<String> {
    match error {
        import::Error::RecipeUnknown { .. } => {
            Some("say it with `--recipe`: a preset's name or a TOML file".into())
        }
        import::Error::ShardMissing { .. } | import::Error::ShardLength { .. } => {
            Some("fetch the model again: all shards lie beside the model.json".into())
        }
        _ => None,
    }
}

fn for_preprocess(error: &preprocess::Error) -> Option<String> {
    use preprocess::Error::{Recipe, RecipeSyntax, UnknownPreset};
    Some(match error {
        UnknownPreset { .. } => {
            "`headstart backbone recipes` says what each is for; a file of your own goes too".into()
        }
        RecipeSyntax { .. } | Recipe { .. } => {
            "`headstart backbone recipes torchvision-v1` prints a whole one that says what each line may be"
                .into()
        }
        _ => return None,
    })
}

fn for_cache(error: &cache::Error) -> Option<String> {
    Some(match error {
        cache::Error::NotWritable { .. } | cache::Error::Write { .. } => {
            "choose a folder that you may write to with `--cache`".into()
        }
        cache::Error::Read { .. } => "`--cache` names the folder of the feature cache".into(),
        cache::Error::DiskFull { .. } => {
            "free some space and run the same command again: what was computed is kept".into()
        }
        cache::Error::Sync { .. } => {
            "the disk may be failing: look at it, or choose another with `--cache`; the same command goes on"
                .into()
        }
        cache::Error::GcAtWork { .. } => "wait for it to end; two at once would copy the same rows".into(),
        cache::Error::TooManyPairs { .. } => "raise `--threshold`: so many are no duplicates".into(),
        cache::Error::Exists { .. } => "choose another `--output`, or replace it with `--overwrite`".into(),
        cache::Error::BadCopy { .. } => {
            "nothing was removed; the disk or the memory may be failing: `headstart cache verify` looks at every byte".into()
        }
        cache::Error::BadRow { .. } => {
            "run `headstart extract` on the manifest again: damaged rows are computed anew".into()
        }
        _ => return None,
    })
}

fn for_train(error: &train::Error) -> Option<String> {
    use train::Error::{
        CurvesExist, NotARun, NotFinite, OtherData, OtherSettings, RunExists, Setting, ValidationNotFinite,
    };
    Some(match error {
        RunExists { .. } => "choose another `--name`, or replace it with `--overwrite`".into(),
        CurvesExist { .. } => {
            "give another folder, or `--tensorboard` without one: curves of two trainings would be drawn as one".into()
        }
        NotARun { .. } => "a run is a folder that `headstart train` wrote".into(),
        NotFinite { quantity: Quantity::Features, .. }
        | ValidationNotFinite { quantity: Quantity::Features, .. } => {
            "the backbone gives no number for this image: leave it out, or mend it and run `headstart extract`".into()
        }
        NotFinite { .. } | ValidationNotFinite { .. } => {
            "a lower `--learning-rate` may help, or `--set global_clipnorm=1`".into()
        }
        Setting { setting: "monitor", .. } => {
            "add `--validation 0.2`, or let it look at the training: `--set monitor=loss`".into()
        }
        OtherSettings { .. } => {
            "with `--resume` only `--epochs` may differ; leave it out to train anew with other settings".into()
        }
        OtherData { .. } => {
            "`--resume` goes on with the same images; leave it out to train anew on others".into()
        }
        train::Error::Rows { .. } => {
            "run `headstart extract` on the manifest again: damaged rows are computed anew".into()
        }
        _ => return None,
    })
}

fn for_calibration(error: &CalibrationError) -> Option<String> {
    Some(match error {
        CalibrationError::TooFew { .. } | CalibrationError::OneClass => {
            "give more images, of all classes, that the run was not trained on".into()
        }
        CalibrationError::AllRight { .. } => "harder images, or more of them, would tell".into(),
        CalibrationError::Chance | CalibrationError::Beyond => {
            "do the labels mean the same as those that the run was trained with?".into()
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
            "say it: `--layout keras` for (inputs, units), `--layout pytorch` for (units, inputs)".into()
        }
        ImportError::NoChain { .. } => {
            "`--backbone` names the graph that the head was trained on, `--classes` all of its classes, `--layers` its layers"
                .into()
        }
        _ => return None,
    })
}
