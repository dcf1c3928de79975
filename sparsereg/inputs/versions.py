"""Pickles that say which version wrote them, and load in another one as far as that can be."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any, ClassVar

__all__ = ["InconsistentVersionWarning", "Versioned", "library_version"]

VERSION = "_sparsereg_version"


class InconsistentVersionWarning(UserWarning):
    """A pickle was written by another version of sparsereg."""


@cache
def library_version() -> str:
    """Return the version of sparsereg that is installed."""
    return version("sparsereg")


class Versioned:
    """State for pickles and copies, with the version of the library in it."""

    # What is made on request and never kept, though a pickle of an older version may hold it.
    _views: tuple[str, ...] = ()
    # Attributes by the names that they had in older pickles.
    _renamed: ClassVar[Mapping[str, str]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Return all attributes, and the version."""
        return {**vars(self), VERSION: library_version()}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """Take attributes over; arguments of ``__init__`` that are not among them get their defaults.

        Warns
        -----
        InconsistentVersionWarning
            Where another version wrote them, or one that said nothing.
        """
        attributes = {self._renamed.get(name, name): value for name, value in state.items() if name not in self._views}
        written = attributes.pop(VERSION, None)
        if written != library_version():
            warnings.warn(
                f"This {type(self).__name__} was pickled by "
                f"{'an older version of sparsereg' if written is None else f'sparsereg {written}'} and is loaded by "
                f"{library_version()}. Parameters that it lacks take their defaults, and results may differ or be "
                "wrong; fit it anew, or use the version that wrote it",
                InconsistentVersionWarning,
                stacklevel=2,
            )
        for parameter in list(inspect.signature(type(self).__init__).parameters.values())[1:]:
            if parameter.default is not inspect.Parameter.empty:
                attributes.setdefault(parameter.name, parameter.default)
        vars(self).update(attributes)
