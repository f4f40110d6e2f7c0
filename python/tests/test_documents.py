"""The examples of docs/python.md and of the docstrings run from top to bottom."""

from __future__ import annotations

import doctest
import importlib
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headstart
from conftest import ROOT

MODULES = [
    "headstart._cache",
    "headstart._features",
    "headstart._files",
    "headstart._head",
    "headstart._images",
    "headstart._manifest",
]


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture()
def photos_here(tmp_path: Path, photos: Path) -> Path:
    shutil.copytree(photos, tmp_path / "photos")
    return tmp_path / "photos"


def test_the_page_runs(tmp_path: Path, photos_here: Path) -> None:
    names: dict[str, Any] = {}
    found = blocks(ROOT / "docs" / "python.md")
    assert len(found) >= 8
    for block in found:
        exec(compile(block, "docs/python.md", "exec"), names)
    assert (tmp_path / "runs" / "mine" / "run.toml").exists() and (tmp_path / "classifier.onnx").exists()
    assert (tmp_path / "report.html").exists() and callable(names["log_run"])
    assert len(names["tolerant"].failures_) == 1


def test_the_readme_of_the_package_runs(photos_here: Path) -> None:
    (text,) = blocks(ROOT / "python" / "README.md")
    shutil.copyfile(next(photos_here.glob("cat/*.jpg")), "new.jpg")
    exec(compile(text, "README.md", "exec"), {})


@pytest.mark.parametrize("name", MODULES)
def test_docstrings_run(tmp_path: Path, photos: Path, name: str) -> None:
    folder = tmp_path / "photos"
    for label in ("cat", "dog"):
        (folder / label).mkdir(parents=True)
    for number, path in enumerate(sorted(photos.glob("*/*.jpg"))[6:12]):
        shutil.copyfile(path, folder / ("cat" if number < 3 else "dog") / f"{number}.jpg")
    paths = sorted(folder.glob("*/*.jpg"))
    labels = [path.parent.name for path in paths]
    X = headstart.Features(progress=False).transform(paths)
    module = importlib.import_module(name)
    names = {"headstart": headstart, "paths": paths, "labels": labels, "X": X, "np": np}
    failed, tried = doctest.testmod(module, extraglobs=names, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert tried > 0 and failed == 0
