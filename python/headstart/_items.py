"""Images as people have them: lists, arrays, Series, a column of a DataFrame; paths, bytes, PIL images and pixels."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from headstart.errors import DataError, ImageError


class Failure(NamedTuple):
    """An image without features: its path or ``item 3``, the kind of failure, and why."""

    path: str
    kind: str
    reason: str


def items_of(images: Any) -> list[Any]:
    """Each image as the compiled part takes it."""
    if isinstance(images, (str, bytes, os.PathLike)):
        error = DataError(f"expected several images, found one: {type(images).__name__}")
        error.add_note("hint: put it into a list: `[image]`")
        raise error
    if hasattr(images, "columns") and hasattr(images, "shape"):
        images = only_column(images)
    if hasattr(images, "to_numpy") and not isinstance(images, np.ndarray):
        images = images.to_numpy()
    if isinstance(images, np.ndarray) and images.ndim == 2 and images.shape[1] == 1:
        images = images[:, 0]
    if isinstance(images, np.ndarray) and images.ndim == 3 and images.dtype == np.uint8:
        error = DataError(f"expected several images, found the pixels of one: shape {images.shape}")
        error.add_note("hint: put it into a list: `[image]`")
        raise error
    if not isinstance(images, Iterable):
        message = f"expected a list of images, found {type(images).__name__}"
        raise DataError(message)
    return [pixels_of(item) for item in images]


def only_column(table: Any) -> Any:
    """The one column of a table of images."""
    names = list(table.columns)
    if len(names) != 1:
        error = DataError(f"expected one column of images, found {len(names)}: {', '.join(map(str, names))}")
        error.add_note('hint: choose it: `frame["path"]`, or a ColumnTransformer with `["path"]`')
        raise error
    return table[names[0]]


def pixels_of(item: Any) -> Any:
    """A PIL image as an array; anything else as it is."""
    # Without an import of PIL: an image of it can only come from a PIL that is imported.
    if hasattr(item, "convert") and hasattr(item, "getbands"):
        return np.asarray(item.convert("RGB"))
    return item


def failures_of(items: list[Any], failed: Iterable[tuple[int, str, str]]) -> list[Failure]:
    """What failed, by what people call it."""
    return [Failure(name_of(items[row], row), kind, reason) for row, kind, reason in failed]


def name_of(item: Any, row: int) -> str:
    """The path of an item, else its place."""
    return os.fspath(item) if isinstance(item, (str, os.PathLike)) else f"item {row}"


def image_error(failure: Failure, row: int) -> ImageError:
    """The error that an image without features is."""
    error = ImageError(failure.path, row, failure.kind, failure.reason)
    error.add_note('hint: repair it or leave it out; `on_error="nan"` gives a row of NaN for it')
    return error
