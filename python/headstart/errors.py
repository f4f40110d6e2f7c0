"""What can go wrong. Each error says what is wrong; the remedy, where there is one, is a note."""

from __future__ import annotations

import sys
from typing import Any

__all__ = [
    "BackboneError",
    "CacheError",
    "DataError",
    "ForkError",
    "HeadstartError",
    "ImageError",
    "OtherFeaturesError",
    "RunError",
    "SettingError",
]


class HeadstartError(ValueError):
    """The base of all errors of headstart. It is a ``ValueError``."""

    if sys.version_info < (3, 11):

        def add_note(self, note: str) -> None:
            """Add a note, as exceptions have it from Python 3.11 on; here it is shown with the message."""
            self.__notes__ = [*getattr(self, "__notes__", []), note]

        def __str__(self) -> str:
            return "\n".join([super().__str__(), *getattr(self, "__notes__", [])])


class SettingError(HeadstartError):
    """A setting that cannot be."""


class DataError(HeadstartError):
    """Images or labels that do not serve what they are wanted for."""


class ImageError(HeadstartError):
    """An image that gives no features.

    Attributes
    ----------
    path : str
        Its path; ``item 3`` for one that came as bytes or pixels.
    row : int
        Its place among the images that were given, from 0.
    kind : str
        ``missing``, ``unreadable``, ``unsupported``, ``truncated``, ``too-large``, ``decoder-error``, ``non-finite``,
        ``not-an-image`` or ``not-cached``.
    reason : str
        Why, in a sentence.
    """

    def __init__(self, path: str, row: int, kind: str, reason: str) -> None:
        super().__init__(path, row, kind, reason)
        self.path, self.row, self.kind, self.reason = path, row, kind, reason

    def __str__(self) -> str:
        place = "" if self.path == f"item {self.row}" else f" (item {self.row})"
        text = f"`{self.path}`{place}: {self.reason}"
        notes: list[Any] = getattr(self, "__notes__", []) if sys.version_info < (3, 11) else []
        return "\n".join([text, *notes])


class BackboneError(HeadstartError):
    """A backbone that is not found, or cannot be run."""


class OtherFeaturesError(HeadstartError):
    """Features of another kind than those that something was fitted on."""


class CacheError(HeadstartError):
    """A feature cache that cannot be read or written."""


class RunError(HeadstartError):
    """A run that cannot be found, read or written."""


class ForkError(HeadstartError):
    """This process was forked while headstart was at work, and cannot go on with it."""
