"""Parameters of an estimator from the settings that a run was trained with."""

from __future__ import annotations

import json
from typing import Any

from headstart import _core, _files
from headstart._settings import OWN


def parameters_of(run: _core.Run) -> dict[str, Any]:
    """The parameters that differ from the defaults, and the backbone if it is known by its name."""
    parameters: dict[str, Any] = {}
    # A file in int8 goes by the name of the network.
    name = run.backbone["backbone"].removesuffix("-int8")
    if name in _files.names():
        parameters["backbone"] = name
    told = run.settings
    if told is None:
        return parameters
    settings: dict[str, Any] = json.loads(told)
    for own in OWN:
        value = settings.pop(own)
        if own == "hidden":
            value = tuple(value)
        elif own == "class_weight" and value == "auto":
            value = "balanced"
        elif own == "class_weight" and isinstance(value, list):
            value = dict(zip(run.classes, value))
        parameters[own] = value
    parameters["random_state"] = settings.pop("seed")
    default: dict[str, Any] = json.loads(_core.default_settings())
    more = {name: value for name, value in settings.items() if value != default.get(name)}
    parameters["settings"] = more or None
    return parameters
