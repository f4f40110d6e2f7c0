//! A device as ONNX Runtime's execution provider, with what makes it compute as asked.

use std::path::Path;

use ort::ep::{self, ArbitrarilyConfigurableExecutionProvider};

use super::{Device, Precision};

/// What some providers want to know of the graph's input.
pub(crate) struct Input<'a> {
    pub name: &'a str,
    /// Of one image.
    pub shape: [usize; 3],
    /// The largest batch.
    pub batch: usize,
}

/// In order of preference; ONNX Runtime's own CPU kernels come last by themselves. Each of them fails loudly.
pub(crate) fn providers(
    device: Device,
    precision: Precision,
    threads: Option<usize>,
    engines: Option<&Path>,
    input: &Input,
) -> Vec<ep::ExecutionProviderDispatch> {
    let providers: Vec<ep::ExecutionProviderDispatch> = match device {
        Device::Cpu => vec![],
        Device::Cuda(index) => vec![cuda(index)],
        Device::TensorRt(index) => vec![tensorrt(index, input, engines), cuda(index)],
        Device::OpenVino => vec![openvino(precision, threads)],
        Device::CoreMl => vec![core_ml()],
        Device::DirectMl(index) => vec![ep::DirectML::default().with_device_id(id(index)).build()],
    };
    providers.into_iter().map(ep::ExecutionProviderDispatch::error_on_failure).collect()
}

fn cuda(index: u32) -> ep::ExecutionProviderDispatch {
    ep::CUDA::default()
        .with_device_id(id(index))
        // Ten bits of every product instead of twenty-three: fast, and not fp32.
        .with_tf32(false)
        // The exhaustive search times every algorithm on every new batch size: seconds each time, and another winner,
        // so other rounding, from run to run.
        .with_conv_algorithm_search(ep::cuda::ConvAlgorithmSearch::Heuristic)
        .build()
}

fn tensorrt(index: u32, input: &Input, engines: Option<&Path>) -> ep::ExecutionProviderDispatch {
    let [a, b, c] = input.shape;
    let shape = |n: usize| format!("{}:{n}x{a}x{b}x{c}", input.name);
    let provider = ep::TensorRT::default()
        .with_device_id(id(index))
        .with_fp16(false)
        .with_bf16(false)
        .with_int8(false)
        // Without a range of shapes it would build a new engine, for a minute, whenever a batch has a new size.
        .with_profile_min_shapes(shape(1))
        .with_profile_opt_shapes(shape(input.batch))
        .with_profile_max_shapes(shape(input.batch));
    // TensorRT checks that an engine fits the graph, the GPU and its own version.
    match engines.filter(|folder| std::fs::create_dir_all(folder).is_ok()) {
        Some(folder) => {
            let folder = folder.display();
            let provider = provider.with_engine_cache(true).with_engine_cache_path(&folder);
            provider.with_timing_cache(true).with_timing_cache_path(&folder).build()
        }
        None => provider.build(),
    }
}

/// Whether TF32 is off in the whole process, by the variable that NVIDIA documents.
///
/// CUDA has a setting of its own for each session. TensorRT takes TF32 by default, ONNX Runtime has no setting for that (asked
/// for since 2021), and the variable is the only way out. It belongs to the process, so whoever starts that sets it.
pub(crate) fn tf32_is_off() -> bool {
    std::env::var_os("NVIDIA_TF32_OVERRIDE").is_some_and(|value| value == "0")
}

/// OpenVINO would take bf16 by itself on a processor that has it.
fn openvino(precision: Precision, threads: Option<usize>) -> ep::ExecutionProviderDispatch {
    let hint = match precision {
        Precision::Fp32 | Precision::Int8 => "f32",
        Precision::Bf16 => "bf16",
    };
    let mut settings = serde_json::json!({ "INFERENCE_PRECISION_HINT": hint });
    if let Some(threads) = threads {
        settings["INFERENCE_NUM_THREADS"] = threads.to_string().into();
    }
    let config = serde_json::json!({ "CPU": settings });
    ep::OpenVINO::default().with_device_type("CPU").with_arbitrary_config("load_config", config).build()
}

/// The neural engine knows 16 bits only, so it is left out.
fn core_ml() -> ep::ExecutionProviderDispatch {
    ep::CoreML::default()
        .with_model_format(ep::coreml::ModelFormat::MLProgram)
        .with_compute_units(ep::coreml::ComputeUnits::CPUAndGPU)
        .with_low_precision_accumulation_on_gpu(false)
        .build()
}

fn id(index: u32) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}
