#!/usr/bin/env python3
"""Test the wheel of a folder as people have it: in virtual environments, away from this project, without Rust.

    python3 python/test_wheel.py dist/quick
    python3 python/test_wheel.py dist --every     on every CPython from 3.10 on that pyenv or the PATH has

First in an environment that holds nothing else (wheel_alone.py); then the tests of python/tests, in an environment with
scikit-learn and what else they need, which is kept in models/tools for the next time. The wheel is installed and used
without a network; only those other packages are fetched.
"""

import argparse
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import offline
import wheel_alone
from wheel_alone import QUIET, expect, run

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "python" / "tests"
OLDEST = (3, 10)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("dist", type=Path, help="the folder with the wheels")
    arguments.add_argument("--every", action="store_true", help="on every CPython from 3.10 on")
    arguments.add_argument("tests", nargs="*", help="arguments for pytest")
    chosen = arguments.parse_args()
    wheel = only(chosen.dist.resolve(), "headstart-*.whl")
    weights = next(iter(sorted(chosen.dist.resolve().glob("headstart_resnet50-*.whl"))), None)
    pythons = every_python() if chosen.every else [Path(sys.executable)]
    say(f"alone and beside others: {offline.how()}")
    beside_onnxruntime(wheel)
    say(f"{ONNXRUNTIME} beside it is left alone")
    for python in pythons:
        began = time.monotonic()
        say(f"{wheel.name} on {version(python)}")
        with tempfile.TemporaryDirectory(prefix="headstart-") as folder:
            took = wheel_alone.check(python, wheel, weights, Path(folder))
            say(f"{version(python)}: alone it works; from the wheel to `headstart predict` in {took:.0f} s")
            whole(python, wheel, Path(folder), chosen.tests)
        say(f"{version(python)}: all right, {time.monotonic() - began:.0f} s")
    say(f"all right on CPython {', '.join(map(version, pythons))}")


def beside_onnxruntime(wheel):
    """An installed `onnxruntime` is what it was: its files, and what `pip list` says of all others."""
    environment = ROOT / "models" / "tools" / "wheel-test-onnxruntime"
    own = environment / "bin" / "python"
    if not (environment / "installed.txt").exists():
        shutil.rmtree(environment, ignore_errors=True)
        run([sys.executable, "-m", "venv", environment])
        run([own, "-m", "pip", "install", *QUIET, "--only-binary=:all:", ONNXRUNTIME])
        (environment / "installed.txt").write_text(ONNXRUNTIME)
    look = [own, "-c", LOOK]
    listed = [own, "-m", "pip", "list", "--disable-pip-version-check", "--format=freeze"]
    run([own, "-m", "pip", "uninstall", *QUIET, "--yes", "headstart"])
    before, packages = run(look).stdout, run(listed).stdout.splitlines()
    run(offline.command([own, "-m", "pip", "install", *QUIET, "--no-index", wheel]))
    added = set(run(listed).stdout.splitlines()) ^ set(packages)
    expect(all(line.startswith("headstart==") for line in added) and added, f"installing changes {sorted(added)}")
    expect(run(look).stdout == before, "installing changes the installed onnxruntime")
    run([own, "-m", "pip", "uninstall", *QUIET, "--yes", "headstart"])
    expect(run(look).stdout == before, "uninstalling changes the installed onnxruntime")


#: That it works, and what its files hold.
LOOK = """
import hashlib, pathlib, onnxruntime
print(onnxruntime.__version__, onnxruntime.get_available_providers())
folder = pathlib.Path(onnxruntime.__file__).parent
for file in sorted(folder.rglob("*")):
    if file.is_file() and "__pycache__" not in file.parts:
        print(file, hashlib.sha256(file.read_bytes()).hexdigest())
"""
ONNXRUNTIME = "onnxruntime==1.31.1"


def whole(python, wheel, folder, tests):
    """The tests, with what they need."""
    environment = ROOT / "models" / "tools" / f"wheel-test-{version(python)}"
    needs, stamp = TESTS / "requirements.txt", environment / "installed.txt"
    own = environment / "bin" / "python"
    if not (stamp.exists() and stamp.read_text() == needs.read_text()):
        shutil.rmtree(environment, ignore_errors=True)
        run([python, "-m", "venv", environment])
        run([own, "-m", "pip", "install", *QUIET, "--only-binary=:all:", "--requirement", needs])
        shutil.copyfile(needs, stamp)
    run([own, "-m", "pip", "install", *QUIET, "--no-index", "--no-deps", "--force-reinstall", wheel])
    settings = ["-c", ROOT / "python" / "pyproject.toml", "--rootdir", TESTS, "--basetemp", folder / "pytest", "-q"]
    hidden = {**os.environ, "PATH": f"{environment / 'bin'}:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    for variable in ("PYTHONPATH", "HEADSTART_BACKBONE", "ORT_DYLIB_PATH", "VIRTUAL_ENV"):
        hidden.pop(variable, None)
    words = offline.command([own, "-m", "pytest", *settings, TESTS, *tests])
    outcome = subprocess.run(words, cwd=folder, env=hidden)
    if outcome.returncode != 0:
        sys.exit(outcome.returncode)


def every_python():
    """One of each minor version that pyenv or the PATH has: this one, else the first that is found."""
    installed = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    places = [installed.glob("3.*/bin/python3"), *(Path(folder).glob("python3*") for folder in os.get_exec_path())]
    found = {version(sys.executable): Path(sys.executable)}
    for python in (python for place in places for python in sorted(place) if PYTHON.fullmatch(python.name)):
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            # A stand-in of pyenv's fails for a version that is not chosen; one without `venv` cannot be used.
            run_quietly([python, "-c", "import ensurepip, venv"])
            found.setdefault(version(python), python)
    ordered = sorted(found.items(), key=lambda item: key(item[0]))
    return [python for name, python in ordered if key(name) >= OLDEST]


#: What an interpreter is called.
PYTHON = re.compile(r"python3(\.\d+)?")


def run_quietly(command):
    subprocess.run([str(word) for word in command], capture_output=True, check=True)


def version(python):
    """Such as 3.12."""
    code = "import sys; print(f'{sys.version_info.major}.{sys.version_info.minor}')"
    return subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def key(name):
    return tuple(int(part) for part in name.split("."))


def only(folder, pattern):
    files = sorted(folder.glob(pattern))
    if len(files) != 1:
        sys.exit(f"expected one {pattern} in {folder}, found {len(files)}")
    return files[0]


def say(text):
    print(text, flush=True)


if __name__ == "__main__":
    main()
