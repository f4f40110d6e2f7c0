"""A dense head on rows of features, as an estimator of scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional, Union

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from headstart import _core, _settings
from headstart._progress import Listener, Progress
from headstart._settings import ClassWeight
from headstart.errors import DataError


class HeadClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Dense head on rows of features, trained as ``headstart train`` trains it.

    The same rows, settings and seed give the same head, bit for bit, here and there.

    Parameters
    ----------
    hidden : int or sequence of int, default=(256,)
        Units of each hidden layer; ``()`` for a linear head.
    activation : {"relu", "tanh", "sigmoid"}, default="relu"
        Of the hidden layers.
    dropout : float, default=0.5
        Fraction of hidden units dropped while training, in [0, 1).
    optimizer : {"adam", "adamw", "sgd"}, default="adam"
        What changes the weights.
    epochs : int, default=50
        Passes over the rows.
    batch_size : int, default=64
        Rows of a step.
    learning_rate : float, default=3e-4
        Size of a step.
    class_weight : "balanced" or dict of label to float, optional
        How much each class counts; a label that is not named counts 1.
    label_smoothing : float, default=0.0
        How much of each label is spread over all classes, in [0, 1).
    weight_decay : float, optional
        Share of every weight that a step of ``adamw`` or ``sgd`` takes away, times the rate.
    patience : int, optional
        Stop after so many epochs without improvement on the rows held out, and keep the best epoch.
    validation_fraction : float, optional
        Fraction of each class that is held out and only looked at.
    random_state : int, RandomState or None, default=0
        The seed; ``None`` draws one.
    settings : dict, optional
        Any other setting by its name in a settings file, such as ``{"schedule": "cosine"}``.
    threads : int, optional
        Threads to train with; by default one on each core, at most 8. Their number changes no bit.
    progress : None, bool or callable, default=False
        As for ``Features``, by epochs.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted.
    coefs_ : list of ndarray of shape (inputs, units)
        Weights of each layer.
    intercepts_ : list of ndarray of shape (units,)
        Biases of each layer.
    history_ : dict of str to list of float
        ``loss``, ``accuracy``, ``learning_rate`` of each epoch; with rows held out ``val_loss`` and ``val_accuracy``.
    best_epoch_ : int or None
        The epoch that was kept, from 1, if it is not simply the last.
    n_features_in_ : int
        Numbers in a row.

    Examples
    --------
    >>> head = headstart.HeadClassifier(epochs=20).fit(X, labels)
    >>> head.predict(X[:2])
    array(['cat', 'cat'], dtype='<U3')
    """

    classes_: npt.NDArray[Any]
    coefs_: list[npt.NDArray[np.float32]]
    intercepts_: list[npt.NDArray[np.float32]]
    history_: dict[str, list[float]]
    best_epoch_: Optional[int]

    def __init__(
        self,
        hidden: Union[int, Sequence[int]] = (256,),
        *,
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
        threads: Optional[int] = None,
        progress: Progress = False,
    ) -> None:
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
        self.threads = threads
        self.progress = progress

    def fit(self, X: Any, y: Any) -> HeadClassifier:
        """Train from scratch.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Rows of features.
        y : array-like of shape (n,)
            Labels.

        Returns
        -------
        HeadClassifier
            Itself.

        Raises
        ------
        SettingError
            For a setting out of range.
        ValueError
            For rows that are no numbers, or labels that do not fit; fewer than two classes.
        """
        X, y = validate_data(self, X, y, dtype=np.float32, order="C")
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            message = f"a classifier needs at least two classes, found one class: {self.classes_.tolist()[0]!r}"
            raise DataError(message)
        with Listener(self.progress) as listener:
            self.coefs_, self.intercepts_, self.history_, self.best_epoch_ = _core.fit_head(
                X,
                labels.tolist(),
                [str(label) for label in self.classes_],
                config=_settings.to_json(self, self.classes_),
                validation=_settings.check_fraction(self.validation_fraction),
                threads=self.threads,
                listener=listener,
            )
        return self

    def predict_proba(self, X: Any) -> npt.NDArray[np.float32]:
        """Probabilities of the classes.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Rows of features.

        Returns
        -------
        ndarray of shape (n, n_classes), float32
            Columns in the order of ``classes_``.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, order="C", reset=False)
        biases = [bias[np.newaxis] for bias in self.intercepts_]
        return _core.head_probabilities(X, self.coefs_, biases, self.activation)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The most probable label of each row.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Rows of features.

        Returns
        -------
        ndarray of shape (n,)
        """
        probabilities = self.predict_proba(X)
        labels: npt.NDArray[Any] = self.classes_[probabilities.argmax(axis=1)]
        return labels
