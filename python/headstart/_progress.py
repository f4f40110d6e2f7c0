"""Progress for people: a bar where somebody looks, the caller's function, or nothing; messages go to ``logging``."""

from __future__ import annotations

import importlib.util
import logging
import sys
import warnings
from collections.abc import Callable
from typing import Any, Optional, Union

from headstart.errors import SettingError

logger = logging.getLogger("headstart")

#: ``None`` shows a bar where somebody looks, ``True`` always, ``False`` never; a function is called with what is done
#: and what there is in all.
Progress = Union[None, bool, Callable[[int, int], Any]]

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING}


def check(progress: Progress) -> None:
    """Refuse what is no way to show progress."""
    if not (progress is None or isinstance(progress, bool) or callable(progress)):
        message = f"`progress` must be None, True, False or a function, found {progress!r}"
        raise SettingError(message)


class Listener:
    """Hears of the work. The compiled part calls its methods, on the thread that asked for the work."""

    def __init__(self, progress: Progress) -> None:
        check(progress)
        self._call = progress if callable(progress) else None
        self._shows = progress if isinstance(progress, bool) else self._call is None and somebody_looks()
        self._bar: Any = None
        self._done = self._total = 0

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def begin(self, what: str, total: int) -> None:
        self.end()
        self._done, self._total = 0, total
        if self._shows and importlib.util.find_spec("tqdm") is not None:
            with warnings.catch_warnings():
                # A notebook without ipywidgets has a bar of text, which is no reason to complain.
                warnings.simplefilter("ignore")
                from tqdm.auto import tqdm

            self._bar = tqdm(total=total, unit=what.rstrip("s"), leave=False)

    def step(self) -> None:
        self._done += 1
        if self._bar is not None:
            self._bar.update()
        if self._call is not None:
            self._call(self._done, self._total)

    def end(self) -> None:
        bar, self._bar = self._bar, None
        if bar is not None:
            bar.close()

    def message(self, level: str, text: str) -> None:
        logger.log(_LEVELS[level], "%s", text)

    def epoch(self, epoch: int, epochs: int, loss: float, val_loss: Optional[float]) -> None:
        if epoch == 1:
            self.begin("epochs", epochs)
        self.step()
        if self._bar is not None:
            figures = {"loss": loss} if val_loss is None else {"loss": loss, "val_loss": val_loss}
            self._bar.set_postfix(figures, refresh=False)
        logger.debug("epoch %d of %d: loss %.4f", epoch, epochs, loss)


def somebody_looks() -> bool:
    """Whether there is a terminal or a notebook that shows a bar."""
    if "ipykernel" in sys.modules:
        return True
    stream = sys.stderr
    return stream is not None and stream.isatty()
