"""Progress reports of long fits: a bar on a terminal, lines of a log elsewhere."""

from __future__ import annotations

import importlib
import logging
import sys
from typing import Any

from sparsereg.streaming.training import Training

LOGGER = logging.getLogger("sparsereg")


class Reporter:
    """Reports rows, rows a second, loss, non-zeros and memory.

    Parameters
    ----------
    progress : {"auto", True, False}
        True: a bar of tqdm where that is installed, lines of the logger "sparsereg" at level INFO elsewhere. "auto":
        a bar where tqdm is installed and the standard error is a terminal, lines elsewhere if verbose.
    verbose : bool
    """

    def __init__(self, progress: Any, verbose: bool):
        if not isinstance(progress, bool) and progress != "auto":
            raise ValueError(f"progress: {progress!r} is not allowed, expected 'auto', True or False")
        self._bar: Any = None
        if progress is True or (progress == "auto" and sys.stderr.isatty()):
            self._bar = _make_bar()
        self._logs = self._bar is None and (progress is True or (progress == "auto" and verbose))

    def advance(self, n_rows: int) -> None:
        """Take note of rows that have been learned from."""
        if self._bar is not None:
            self._bar.update(n_rows)

    def report(self, training: Training) -> None:
        """Report the last entry of the history."""
        if self._bar is None and not self._logs:
            return
        last = training.last
        message = (
            f"loss {last('loss'):.5g}, progressive {last('progressive_loss'):.5g}, non-zeros {last('n_nonzero'):,.0f}, "
            f"memory {last('nbytes') / 2**20:,.1f} MB"
        )
        if self._bar is not None:
            self._bar.set_postfix_str(message)
            return
        rate = last("n_rows") / training.seconds if training.seconds > 0.0 else 0.0
        LOGGER.info("rows %s, %s rows/s, %s", f"{last('n_rows'):,.0f}", f"{rate:,.0f}", message)

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()


def _make_bar() -> Any:
    """Return a bar, or None where tqdm is not installed."""
    try:
        tqdm = importlib.import_module("tqdm")
    except ImportError:
        return None
    return tqdm.tqdm(unit=" rows", unit_scale=True)
