"""Labels of any kind, and the names that a run has for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

from headstart import _core
from headstart.errors import DataError


class Labels:
    """Labels of images, each with its name.

    A run knows names, sorted as text; ``classes_`` are the labels themselves, sorted as they sort: 2 before 10.
    """

    def __init__(self, y: Any, images: int) -> None:
        values = np.asarray(y)
        if values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        if values.ndim != 1 or len(values) != images:
            message = f"expected a label for each of {images} images, found labels of shape {values.shape}"
            raise DataError(message)
        if values.dtype.kind == "O":
            missing = next((row for row, value in enumerate(values) if value is None or value != value), None)
            if missing is not None:
                message = f"item {missing} has no label"
                raise DataError(message)
        places: npt.NDArray[np.intp]
        self._values: npt.NDArray[Any]
        self._values, places = np.unique(values, return_inverse=True)
        self._names = [_core.normal_label(str(value)) for value in self._values.tolist()]
        if len(set(self._names)) < len(self._names):
            twice = next(name for name in self._names if self._names.count(name) > 1)
            message = f"several labels are called `{twice}`"
            raise DataError(message)
        self.names: list[Optional[str]] = [self._names[place] for place in places.tolist()]

    @property
    def by_name(self) -> list[Any]:
        """The labels in the order of their names, which is that of a run."""
        order = sorted(range(len(self._names)), key=self._names.__getitem__)
        return [self._values.tolist()[place] for place in order]

    def classes(self, names: Sequence[str]) -> tuple[npt.NDArray[Any], Optional[list[int]]]:
        """The classes of a run with these names, sorted, and the places of their columns if these differ."""
        if not self._names:
            return np.asarray(names), None
        known = dict(zip(self._names, self._values))
        kept = [name for name in self._names if name in set(names)]
        order = [list(names).index(name) for name in kept]
        classes = np.asarray([known[name] for name in kept], dtype=self._values.dtype)
        return classes, None if order == sorted(order) else order


def labels_of_run(_names: Sequence[str]) -> Labels:
    """Those of a run that was loaded: its names."""
    return Labels([], 0)
