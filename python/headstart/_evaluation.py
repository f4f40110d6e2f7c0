"""How good a classifier is on labelled images."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

from headstart import _core
from headstart._files import PathLike
from headstart._items import Failure
from headstart._progress import Listener, Progress


class Evaluation:
    """Figures of a classifier on labelled images; a notebook shows it as a table.

    Attributes
    ----------
    accuracy : float
        The part of the images that was predicted right.
    interval : (float, float)
        The 95 % interval of the accuracy.
    metrics : dict
        All figures: the content of ``metrics.json``.
    classes : list of str
        The classes, in the order of the columns.
    probabilities : ndarray of shape (n, n_classes), float32
        Of the images that have features.
    labels : ndarray of shape (n,), int
        The place of each one's label among the classes.
    confusion : ndarray of shape (n_classes, n_classes), int
        Row ``i``, column ``j``: images of class ``i`` that were predicted as ``j``.
    failures : list of (path, kind, reason)
        Images that were left out.
    """

    def __init__(self, found: _core.Evaluation, failures: list[Failure], progress: Progress = False) -> None:
        self._found = found
        self._progress = progress
        self.metrics: dict[str, Any] = json.loads(found.metrics)
        self.classes: list[str] = found.classes
        self.failures = failures

    @property
    def accuracy(self) -> float:
        return float(self.metrics["accuracy"])

    @property
    def interval(self) -> Optional[tuple[float, float]]:
        intervals = self.metrics.get("intervals")
        if intervals is None:
            return None
        low, high = ends(intervals["accuracy"])
        return low, high

    @property
    def probabilities(self) -> npt.NDArray[np.float32]:
        return self._found.probabilities

    @property
    def labels(self) -> npt.NDArray[np.intp]:
        places = [-1 if label is None else label for _, _, label in self._found.samples]
        return np.asarray(places, dtype=np.intp)

    @property
    def paths(self) -> list[str]:
        """The path of each image, as it was given."""
        return [path for _, path, _ in self._found.samples]

    @property
    def confusion(self) -> npt.NDArray[np.int64]:
        return np.asarray(self.metrics["confusion"], dtype=np.int64)

    def report(self, path: Optional[PathLike] = None) -> str:
        """The report as one HTML page: figures, curves, wrong answers with their pictures.

        Parameters
        ----------
        path : str or path, optional
            A file to write it to.

        Returns
        -------
        str
            The page.
        """
        with Listener(False) as listener:
            page = self._found.page(listener)
        if path is not None:
            Path(path).write_text(page, encoding="utf-8")
        return page

    def save(self, folder: Optional[PathLike] = None, *, top: int = 3) -> Path:
        """Write all files of an evaluation, as ``headstart evaluate`` does: predictions, figures and the report.

        Parameters
        ----------
        folder : str or path, optional
            Where to; by default into the run.
        top : int, default=3
            Guesses for each image.

        Returns
        -------
        pathlib.Path
            The folder.
        """
        with Listener(False) as listener:
            return Path(self._found.write(None if folder is None else Path(folder), top=top, listener=listener))

    def __repr__(self) -> str:
        between = "" if self.interval is None else " ({:.4f} to {:.4f})".format(*self.interval)
        return f"Evaluation(accuracy={self.accuracy:.4f}{between}, images={self.metrics['scored']})"

    def _repr_html_(self) -> str:
        between = "" if self.interval is None else " (95 % interval {:.3f} to {:.3f})".format(*self.interval)
        head = f"<p>accuracy <b>{self.accuracy:.3f}</b>{between} on {self.metrics['scored']} images</p>"
        names = ("precision", "recall", "f1", "support")
        columns = "".join(f"<th>{name}</th>" for name in ("class", *names))
        rows = "".join(
            "<tr><td>{}</td>{}</tr>".format(
                escape(str(one["name"])), "".join(f"<td>{figure(one.get(name))}</td>" for name in names)
            )
            for one in self.metrics["classes"]
        )
        return f"{head}<table><thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table>"


def ends(interval: Any) -> tuple[float, float]:
    """The two ends of an interval."""
    low, high = (interval["low"], interval["high"]) if isinstance(interval, dict) else interval
    return float(low), float(high)


def figure(value: Any) -> str:
    """A figure for people; one that is not defined is a dash."""
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
