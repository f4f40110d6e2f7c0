"""Features of images as a transformer of scikit-learn."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, Optional

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin

from headstart import _core, _files
from headstart._files import DEFAULT_BACKBONE, DEFAULT_CACHE, PathLike, Place
from headstart._items import Failure, failures_of, image_error, items_of
from headstart._progress import Listener, Progress
from headstart.errors import SettingError

OnError = Literal["raise", "nan"]


def check_on_error(on_error: str) -> bool:
    """Whether the first image without features ends the work."""
    if on_error not in ("raise", "nan"):
        message = f'`on_error` must be "raise" or "nan", found {on_error!r}'
        raise SettingError(message)
    return on_error == "raise"


@contextmanager
def cached(place: Place, cache: Optional[PathLike]) -> Iterator[Place]:
    """The same place; without a cache with one that goes at the end."""
    if cache is not None:
        yield place
        return
    with tempfile.TemporaryDirectory(prefix="headstart-") as folder:
        yield place.with_cache(folder)


class Features(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Features of a frozen network, computed once and kept in a cache.

    Nothing is loaded before the first image. What ``headstart extract`` computed is found in the same cache, and the
    other way round.

    Parameters
    ----------
    backbone : str or path, default="resnet50"
        A name that ``Backbone.names()`` lists, or an ONNX file.
    cache : str, path or None, default="data/features"
        Folder of the feature cache, made when there is something to keep; ``None`` keeps nothing.
    precision : {"fp32", "int8", "bf16", "auto"}, optional
        What features are computed in. By default what the cache holds already, else what the backbone is in.
    views : str, optional
        Views of each image beside the plain one, such as ``"flip"`` or ``"flip,crop5"``. A row is then the mean of the
        features over all views.
    device : str, default="auto"
        ``cpu``, ``cuda``, ``cuda:1``, ``tensorrt``, ``openvino``; ``auto`` takes what is set up and works.
    threads : int, optional
        Threads to compute with; by default one on each core.
    on_error : {"raise", "nan"}, default="raise"
        What an image without features does: end the work with an ``ImageError`` that names it, or give a row of NaN
        that ``failures_`` explains.
    progress : None, bool or callable, default=None
        ``None`` shows a bar (``tqdm``) in a terminal or a notebook, ``True`` always, ``False`` never; a function is
        called with the number of images that are done and of those to do.

    Attributes
    ----------
    failures_ : list of (path, kind, reason)
        Images of the last ``transform`` that gave no features.
    backbone_ : dict
        ``backbone``, ``digest``, ``fingerprint``, ``precision`` and ``size`` of the features, once images were
        transformed. A pickle holds these and no weights; other features are refused after it is loaded.

    See Also
    --------
    ImageClassifier : Features and head in one.

    Examples
    --------
    >>> features = headstart.Features("resnet50")
    >>> X = features.transform(paths)
    >>> X.shape, X.dtype
    ((6, 2048), dtype('float32'))
    """

    failures_: list[Failure]
    backbone_: dict[str, Any]

    def __init__(
        self,
        backbone: PathLike = DEFAULT_BACKBONE,
        *,
        cache: Optional[PathLike] = DEFAULT_CACHE,
        precision: Optional[str] = None,
        views: Optional[str] = None,
        device: str = "auto",
        threads: Optional[int] = None,
        on_error: OnError = "raise",
        progress: Progress = None,
    ) -> None:
        self.backbone = backbone
        self.cache = cache
        self.precision = precision
        self.views = views
        self.device = device
        self.threads = threads
        self.on_error = on_error
        self.progress = progress

    def fit(self, X: Any = None, y: Any = None) -> Features:
        """Look at the backbone; there is nothing to learn from images.

        Parameters
        ----------
        X, y : ignored

        Returns
        -------
        Features
            Itself.

        Raises
        ------
        BackboneError
            If there is no such backbone.
        """
        check_on_error(self.on_error)
        about = _core.describe_backbone(self._place())
        self._n_features_out = about["feature_size"]
        self.__dict__.pop("backbone_", None)
        return self

    def transform(self, X: Any) -> npt.NDArray[np.float32]:
        """Features of images: from the cache, and computed where it lacks them.

        Ctrl-C ends the work after the batch in hand, which is kept.

        Parameters
        ----------
        X : sequence of n images
            Paths, bytes of image files, PIL images, arrays ``(height, width, 3)`` of uint8, or a mixture; a column of
            a DataFrame; an array ``(n, height, width, 3)``.

        Returns
        -------
        ndarray of shape (n, d), float32
            Row ``i`` for image ``i``.

        Raises
        ------
        ImageError
            For the first image without features, if ``on_error`` is ``"raise"``.
        OtherFeaturesError
            If the features are not those of ``fit_transform``.
        CacheError, BackboneError
            If the cache cannot be written, or the backbone not be run.
        """
        stop = check_on_error(self.on_error)
        items = items_of(X)
        fitted = getattr(self, "backbone_", {}).get("fingerprint")
        with cached(self._place(), self.cache) as place, Listener(self.progress) as listener:
            rows, failed, about = _core.transform(
                place, items, kinds=self.views, stop=stop, fingerprint=fitted, listener=listener
            )
        self.failures_ = failures_of(items, failed)
        self.backbone_ = about
        self._n_features_out = about["size"]
        return rows

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> npt.NDArray[np.float32]:
        """As ``fit`` and then ``transform``; later calls of ``transform`` give the same kind of features or none.

        Parameters
        ----------
        X : sequence of n images
            As for ``transform``.
        y : ignored

        Returns
        -------
        ndarray of shape (n, d), float32
        """
        return self.fit(X).transform(X)

    def stream(self, X: Any) -> Iterator[tuple[Any, npt.NDArray[np.float32]]]:
        """Features one image after the other, as they are known: first what the cache holds, then what is computed.

        The work goes on while the caller does something else, and waits if nobody asks. To leave the loop ends it
        after the batch in hand, which is kept.

        Parameters
        ----------
        X : sequence of images
            As for ``transform``. Each different image comes once.

        Yields
        ------
        image, row
            The image as it was given, and its features, ``(d,)``.

        Raises
        ------
        ImageError
            For an image without features, if ``on_error`` is ``"raise"``; with ``"nan"`` its row is NaN.
        """
        stop = check_on_error(self.on_error)
        given = list(X)
        items = items_of(given)
        self.failures_ = []
        with cached(self._place(), self.cache) as place, Listener(self.progress) as listener:
            size = _core.describe_backbone(place)["feature_size"]
            rows = _core.stream(place, items, kinds=self.views, listener=listener)
            try:
                for number, row, failed in rows:
                    if failed is not None:
                        self.failures_ += failures_of(items, [failed])
                        if stop:
                            raise image_error(self.failures_[-1], number)
                    yield given[number], np.full(size, np.nan, np.float32) if row is None else row
            finally:
                rows.close()

    def _place(self) -> Place:
        fitted: dict[str, Any] = getattr(self, "backbone_", {})
        return _files.place(
            self.backbone,
            cache=self.cache,
            precision=self.precision or fitted.get("precision"),
            device=self.device,
            threads=self.threads,
            digests=[fitted["digest"]] if fitted else [],
        )

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.no_validation = True
        tags.requires_fit = False
        return tags
