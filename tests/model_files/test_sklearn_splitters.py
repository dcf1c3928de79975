"""Splitters in model files: the same folds come back, random states that cannot be written down do not go out."""

import json

import numpy as np
import pytest
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    LeaveOneGroupOut,
    LeaveOneOut,
    LeavePGroupsOut,
    LeavePOut,
    PredefinedSplit,
    RepeatedKFold,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
    TimeSeriesSplit,
)
from support.packed_values import read, same, there_and_back, written

X, Y, GROUPS = np.zeros((24, 1)), np.arange(24) % 2, np.arange(24) // 4

SPLITTERS = [
    KFold(3), KFold(4, shuffle=True, random_state=7), StratifiedKFold(3, shuffle=True, random_state=np.int64(7)),
    GroupKFold(3), StratifiedGroupKFold(2, shuffle=True, random_state=2**32 - 1), ShuffleSplit(3, random_state=0),
    ShuffleSplit(2, test_size=0.3, random_state=0),
    StratifiedShuffleSplit(2, test_size=6, train_size=8, random_state=1),
    GroupShuffleSplit(2, test_size=np.float64(0.5), random_state=3), TimeSeriesSplit(3, max_train_size=5, gap=1),
    RepeatedKFold(n_splits=2, n_repeats=3, random_state=4), RepeatedStratifiedKFold(n_splits=3, random_state=0),
    LeaveOneOut(), LeavePOut(2), LeaveOneGroupOut(), LeavePGroupsOut(2), PredefinedSplit(np.arange(24) % 4 - 1),
]  # fmt: skip


@pytest.mark.parametrize("splitter", SPLITTERS, ids=repr)
def test_splitters_come_back(splitter):
    back = there_and_back(splitter)
    assert repr(back) == repr(splitter)
    groups = GROUPS if "Group" in type(splitter).__name__ else None
    assert same([*back.split(X, Y, groups)], [*splitter.split(X, Y, groups)])
    assert written(back)[0] == written(splitter)[0]


@pytest.mark.parametrize("seed", [np.random.RandomState(0), np.random.default_rng(0)])
def test_generators_are_refused(seed):
    with pytest.raises(TypeError, match=r"^model.random_state: .* of type .* cannot be saved, expected plain values"):
        written(ShuffleSplit(3, random_state=seed))


def test_attributes_of_ones_own_are_refused():
    splitter = KFold(3)
    splitter.remark = "mine"
    with pytest.raises(TypeError, match=r"^model: the attribute 'remark' of a KFold cannot be saved"):
        written(splitter)


@pytest.mark.parametrize(
    ("splitter", "name", "value"), [
        (KFold(3), "n_splits", 1), (KFold(3), "n_splits", 2.0), (KFold(3), "n_splits", True),
        (KFold(3), "shuffle", "no"),
        (KFold(3), "random_state", 5), (KFold(3), "random_state", "0"), (KFold(3), "more", 5), (KFold(3), "shuffle", 1),
        (ShuffleSplit(3), "test_size", "0.5"), (ShuffleSplit(3), "random_state", -1), (LeavePOut(2), "p", "2"),
        (ShuffleSplit(3), "random_state", 2**32), (TimeSeriesSplit(3), "gap", None), (LeavePOut(2), "p", [2]),
        (PredefinedSplit([0, 1]), "test_fold", [0, 1]), (RepeatedKFold(), "n_repeats", 0), (LeaveOneOut(), "p", 1),
        (RepeatedKFold(), "cv", {"type": "class", "name": "int"}), (LeavePGroupsOut(2), "n_groups", 2.5),
    ],
)  # fmt: skip
def test_what_is_no_splitter_is_refused(splitter, name, value):
    text, arrays = written(splitter)
    packed = json.loads(text)
    packed["state"][name] = value
    with pytest.raises(ValueError, match=r"^(model|the array)"):
        read(json.dumps(packed), arrays)
