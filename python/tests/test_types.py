"""The module is typed: stubs say what the compiled part has, and code of users passes `mypy --strict`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from conftest import ROOT
from test_documents import blocks

#: What users write, with types that must come out.
USER = """
from pathlib import Path
import numpy as np
import numpy.typing as npt
import headstart

def classify(paths: list[Path], labels: list[str]) -> tuple[float, npt.NDArray[np.float32]]:
    classifier: headstart.ImageClassifier = headstart.ImageClassifier(epochs=3).fit(paths, labels)
    result = classifier.evaluate(paths, labels)
    rows: npt.NDArray[np.float32] = headstart.Features(on_error="nan").transform([paths[0], b"bytes"])
    head = headstart.HeadClassifier((16,)).fit(rows, labels)
    failure = classifier.failures_[0]
    words: tuple[str, str, str] = (failure.path, failure.kind, failure.reason)
    print(words, head.history_["loss"][-1], headstart.Cache().to_numpy(paths)[0], headstart.Backbone().digest)
    return result.accuracy, classifier.predict_proba(paths)
"""


def python(*arguments: object) -> str:
    done = subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_stubs_say_what_the_compiled_part_has() -> None:
    assert (
        python("-m", "mypy.stubtest", "headstart._core", "--mypy-config-file", ROOT / "python" / "pyproject.toml") == ""
    )


def test_code_of_users_is_checked(tmp_path: Path) -> None:
    code = tmp_path / "user.py"
    code.write_text(USER)
    assert python("-m", "mypy", "--strict", "--cache-dir", tmp_path, code) == ""
    code.write_text(USER.replace('on_error="nan"', 'on_error="ignore"'))
    assert "on_error" in python("-m", "mypy", "--strict", "--cache-dir", tmp_path, code)


def test_examples_are_checked(tmp_path: Path) -> None:
    page = tmp_path / "page.py"
    text = "\n".join(blocks(ROOT / "docs" / "python.md"))
    typed = text.replace(
        "def log_run(classifier, result, mlflow):",
        "def log_run(classifier: headstart.ImageClassifier, result: headstart.Evaluation, mlflow: Any) -> None:",
    )
    page.write_text("from typing import Any\n" + typed)
    skip = "--disable-error-code=import-untyped"
    assert python("-m", "mypy", "--strict", skip, "--cache-dir", tmp_path, page) == ""
