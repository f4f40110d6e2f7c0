"""Settings of a training, from the parameters of an estimator to the JSON that the compiled part checks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Optional, Union

import numpy as np
from sklearn.utils import check_random_state

from headstart.errors import SettingError

#: Settings that are parameters of an estimator by the same name.
OWN = (
    "hidden", "activation", "dropout", "optimizer", "epochs", "batch_size", "learning_rate", "label_smoothing",
    "weight_decay", "patience", "class_weight",
)  # fmt: skip

#: Those of them that are whole numbers, and those that are numbers; what range each has, the compiled part knows.
WHOLE = ("epochs", "batch_size", "patience")
NUMBERS = ("dropout", "learning_rate", "label_smoothing", "weight_decay")

ClassWeight = Union[None, str, Mapping[Any, float]]


def to_json(estimator: Any, classes: Iterable[Any]) -> str:
    """The settings of ``estimator`` for these classes."""
    settings: dict[str, Any] = {name: getattr(estimator, name) for name in OWN}
    check_numbers(settings)
    settings["hidden"] = sizes(estimator.hidden)
    settings["class_weight"] = weights(estimator.class_weight, classes)
    settings["seed"] = seed(estimator.random_state)
    more = dict(estimator.settings or {})
    for name in more:
        if name in settings:
            message = f"`{name}` is a parameter of its own: give it there, not in `settings`"
            raise SettingError(message)
    try:
        return json.dumps({**settings, **more}, default=plain)
    except TypeError as error:
        raise SettingError(str(error)) from error


def plain(value: Any) -> Any:
    """A number of NumPy's as one of Python's."""
    if isinstance(value, np.generic):
        return value.item()
    message = f"expected a number or a word, found {value!r}"
    raise TypeError(message)


def check_numbers(settings: Mapping[str, Any]) -> None:
    """Refuse what is no number, by the name of its setting."""
    for name in (*WHOLE, *NUMBERS):
        value = settings[name]
        if value is None and name in ("patience", "weight_decay"):
            continue
        if name in WHOLE and (not is_whole(value) or value < 0):
            message = f"`{name}` must be a whole number of at least 1, found {value!r}"
            raise SettingError(message)
        if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
            message = f"`{name}` must be a number, found {value!r}"
            raise SettingError(message)


def is_whole(value: Any) -> bool:
    """Whether it is an integer of Python's or NumPy's."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def sizes(hidden: Union[int, Iterable[int]]) -> list[int]:
    """Units of each hidden layer; one number is one layer."""
    units: list[Any] = [hidden] if is_whole(hidden) or not isinstance(hidden, Iterable) else list(hidden)
    # `"256"` would be three layers, and 1.5 units one.
    if isinstance(hidden, (str, bytes)) or not all(is_whole(number) and number >= 1 for number in units):
        message = f"`hidden` must be one whole number or several, such as `(256,)`, each at least 1; found {hidden!r}"
        raise SettingError(message)
    return [int(number) for number in units]


def weights(class_weight: ClassWeight, classes: Iterable[Any]) -> Union[str, list[float], None]:
    """Factors in the order of the classes, or ``auto``."""
    if class_weight is None:
        return None
    if isinstance(class_weight, str):
        if class_weight in ("balanced", "auto"):
            return "auto"
        message = f'`class_weight` must be "balanced" or a dictionary, found {class_weight!r}'
        raise SettingError(message)
    classes = list(classes)
    unknown = [label for label in class_weight if label not in classes]
    if unknown:
        message = f"`class_weight` names {unknown[0]!r}, which is not one of the {len(classes)} classes"
        raise SettingError(message)
    return [float(class_weight.get(label, 1.0)) for label in classes]


def seed(random_state: Any) -> int:
    """A seed: the number itself, or drawn."""
    if is_whole(random_state):
        if random_state < 0:
            message = f"`random_state` must be 0 or more, found {random_state}"
            raise SettingError(message)
        return int(random_state)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def check_fraction(fraction: Optional[float]) -> Optional[float]:
    """A fraction that can be held out."""
    if fraction is None or 0.0 < fraction < 1.0:
        return fraction
    message = f"`validation_fraction` must be above 0 and below 1, found {fraction}"
    raise SettingError(message)
