//! What to do about a graph that cannot be used: each of these leads to one that can, or to the next question.

use std::path::Path;

use headstart::backbone::{self, Guess};
use headstart::convert::{checkpoint, cut, import, quantize};
use headstart::image::Recipe;
use headstart::onnx;

use super::hint::quoted;
use super::{device_hint, installed, named, output};

pub fn for_library(_: &backbone::library::Error) -> Option<String> {
    Some(
        "`pip install onnxruntime` brings it, or point `--onnxruntime` or ORT_DYLIB_PATH at its shared library; in the project's \
         folder `./justw setup` puts it into models/runtime"
            .into(),
    )
}

pub fn for_backbone(error: &backbone::Error) -> Option<String> {
    use backbone::Error;
    Some(match error {
        Error::Device(error) => return device_hint::for_device(error),
        Error::Onnx(error) => return for_onnx(error),
        Error::Inference { .. } if error.is_out_of_memory() => {
            "there is not enough memory for one image: close other programs, or use a smaller backbone".into()
        }
        Error::NoRecipe { guess, .. } => say_recipe(guess.as_deref()),
        Error::Head { .. } => "give the backbone whose features the head takes".into(),
        Error::Classifier { path, .. } => format!("{} makes one that ends in features", cut_command(path, None)),
        Error::Unclear { path, output, .. } => format!(
            "if it gives features, say so: `--feature-tensor {}`; if it gives class scores, {} makes a graph that ends before them",
            word(output),
            cut_command(path, None)
        ),
        Error::NoFeatures { path, outputs } => {
            let usable: Vec<&str> =
                outputs.iter().filter(|output| output.usable).map(|output| output.name.as_str()).collect();
            match usable.as_slice() {
                [] => format!("{} makes one with features as its only output", cut_command(path, None)),
                _ => format!("name the one that holds the features: {}", flags("--feature-tensor", &usable)),
            }
        }
        Error::NoSuchOutput { path, tensor, inner: true, .. } => {
            format!("{} makes it the output", cut_command(path, Some(tensor)))
        }
        Error::NoSuchOutput { .. } => {
            "remove `--feature-tensor` to let the program look for the features".into()
        }
        // Whoever has not named the tensor has not said that it holds features: cutting looks for them.
        Error::FeatureShape { path, tensor, told, .. } => {
            format!(
                "{} makes a row of features, or says why it cannot",
                cut_command(path, told.then_some(tensor.as_str()))
            )
        }
        Error::FeatureCount { path, tensor, .. } => {
            format!("{} makes a file with the right number", cut_command(path, Some(tensor)))
        }
        Error::Inputs { path, inputs } if !inputs.is_empty() => {
            format!("{} leaves out inputs that the features do not need", cut_command(path, None))
        }
        Error::InputType { path, .. } => {
            format!("{} makes a graph that takes float32 and converts it inside", cut_command(path, None))
        }
        Error::Size { takes, .. } => say_size(*takes),
        Error::Numbers { preset, .. } => say_numbers(preset),
        Error::OutputShape { path, .. } => format!("{} finds out what it gives", cut_command(path, None)),
        Error::Metadata { .. } | Error::Recipe { .. } => {
            "make the file again: its metadata were changed, or another version wrote it".into()
        }
        Error::NotQuantised { .. } => {
            "`headstart extract MANIFEST --precision int8` makes an int8 graph of it, calibrated on the images of the manifest".into()
        }
        Error::Quantised { .. } => "leave `--precision` out, or give the graph in floats that it was made of".into(),
        Error::Graph { .. } => refused(),
        _ => return None,
    })
}

/// What to do about a graph that is whole, and that ONNX Runtime cannot compute.
fn refused() -> String {
    "export the network again, with operators and an opset that this ONNX Runtime supports; or give a newer ONNX Runtime by `--onnxruntime`"
        .into()
}

/// `` `headstart backbone cut net.onnx --output features.onnx` ``
fn cut_command(path: &Path, tensor: Option<&str>) -> String {
    let tensor = tensor.map(|tensor| format!(" --feature-tensor {}", word(tensor))).unwrap_or_default();
    format!("`headstart backbone cut {}{tensor} --output features.onnx`", quoted(path))
}

/// A name as one word of a command.
fn word(name: &str) -> String {
    quoted(Path::new(name))
}

/// The same flag with each of `names`.
fn flags(flag: &str, names: &[&str]) -> String {
    let all: Vec<String> = names.iter().map(|name| format!("`{flag} {}`", word(name))).collect();
    all.join(" or ")
}

/// How to tell a recipe that a file does not.
pub fn say_recipe(guess: Option<&Guess>) -> String {
    let Some(guess) = guess else {
        return "give one by `--recipe`: a preset's name, which `headstart backbone recipes` lists, or a TOML file".into();
    };
    let names = guess.fitting();
    if names.is_empty() {
        let takes = guess.size.map_or([None; 2], |(width, height)| [Some(width), Some(height)]);
        let all = [guess.preset].into_iter().chain(guess.alternatives.iter().copied());
        let all: Vec<String> = all.map(|name| format!("`{name}`")).collect();
        return format!(
            "it may be {}, at another size: {}",
            all.join(" or "),
            say_size_of(guess.preset, takes)
        );
    }
    format!(
        "choose the one that the publisher of the weights names: {}; `headstart backbone recipes` describes them. A wrong \
         recipe gives no error, only worse features",
        flags("--recipe", &names)
    )
}

fn say_size(takes: [Option<u32>; 2]) -> String {
    say_size_of("torchvision-v1", takes)
}

/// How to come by a recipe of another size than the presets have.
fn say_size_of(preset: &str, takes: [Option<u32>; 2]) -> String {
    let [width, height] = takes.map(|edge| edge.unwrap_or(224));
    let made = Recipe::preset(preset).map(|recipe| recipe.size());
    let way = match made {
        Ok(_) => format!("`headstart backbone recipes {preset} > recipe.toml` writes a recipe into a file"),
        Err(_) => "`headstart backbone recipes` lists recipes".to_owned(),
    };
    format!(
        "{way}; write `resize = {{ stretch = {{ width = {width}, height = {height} }} }}` there and take the line `crop` out, \
         then give `--recipe recipe.toml`"
    )
}

fn say_numbers(preset: &str) -> String {
    format!("use `--recipe {preset}`: the graph does the rest of the preprocessing itself")
}

pub fn for_quantize(error: &quantize::Error) -> Option<String> {
    Some(match error {
        quantize::Error::Backbone(error) => return for_backbone(error),
        quantize::Error::Onnx(onnx::Error::Opset { .. }) => {
            "export the network again, with opset 13 or later".into()
        }
        quantize::Error::Onnx(error) => return for_onnx(error),
        quantize::Error::Target(error) => output::hint("--output", error.path(), error),
        quantize::Error::Quantised { .. } => "give the graph in floats that it was made of".into(),
        quantize::Error::TooFewImages { .. } => {
            "give more images such as the backbone will see; a few hundred are enough".into()
        }
        quantize::Error::NoSuchLayer { layers, .. } => {
            let layers: Vec<&str> = layers.iter().map(String::as_str).collect();
            format!("it has these: {}", flags("--keep-float", &layers))
        }
        // Rounded down, so that it is met.
        quantize::Error::Fidelity { found, .. } => format!(
            "give more images, or others that are more like those to be classified; or accept these features by `--min-cosine {}`, a \
             flag of `extract` and of `backbone quantize`",
            (found * 1e4).floor() / 1e4
        ),
        quantize::Error::Refused { .. } => refused(),
        _ => return None,
    })
}

pub fn for_cut(error: &cut::Error) -> Option<String> {
    Some(match error {
        cut::Error::Backbone(error) => return for_backbone(error),
        cut::Error::Runtime(error) => return for_library(error),
        cut::Error::Target(error) => output::hint("--output", error.path(), error),
        cut::Error::Ambiguous { candidates }
        | cut::Error::NotPooled { candidates, .. }
        | cut::Error::NoSuchTensor { candidates, .. } => match candidates.as_slice() {
            [] => "remove `--feature-tensor` to let the program look for the features".into(),
            _ => {
                let tensors: Vec<&str> = candidates.iter().map(|one| one.tensor.as_str()).collect();
                format!("say which you mean: {}", flags("--feature-tensor", &tensors))
            }
        },
        cut::Error::NoFeatures { tensors, .. } if tensors.is_empty() => {
            "if one of its inner tensors holds features, name it by `--feature-tensor`".into()
        }
        cut::Error::NoFeatures { tensors, .. } => {
            let tensors: Vec<&str> = tensors.iter().map(String::as_str).collect();
            format!(
                "if this holds features, and not class scores, say so: {}; an inner tensor that holds them can be named in the same way",
                flags("--feature-tensor", &tensors)
            )
        }
        cut::Error::Tokens { .. } => {
            "choose what the network was trained with: `--pool cls` takes the class token, `--pool mean` averages those of the patches".into()
        }
        cut::Error::NoClassToken { .. } => "`--pool mean` averages them".into(),
        cut::Error::Hidden { .. } => {
            "if a tensor before it holds the features, name it by `--feature-tensor`; if the file's own functions define \
             other versions of the operators, inline them with `onnx.inliner` of the Python package `onnx`"
                .into()
        }
        cut::Error::Size { takes, .. } => say_size(*takes),
        cut::Error::Numbers { preset, .. } => say_numbers(preset),
        cut::Error::LabelCount { expected, .. } => {
            format!("`--labels` takes a JSON list of {expected} names, in the order of the network's outputs")
        }
        cut::Error::TooFewImages { .. } => "give `--image` twice or more, or not at all".into(),
        cut::Error::Disproved { .. } => {
            "nothing was written; if another tensor is meant, name it by `--feature-tensor`".into()
        }
        cut::Error::Refused { .. } => refused(),
        _ => return None,
    })
}

/// Whether `backbone fetch` knows it.
fn is_name(path: &Path) -> bool {
    installed::name(path).is_some_and(installed::has) || named::repository(path).is_some()
}

pub fn for_onnx(error: &onnx::Error) -> Option<String> {
    Some(match error {
        // The program's own default, and not a name that somebody has typed.
        onnx::Error::Missing { path } if path == Path::new("models/resnet50.onnx") => {
            "name a backbone by `--backbone FILE` or HEADSTART_BACKBONE; in the project's folder `./justw setup` makes \
             models/resnet50.onnx"
                .into()
        }
        // Only commands that take no names say so of one: `--backbone` is a file by then.
        onnx::Error::Missing { path } if is_name(path) => {
            format!("`headstart backbone fetch {}` prints the path of its file: give that", quoted(path))
        }
        onnx::Error::Missing { path } if installed::name(path).is_some() => {
            "`headstart backbone list` shows the names that there are; or give the path of an ONNX file".into()
        }
        onnx::Error::Missing { .. } => {
            "correct the path; `--backbone FILE` names the backbone, and in the project's folder `./justw setup` makes one".into()
        }
        onnx::Error::OtherFormat { kind, .. } => instead_of(*kind).unwrap_or(NO_GRAPH).to_owned(),
        onnx::Error::Folder { path } => inside(path).unwrap_or_else(|| NO_GRAPH.to_owned()),
        onnx::Error::Beside { .. } | onnx::Error::External { .. } | onnx::Error::Short { .. } => {
            "the network consists of several files: fetch them all, and leave them beside each other under their names".into()
        }
        onnx::Error::Broken { source: onnx::Flaw::Tensor(error), .. } => return for_onnx(error),
        onnx::Error::Broken { .. } => "make the file again: the program that wrote or changed it made a mistake".into(),
        onnx::Error::Truncated { .. }
        | onnx::Error::Decode { .. }
        | onnx::Error::NoGraph { .. }
        | onnx::Error::Length { .. }
        | onnx::Error::Shape { .. }
        | onnx::Error::ElementType { .. }
        | onnx::Error::OutOfRange { .. } => "fetch or make the file again: it is damaged".into(),
        onnx::Error::ExternalEntry { .. } => "make the file again, with its weights beside it or inside".into(),
        onnx::Error::TooLarge { .. } => {
            "write it with its weights in a file beside it, as `onnx.save(model, path, save_as_external_data=True)` does".into()
        }
        _ => return None,
    })
}

/// Of what nobody could make a graph.
const NO_GRAPH: &str = "give an ONNX file; `headstart backbone import` makes one from a TensorFlow.js model";

/// Which file in a folder may be meant.
fn inside(folder: &Path) -> Option<String> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.sort();
    let named = |name: &str| files.iter().any(|file| file.file_name().is_some_and(|it| it == name));
    if let Some(file) = files.iter().find(|file| file.extension().is_some_and(|ending| ending == "onnx")) {
        return Some(format!("give the file in it: {}", quoted(file)));
    }
    if named("saved_model.pb") {
        return Some(format!(
            "`python -m tf2onnx.convert --saved-model {} --output network.onnx` makes an ONNX file from it",
            quoted(folder)
        ));
    }
    named("model.json").then(|| {
        let model = folder.join("model.json");
        format!(
            "`headstart backbone import {} --output backbone.onnx` makes an ONNX file from it",
            quoted(&model)
        )
    })
}

/// How an ONNX file is made of what was given for one.
fn instead_of(kind: onnx::Kind) -> Option<&'static str> {
    use onnx::Kind::{
        Empty, GitLfsPointer, Gzip, Hdf5, Html, Json, OrtFormat, Pickle, PyTorchZip, Safetensors, SavedModel,
        TfLite, Zip,
    };
    Some(match kind {
        GitLfsPointer => "`git lfs pull` in its repository fetches the file itself",
        Empty | Html => "fetch the file again: the download went wrong",
        Zip | Gzip => "unpack it, and give the ONNX file that is in it",
        PyTorchZip | Pickle => {
            "`headstart backbone import` makes an ONNX file from the weights of a few networks; from any other model PyTorch's \
             `torch.onnx.export` does, and `headstart backbone cut` makes a backbone from that"
        }
        Safetensors => {
            "PyTorch's `torch.onnx.export` makes an ONNX file from the model, and `headstart backbone cut` makes a backbone from that"
        }
        Hdf5 | SavedModel | TfLite => {
            "`python -m tf2onnx.convert` makes an ONNX file from the model, and `headstart backbone cut` makes a backbone from that"
        }
        OrtFormat => "give the ONNX file that it was made from",
        Json => "`headstart backbone import` makes an ONNX file from a TensorFlow.js model",
        _ => return None,
    })
}

pub fn for_import(error: &import::Error) -> Option<String> {
    match error {
        import::Error::RecipeUnknown { .. } => {
            Some("give one by `--recipe`: a preset's name, which `headstart backbone recipes` lists, or a TOML file".into())
        }
        import::Error::Unrecognised { .. }
        | import::Error::TensorMissing { .. }
        | import::Error::TensorShape { .. }
        | import::Error::TensorUnknown { .. } => Some(
            "PyTorch's `torch.onnx.export` makes an ONNX file from the model that the weights belong to, and `headstart backbone cut` \
             makes a backbone from that"
                .into(),
        ),
        import::Error::Checkpoint(error) => for_checkpoint(error),
        import::Error::ShardMissing { .. } | import::Error::ShardLength { .. } => {
            Some("fetch the model again: all shards lie beside the model.json".into())
        }
        _ => None,
    }
}

fn for_checkpoint(error: &checkpoint::Error) -> Option<String> {
    use checkpoint::Error;
    match error {
        Error::Global { .. } | Error::Opcode { .. } | Error::NoTensors { .. } => Some(
            "nothing in the file was run; where you trust it, load it in PyTorch and write its weights alone: \
             `torch.save(model.state_dict(), \"weights.pth\")`"
                .into(),
        ),
        Error::End { .. } | Error::Storage { .. } | Error::Trailing { .. } | Error::Archive { .. } => {
            Some("fetch or make the file again: it is damaged".into())
        }
        _ => None,
    }
}
