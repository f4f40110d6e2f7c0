//! What to do about a device that cannot be used.

use std::path::Path;

use headstart::backbone::device::{Device, Error, Missing, Precision};

use super::graph_hint::for_library;

pub fn for_device(error: &Error) -> Option<String> {
    Some(match error {
        Error::Library(error) => return for_library(error),
        Error::Unavailable { device, missing } => {
            let mut remedies = for_all(*device, missing);
            remedies.push("`headstart doctor` shows which devices work".into());
            remedies.join("\n      ")
        }
        Error::Precision { precision: Precision::Int8, .. } => {
            "use `--device cpu`; `--device auto` takes it for int8, too".into()
        }
        Error::Precision { .. } => {
            "`--device openvino` computes in bf16 (`pip install onnxruntime-openvino` brings it; in the project's folder `./justw setup-openvino` fetches it)".into()
        }
        Error::NoBf16 => "use `--precision fp32`".into(),
        Error::Register { device, .. } | Error::NotPlaced { device, .. } => {
            format!(
                "`--device cpu` works everywhere; `headstart doctor --device {device}` shows what this device lacks"
            )
        }
        _ => return None,
    })
}

/// What to do about all that a device lacks, nothing of it twice.
pub fn for_all(device: Device, missing: &[Missing]) -> Vec<String> {
    let mut remedies = vec![];
    for remedy in missing.iter().map(|lack| for_missing(device, lack)) {
        if !remedies.contains(&remedy) {
            remedies.push(remedy);
        }
    }
    remedies
}

fn for_missing(device: Device, lack: &Missing) -> String {
    match lack {
        Missing::System { .. } => "use `--device cpu` or `--device auto`".into(),
        Missing::Provider { .. } => build_of(device).into(),
        Missing::Driver { .. } | Missing::DriverFails { .. } => {
            "install NVIDIA's driver; when `nvidia-smi` shows the GPU, it is there".into()
        }
        Missing::DriverTooOld { needed, .. } => format!("update NVIDIA's driver to one for CUDA {needed}"),
        Missing::Gpu { .. } => "`nvidia-smi -L` lists the GPUs; CUDA_VISIBLE_DEVICES may hide some".into(),
        Missing::Libraries { names, cuda } => libraries(device, names, *cuda),
        Missing::Runtime { .. } => format!("{}, and replaces a damaged one", build_of(device)),
        Missing::Flawed { path, .. } if is_of_onnxruntime(path) => {
            format!("{}, and replaces a damaged one", build_of(device))
        }
        Missing::Flawed { .. } => "install the package again that brought it".into(),
        _ => "use `--device cpu`".into(),
    }
}

/// Of the wheel that `just setup-…` fetches, as far as a name tells.
fn is_of_onnxruntime(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    ["onnxruntime", "openvino", "libtbb"].iter().any(|word| name.contains(word))
}

/// How to come by an ONNX Runtime that knows the device.
fn build_of(device: Device) -> &'static str {
    match device {
        Device::Cuda(_) | Device::TensorRt(_) => {
            "`pip install onnxruntime-gpu` brings one; in the project's folder `./justw setup-gpu` fetches it"
        }
        Device::OpenVino => {
            "`pip install onnxruntime-openvino` brings one; in the project's folder `./justw setup-openvino` fetches it"
        }
        Device::DirectMl(_) => {
            "`pip install onnxruntime-directml`, and point `--onnxruntime` at the onnxruntime.dll in it"
        }
        Device::CoreMl => {
            "`pip install onnxruntime` on macOS brings one; in the project's folder `./justw setup` fetches it"
        }
        _ => "`pip install onnxruntime` brings one; in the project's folder `./justw setup` fetches it",
    }
}

fn libraries(device: Device, names: &[String], cuda: Option<u32>) -> String {
    if names.iter().any(|name| name.contains("onnxruntime_providers")) {
        return format!("the build of ONNX Runtime is incomplete: {}, and replaces it", build_of(device));
    }
    let packages = packages(names, cuda);
    match device {
        Device::Cuda(_) | Device::TensorRt(_) if packages.is_empty() => {
            "install CUDA's libraries, and set CUDA_HOME if the loader does not find them".into()
        }
        Device::Cuda(_) | Device::TensorRt(_) => {
            format!("`pip install {}` in the active Python environment, or set CUDA_HOME", packages.join(" "))
        }
        _ => build_of(device).into(),
    }
}

/// The packages of PyPI that bring the libraries `names`, as built for the CUDA of this number.
fn packages(names: &[String], cuda: Option<u32>) -> Vec<String> {
    let cuda = cuda.unwrap_or(NEWEST_CUDA);
    // Since CUDA 13 only what is not part of the toolkit has the number in its name.
    let toolkit = |package: &str| {
        if cuda < NEWEST_CUDA { format!("{package}-cu{cuda}") } else { package.to_owned() }
    };
    let mut packages = vec![];
    for name in names {
        let package = match stem(name) {
            "cudart" => toolkit("nvidia-cuda-runtime"),
            "cublas" | "cublasLt" => toolkit("nvidia-cublas"),
            "curand" => toolkit("nvidia-curand"),
            "cufft" => toolkit("nvidia-cufft"),
            "cudnn" => format!("nvidia-cudnn-cu{cuda}"),
            "nvinfer" | "nvonnxparser" => match number(name) {
                Some(major) => format!("'tensorrt-cu{cuda}<{}'", major + 1),
                None => format!("tensorrt-cu{cuda}"),
            },
            _ => continue,
        };
        if !packages.contains(&package) {
            packages.push(package);
        }
    }
    packages
}

/// `cublasLt` of `libcublasLt.so.13` and of `cublasLt64_13.dll`.
fn stem(name: &str) -> &str {
    let name = name.strip_prefix("lib").unwrap_or(name);
    let name = name.split(['.', '_']).next().unwrap_or_default();
    name.strip_suffix("64").unwrap_or(name)
}

/// The major version in a name without digits of its own.
fn number(name: &str) -> Option<u32> {
    name.split(|c: char| !c.is_ascii_digit()).find_map(|digits| digits.parse().ok())
}

/// Which the newest builds of ONNX Runtime are made for.
const NEWEST_CUDA: u32 = 13;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packages_are_those_of_the_missing_libraries_and_of_their_cuda() {
        let packages = |names: &[&str], cuda| {
            packages(&names.iter().map(|&name| name.into()).collect::<Vec<_>>(), cuda).join(" ")
        };
        let all =
            ["libcublas.so.13", "libcublasLt.so.13", "libcudart.so.13", "libcudnn.so.9", "libcurand.so.10"];
        assert_eq!(
            packages(&all, Some(13)),
            "nvidia-cublas nvidia-cuda-runtime nvidia-cudnn-cu13 nvidia-curand"
        );
        // cuRAND and cuDNN do not tell by themselves.
        assert_eq!(packages(&all[3..], Some(12)), "nvidia-cudnn-cu12 nvidia-curand-cu12");
        assert_eq!(packages(&["libnvinfer.so.10", "libnvonnxparser.so.10"], Some(12)), "'tensorrt-cu12<11'");
        let windows = ["cublas64_13.dll", "cublasLt64_13.dll", "cudart64_13.dll", "nvinfer_10.dll"];
        assert_eq!(packages(&windows, Some(13)), "nvidia-cublas nvidia-cuda-runtime 'tensorrt-cu13<11'");
        assert_eq!(packages(&["libm.so.6"], Some(13)), "");
    }
}
