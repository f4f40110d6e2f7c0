"""Manifests: folders with a folder for each class, and CSVs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Optional, Union

from headstart import _core
from headstart._files import PathLike
from headstart._progress import Listener
from headstart.errors import DataError


@dataclass(frozen=True)
class Manifest:
    """Images and what they show.

    Attributes
    ----------
    paths : list of pathlib.Path
        The files.
    labels : list of str or None
        What each shows, if that is said.
    splits : list of str or None
        The part of the data that each belongs to, if that is said.
    digest : str
        BLAKE3 of the rows.
    sources : list of pathlib.Path or None
        What was read; None for a part of it.
    """

    paths: list[Path]
    labels: list[Optional[str]]
    splits: list[Optional[str]] = field(repr=False)
    digest: Optional[str] = None
    sources: Optional[list[Path]] = None

    def __len__(self) -> int:
        return len(self.paths)

    def split(self, name: str) -> Manifest:
        """The rows of one part, such as ``"test"``.

        Raises
        ------
        DataError
            If there is none.
        """
        rows = [row for row, split in enumerate(self.splits) if split is not None and split.lower() == name.lower()]
        if not rows:
            known = sorted({split for split in self.splits if split is not None})
            message = f"there is no split `{name}`: found {', '.join(known) or 'none'}"
            raise DataError(message)
        chosen: dict[str, Any] = {
            column: [getattr(self, column)[row] for row in rows] for column in ("paths", "labels", "splits")
        }
        return replace(self, **chosen, digest=None, sources=None)


def read_manifest(
    manifest: Union[PathLike, Sequence[PathLike]],
    *,
    path_column: Optional[str] = None,
    label_column: Optional[str] = None,
    split_column: Optional[str] = None,
) -> Manifest:
    """Read a folder with one folder of images for each class, or a CSV with the columns ``path`` and ``label``.

    Parameters
    ----------
    manifest : str, path, or a sequence of them
        Several are read as one.
    path_column, label_column, split_column : str, optional
        What the columns of a CSV are called.

    Returns
    -------
    Manifest
        In the order in which ``headstart train`` sees the images.

    Raises
    ------
    DataError
        If it cannot be read, with the line that is wrong.

    Examples
    --------
    >>> manifest = headstart.read_manifest("photos")
    >>> len(manifest), sorted(set(manifest.labels))
    (6, ['cat', 'dog'])
    """
    sources = [Path(manifest)] if isinstance(manifest, (str, os.PathLike)) else [Path(path) for path in manifest]
    with Listener(False) as listener:
        paths, labels, splits, digest = _core.read_manifest(
            sources, path=path_column, label=label_column, split=split_column, listener=listener
        )
    usual = path_column is None and label_column is None and split_column is None
    return Manifest(paths, labels, splits, digest, sources if usual else None)
