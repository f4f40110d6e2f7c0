"""The feature cache: what it holds, and its rows as arrays and tables."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

from headstart import _core
from headstart._files import DEFAULT_CACHE, PathLike
from headstart._progress import Listener
from headstart.errors import CacheError


class Cache:
    """A folder of cached features, of one backbone or several.

    Parameters
    ----------
    folder : str or path, default="data/features"
        The folder.
    store : str, optional
        One backbone's features in it, by the name of their folder or its beginning, such as ``"resnet50"``. It may be
        left out where there is one alone.

    Examples
    --------
    >>> cache = headstart.Cache("data/features")
    >>> [store["images"] for store in cache.info()]
    [6]
    >>> keys, X = cache.to_numpy()
    >>> X.shape
    (6, 2048)
    """

    def __init__(self, folder: PathLike = DEFAULT_CACHE, store: Optional[str] = None) -> None:
        self.folder = Path(folder)
        self.store = store

    def info(self) -> list[dict[str, Any]]:
        """What each store holds, as ``headstart cache info --json`` tells it."""
        stores: list[dict[str, Any]] = json.loads(_core.cache_info(self.folder))
        return stores

    def verify(self) -> dict[str, dict[str, Any]]:
        """Check every byte: what was found in each store, by its folder; ``clean`` says whether all is well."""
        with Listener(False) as listener:
            reports: dict[str, dict[str, Any]] = json.loads(_core.cache_verify(self.folder, listener))
        return reports

    def gc(self, *, keep: Optional[Iterable[PathLike]] = None, dry_run: bool = False) -> dict[str, Any]:
        """Drop duplicate and damaged rows, and make large files of small ones.

        Parameters
        ----------
        keep : iterable of paths, optional
            Drop the features of all other images too.
        dry_run : bool, default=False
            Only say what would be done.

        Returns
        -------
        dict
            ``stores`` and ``memo``, as ``headstart cache gc --json`` tells them.
        """
        files = None if keep is None else [Path(path) for path in keep]
        with Listener(False) as listener:
            done: dict[str, Any] = json.loads(
                _core.cache_gc(self.folder, dry_run=dry_run, keep=files, listener=listener)
            )
        return done

    def to_numpy(
        self, paths: Optional[Iterable[PathLike]] = None
    ) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.float32]]:
        """Rows as an array.

        Parameters
        ----------
        paths : iterable of paths, optional
            The images, in this order, in the plain view; by default every row there is, in the order of the keys.

        Returns
        -------
        keys : ndarray of shape (n,), str
            What each image is known by: 64 hexadecimal digits.
        features : ndarray of shape (n, d), float32

        Raises
        ------
        ImageError
            For the first of ``paths`` that is not in the cache.
        CacheError
            If there is no such store, or several.
        """
        files = None if paths is None else [Path(path) for path in paths]
        keys, _, rows = _core.cache_rows(self.folder, self._dir(), files)
        return np.asarray(keys, dtype=np.str_), rows

    def to_arrow(self) -> Any:
        """Every row as a ``pyarrow.Table`` with the columns ``key``, ``view`` and ``features``.

        ``pandas.DataFrame.from_arrow``, ``polars.DataFrame`` and ``pyarrow.table`` take the cache itself too.
        """
        import pyarrow

        return pyarrow.table(self)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return _core.ArrowStream(self._dir()).__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        store = "" if self.store is None else f", store={self.store!r}"
        return f"Cache({str(self.folder)!r}{store})"

    def _dir(self) -> Path:
        folders = [Path(store["directory"]) for store in self.info()]
        if self.store is not None:
            folders = [folder for folder in folders if folder.name.startswith(self.store)]
        if len(folders) == 1:
            return folders[0]
        if not folders:
            which = "" if self.store is None else f" of `{self.store}`"
            error = CacheError(f"there are no features{which} in `{self.folder}`")
            error.add_note("hint: `Features(cache=…).transform(paths)` or `headstart extract` computes them")
            raise error
        error = CacheError(f"`{self.folder}` holds features of several kinds")
        error.add_note(f"hint: choose by `store=`: {', '.join(folder.name for folder in folders)}")
        raise error
