//! The parts of the installation, one by one.

use std::path::{Path, PathBuf};

use headstart::backbone::device::{Choice, Device, Error, Missing, Precision, Selection};
use headstart::backbone::library::Library;
use headstart::backbone::{self, Backbone, Engine};
use headstart::convert::quantize::WeightBits;

use super::failed;
use super::report::Check;
use crate::cli::device_hint;
use crate::cli::system::{heif, libraries};

pub fn program() -> Check {
    let system = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    Check::ok("program", format!("headstart {} on {system}", env!("CARGO_PKG_VERSION")))
}

/// The library that serves the CPU, which is the one that is there whatever the device.
pub fn runtime(explicit: Option<&Path>) -> Check {
    match Library::find(&libraries(explicit)) {
        Ok(Library { path, version, providers }) => {
            let providers: Vec<_> = providers.iter().map(|name| short(name)).collect();
            let (path, providers) = (path.display(), providers.join(", "));
            Check::ok("runtime", format!("ONNX Runtime {version} (`{path}`), built with {providers}"))
        }
        Err(error) => failed("runtime", &error.into()),
    }
}

fn short(provider: &str) -> &str {
    provider.strip_suffix("ExecutionProvider").unwrap_or(provider)
}

/// Every kind of device: that one lacks something is no fault of the machine.
pub fn devices(explicit: Option<&Path>) -> Vec<Check> {
    let others = Device::ALL.into_iter().filter(|&device| device != Device::Cpu);
    others.map(|device| kind(device, explicit)).collect()
}

fn kind(device: Device, explicit: Option<&Path>) -> Check {
    let name = device.kind();
    match Selection::make(Choice::Only(device), Precision::Fp32, &libraries(explicit)) {
        Ok(selection) => {
            let (what, version) = (selection.describe(), selection.library.version);
            Check::ok(name, format!("{what} is ready (ONNX Runtime {version})"))
        }
        Err(Error::Unavailable { missing, .. }) => lacks(device, &missing),
        Err(error) => Check::absent(name, error.to_string()),
    }
}

fn lacks(device: Device, missing: &[Missing]) -> Check {
    let found: Vec<_> = missing.iter().map(Missing::to_string).collect();
    let check = Check::absent(device.kind(), found.join("; "));
    // There is no remedy for another operating system, and nobody looks for one.
    if let [Missing::System { .. }] = missing {
        return check;
    }
    check.remedy(device_hint::for_all(device, missing).join("; "))
}

/// What becomes of weights in int8 on a processor that wants them in so many bits.
pub fn int8(bits: WeightBits) -> Check {
    match bits {
        WeightBits::Eight => Check {
            weight_bits: Some(8),
            ..Check::ok("int8", "weights will have 8 bits: their products do not overflow on this processor")
        },
        WeightBits::Seven => Check {
            weight_bits: Some(7),
            ..Check::absent(
                "int8",
                "weights will have 7 bits: this processor has no VNNI, and 8 bits would overflow or be slower; `headstart \
                 backbone quantize` measures how fast int8 is",
            )
        },
    }
}

/// Whether HEIC can be read, and by what.
pub fn heic() -> Check {
    match heif().library() {
        Ok(libheif) => {
            let (path, version) = (libheif.path.display(), &libheif.version);
            Check::ok("heic", format!("HEIC images are read by libheif {version} (`{path}`)"))
        }
        Err(error) => Check::absent("heic", format!("HEIC images cannot be read: {error}")),
    }
}

/// `remark` says why it is this file, where people may expect another.
pub fn backbone(opened: &anyhow::Result<Backbone>, remark: Option<&str>) -> Check {
    match opened {
        Ok(backbone) => {
            let (path, recipe) = (backbone.path().display(), backbone.recipe());
            let digest = &backbone.digest().to_hex()[..12];
            let size = backbone.feature_size();
            let source = backbone.source().map(|source| format!(", from {source}")).unwrap_or_default();
            let name = backbone.name();
            let remark = remark.map(|remark| format!("; {remark}")).unwrap_or_default();
            Check::ok(
                "backbone",
                format!(
                    "`{name}` (`{path}`), {size} features, digest {digest}…{source}; recipe: {recipe}{remark}"
                ),
            )
        }
        Err(error) => failed("backbone", error),
    }
}

/// The names that `--backbone` takes, and the files that they mean.
pub fn names(known: &[(String, PathBuf)]) -> Check {
    let files: Vec<_> = known.iter().map(|(name, file)| format!("`{name}` (`{}`)", file.display())).collect();
    match files.is_empty() {
        true => Check::absent("names", "no backbone is known by a name"),
        false => Check::ok("names", format!("backbones by name: {}", files.join(", "))),
    }
}

/// The device that was asked for, with the graph on it.
pub fn engine(asked: Choice, engine: &anyhow::Result<Engine>) -> Check {
    match engine {
        Ok(Engine { runtime, selection, session }) => {
            let (what, version, placement) = (selection.describe(), runtime.version(), session.placement());
            let asked = if asked == Choice::Auto { "auto: " } else { "" };
            Check::ok("device", format!("{asked}{what} by ONNX Runtime {version}; {placement}"))
        }
        Err(error) => match error.downcast_ref() {
            Some(backbone::Error::Device(Error::Unavailable { device, missing })) => {
                let remedies = device_hint::for_all(*device, missing).join("; ");
                Check::failed("device", error.to_string()).remedy(remedies)
            }
            _ => failed("device", error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    #[test]
    fn seven_bits_are_told_with_the_reason_and_are_no_fault() {
        let (eight, seven) = (int8(WeightBits::Eight), int8(WeightBits::Seven));
        assert_eq!((eight.verdict, eight.weight_bits), (Verdict::Ok, Some(8)));
        assert_eq!((seven.verdict, seven.weight_bits), (Verdict::Absent, Some(7)));
        assert!(eight.found.contains("8 bits") && !eight.found.contains("VNNI"), "{eight:?}");
        assert!(seven.found.contains("7 bits") && seven.found.contains("no VNNI"), "{seven:?}");
        let json = serde_json::to_value(&seven).unwrap();
        assert_eq!((&json["name"], &json["weight_bits"]), (&"int8".into(), &7.into()));
    }
}
