"""The wheel in an environment that holds nothing else: no network, no Rust, no PATH, a home that is read-only."""

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import crate_licences
import offline

ROOT = Path(__file__).resolve().parent.parent
QUIET = ["--quiet", "--disable-pip-version-check"]
#: From the wheel to the first prediction, on two cores.
SECONDS = 60
INT8 = "`resnet50` is the one in int8"
IMPORT = "try:\n    import headstart\nexcept ImportError as error:\n    print(error)"


class Environment:
    """A fresh one, and how commands are run in it."""

    def __init__(self, python, folder):
        self.path, self.home, self.work = folder / "alone", folder / "home", folder / "work"
        self.home.mkdir()
        self.work.mkdir()
        run([python, "-m", "venv", self.path])
        self.before = self.files()

    def python(self, *arguments):
        return self(self.path / "bin" / "python", *arguments).stdout

    def headstart(self, *arguments):
        """The program by its full path."""
        return self(self.path / "bin" / "headstart", *arguments)

    def __call__(self, *words):
        bare = {"PATH": "/nowhere", "HOME": str(self.home), "PYTHONDONTWRITEBYTECODE": "1"}
        return run(offline.command(words, read_only=self.home), env=bare, cwd=self.work)

    def pip(self, *arguments):
        return run(offline.command([self.path / "bin" / "python", "-m", "pip", *arguments]))

    def files(self):
        """All, without what Python compiles of others."""
        found = (path for path in self.path.rglob("*") if "headstart" in str(path.relative_to(self.path))
                 or "__pycache__" not in path.parts)  # fmt: skip
        return set(found)


def check(python, wheel, weights, folder):
    """All of it; ``weights`` is the wheel with the backbone in fp32, if it was built."""
    environment = Environment(python, folder)
    surroundings(environment)
    began = time.monotonic()
    environment.pip("install", *QUIET, "--no-index", wheel)
    program(environment)
    photographs(environment)
    took = time.monotonic() - began
    expect(took < SECONDS, f"from the wheel to `headstart predict` it took {took:.0f} s, more than {SECONDS}")
    places(environment)
    told = environment.python("-c", IMPORT)
    expect("pip install scikit-learn" in told, f"`import headstart` without scikit-learn says {told!r}")
    licences(environment)
    if weights:
        fp32(environment, weights)
    environment.pip("uninstall", *QUIET, "--yes", "headstart", "headstart_resnet50")
    left = sorted(environment.files() - environment.before)
    expect(not left, f"uninstalling leaves {left[:3]}")
    return took


def surroundings(environment):
    """That they are as bare as this test says, where the system can do that."""
    if offline.namespaces():
        told = environment.python("-c", SURROUNDINGS)
        expect(told == "home is read-only\nno network\n", f"the test is not cut off: {told!r}")


#: An address of documentation: nobody has it.
SURROUNDINGS = """
import os, socket
try:
    open(os.path.join(os.environ["HOME"], "file"), "w")
except OSError:
    print("home is read-only")
try:
    socket.create_connection(("192.0.2.1", 80), timeout=20)
except OSError as error:
    print("no network" if error.errno == 101 else error)
"""


def program(environment):
    """It is the program itself, and not a script that starts Python."""
    path = environment.path / "bin" / "headstart"
    expect(path.read_bytes()[:4] == b"\x7fELF", f"{path} is a script, and should be the program itself")
    told = environment.headstart("--version").stdout
    expect(re.fullmatch(r"headstart \d+\.\d+\.\d+\n", told), f"`headstart --version` says {told!r}")


def photographs(environment):
    """From photographs to a prediction; that the backbone is in int8 is said once, and not on stdout."""
    shutil.copytree(ROOT / "data" / "photos", environment.work / "photos")
    said = environment.headstart("extract", "photos/photos.csv", "--json")
    expect(said.stderr.count(INT8) == 1 and INT8 not in said.stdout, f"`extract` says {said.stderr!r}")
    json.loads(said.stdout)
    said = environment.headstart("extract", "photos/photos.csv", "--quiet")
    expect(INT8 not in said.stderr, f"`extract --quiet` says {said.stderr!r}")
    environment.headstart("train", "photos/photos.csv", "--epochs", "2", "--name", "first")
    said = environment.headstart("predict", "first", "photos/cat.jpg", "--format", "jsonl")
    expect(json.loads(said.stdout)["path"] == "photos/cat.jpg", f"`predict` says {said.stdout!r}")
    expect(said.stderr.count(INT8) == 1, f"`predict` says {said.stderr!r}")


def places(environment):
    """The doctor tells where ONNX Runtime and the backbones come from: out of the wheel."""
    report = json.loads(environment.headstart("doctor", "--json").stdout)
    found = {check["name"]: check["found"] for check in report["checks"]}
    packages = str(next(environment.path.glob("lib/python3*/site-packages/headstart")).resolve())
    for name, words in [
        ("runtime", [f"{packages}/_runtime/libonnxruntime."]),
        ("backbone", [f"{packages}/_backbones/resnet50-int8.onnx", "the one in fp32 is not installed"]),
        ("names", [f"{packages}/_backbones/resnet50-int8.onnx", "`resnet50`"]),
    ]:
        for word in words:
            expect(word in found.get(name, ""), f"`doctor` does not say {word!r} for {name}: {found.get(name)!r}")


def licences(environment):
    """Of everything that is inside, down to each crate."""
    (folder,) = environment.path.glob("lib/python3*/site-packages/headstart-*.dist-info/licenses")
    texts = {file.name: file.read_text("utf-8") for file in folder.rglob("*") if file.is_file()}
    expected = {"headstart.txt", "resnet50.txt", "efficientnet-lite0.txt", "onnxruntime.txt", "crates.txt"}
    expect(expected <= set(texts), f"the wheel lacks licences: {expected - set(texts)}")
    crates = texts["crates.txt"]
    for crate in ["ndarray", "clap", "pyo3", "ort", "image", "arrow-array"]:
        expect(re.search(rf"^{crate} \d", crates, re.MULTILINE), f"crates.txt has no notice for {crate}")
    if shutil.which("cargo"):
        for crate in map(crate_licences.label, crate_licences.shipped_crates()):
            expect(f"\n{crate}\n" in crates, f"crates.txt has no notice for {crate}")


def fp32(environment, weights):
    """What is installed later is what the name means, but not for a cache that holds features in int8."""
    environment.pip("install", *QUIET, "--no-index", weights)
    said = environment.headstart("extract", "photos/photos.csv").stderr
    expect("the features that are kept are of this one" in said, f"with features in int8 `extract` says {said!r}")
    said = environment.headstart("extract", "photos/photos.csv", "--cache", "new").stderr
    expect("for `resnet50`" in said and INT8 not in said, f"with the backbone in fp32 `extract` says {said!r}")


def expect(holds, otherwise):
    if not holds:
        sys.exit(otherwise)


def run(command, **options):
    outcome = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    if outcome.returncode != 0:
        words = " ".join(map(str, command))
        sys.exit(f"`{words}` ended with status {outcome.returncode}:\n{outcome.stdout}{outcome.stderr}")
    return outcome
