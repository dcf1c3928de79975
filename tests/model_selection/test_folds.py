"""Folds: the splits of scikit-learn, what else may be given, and what may not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsereg.model_selection.folds import make_folds

X = np.zeros((12, 1))


def split(cv, y=None, weight=None, n=12, **settings):
    return make_folds(cv, X[:1].repeat(n, axis=0), y, weight, n, **settings)


class Splitter:
    """What has a method `split`, whatever comes of it."""

    def __init__(self, parts):
        self.parts = parts

    def split(self, X, y, groups):
        return iter(self.parts)


@given(n=st.integers(5, 60), n_folds=st.integers(2, 5))
def test_consecutive_folds(n, n_folds):
    model_selection = pytest.importorskip("sklearn.model_selection")
    folds = split(n_folds, n=n)
    for fold, (train, test) in zip(folds, model_selection.KFold(n_folds).split(np.zeros(n)), strict=True):
        assert np.flatnonzero(fold.train_weight(None, n)).tolist() == train.tolist()
        assert np.flatnonzero(fold.test_weight(None, n)).tolist() == test.tolist()


@given(seed=st.integers(0, 2**32 - 1), n_folds=st.integers(2, 5))
def test_stratified_folds(seed, n_folds):
    model_selection = pytest.importorskip("sklearn.model_selection")
    labels = np.random.default_rng(seed).integers(0, 3, 40)
    labels[:15] = np.arange(15) % 3  # enough of each
    folds = split(n_folds, n=40, labels=labels)
    known = model_selection.StratifiedKFold(n_folds).split(np.zeros(40), labels)
    for fold, (_, test) in zip(folds, known, strict=True):
        assert fold.test.tolist() == test.tolist()


def test_five_folds_unless_told_otherwise():
    assert len(split(None)) == 5


def test_splitters_with_groups():
    model_selection = pytest.importorskip("sklearn.model_selection")
    groups = np.repeat([3, 1, 2], 4)
    for fold in split(model_selection.GroupKFold(3), groups=groups):
        assert np.unique(groups[fold.test]).size == 1
        assert not fold.train_weight(None, 12)[groups == groups[fold.test[0]]].any()


def test_positions_masks_and_repeats():
    mask = np.arange(12) < 6
    weight = np.arange(12.0)
    folds = split([(mask, ~mask), ([0, 1, 1], np.array([5]))], weight=weight)
    np.testing.assert_array_equal(folds[0].train_weight(weight, 12), weight * mask)
    np.testing.assert_array_equal(folds[0].test_weight(weight, 12), weight * ~mask)
    assert folds[0].train is None  # all the rest, which need not be listed
    assert folds[1].train_weight(None, 12).tolist() == [1.0, 2.0] + [0.0] * 10
    assert folds[1].train_weight(weight, 12).tolist() == [0.0, 2.0] + [0.0] * 10
    assert np.flatnonzero(folds[1].test_weight(None, 12)).tolist() == [5]


@pytest.mark.parametrize(
    ("cv", "error", "message"),
    [
        (1, ValueError, "cv: 1 folds are not allowed for n_samples=12 samples, expected 2 to 12"),
        (13, ValueError, "cv: 13 folds"),
        (2.5, TypeError, "cv: 2.5 is not allowed"),
        (True, TypeError, "cv: True is not allowed"),
        ("five", TypeError, "cv: 'five' is not allowed"),
        ([], ValueError, "cv: no folds, expected at least one"),
        ([np.arange(3)], ValueError, "cv: entry 0 is not a pair"),
        ([None], ValueError, r"cv: entry 0 is not a pair \(train, test\), of positions or masks of samples, but None"),
        ([([0, 1], [2]), 7], ValueError, "cv: entry 1 is not a pair .*, but 7"),
        ([([0, 1], [[2], [3, 4]])], ValueError, r"cv: test part of fold 0: \[\[2\], \[3, 4\]\] is no list of"),
        (Splitter([None]), ValueError, "cv: entry 0 is not a pair .*, but None"),
        (Splitter, TypeError, "cv: <class .*Splitter'> is not allowed, expected None, a whole number, a splitter"),
        (b"abc", TypeError, "cv: b'abc' is not allowed"),
        ([([0], [12])], ValueError, "cv: test part of fold 0: position 12 is outside"),
        ([([0.5], [1])], TypeError, "cv: train part of fold 0: expected positions"),
        ([([0], np.empty(0, int))], ValueError, "cv: the test part of fold 0 has no weight"),
    ],
)
def test_bad_folds(cv, error, message):
    with pytest.raises(error, match=message):
        split(cv)


def test_bad_weights_and_groups():
    with pytest.raises(ValueError, match="the test part of fold 0 has no weight"):
        split(3, weight=np.r_[np.zeros(4), np.ones(8)])
    with pytest.raises(ValueError, match="groups: not used by cv=3"):
        split(3, groups=np.zeros(12))
    with pytest.raises(ValueError, match="cv: 5 folds are not allowed, the largest class has 4 members"):
        split(5, labels=np.arange(12) % 3)
