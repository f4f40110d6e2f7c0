//! What to do about a device that cannot be used.

use headstart::backbone::device::{Device, Error, Missing};

use super::hint::for_library;

pub fn for_device(error: &Error) -> Option<String> {
    Some(match error {
        Error::Library(error) => return for_library(error),
        Error::Unavailable { device, missing } => {
            let mut remedies: Vec<_> = missing.iter().map(|lack| for_missing(*device, lack)).collect();
            remedies.push("`headstart doctor` shows which devices work".into());
            remedies.join("\n      ")
        }
        Error::Precision { .. } => {
            "`--device openvino` computes in bf16 (`just setup-openvino` fetches it)".into()
        }
        Error::NoBf16 => "use `--precision fp32`".into(),
        Error::Register { .. } | Error::NotPlaced { .. } => {
            "`headstart doctor --device …` shows what works; `--device cpu` works everywhere".into()
        }
        _ => return None,
    })
}

/// The remedy for one thing that a device lacks.
pub fn for_missing(device: Device, lack: &Missing) -> String {
    match lack {
        Missing::System { .. } => "use `--device cpu` or `--device auto`".into(),
        Missing::Provider { .. } => build_of(device).into(),
        Missing::Driver { .. } | Missing::DriverFails { .. } => {
            "install NVIDIA's driver; when `nvidia-smi` shows the GPU, it is there".into()
        }
        Missing::DriverTooOld { needed, .. } => format!("update NVIDIA's driver to one for CUDA {needed}"),
        Missing::Gpu { .. } => "`nvidia-smi -L` lists the GPUs; CUDA_VISIBLE_DEVICES may hide some".into(),
        Missing::Libraries { names } => libraries(device, names),
        _ => "use `--device cpu`".into(),
    }
}

/// How to come by an ONNX Runtime that knows the device.
fn build_of(device: Device) -> &'static str {
    match device {
        Device::Cuda(_) | Device::TensorRt(_) => "`just setup-gpu` fetches onnxruntime-gpu",
        Device::OpenVino => "`just setup-openvino` fetches onnxruntime-openvino",
        Device::DirectMl(_) => {
            "`pip install onnxruntime-directml`, and point `--onnxruntime` at the onnxruntime.dll in it"
        }
        Device::CoreMl => "`just setup` fetches the build for macOS, which has it",
        _ => "`just setup` fetches ONNX Runtime",
    }
}

fn libraries(device: Device, names: &[String]) -> String {
    if names.iter().any(|name| name.contains("onnxruntime_providers")) {
        return format!("the build of ONNX Runtime is not whole: {}", build_of(device));
    }
    let tensorrt = names.iter().any(|name| name.contains("nvinfer") || name.contains("nvonnxparser"));
    match device {
        Device::TensorRt(_) if tensorrt => {
            "`pip install 'tensorrt-cu13<11' nvidia-cublas nvidia-cuda-runtime nvidia-curand nvidia-cudnn-cu13` in the \
             active Python environment, or set CUDA_HOME"
                .into()
        }
        Device::Cuda(_) | Device::TensorRt(_) => {
            "`pip install nvidia-cublas nvidia-cuda-runtime nvidia-curand nvidia-cudnn-cu13` in the active Python \
             environment, or set CUDA_HOME"
                .into()
        }
        _ => build_of(device).into(),
    }
}
