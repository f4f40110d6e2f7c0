//! Devices that are not there: what is missing is said, all of it, and nothing runs elsewhere instead.
//!
//! A machine without a GPU is made to look like others by stand-ins, compiled here: a library that tells of a provider as
//! ONNX Runtime does, a provider that needs NVIDIA's libraries, those libraries, and a driver.

use std::mem::offset_of;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use ort::sys::OrtApi;

use super::place::{Place, repository, with_features};

const PHOTOS: &str = "photos/photos.csv";

/// With photographs, the backbone and the CPU's ONNX Runtime, and no other whatever is set up here.
fn place() -> Place {
    let place = Place::with_photos();
    std::fs::remove_file(place.path("models")).unwrap();
    std::fs::create_dir(place.path("models")).unwrap();
    for name in ["runtime", "resnet50.onnx"] {
        symlink(repository().join("models").join(name), place.path("models").join(name)).unwrap();
    }
    place
}

/// Compile `source` to a shared library that calls itself by its file's name.
fn compile(library: &Path, source: &str, arguments: &[String]) {
    std::fs::create_dir_all(library.parent().unwrap()).unwrap();
    let name = library.file_name().unwrap().to_str().unwrap();
    // Its name must not look like a version of the library.
    let file = library.with_file_name(format!("source-of-{name}.c"));
    std::fs::write(&file, source).unwrap();
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-w", "-o"]).arg(library).arg(&file);
    compiler.arg(format!("-Wl,-soname,{name}")).arg("-Wl,--no-as-needed").args(arguments);
    let said = compiler.output().expect("a C compiler");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}

const RUNTIME: &str = r#"
static char *names[] = {PROVIDER, "CPUExecutionProvider"};
static void *available(char ***out, int *count) { *out = names; *count = 2; return 0; }
static void *release(char **list, int count) { return 0; }
static void *table[1024];
static const void *api(unsigned version) { table[AVAILABLE] = available; table[RELEASE] = release; return table; }
static const char *version(void) { return "1.31.1"; }
static struct { const void *(*api)(unsigned); const char *(*version)(void); } base = {api, version};
const void *OrtGetApiBase(void) { return &base; }
"#;

const DRIVER: &str = "
int cuInit(unsigned flags) { return INIT; }
int cuDriverGetVersion(int *version) { *version = VERSION; return 0; }
int cuDeviceGetCount(int *count) { *count = GPUS; return 0; }
int cuDeviceGetName(char *name, int length, int device) { name[0] = 'Q'; name[1] = '1'; name[2] = 0; return 0; }
";

/// A build of ONNX Runtime in `folder` that tells of `provider`.
fn runtime(folder: PathBuf, provider: &str) -> PathBuf {
    let slot = |offset: usize| offset / size_of::<usize>();
    let library = folder.join("libonnxruntime.so.1.31.1");
    let definitions = [
        format!("-DPROVIDER=\"{provider}\""),
        format!("-DAVAILABLE={}", slot(offset_of!(OrtApi, GetAvailableProviders))),
        format!("-DRELEASE={}", slot(offset_of!(OrtApi, ReleaseAvailableProviders))),
    ];
    compile(&library, RUNTIME, &definitions);
    library
}

/// A build for CUDA 13, whose provider needs two of NVIDIA's libraries.
fn gpu_runtime(place: &Place, folder: &str) -> PathBuf {
    gpu_runtime_for(place, folder, ["libcudart.so.13", "libcublas.so.13"])
}

fn gpu_runtime_for(place: &Place, folder: &str, names: [&str; 2]) -> PathBuf {
    let needed = names.map(|name| place.path("elsewhere").join(name));
    for library in &needed {
        compile(library, "", &[]);
    }
    let provider = place.path(folder).join("libonnxruntime_providers_cuda.so");
    compile(&provider, "", &needed.map(|path| path.display().to_string()));
    runtime(place.path(folder), "CUDAExecutionProvider")
}

/// A driver that starts with `init`, serves CUDA `version` and has `gpus`; the folder for LD_LIBRARY_PATH.
fn driver(place: &Place, init: i32, version: u32, gpus: u32) -> PathBuf {
    let folder = place.path(&format!("driver{init}-{version}-{gpus}"));
    let definitions = [format!("-DINIT={init}"), format!("-DVERSION={version}"), format!("-DGPUS={gpus}")];
    compile(&folder.join("libcuda.so.1"), DRIVER, &definitions);
    folder
}

#[test]
fn a_device_that_this_runtime_does_not_know_is_refused() {
    let place = place();
    let setups = [("cuda", "CUDA", "./justw setup-gpu"), ("cuda:7", "CUDA", "./justw setup-gpu")];
    let others =
        [("tensorrt", "Tensorrt", "./justw setup-gpu"), ("openvino", "OpenVINO", "./justw setup-openvino")];
    for (device, provider, setup) in setups.into_iter().chain(others) {
        let said = place.run_with(&format!("extract {PHOTOS} --device {device}"), |command| {
            command.env("PATH", "").env_remove("ORT_DYLIB_PATH");
        });
        let without = format!("is built without `{provider}ExecutionProvider`");
        said.ended(2)
            .says(&["cannot be used here", &without, "hint: ", setup, "headstart doctor"])
            .never_says("panicked")
            .never_says("computed");
    }
    for (device, system) in [("coreml", "macOS"), ("directml", "Windows")] {
        let said = place.run(&format!("extract {PHOTOS} --device {device}")).ended(2);
        said.says(&["cannot be used here", &format!("it needs {system}"), "--device cpu"]);
    }
    for wrong in ["gpu", "cuda:", "cpu:1"] {
        place.run(&format!("extract {PHOTOS} --device {wrong}")).ended(2).says(&["expected `cpu`, `cuda`"]);
    }
}

#[test]
fn whatever_runs_the_backbone_takes_a_device() {
    let place = with_features();
    place.run("train photos/photos.csv --epochs 1 --name a").done();
    image::RgbImage::new(8, 8).save(place.path("new.png")).unwrap();
    place.write("new.csv", "path,label\nnew.png,cat\nphotos/coffee.jpg,coffee\n");
    for command in [
        "predict a new.png",
        "evaluate a new.csv --extract",
        "train new.csv --extract",
        "compare new.csv --extract",
    ] {
        let said = place.run(&format!("{command} --device coreml")).ended(2);
        said.says(&["`coreml` cannot be used here"]);
    }
}

#[test]
fn what_a_gpu_lacks_is_told_all_at_once() {
    let place = place();
    let library = gpu_runtime(&place, "gpu");
    let ask = |device: &str, driver: &Path, words: &[&str]| {
        let arguments = format!("extract {PHOTOS} --device {device} --onnxruntime {}", library.display());
        let said = place.run_with(&arguments, |command| {
            command.env("LD_LIBRARY_PATH", driver).env("VIRTUAL_ENV", place.path("venv")).env("PATH", "");
        });
        said.ended(2).says(words).says(&["hint: "]).never_says("panicked").never_says("`libcudart.so.13`");
    };
    compile(&place.path("venv/lib/python3.12/site-packages/nvidia/cu13/lib/libcudart.so.13"), "", &[]);
    compile(&place.path("none/libcuda.so.1"), "", &[]);
    // `libcudart.so.13` lies where pip puts it, and is never missed.
    let libraries =
        ["shared libraries are not found: `libcublas.so.13`, `libcudnn.so.9`", "pip install nvidia-cublas"];
    ask("cuda", &place.path("none"), &libraries);
    ask("cuda", &place.path("none"), &["NVIDIA's driver is not installed", "nvidia-smi"]);
    ask("cuda", &driver(&place, 100, 13000, 0), &["NVIDIA's driver finds no GPU", libraries[0]]);
    ask("cuda", &driver(&place, 803, 13000, 0), &["`cuInit` gives 803"]);
    ask("cuda", &driver(&place, 0, 12040, 1), &["serves CUDA 12.4, expected 13.0", "update NVIDIA's driver"]);
    ask("cuda", &driver(&place, 0, 13000, 0), &["there is no GPU 0: the driver knows none"]);
    ask("cuda:2", &driver(&place, 0, 13000, 1), &["there is no GPU 2", "knows `Q1`", "CUDA_VISIBLE_DEVICES"]);
    ask("cuda", &driver(&place, 0, 13010, 1), &libraries);
    ask("tensorrt", &driver(&place, 0, 13010, 1), &["is built without `TensorrtExecutionProvider`"]);
    std::fs::remove_file(place.path("gpu/libonnxruntime_providers_cuda.so")).unwrap();
    ask(
        "cuda",
        &driver(&place, 0, 13010, 1),
        &["libonnxruntime_providers_cuda.so`", "is incomplete", "./justw setup-gpu"],
    );
}

/// As an interrupted copy leaves it.
fn cut_off(path: &Path) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
}

#[test]
fn packages_are_named_for_the_cuda_that_the_build_wants() {
    let place = place();
    let library = gpu_runtime_for(&place, "gpu", ["libcudart.so.12", "libcublas.so.12"]);
    let arguments = format!("extract {PHOTOS} --device cuda --onnxruntime {}", library.display());
    let driver = driver(&place, 0, 12080, 1);
    let said = place.run_with(&arguments, |command| {
        command.env("LD_LIBRARY_PATH", &driver).env("PATH", "");
    });
    let packages = "pip install nvidia-cublas-cu12 nvidia-cuda-runtime-cu12 nvidia-cudnn-cu12` in";
    said.ended(2).says(&["`libcublas.so.12`, `libcudart.so.12`, `libcudnn.so.9`", packages]);
}

/// Loading such a file kills the process (SIGBUS), so it must be seen before.
#[test]
fn a_library_that_is_cut_off_is_named_and_never_loaded() {
    let place = place();
    let ask = |device: &str, words: &[&str]| {
        let said = place.run_with(&format!("extract {PHOTOS} --device {device}"), |command| {
            command.env("PATH", "").env("VIRTUAL_ENV", place.path("venv")).env_remove("ORT_DYLIB_PATH");
        });
        said.ended(2).says(words).says(&["hint: "]).never_says("panicked");
    };
    gpu_runtime(&place, "models/runtime-gpu");
    let cublas = place.path("venv/lib/python3.12/site-packages/nvidia/cu13/lib/libcublas.so.13");
    compile(&cublas, "", &[]);
    cut_off(&cublas);
    ask("cuda", &["libcublas.so.13` is cut off: it has ", "install the package again"]);
    cut_off(&place.path("models/runtime-gpu/libonnxruntime_providers_cuda.so"));
    ask("cuda", &["libonnxruntime_providers_cuda.so` is cut off", "`./justw setup-gpu` fetches"]);
    cut_off(&place.path("models/runtime-gpu/libonnxruntime.so.1.31.1"));
    ask("cuda", &["models/runtime-gpu/libonnxruntime.so.1.31.1` is cut off", "`./justw setup-gpu` fetches"]);

    let change = |command: &mut Command| {
        command.env("PATH", "").env_remove("HEADSTART_DEVICE").env_remove("ORT_DYLIB_PATH");
    };
    let said = place.run_with(&format!("extract {PHOTOS} --cache auto"), change).done();
    said.says(&["not on cuda:0: `", "libonnxruntime.so.1.31.1` is cut off", "computing on cpu"]);

    runtime(place.path("models/runtime-openvino"), "OpenVINOExecutionProvider");
    let openvino = place.path("models/runtime-openvino/libopenvino.so.2541");
    compile(&openvino, "", &[]);
    let provider = openvino.with_file_name("libonnxruntime_providers_openvino.so");
    compile(&provider, "", &[openvino.display().to_string()]);
    compile(&openvino.with_file_name("libopenvino_intel_cpu_plugin.so"), "", &[]);
    for library in [openvino.clone(), provider] {
        cut_off(&library);
        let name = library.file_name().unwrap().to_str().unwrap();
        ask("openvino", &[&format!("{name}` is cut off"), "`./justw setup-openvino` fetches"]);
    }
}

#[test]
fn auto_passes_over_what_does_not_work_and_says_why() {
    let place = place();
    gpu_runtime(&place, "models/runtime-gpu");
    let driver = driver(&place, 0, 12040, 1);
    let change = |command: &mut Command| {
        command.env("LD_LIBRARY_PATH", &driver).env("PATH", "").env_remove("HEADSTART_DEVICE");
    };
    let said = place.run_with(&format!("extract {PHOTOS}"), change).done();
    said.says(&["not on cuda:0: NVIDIA's driver serves CUDA 12.4", "computing on cpu, ONNX Runtime"]);
    let said = place.run_with("cache info", change).done();
    assert!(said.out.contains(" on cpu (headstart "), "the device stands beside the features: {}", said.out);
    // Asked for by name, the same is an error.
    let said = place.run_with(&format!("extract {PHOTOS} --device cuda --cache c"), change).ended(2);
    said.says(&["`cuda:0` cannot be used here", "serves CUDA 12.4"]).never_says("computing on");
}

#[test]
fn openvino_that_is_not_whole_is_refused() {
    let place = place();
    let library = runtime(place.path("openvino"), "OpenVINOExecutionProvider");
    let arguments = format!("extract {PHOTOS} --device openvino --onnxruntime {}", library.display());
    let said = place.run(&arguments).ended(2);
    said.says(&[
        "shared libraries are not found",
        "libonnxruntime_providers_openvino.so`",
        "./justw setup-openvino",
    ]);
    let needed = place.path("elsewhere/libopenvino.so.2541");
    compile(&needed, "", &[]);
    let provider = place.path("openvino/libonnxruntime_providers_openvino.so");
    compile(&provider, "", &[needed.display().to_string()]);
    place.run(&arguments).ended(2).says(&["`libopenvino.so.2541`"]).never_says("panicked");
}

#[test]
fn precision_is_held_apart() {
    let place = with_features();
    place.run("train photos/photos.csv --epochs 1 --name a").done();
    place.run("evaluate a photos/photos.csv --precision bf16").ended(2).says(&[
        "was trained on other features",
        "the precision is `bf16`, expected `fp32`",
        "--precision",
    ]);
    let said = place.run("extract photos/photos.csv --precision bf16 --cache c").ended(2);
    said.says(&["`cpu` does not compute in bf16", "--device openvino"]);
    place
        .run("extract photos/photos.csv --precision int3")
        .ended(2)
        .says(&["expected `fp32`, `bf16`, `int8` or `auto`"]);
}
