#!/bin/sh
# UNTRIED: the wheel for macOS on ARM, built on such a machine.
set -eu
./justw setup
python3 python/other_systems/stage.py
python3 -m venv models/tools/wheel-other
models/tools/wheel-other/bin/python -m pip install --quiet maturin==1.16.0
models/tools/wheel-other/bin/maturin build --release --manifest-path python/Cargo.toml --out dist/other
python3 -m venv models/tools/wheel-other-try
models/tools/wheel-other-try/bin/python -m pip install --no-index --force-reinstall dist/other/headstart-*.whl
models/tools/wheel-other-try/bin/headstart doctor
