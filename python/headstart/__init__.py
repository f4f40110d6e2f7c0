"""Image classifiers from your own pictures: features of a frozen network once, then a head in seconds.

>>> import headstart
>>> from pathlib import Path
>>> paths = sorted(Path("photos").glob("*/*.jpg"))
>>> labels = [path.parent.name for path in paths]
>>> classifier = headstart.ImageClassifier().fit(paths, labels)
>>> classifier.predict(["new.jpg"])  # doctest: +SKIP
array(['cat'], dtype='<U6')

``Features`` gives the features alone, for scikit-learn's pipelines; ``HeadClassifier`` is a head on rows of
features; ``ImageClassifier`` is both, the same run as ``headstart train``. The command ``headstart`` and this module
read each other's caches and runs.
"""

import os

try:
    import sklearn.base  # noqa: F401
except ImportError as error:
    message = (
        "the Python module headstart needs scikit-learn: `pip install scikit-learn`; the command needs nothing"
    )
    raise ImportError(message) from error

from headstart import _core
from headstart._cache import Cache
from headstart._core import __version__
from headstart._evaluation import Evaluation
from headstart._features import Features
from headstart._files import Backbone
from headstart._head import HeadClassifier
from headstart._images import ImageClassifier
from headstart._manifest import Manifest, read_manifest
from headstart.errors import (
    BackboneError,
    CacheError,
    DataError,
    ForkError,
    HeadstartError,
    ImageError,
    OtherFeaturesError,
    RunError,
    SettingError,
)

if hasattr(os, "register_at_fork"):
    # The child of a process that is at work must not wait for threads that it does not have.
    os.register_at_fork(after_in_child=_core.forked)

__all__ = [
    "Backbone",
    "BackboneError",
    "Cache",
    "CacheError",
    "DataError",
    "Evaluation",
    "Features",
    "ForkError",
    "HeadClassifier",
    "HeadstartError",
    "ImageClassifier",
    "ImageError",
    "Manifest",
    "OtherFeaturesError",
    "RunError",
    "SettingError",
    "__version__",
    "read_manifest",
]
