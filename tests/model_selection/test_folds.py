"""Folds: the splits of scikit-learn, what else may be given, and what may not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsereg.model_selection.folds import make_folds, number_folds

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


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(4, 40))
def test_fold_numbers(seed, n):
    """As scikit-learn's PredefinedSplit: a fold for each number, in order, but for -1."""
    model_selection = pytest.importorskip("sklearn.model_selection")
    numbers = np.random.default_rng(seed).integers(-3, 4, n)
    numbers[:2] = 0, 1
    folds = split(numbers, n=n)
    for fold, (train, test) in zip(folds, model_selection.PredefinedSplit(numbers).split(), strict=True):
        assert fold.test.tolist() == test.tolist()
        assert np.flatnonzero(fold.train_weight(None, n)).tolist() == train.tolist()
    known = number_folds(folds, n)
    assert (known == -1).tolist() == (numbers == -1).tolist()
    for fold, again in zip(folds, split(known, n=n), strict=True):
        assert fold.test.tolist() == again.test.tolist()


def test_a_single_number_beside_rows_that_are_never_tested():
    folds = split([-1] * 8 + [4] * 4)
    assert len(folds) == 1
    assert folds[0].test.tolist() == [8, 9, 10, 11]


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(6, 40), stratify=st.booleans())
def test_shuffling_keeps_sizes_and_shares(seed, n, stratify):
    labels = np.arange(n) % 2 if stratify else None
    plain, shuffled = split(3, n=n, labels=labels), split(3, n=n, labels=labels, random_state=seed)
    for one, other in zip(plain, shuffled, strict=True):
        assert one.test.size == other.test.size
        if stratify:
            np.testing.assert_array_equal(np.bincount(one.test % 2), np.bincount(other.test % 2))
    assert sorted(np.concatenate([fold.test for fold in shuffled])) == list(range(n))


def test_shuffled_folds_are_frozen():
    """A seed is written down so that folds can be had again."""
    assert number_folds(split(3, random_state=0), 12).tolist() == [2, 0, 1, 1, 1, 2, 0, 0, 1, 2, 2, 0]
    labels = np.repeat([5, 7], [6, 6])
    assert number_folds(split(3, labels=labels, random_state=0), 12).tolist() == [1, 1, 2, 2, 0, 0, 2, 2, 0, 1, 0, 1]


def test_folds_that_share_rows_have_no_number():
    assert number_folds(split([([0, 1], [2, 3]), ([4, 5], [3, 6])]), 12) is None
    assert number_folds(split([([0, 1], [2, 2])]), 12) is None
    assert number_folds(split([([0, 1], [2, 3])]), 12).tolist() == [-1, -1, 0, 0] + [-1] * 8


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
        (np.arange(11), ValueError, "cv: 11 fold numbers are not allowed for n_samples=12 samples, expected one for"),
        ([1, 2, 3], ValueError, "cv: 3 fold numbers are not allowed for n_samples=12 samples"),
        ([7] * 12, ValueError, "cv: fold number 7 in every row leaves no row to train on or to test, expected at"),
        ([-1] * 12, ValueError, "cv: fold number -1 in every row"),
        (np.arange(12.0), TypeError, "cv: fold numbers of dtype float64 are not allowed, expected whole numbers"),
        ([0.0, 1] * 6, TypeError, "cv: fold numbers of dtype float64"),
        (np.arange(12) < 6, TypeError, "cv: fold numbers of dtype bool"),
        ([True, False] * 6, TypeError, "cv: fold numbers of dtype bool"),
        (np.array(["a", "b"] * 6), TypeError, "cv: fold numbers of dtype <U1"),
        (np.array([0, None] * 6), TypeError, "cv: fold numbers of dtype object"),
        (np.arange(24).reshape(12, 2).T, ValueError, "cv: entry 0 is not a pair"),
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
