"""Where files are: backbones by their names, ONNX Runtime, and the packages that may hold libraries."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Optional, Union

from headstart import _core
from headstart._progress import logger
from headstart.errors import BackboneError

PathLike = Union[str, "os.PathLike[str]"]

#: The folder of this package.
PACKAGE = Path(__file__).resolve().parent
#: What is used if nothing is said.
DEFAULT_BACKBONE = "resnet50"
#: The folders that the program uses too.
DEFAULT_CACHE = "data/features"
DEFAULT_RUNS = "runs"


@dataclass(frozen=True)
class Place:
    """Where things lie and how features are computed, as the compiled part takes it."""

    backbone: Path
    cache: Path = Path(DEFAULT_CACHE)
    runs: Path = Path(DEFAULT_RUNS)
    precision: Optional[str] = None
    device: str = "auto"
    threads: Optional[int] = None
    runtimes: list[tuple[str, Path]] = field(default_factory=list)
    onnxruntime: Optional[Path] = None
    packages: list[Path] = field(default_factory=list)
    toolkits: list[Path] = field(default_factory=list)

    def with_cache(self, cache: PathLike) -> Place:
        return replace(self, cache=Path(cache))


def place(
    backbone: PathLike,
    *,
    cache: Optional[PathLike],
    precision: Optional[str] = None,
    device: str = "auto",
    threads: Optional[int] = None,
    digests: Collection[Optional[str]] = (),
) -> Place:
    """Where things are for this backbone.

    Of several files of one name that of one of the ``digests`` is taken; else the one that the cache has features of;
    else the likeliest.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    named = os.environ.get("ORT_DYLIB_PATH")
    toolkits = [os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH"), "/usr/local/cuda"]
    found = Place(
        backbone=Path(backbone),
        cache=Path(DEFAULT_CACHE if cache is None else cache),
        precision=precision,
        device=device,
        threads=threads,
        runtimes=runtimes(),
        onnxruntime=Path(named) if named else None,
        packages=packages(),
        toolkits=[Path(toolkit) for toolkit in toolkits if toolkit],
    )
    text = os.fspath(backbone)
    if os.sep in text or text.endswith(".onnx"):
        refuse_repository(text)
        return found
    wanted = [digest for digest in digests if digest]
    chosen = _core.find_backbone(found, text, wanted, cache is not None)
    if chosen is None:
        error = BackboneError(f"there is no backbone `{text}`")
        known = ", ".join(names()) or "none"
        error.add_note(
            f"hint: known names: {known}; or give an ONNX file, as `headstart backbone fetch NAME` prints it"
        )
        raise error
    file, note = chosen
    if note is not None and note not in _told:
        _told.add(note)
        logger.warning(note)
    return replace(found, backbone=file)


def refuse_repository(text: str) -> None:
    """Say what to do with ``org/name``, which the program fetches and this module does not."""
    is_marked = text.startswith(("hf://", "hf_hub:", "hf-hub:", "https://", "http://"))
    folder, _, name = text.partition("/")
    is_name = bool(name) and "/" not in name and not folder.startswith((".", "~")) and not text.endswith(".onnx")
    if not is_marked and (not is_name or not folder or Path(folder).exists()):
        return
    error = BackboneError(f"`{text}` is no file; if it is a repository of a model hub, this module does not fetch it")
    error.add_note(f"hint: `headstart backbone fetch {text}` prints the path of an ONNX file: give that")
    raise error


#: What was said of backbones: once is enough.
_told: set[str] = set()


def names() -> list[str]:
    """Backbones that are known by a name here."""
    return _core.backbone_names(packages())


def packages() -> list[Path]:
    """Folders of packages: that of this one, and where Python looks for others."""
    return list(dict.fromkeys([PACKAGE.parent, *(Path(entry) for entry in sys.path if entry)]))


def runtimes() -> list[tuple[str, Path]]:
    """Folders in which ONNX Runtime may be, in the program's order; a package is found and not imported."""
    found = [("models/runtime", Path("models/runtime")), ("the package headstart", PACKAGE / "_runtime")]
    spec = importlib.util.find_spec("onnxruntime")
    if spec is not None and spec.submodule_search_locations:
        found.append(("the package onnxruntime", Path(next(iter(spec.submodule_search_locations))) / "capi"))
    return found


@dataclass(frozen=True)
class Backbone:
    """A frozen network that gives features.

    Parameters
    ----------
    name : str or path, default="resnet50"
        A known name, or an ONNX file.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    digest : str
        BLAKE3 of its graph and weights, in hexadecimal digits.
    feature_size : int
        Numbers in a row of features.
    parameters : int
        Numbers in its weights.
    precision : str
        ``fp32`` or ``int8``: what the file itself is in.
    recipe : dict
        How images are prepared.
    source, licence : str or None
        Where the weights come from.

    Raises
    ------
    BackboneError
        If there is none of this name, or the file cannot be used.

    Examples
    --------
    >>> headstart.Backbone("resnet50").feature_size
    2048
    """

    name: PathLike = DEFAULT_BACKBONE
    path: Path = field(init=False)
    digest: str = field(init=False)
    feature_size: int = field(init=False)
    parameters: int = field(init=False)
    precision: str = field(init=False)
    recipe: dict[str, Any] = field(init=False, repr=False)
    source: Optional[str] = field(init=False)
    licence: Optional[str] = field(init=False)

    def __post_init__(self) -> None:
        about = _core.describe_backbone(place(self.name, cache=None))
        about["recipe"] = json.loads(about["recipe"])
        for name in (
            "name",
            "path",
            "digest",
            "feature_size",
            "parameters",
            "precision",
            "recipe",
            "source",
            "licence",
        ):
            object.__setattr__(self, name, about[name])

    @staticmethod
    def names() -> list[str]:
        """Names that are known here."""
        return names()
