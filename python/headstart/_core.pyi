"""What the compiled part offers; the classes of ``headstart`` are for people."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, final

import numpy as np
import numpy.typing as npt

__version__: str
__all__ = [
    "ArrowStream",
    "Evaluation",
    "Run",
    "Stream",
    "__version__",
    "cache_gc",
    "cache_info",
    "cache_rows",
    "cache_verify",
    "default_settings",
    "describe_backbone",
    "fit_head",
    "forked",
    "has_features",
    "head_probabilities",
    "normal_label",
    "read_manifest",
    "stream",
    "train",
    "transform",
]

_Failed = tuple[int, str, str]
_Rows = npt.NDArray[np.float32]

class _Listener(Protocol):
    def begin(self, what: str, total: int, /) -> None: ...
    def step(self) -> None: ...
    def end(self) -> None: ...
    def message(self, level: str, text: str, /) -> None: ...
    def epoch(self, epoch: int, epochs: int, loss: float, val_loss: float | None, /) -> None: ...

class _Place(Protocol):
    @property
    def backbone(self) -> Path: ...
    @property
    def cache(self) -> Path: ...
    @property
    def runs(self) -> Path: ...
    @property
    def precision(self) -> str | None: ...
    @property
    def device(self) -> str: ...
    @property
    def threads(self) -> int | None: ...
    @property
    def runtimes(self) -> Sequence[tuple[str, Path]]: ...
    @property
    def onnxruntime(self) -> Path | None: ...
    @property
    def packages(self) -> Sequence[Path]: ...
    @property
    def toolkits(self) -> Sequence[Path]: ...

@final
class ArrowStream:
    def __new__(cls, dir: Path) -> ArrowStream: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

@final
class Evaluation:
    @property
    def metrics(self) -> str: ...
    @property
    def classes(self) -> list[str]: ...
    @property
    def probabilities(self) -> _Rows: ...
    @property
    def samples(self) -> list[tuple[int, str, int | None]]: ...
    def page(self, listener: _Listener) -> str: ...
    def write(self, folder: Path | None, *, top: int, listener: _Listener) -> Path: ...

@final
class Run:
    @staticmethod
    def load(config: _Place, name: Path) -> Run: ...
    @staticmethod
    def unpack(files: dict[str, bytes]) -> Run: ...
    @property
    def folder(self) -> Path: ...
    @property
    def classes(self) -> list[str]: ...
    @property
    def history(self) -> dict[str, list[float]]: ...
    @property
    def parameters(self) -> tuple[list[_Rows], list[_Rows]]: ...
    @property
    def settings(self) -> str | None: ...
    @property
    def metrics(self) -> str | None: ...
    @property
    def temperature(self) -> float | None: ...
    @property
    def backbone(self) -> dict[str, Any]: ...
    def predict(
        self, config: _Place, items: Sequence[object], *, kinds: str | None, stop: bool, listener: _Listener
    ) -> tuple[_Rows, list[_Failed]]: ...
    def evaluate(
        self,
        config: _Place,
        *,
        manifests: Sequence[Path],
        items: Sequence[object],
        labels: Sequence[str | None],
        split: str | None,
        kinds: str | None,
        calibrate: bool,
        resamples: int,
        stop: bool,
        listener: _Listener,
    ) -> tuple[Evaluation, list[_Failed]]: ...
    def save(self, path: Path, *, overwrite: bool) -> Run: ...
    def reload(self) -> Run: ...
    def pack(self) -> dict[str, bytes]: ...
    def export(
        self,
        config: _Place,
        output: Path,
        *,
        form: str,
        half: bool,
        opset: int | None,
        overwrite: bool,
        listener: _Listener,
    ) -> str: ...

@final
class Stream:
    def __iter__(self) -> Stream: ...
    def __next__(self) -> tuple[int, _Rows | None, _Failed | None]: ...
    def close(self) -> None: ...

def cache_gc(folder: Path, *, dry_run: bool, keep: Sequence[Path] | None, listener: _Listener) -> str: ...
def cache_info(folder: Path) -> str: ...
def cache_rows(root: Path, dir: Path, files: Sequence[Path] | None) -> tuple[list[str], list[int], _Rows]: ...
def cache_verify(folder: Path, listener: _Listener) -> str: ...
def default_settings() -> str: ...
def describe_backbone(config: _Place) -> dict[str, Any]: ...
def fit_head(
    rows: _Rows,
    labels: Sequence[int],
    classes: Sequence[str],
    *,
    config: str,
    validation: float | None,
    threads: int | None,
    listener: _Listener,
) -> tuple[list[_Rows], list[_Rows], dict[str, list[float]], int | None]: ...
def forked() -> None: ...
def has_features(config: _Place) -> bool: ...
def head_probabilities(rows: _Rows, kernels: Sequence[_Rows], biases: Sequence[_Rows], activation: str) -> _Rows: ...
def normal_label(text: str) -> str: ...
def read_manifest(
    paths: Sequence[Path], *, path: str | None, label: str | None, split: str | None, listener: _Listener
) -> tuple[list[Path], list[str | None], list[str | None], str]: ...
def stream(config: _Place, items: Sequence[object], *, kinds: str | None, listener: _Listener) -> Stream: ...
def train(
    config: _Place,
    *,
    manifests: Sequence[Path],
    items: Sequence[object],
    labels: Sequence[str | None],
    settings: str,
    validation: float | None,
    shots: int | None,
    kinds: str | None,
    calibrate: bool,
    stop: bool,
    listener: _Listener,
) -> tuple[Run, list[_Failed]]: ...
def transform(
    config: _Place,
    items: Sequence[object],
    *,
    kinds: str | None,
    stop: bool,
    fingerprint: str | None,
    listener: _Listener,
) -> tuple[_Rows, list[_Failed], dict[str, Any]]: ...
