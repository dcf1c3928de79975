"""Pickles that say which version wrote them, and load in another one as far as that can be.

Pickles name classes by their modules. The tables below are all that is known of how older versions called them and
their attributes; code imports from where things are.
"""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import version
from types import ModuleType
from typing import Any

VERSION = "_sparsereg_version"

# Where the classes are that a pickle of an older version may name: first the modules that have moved, then the classes
# that have another name, or another module than the rest of theirs. Both are below `sparsereg`.
MOVED = {
    "_core.optimisers": "_core.optimizers",
    "_versioned": "inputs.versions",
    "categories": "features.categories",
    "classifiers": "estimators.classifiers",
    "convergence": "solvers.convergence",
    "cross_validation": "model_selection.cross_validation",
    "crosses": "features.latlong_cross",
    "cv": "estimators.cv",
    "feature_cross": "features.feature_cross",
    "grid": "features.buckets",
    "path_result": "path.result",
    "regressors": "estimators.regressors",
    "solvers.appraisal": "solvers.evaluate",
    "solvers.learner": "streaming.learner",
    "solvers.part": "streaming.batch",
    "streaming.arrow": "readers.arrow",
    "streaming.blocks": "readers.blocks",
    "streaming.course": "streaming.training",
    "streaming.labels": "readers.labels",
    "streaming.parts": "readers.table_columns",
    "streaming.settings": "streaming.options",
    "streaming.sgd": "estimators.sgd",
    "streaming.sources": "readers.files",
    "streaming.svmlight": "readers.svmlight",
    "streaming.table_reader": "readers.table_reader",
    "streaming.tables": "readers.tables",
    "streaming.units": "streaming.weight_unit",
    "streaming.watch": "streaming.divergence",
}
RENAMED = {
    ("coef", "PathCoef"): ("coef", "SparseCoef"),
    ("grid", "Block"): ("features.buckets", "ColumnBlock"),
    ("solvers.appraisal", "Appraisal"): ("solvers.evaluate", "Evaluation"),
    ("streaming.course", "Course"): ("streaming.training", "Training"),
    ("streaming.parts", "Part"): ("readers.table_columns", "ColumnSpec"),
    ("streaming.units", "Units"): ("streaming.weight_unit", "WeightUnit"),
    ("streaming.watch", "Watch"): ("streaming.divergence", "DivergenceMonitor"),
}
# Attributes that have another name, by the class as it is called now; those that derive from it have them too.
RENAMED_ATTRIBUTES = {
    "Learner": {"optimiser": "optimizer"},
    "RegularizationPath": {"coef": "sparse_coef"},
    "SGDEstimator": {"_course": "training_", "_appraised": "_evaluated"},
    "StreamSettings": {"lasting": "fixed_while_training", "optimiser": "optimizer"},
}


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
        attributes = {name: value for name, value in current_state(self, state).items() if name not in self._views}
        written = attributes.pop(VERSION, None)
        if written != library_version():
            warnings.warn(
                f"This {type(self).__name__} was pickled by "
                f"{'an older version of sparsereg' if written is None else f'sparsereg {written}'} and is loaded by "
                f"{library_version()}. Parameters that it lacks take their defaults, and results may differ or be "
                "wrong; fit it anew, or use the version that wrote it", InconsistentVersionWarning, stacklevel=2,
            )
        for parameter in list(inspect.signature(type(self).__init__).parameters.values())[1:]:
            if parameter.default is not inspect.Parameter.empty:
                attributes.setdefault(parameter.name, parameter.default)
        vars(self).update(attributes)


def moved_class(module: str, name: str) -> Any:
    """Find a class where it is now; ``partial(moved_class, __name__)`` is the `__getattr__` of a module that stayed.

    Parameters
    ----------
    module, name : str
        As an older version called them.

    Returns
    -------
    found : type
    """
    former = module.removeprefix("sparsereg.")
    now, now_named = RENAMED.get((former, name), (MOVED.get(former), name))
    if now is None or name.startswith("_"):
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    return getattr(import_module(f"sparsereg.{now}"), now_named)


def current_state(owner: object, state: Mapping[str, Any]) -> dict[str, Any]:
    """Give the attributes of a pickle their names of today.

    Parameters
    ----------
    owner : object
        Whose state it is.
    state : mapping
        As any version wrote it.

    Returns
    -------
    state : dict
    """
    names: dict[str, str] = {}
    for base in type(owner).__mro__:
        names |= RENAMED_ATTRIBUTES.get(base.__name__, {})
    return {names.get(name, name): value for name, value in state.items()}


class _FormerModule(ModuleType):
    """Stands where a module was, for `pickle` alone: it holds nothing, and the package above it does not name it."""

    def __getattr__(self, name: str) -> Any:
        return moved_class(self.__name__, name)


sys.modules.update({f"sparsereg.{name}": _FormerModule(f"sparsereg.{name}") for name in MOVED})
