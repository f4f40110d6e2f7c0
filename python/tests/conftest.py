"""What the tests share: small photographs of three classes, a cache that is filled once, and the program."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import headstart

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = ROOT / "data" / "photos"
#: Parts of each photograph.
PARTS = 8


@pytest.fixture(scope="session", autouse=True)
def away(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing sees the project's own folders: what is found is what the wheel brings."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("away"))
    yield
    os.chdir(before)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a folder for each class: parts of three photographs."""
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(7)
    for name in ("cat", "coffee", "rocket"):
        (folder / name).mkdir()
        with Image.open(next(PHOTOS.glob(f"{name}.*"))) as photo:
            whole = photo.convert("RGB")
        for number in range(PARTS):
            edge = int(min(whole.size) * random.uniform(0.5, 0.9))
            left, top = (int(random.integers(0, length - edge)) for length in whole.size)
            part = whole.crop((left, top, left + edge, top + edge)).resize((160, 160))
            part.save(folder / name / f"{number}.jpg", quality=90)
    return folder


@pytest.fixture(scope="session")
def paths(photos: Path) -> list[Path]:
    return sorted(photos.glob("*/*.jpg"))


@pytest.fixture(scope="session")
def labels(paths: list[Path]) -> list[str]:
    return [path.parent.name for path in paths]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory, paths: list[Path]) -> Path:
    """A cache with the features of all photographs."""
    folder = tmp_path_factory.mktemp("cache") / "features"
    headstart.Features(cache=folder, progress=False).transform(paths)
    return folder


@pytest.fixture(scope="session")
def rows(cache: Path, paths: list[Path]) -> np.ndarray:
    return headstart.Features(cache=cache, progress=False).transform(paths)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that writes where it is writes into a folder of its own."""
    monkeypatch.chdir(tmp_path)


class Program:
    """The command that the wheel installs."""

    def __init__(self) -> None:
        beside = Path(sys.executable).parent / "headstart"
        found = os.environ.get("HEADSTART_PROGRAM") or (str(beside) if beside.exists() else shutil.which("headstart"))
        assert found, "the wheel installs the command `headstart`"
        self.path = found

    def __call__(self, *arguments: object, backbone: bool = False) -> str:
        """Run it; what it says on stdout. ``backbone`` names the one that the module uses."""
        command = [self.path, *map(str, arguments)]
        if backbone:
            command += ["--backbone", str(headstart.Backbone().path)]
        library = next((Path(headstart.__file__).parent / "_runtime").glob("libonnxruntime.*"))
        environment = {**os.environ, "ORT_DYLIB_PATH": str(library)}
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def program() -> Program:
    return Program()


def run_script(text: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a Python of its own."""
    command = [sys.executable, "-c", text, *map(str, arguments)]
    environment = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)
