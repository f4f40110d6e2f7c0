#!/usr/bin/env python3
"""Test the wheel of a folder as people have it: in virtual environments, away from this project, without Rust.

    python3 python/test_wheel.py dist/quick
    python3 python/test_wheel.py dist --every     on every CPython from 3.10 on that pyenv or the PATH has

First in an environment that holds nothing else, installed without a network; then the tests of python/tests, in an
environment with scikit-learn and what else they need, which is kept in models/tools for the next time.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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
    pythons = every_python() if chosen.every else [Path(sys.executable)]
    for python in pythons:
        began = time.monotonic()
        say(f"{wheel.name} on {version(python)}")
        with tempfile.TemporaryDirectory(prefix="headstart-") as folder:
            alone(python, wheel, Path(folder))
            whole(python, wheel, Path(folder), chosen.tests)
        say(f"{version(python)}: all right, {time.monotonic() - began:.0f} s")


def alone(python, wheel, folder):
    """An environment with nothing else in it: the program is there, and the module says what it needs."""
    environment = folder / "alone"
    home = folder / "home"
    home.mkdir(mode=0o555)
    run([python, "-m", "venv", environment])
    run([environment / "bin" / "python", "-m", "pip", "install", *QUIET, "--no-index", wheel])
    program = environment / "bin" / "headstart"
    if program.read_bytes()[:4] != b"\x7fELF":
        sys.exit(f"{program} is a script, and should be the program itself")
    bare = {"PATH": "/nowhere", "HOME": str(home)}
    told = run([program, "--version"], env=bare, cwd=folder)
    if not re.fullmatch(r"headstart \d+\.\d+\.\d+\n", told):
        sys.exit(f"`headstart --version` says {told!r}")
    told = run([environment / "bin" / "python", "-c", IMPORT], env=bare, cwd=folder)
    if "pip install scikit-learn" not in told:
        sys.exit(f"`import headstart` without scikit-learn says {told!r}")
    run([environment / "bin" / "python", "-m", "pip", "uninstall", *QUIET, "--yes", "headstart"])
    left = [path for path in environment.rglob("*headstart*")]
    if left:
        sys.exit(f"uninstalling leaves {left[0]}")


IMPORT = "try:\n    import headstart\nexcept ImportError as error:\n    print(error)"
QUIET = ["--quiet", "--disable-pip-version-check"]


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
    outcome = subprocess.run(
        [str(word) for word in [own, "-m", "pytest", *settings, TESTS, *tests]], cwd=folder, env=hidden
    )
    if outcome.returncode != 0:
        sys.exit(outcome.returncode)


def every_python():
    """One of each minor version, the newest first found."""
    folders = [Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"]
    found = {version(Path(sys.executable)): Path(sys.executable)}
    for folder in folders:
        for python in sorted(folder.glob("3.*/bin/python3")):
            found.setdefault(version(python), python)
    ordered = sorted(found.items(), key=lambda item: key(item[0]))
    return [python for name, python in ordered if key(name) >= OLDEST]


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


def run(command, **options):
    outcome = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    if outcome.returncode != 0:
        sys.exit(f"{command[0]} ended with status {outcome.returncode}:\n{outcome.stdout}{outcome.stderr}")
    return outcome.stdout


def say(text):
    print(text, flush=True)


if __name__ == "__main__":
    main()
