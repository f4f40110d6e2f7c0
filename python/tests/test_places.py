"""Where things are found: by the program and by the module in the same way."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import headstart
from conftest import Program, run_script

#: As `onnxruntime-gpu` has it: a library that tells of CUDA. 125 and 126 are the places of `GetAvailableProviders` and
#: `ReleaseAvailableProviders` in the table of ONNX Runtime's interface, which only grows.
RUNTIME = """
static char *names[] = {"CUDAExecutionProvider", "CPUExecutionProvider"};
static void *available(char ***out, int *count) { *out = names; *count = 2; return 0; }
static void *release(char **list, int count) { return 0; }
static void *table[1024];
static const void *api(unsigned version) { table[125] = available; table[126] = release; return table; }
static const char *version(void) { return "1.31.1"; }
static struct { const void *(*api)(unsigned); const char *(*version)(void); } base = {api, version};
const void *OrtGetApiBase(void) { return &base; }
"""
#: A library of NVIDIA's that no machine has.
ABSENT = "libcudart.so.13579"
#: In fp32: CUDA does not compute in int8.
ON_CUDA = ["--device", "cuda", "--backbone", "efficientnet-lite0"]

#: What the module says without a GPU.
MODULE = """
import sys
import headstart
try:
    headstart.Features("efficientnet-lite0", device="cuda", cache=None, progress=False).transform([sys.argv[1]])
except headstart.BackboneError as error:
    print(error)
"""


def compile_library(path: Path, source: str, *arguments: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.with_suffix(".c")
    file.write_text(source)
    command = ["cc", "-shared", "-fPIC", "-o", path, file, f"-Wl,-soname,{path.name}", "-Wl,--no-as-needed", *arguments]
    subprocess.run(command, check=True)
    file.unlink()


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder of packages with the files of `onnxruntime-gpu`, whose provider needs a library that is not there."""
    folder = tmp_path / "packages"
    capi = folder / "onnxruntime" / "capi"
    compile_library(capi / "libonnxruntime.so.1.31.1", RUNTIME)
    # It is found and never imported.
    (folder / "onnxruntime" / "__init__.py").write_text("raise RuntimeError('imported')\n")
    absent = tmp_path / "elsewhere" / ABSENT
    compile_library(absent, "")
    compile_library(capi / "libonnxruntime_providers_cuda.so", "", absent)
    return folder


def said_by_program(program: Program, photos: Path, **environment: str) -> str:
    command = [program.path, "extract", photos, *ON_CUDA]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)
    assert done.returncode == 2
    return done.stderr


def test_cuda_takes_the_library_of_an_installed_onnxruntime(
    packages: Path, program: Program, paths: list[Path]
) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    surroundings = {"PYTHONPATH": str(packages), "PATH": path}
    module = run_script(MODULE, paths[0], **surroundings).stdout
    photos = paths[0].parent.parent
    by_program = said_by_program(program, photos, **surroundings)
    # Each has found that library, and looked into it: there is a build with CUDA, which lacks this.
    for said in (module, by_program):
        assert ABSENT in said and "built without" not in said, said
    # Without the package it is another fault.
    assert "built without" in run_script(MODULE, paths[0]).stdout
    assert "built without" in said_by_program(program, photos, PATH="/nowhere")


def test_the_program_looks_into_its_own_environment_too(
    packages: Path, program: Program, tmp_path: Path, paths: list[Path]
) -> None:
    environment = tmp_path / "environment"
    own = environment / "lib" / "python3.12" / "site-packages"
    shutil.copytree(packages, own)
    (own / "headstart").mkdir()
    (own / "headstart" / "__init__.py").touch()
    (own / "headstart" / "_backbones").symlink_to(Path(headstart.__file__).parent / "_backbones")
    (environment / "bin").mkdir()
    moved = environment / "bin" / "headstart"
    shutil.copy2(program.path, moved)
    command = [moved, "extract", paths[0].parent.parent, *ON_CUDA]
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": "/nowhere"}, check=False)
    assert done.returncode == 2 and ABSENT in done.stderr, done.stderr


def test_program_and_module_take_the_same_files(program: Program) -> None:
    report = json.loads(subprocess.run([program.path, "doctor", "--json"], capture_output=True, check=False).stdout)
    found = {check["name"]: check["found"] for check in report["checks"]}
    assert f"`{headstart.Backbone().path}`" in found["backbone"]
    for name in headstart.Backbone.names():
        assert f"`{name}` (`{headstart.Backbone(name).path}`)" in found["names"]


NOTED = """
import sys, headstart
headstart.Backbone()
headstart.Backbone("resnet50")
headstart.Features(cache=None, progress=False).transform([sys.argv[1]])
"""


def test_that_a_name_means_the_file_in_int8_is_said_once(paths: list[Path]) -> None:
    done = run_script(NOTED, paths[0])
    expected = 0 if headstart.Backbone().precision == "fp32" else 1
    assert done.stderr.count("`resnet50` is the one in int8") == expected, done.stderr
    assert done.stdout == ""
