"""Cross-validation splitters of scikit-learn in model files: parameters, which are all that they have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparsereg.inputs.contents import within
from sparsereg.inputs.rows import shown
from sparsereg.model_files.sklearn_state import is_whole, needed_parameters, sklearn_class
from sparsereg.model_files.values import Kind, Packer, Unpacker

FOLDS = ("n_splits", "shuffle", "random_state")
SHUFFLES = ("n_splits", "test_size", "train_size", "random_state")
REPEATS = ("n_splits", "n_repeats", "random_state")


@dataclass(frozen=True)
class Splitter:
    """How splitters of a class travel.

    Parameters
    ----------
    name : str
        Of the class in `sklearn.model_selection`.
    parameters : tuple of str
        Of its constructor.
    follows : tuple of str
        Attributes that the constructor makes of them.
    """

    name: str
    parameters: tuple[str, ...]
    follows: tuple[str, ...] = ()

    def kind(self) -> Kind:
        """Return how such splitters travel."""
        return Kind(f"sklearn.model_selection.{self.name}", self.find, self.pack, self.unpack)

    def find(self) -> Any:
        """Return the class; ImportError without scikit-learn."""
        return sklearn_class("model_selection", self.name)

    def pack(self, splitter: Any, packer: Packer, where: str) -> dict[str, Any]:
        """Return the parameters."""
        attributes = dict(vars(splitter))
        # Repeated folds keep the arguments for each repetition.
        attributes.update(attributes.pop("cvargs", {}))
        strange = sorted(set(attributes) - {*self.parameters, *self.follows})
        if strange:
            raise TypeError(f"{where}: the attribute {strange[0]!r} of a {self.name} cannot be saved")
        known = {name: attributes[name] for name in self.parameters if name in attributes}
        state = packer.pack_all(known, where)
        with within(where):
            _check(known)
        return state

    def unpack(self, state: Mapping[str, Any], unpacker: Unpacker, where: str) -> Any:
        """Return a new splitter."""
        parameters = unpacker.unpack_all(state, where, needed_parameters(self.find()), self.parameters)
        with within(where):
            _check(parameters)
            return self.find()(**parameters)


def _check(parameters: Mapping[str, Any]) -> None:
    """Check what constructors do not; most of them look at the number of folds only."""
    for name, value in parameters.items():
        if name == "random_state" and value is not None and not (is_whole(value) and 0 <= value < 2**32):
            raise ValueError(f"random_state: {shown(value)} cannot be saved, expected None or a seed below 2**32")
        if name in ("n_splits", "n_repeats", "p", "n_groups", "gap") and not is_whole(value):
            raise ValueError(f"{name}: {shown(value)} is not allowed, expected a whole number")
        if name == "shuffle" and not isinstance(value, (bool, np.bool_)):
            raise ValueError(f"shuffle: {shown(value)} is not allowed, expected true or false")
        is_number = is_whole(value) or isinstance(value, (float, np.floating))
        if name in ("test_size", "train_size", "max_train_size") and value is not None and not is_number:
            raise ValueError(f"{name}: {shown(value)} is not allowed, expected a number or None")
        if name == "test_fold" and not (isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind == "i"):
            raise ValueError(f"test_fold: {shown(value)} is not allowed, expected a fold number for each row")


SPLITTERS: tuple[Kind, ...] = tuple(
    splitter.kind()
    for splitter in (
        Splitter("KFold", FOLDS),
        Splitter("StratifiedKFold", FOLDS),
        Splitter("GroupKFold", FOLDS),
        Splitter("StratifiedGroupKFold", FOLDS),
        Splitter("ShuffleSplit", SHUFFLES, ("_default_test_size",)),
        Splitter("StratifiedShuffleSplit", SHUFFLES, ("_default_test_size",)),
        Splitter("GroupShuffleSplit", SHUFFLES, ("_default_test_size",)),
        Splitter("TimeSeriesSplit", ("n_splits", "max_train_size", "test_size", "gap"), ("shuffle", "random_state")),
        Splitter("RepeatedKFold", REPEATS, ("cv",)),
        Splitter("RepeatedStratifiedKFold", REPEATS, ("cv",)),
        Splitter("LeaveOneOut", ()),
        Splitter("LeavePOut", ("p",)),
        Splitter("LeaveOneGroupOut", ()),
        Splitter("LeavePGroupsOut", ("n_groups",)),
        Splitter("PredefinedSplit", ("test_fold",), ("unique_folds",)),
    )
)
