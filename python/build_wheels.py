#!/usr/bin/env python3
"""Build the wheels into dist/: `headstart`, and `headstart_resnet50` with the weights in 32-bit floats.

    python3 python/build_wheels.py            for every Linux with glibc 2.28 or later, by zig
    python3 python/build_wheels.py --quick    for this machine, by its own linker, into dist/quick: what the tests use

The program and the compiled module come from one folder of compiled crates. Nothing but Python's standard library is
used here; maturin, zig and auditwheel are fetched by pip into models/tools/wheel, once, in the versions of
python/tools.txt.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import crate_licences

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / "python"
MODELS = ROOT / "models"
TOOLS = MODELS / "tools" / "wheel"
TARGET = "x86_64-unknown-linux-gnu"
GLIBC = "2.28"
#: What zig links is compiled apart, for another linker makes Cargo compile everything anew.
COMPILED = ROOT / "target" / "wheel"
#: The largest file that PyPI takes by default.
LIMIT = 100_000_000
#: Of the wheel that everybody installs.
OWN_LIMIT = 75_000_000


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--quick", action="store_true", help="for this machine alone, into dist/quick")
    quick = arguments.parse_args().quick
    fetch_tools()
    dist = ROOT / "dist" / "quick" if quick else ROOT / "dist"
    shutil.rmtree(PYTHON / "data", ignore_errors=True)
    stage_files()
    stage_program(quick)
    before = set(dist.glob("*.whl")) if dist.is_dir() else set()
    for old in before:
        old.unlink()
    build_module(quick, dist)
    if not quick:
        check_tag(only(dist, "headstart-*.whl"))
        build_weights(dist)
    for wheel in sorted(dist.glob("*.whl")):
        size, limit = wheel.stat().st_size, OWN_LIMIT if wheel.name.startswith("headstart-") else LIMIT
        print(f"{wheel.relative_to(ROOT)}: {size / 1e6:.1f} MB")
        if size > limit:
            sys.exit(f"{wheel.name} is larger than {limit / 1e6:.0f} MB")


def fetch_tools():
    """Into a virtual environment of their own; what is there already is left alone."""
    wanted, stamp = PYTHON / "tools.txt", TOOLS / "installed.txt"
    if stamp.exists() and stamp.read_text() == wanted.read_text():
        return
    shutil.rmtree(TOOLS, ignore_errors=True)
    run([sys.executable, "-m", "venv", TOOLS])
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    run([TOOLS / "bin" / "python", "-m", "pip", "install", *options, "--requirement", wanted])
    shutil.copyfile(wanted, stamp)


def stage_files(library="libonnxruntime.so.*"):
    """ONNX Runtime, the backbones and all licences, where maturin takes them from."""
    runtime, backbones = PYTHON / "headstart" / "_runtime", PYTHON / "headstart" / "_backbones"
    for folder in (runtime, backbones):
        if folder.is_symlink():
            folder.unlink()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    place(only(MODELS / "runtime", library), runtime)
    licences = PYTHON / "licences"
    shutil.copyfile(ROOT / "LICENSE", licences / "headstart.txt")
    shutil.copyfile(MODELS / "runtime" / "LICENSE", licences / "onnxruntime.txt")
    shutil.copyfile(MODELS / "runtime" / "ThirdPartyNotices.txt", licences / "onnxruntime-third-party.txt")
    print(f"licences of {crate_licences.write(licences / 'crates.txt')} Rust crates")
    stage_rust_notices(licences / "rust-library.html")
    for backbone in shipped_backbones():
        place(backbone, backbones)


def stage_rust_notices(into):
    """Of what Rust's standard library is made of, which Rust brings along as a page in most installations."""
    into.unlink(missing_ok=True)
    rustc = subprocess.run(["rustc", "--print", "sysroot"], cwd=ROOT, capture_output=True, text=True, check=True)
    page = Path(rustc.stdout.strip()) / "share" / "doc" / "rust" / "COPYRIGHT-library.html"
    if page.exists():
        shutil.copyfile(page, into)


def shipped_backbones():
    """ResNet-50 in int8, made of the one in floats if it is not there, and EfficientNet-Lite0."""
    int8 = MODELS / "resnet50-int8.onnx"
    if not int8.exists():
        program = ROOT / "target" / "release" / "headstart"
        run([program, "backbone", "quantize", MODELS / "resnet50.onnx", "--output", int8])
    return [int8, only(MODELS, "efficientnet-lite0.onnx")]


def stage_program(quick):
    """The program itself, which pip puts on the PATH."""
    run(["cargo", "build", "--release", "--bin", "headstart", *target(quick)])
    built = (ROOT / "target" if quick else COMPILED / TARGET) / "release" / "headstart"
    scripts = PYTHON / "data" / "scripts"
    scripts.mkdir(parents=True)
    shutil.copy2(built, scripts / "headstart")
    if shutil.which("strip"):
        run(["strip", scripts / "headstart"])


def build_module(quick, dist):
    tag = "linux" if quick else f"manylinux_{GLIBC.replace('.', '_')}"
    how = ["--compatibility", tag, *target(quick)]
    run(["maturin", "build", "--release", "--manifest-path", PYTHON / "Cargo.toml", "--out", dist, *how])


def check_tag(wheel):
    """That auditwheel finds nothing in it that needs a newer glibc than its name promises."""
    told = run([TOOLS / "bin" / "python", "-m", "auditwheel", "show", wheel], capture_output=True, text=True).stdout
    found = re.search(r"platform\s+tag:\s+\"manylinux_2_(\d+)_x86_64\"", told)
    if not found or int(found[1]) > int(GLIBC.split(".")[1]):
        sys.exit(f"auditwheel does not agree with the tag of {wheel.name}:\n{told}")
    print(f"auditwheel: {wheel.name} runs with glibc 2.{found[1]} and later")


def target(quick):
    """For the old glibc, by zig as the linker.

    `maturin --zig` and `cargo zigbuild` have each a linker of their own, and would compile everything twice. With this
    one for both the program and the module share what is compiled.
    """
    if quick:
        return []
    linker = TOOLS / "zigcc"
    zig = [TOOLS / "bin" / "cargo-zigbuild", "zig", "cc", "--", "-fno-sanitize=all"]
    zig += ["-target", f"x86_64-linux-gnu.{GLIBC}"]
    command = " ".join(f"'{word}'" for word in zig)
    text = f"#!/bin/sh\nexport CARGO_ZIGBUILD_ZIG_COMMAND='{TOOLS / 'bin' / 'python'}'\n"
    text += f"export CARGO_ZIGBUILD_ZIG_COMMAND_ARGS='-m ziglang'\nexec {command} \"$@\"\n"
    if not linker.exists() or linker.read_text() != text:
        linker.write_text(text)
        linker.chmod(0o755)
    os.environ[f"CARGO_TARGET_{TARGET.upper().replace('-', '_')}_LINKER"] = str(linker)
    os.environ["CARGO_TARGET_DIR"] = str(COMPILED)
    return ["--target", TARGET]


def build_weights(dist):
    folder = PYTHON / "resnet50"
    place(MODELS / "resnet50.onnx", folder / "headstart_resnet50")
    shutil.copyfile(PYTHON / "licences" / "resnet50.txt", folder / "resnet50.txt")
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--no-index"]
    run([TOOLS / "bin" / "python", "-m", "pip", "wheel", *options, "--wheel-dir", dist, folder])


def place(file, folder):
    """A link where the system has them: these files are large."""
    copy = folder / file.name
    copy.unlink(missing_ok=True)
    try:
        os.link(file, copy)
    except OSError:
        shutil.copyfile(file, copy)


def only(folder, pattern):
    files = sorted(folder.glob(pattern))
    if not files:
        sys.exit(f"there is no {pattern} in {folder.relative_to(ROOT)}: run `just setup` first")
    return files[-1]


def run(command, **options):
    path = os.pathsep.join([str(TOOLS / "bin"), os.environ["PATH"]])
    outcome = subprocess.run([str(word) for word in command], cwd=ROOT, env={**os.environ, "PATH": path}, **options)
    if outcome.returncode != 0:
        sys.exit(outcome.stderr or outcome.returncode)
    return outcome


if __name__ == "__main__":
    main()
