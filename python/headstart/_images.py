"""Features and a head in one: an image classifier."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Optional, Union

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from headstart import _core, _files, _settings
from headstart._evaluation import Evaluation
from headstart._features import OnError, cached, check_on_error
from headstart._files import DEFAULT_BACKBONE, DEFAULT_CACHE, DEFAULT_RUNS, PathLike, Place
from headstart._items import Failure, failures_of, items_of
from headstart._labels import Labels, labels_of_run
from headstart._manifest import Manifest
from headstart._progress import Listener, Progress
from headstart._run_settings import parameters_of
from headstart._settings import ClassWeight
from headstart.errors import DataError


class ImageClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier of images: features of a frozen network, and a head that is trained on them.

    ``fit`` is ``headstart train``: the same images, labels, settings and seed give the same run, bit for bit. Each
    reads the runs of the other.

    Parameters
    ----------
    backbone, cache, precision, device, threads, on_error, progress
        As for ``Features``. With ``on_error="nan"`` ``fit`` and ``evaluate`` leave out images without features, as the
        program does, and ``predict_proba`` gives rows of NaN for them.
    hidden, activation, dropout, optimizer, epochs, batch_size, learning_rate, class_weight, label_smoothing, \
weight_decay, patience, validation_fraction, random_state, settings
        As for ``HeadClassifier``.
    views : str, optional
        At each step a view of each image is drawn from the plain one and these, such as ``"flip"`` or ``"flip,crop5"``.
    shots : int, optional
        Train on so many images of each class, chosen by the seed.
    calibrate : bool, default=False
        Fit a temperature on the images held out: of predictions with confidence 0.8 about 80 % are right then.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted.
    history_ : dict of str to list of float
        Figures of each epoch, as for ``HeadClassifier``.
    coefs_, intercepts_ : list of ndarray
        Weights and biases of the head's layers.
    failures_ : list of (path, kind, reason)
        Images of the last call that gave no features.
    run_ : pathlib.Path
        The folder of the run: a temporary one until it is saved.

    Examples
    --------
    >>> classifier = headstart.ImageClassifier(epochs=20).fit(paths, labels)
    >>> classifier.predict(paths[:2])
    array(['cat', 'cat'], dtype='<U3')
    """

    classes_: npt.NDArray[Any]
    coefs_: list[npt.NDArray[np.float32]]
    intercepts_: list[npt.NDArray[np.float32]]
    history_: dict[str, list[float]]
    failures_: list[Failure]

    def __init__(
        self,
        backbone: PathLike = DEFAULT_BACKBONE,
        *,
        cache: Optional[PathLike] = DEFAULT_CACHE,
        precision: Optional[str] = None,
        device: str = "auto",
        threads: Optional[int] = None,
        on_error: OnError = "raise",
        progress: Progress = None,
        hidden: Union[int, Sequence[int]] = (256,),
        activation: str = "relu",
        dropout: float = 0.5,
        optimizer: str = "adam",
        epochs: int = 50,
        batch_size: int = 64,
        learning_rate: float = 3e-4,
        class_weight: ClassWeight = None,
        label_smoothing: float = 0.0,
        weight_decay: Optional[float] = None,
        patience: Optional[int] = None,
        validation_fraction: Optional[float] = None,
        random_state: Any = 0,
        settings: Optional[Mapping[str, Any]] = None,
        views: Optional[str] = None,
        shots: Optional[int] = None,
        calibrate: bool = False,
    ) -> None:
        self.backbone = backbone
        self.cache = cache
        self.precision = precision
        self.device = device
        self.threads = threads
        self.on_error = on_error
        self.progress = progress
        self.hidden = hidden
        self.activation = activation
        self.dropout = dropout
        self.optimizer = optimizer
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.weight_decay = weight_decay
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.settings = settings
        self.views = views
        self.shots = shots
        self.calibrate = calibrate

    def fit(self, X: Any, y: Any = None) -> ImageClassifier:
        """Compute missing features and train a head.

        Parameters
        ----------
        X : sequence of n images, Manifest, str or path
            Images as for ``Features``; or what ``read_manifest`` gave; or a folder with a folder for each class,
            or a CSV.
        y : array-like of shape (n,), optional
            Labels; a manifest has its own.

        Returns
        -------
        ImageClassifier
            Itself.

        Raises
        ------
        ImageError
            For the first image without features, if ``on_error`` is ``"raise"``.
        DataError
            For labels that do not fit, or fewer than two classes.
        SettingError
            For a setting out of range.
        """
        stop = check_on_error(self.on_error)
        manifests, items, labels = given(X, y)
        with cached(self._place(), self.cache) as place, Listener(self.progress) as listener:
            run, failed = _core.train(
                place,
                manifests=manifests,
                items=items,
                labels=labels.names,
                settings=_settings.to_json(self, labels.by_name),
                validation=_settings.check_fraction(self.validation_fraction),
                shots=self.shots,
                kinds=self.views,
                calibrate=self.calibrate,
                stop=stop,
                listener=listener,
            )
        self.failures_ = failures_of(items, failed) if items else [Failure(f"item {row}", *why) for row, *why in failed]
        self._take(run, labels)
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float32]:
        """Probabilities of the classes. Features that the cache lacks are computed, and not kept.

        Parameters
        ----------
        X : sequence of n images
            As for ``Features``.

        Returns
        -------
        ndarray of shape (n, n_classes), float32
            Columns in the order of ``classes_``; NaN for an image without features if ``on_error`` is ``"nan"``.

        Raises
        ------
        ImageError
            For the first image without features, if ``on_error`` is ``"raise"``.
        """
        check_is_fitted(self)
        stop, items = check_on_error(self.on_error), items_of(X)
        with cached(self._place(self._digests()), self.cache) as place, Listener(self.progress) as listener:
            rows, failed = self._run().predict(place, items, kinds=None, stop=stop, listener=listener)
        self.failures_ = failures_of(items, failed)
        return rows if self._order is None else rows[:, self._order]

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The most probable label of each image.

        Parameters
        ----------
        X : sequence of n images
            As for ``Features``.

        Returns
        -------
        ndarray of shape (n,)

        Raises
        ------
        ImageError
            For the first image without features, however ``on_error`` is set: no label stands for none.
        """
        probabilities = self.predict_proba(X)
        if self.failures_:
            error = DataError(f"{len(self.failures_)} images have no features, the first is `{self.failures_[0].path}`")
            error.add_note("hint: `predict_proba` gives rows of NaN for them, and `failures_` says why")
            raise error
        labels: npt.NDArray[Any] = self.classes_[probabilities.argmax(axis=1)]
        return labels

    def evaluate(
        self,
        X: Any,
        y: Any = None,
        *,
        split: Optional[str] = None,
        views: Optional[str] = None,
        calibrate: bool = False,
        resamples: int = 1000,
    ) -> Evaluation:
        """Measure it on labelled images, as ``headstart evaluate`` does.

        Parameters
        ----------
        X, y
            As for ``fit``.
        split : str, optional
            The part of a manifest to measure on, such as ``"test"``.
        views : str, optional
            Average the probabilities over these views of each image too.
        calibrate : bool, default=False
            Fit a temperature on these images, which it must not have been trained on, and keep it.
        resamples : int, default=1000
            Bootstrap samples for the intervals.

        Returns
        -------
        Evaluation
        """
        check_is_fitted(self)
        stop = check_on_error(self.on_error)
        manifests, items, labels = given(X, y)
        with cached(self._place(self._digests()), self.cache) as place, Listener(self.progress) as listener:
            found, failed = self._run().evaluate(
                place,
                manifests=manifests,
                items=items,
                labels=labels.names,
                split=split,
                kinds=views,
                calibrate=calibrate,
                resamples=resamples,
                stop=stop,
                listener=listener,
            )
        if calibrate:
            self._core_run = self._run().reload()
        return Evaluation(found, failures_of(items, failed) if items else [], self.progress)

    def save(self, path: PathLike, *, overwrite: bool = False) -> Path:
        """Write the run to a folder, such as ``runs/mine``: ``headstart predict runs/mine …`` uses it.

        Parameters
        ----------
        path : str or path
            The folder; the one above it is made if it is not there.
        overwrite : bool, default=False
            Replace a run that is there.

        Returns
        -------
        pathlib.Path
            The folder.

        Raises
        ------
        RunError
            If there is a run already, or something else, or the folder cannot be written.
        """
        check_is_fitted(self)
        self._core_run = self._run().save(Path(path), overwrite=overwrite)
        self.run_ = Path(self._core_run.folder)
        return self.run_

    @classmethod
    def load(
        cls,
        run: PathLike = "latest",
        *,
        backbone: Optional[PathLike] = None,
        runs: PathLike = DEFAULT_RUNS,
        **parameters: Any,
    ) -> ImageClassifier:
        """A classifier that ``save`` or ``headstart train`` wrote.

        Parameters
        ----------
        run : str or path, default="latest"
            Its folder, its name among the runs, or ``latest``.
        backbone : str or path, optional
            The backbone; by default the one of that name.
        runs : str or path, default="runs"
            The folder of the runs.
        **parameters
            Further parameters, such as ``cache``.

        Returns
        -------
        ImageClassifier
            With the settings that it was trained with.

        Raises
        ------
        RunError
            If there is no such run, or it cannot be read.
        """
        loaded = _core.Run.load(Place(backbone=Path(), runs=Path(runs)), Path(run))
        known = parameters_of(loaded)
        if backbone is not None:
            known["backbone"] = backbone
        classifier = cls(**{**known, **parameters})
        classifier.failures_ = []
        classifier._take(loaded, labels_of_run(loaded.classes))
        return classifier

    def export(
        self,
        path: PathLike,
        *,
        preprocessing: bool = False,
        half: bool = False,
        opset: Optional[int] = None,
        overwrite: bool = False,
    ) -> dict[str, Any]:
        """Write backbone and head as one ONNX file, after it was held against the classifier on real images.

        Parameters
        ----------
        path : str or path
            The file.
        preprocessing : bool, default=False
            Take one decoded image ``(1, height, width, 3)`` of uint8 of any size, rather than what the recipe makes of
            images.
        half : bool, default=False
            16-bit floats inside.
        opset : int, optional
            The operator set; by default the backbone's.
        overwrite : bool, default=False
            Replace a file that is there.

        Returns
        -------
        dict
            ``path``, ``bytes``, ``card`` and ``check``: what was written, and how near it is.
        """
        check_is_fitted(self)
        form = "image" if preprocessing else "tensor"
        with Listener(False) as listener:
            told = self._run().export(
                self._place(self._digests()),
                Path(path),
                form=form,
                half=half,
                opset=opset,
                overwrite=overwrite,
                listener=listener,
            )
        exported: dict[str, Any] = json.loads(told)
        return exported

    @property
    def metrics_(self) -> dict[str, Any]:
        """Figures of the epoch that was kept, and how long the training took: the content of ``metrics.json``."""
        told = self._run().metrics
        metrics: dict[str, Any] = {} if told is None else json.loads(told)
        return metrics

    @property
    def temperature_(self) -> Optional[float]:
        """What logits are divided by; None if nothing was fitted."""
        return self._run().temperature

    def _take(self, run: _core.Run, labels: Labels) -> None:
        self._core_run = run
        self.run_ = Path(run.folder)
        self.history_ = run.history
        self.coefs_, self.intercepts_ = run.parameters
        self.backbone_ = run.backbone
        self.classes_, self._order = labels.classes(run.classes)

    def _run(self) -> _core.Run:
        if getattr(self, "_core_run", None) is None:
            message = "this classifier has no run: `fit` or `load` gives it one"
            raise DataError(message)
        return self._core_run

    def _digests(self) -> list[Optional[str]]:
        """Of the backbones that the run can have its features from."""
        return [self.backbone_["digest"], self.backbone_["quantised_from"]]

    def _place(self, digests: Collection[Optional[str]] = ()) -> Place:
        return _files.place(
            self.backbone,
            cache=self.cache,
            precision=self.precision,
            device=self.device,
            threads=self.threads,
            digests=digests,
        )

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        run = state.pop("_core_run", None)
        if run is not None:
            # All that it holds is not pickled twice.
            for name in ("coefs_", "intercepts_"):
                state.pop(name, None)
            state["_packed"] = run.pack()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        packed = state.pop("_packed", None)
        super().__setstate__(state)
        if packed is not None:
            self._core_run = _core.Run.unpack(packed)
            self.run_ = Path(self._core_run.folder)
            self.coefs_, self.intercepts_ = self._core_run.parameters

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.no_validation = True
        return tags


def given(X: Any, y: Any) -> tuple[list[Path], list[Any], Labels]:
    """What ``fit`` and ``evaluate`` were given: manifests; or images, with labels."""
    if isinstance(X, Manifest):
        if y is not None or X.sources is None:
            return [], items_of(X.paths), Labels(X.labels if y is None else y, len(X.paths))
        return list(X.sources), [], Labels([], 0)
    if isinstance(X, (str, os.PathLike)):
        if y is not None:
            message = "a folder or a CSV has labels of its own: leave `y` out, or give a list of images"
            raise DataError(message)
        return [Path(X)], [], Labels([], 0)
    if y is None:
        error = DataError("images need labels")
        error.add_note("hint: give them as `y`; or give a folder with a folder for each class, or a CSV")
        raise error
    items = items_of(X)
    return [], items, Labels(y, len(items))
