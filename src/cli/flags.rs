//! Settings as they can be typed: what hints are made of.

use std::path::Path;

use headstart::ProjectConfig;
use headstart::cache::Storage;
use headstart::dataset::Columns;
use headstart::image::recipe::{Decode, Exif};
use headstart::project::{FeatureRequest, OtherKind};

use super::hint::quoted;
use super::{installed, named};

/// The flags that say all of this but the precision and the storage; none for what is the default.
pub fn place_flags(config: &ProjectConfig) -> Vec<String> {
    let default = ProjectConfig::default();
    let mut flags = vec![];
    let mut say = |flag: &str, value: &Path| flags.push(format!("{flag} {}", quoted(value)));
    let named = named::flag(&config.backbone);
    if let Some(backbone) = named.or_else(|| installed::flag(&config.backbone)) {
        say("--backbone", &backbone);
    }
    if let Some(recipe) = &config.recipe {
        say("--recipe", recipe);
    }
    if let Some(exif) = config.exif {
        say("--exif", if exif == Exif::Apply { "apply" } else { "ignore" }.as_ref());
    }
    if let Some(decode) = config.decode {
        say("--decode", if decode == Decode::Full { "full" } else { "scaled" }.as_ref());
    }
    if let Some(tensor) = &config.feature_tensor {
        say("--feature-tensor", tensor.as_ref());
    }
    if config.cache != default.cache {
        say("--cache", &config.cache);
    }
    flags
}

/// All of them.
fn all_flags(config: &ProjectConfig) -> Vec<String> {
    let mut flags = place_flags(config);
    flags.extend(config.precision.map(|precision| format!("--precision {precision}")));
    flags.extend(config.storage.map(|storage| format!("--storage {}", storage_name(storage))));
    flags
}

/// As `--storage` takes it.
pub fn storage_name(storage: Storage) -> &'static str {
    match storage {
        Storage::F32 => "f32",
        Storage::F16 => "f16",
    }
}

/// The command that computes these features, and no others.
pub fn extract_command(request: &FeatureRequest) -> String {
    let mut command = command("extract", request);
    if !request.views.is_empty() {
        command += &format!(" --views {}", request.views);
    }
    command
}

/// A command on these features, whatever the views.
pub fn command(command: &str, request: &FeatureRequest) -> String {
    let mut words = vec![format!("headstart {command}")];
    words.extend(request.manifests.iter().map(|path| quoted(path)));
    let (columns, default) = (&request.columns, Columns::default());
    for (flag, column, default) in [
        ("--path-column", &columns.path, &default.path),
        ("--label-column", &columns.label, &default.label),
        ("--split-column", &columns.split, &default.split),
    ] {
        if column != default {
            words.push(format!("{flag} {}", quoted(column.as_ref())));
        }
    }
    words.extend(all_flags(&request.config));
    words.join(" ")
}

/// The flags that lead to features of this kind.
pub fn kind_flags(kind: OtherKind) -> String {
    let storage = if kind.storage == Storage::F16 { " --storage f16" } else { "" };
    format!("--precision {}{storage}", kind.precision)
}
