"""Shares of classes: whole numbers are counts of trials, whose totals are weights; all else are probabilities."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.trials import one_by_one

from sparsereg.inputs.shares import FEW_ROWS, check_probabilities, check_shares, drop_untried, occurring
from sparsereg.inputs.targets import encode_classes, encode_known

COUNTS = np.array([[3, 1], [0, 2], [0, 0], [4, 4]])


@pytest.mark.parametrize("kind", [int, float, np.float32, np.uint8])
def test_counts(kind):
    found = check_shares(COUNTS.astype(kind), 4)
    np.testing.assert_array_equal(found.shares, [[0.75, 0.25], [0.0, 1.0], [0.0, 0.0], [0.5, 0.5]])
    assert found.sample_weight.tolist() == [4.0, 2.0, 0.0, 8.0]
    assert found.is_counted
    weighted = check_shares(COUNTS.astype(kind), 4, np.array([1.0, 0.5, 7.0, 0.0]))
    assert weighted.sample_weight.tolist() == [4.0, 1.0, 0.0, 0.0]


def test_rows_of_one_trial_stay_what_they_are():
    labels = np.eye(3)[[0, 2, 1, 1]]
    weight = np.array([1.0, 2.0, 0.0, 3.0])
    for given_weight in (None, weight):
        found = check_shares(labels, 4, given_weight)
        assert found.sample_weight is given_weight
        np.testing.assert_array_equal(found.shares, labels)
        np.testing.assert_array_equal(check_probabilities(labels, 4, given_weight), labels)


def test_one_fraction_makes_probabilities():
    mixed = np.array([[0.5, 0.5], [1.0, 0.0]])
    found = check_shares(mixed, 2)
    assert not found.is_counted
    assert found.sample_weight is None
    with pytest.raises(ValueError, match=r"the probabilities in row 1 sum to 3, expected 1 \(within 1e-06\), or "):
        check_shares([[0.5, 0.5], [1.0, 2.0]], 2)
    # Rows without weight may hold anything, and say nothing of the others.
    kept = check_shares([[0.5, -0.25], [1.0, 2.0]], 2, np.array([0.0, 1.0]))
    assert kept.sample_weight.tolist() == [0.0, 3.0]
    np.testing.assert_allclose(kept.shares[1], [1.0 / 3.0, 2.0 / 3.0])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([[3, -1], [1, 1]], "y: count -1 in row 0 is negative, expected 0 or more"),
        ([[0.9, 0.0], [0.1, 0.9]], "y: the probabilities in row 0 sum to 0.9, expected 1"),
        ([[0.5, 0.50001], [0.5, 0.5]], "y: the probabilities in row 0 sum to 1.00001, expected 1"),
        ([[2.0, 1.0], [np.inf, 1.0]], "Input y contains infinity"),
        ([[2.0, 1.0], [np.nan, 1.0]], "Input y contains NaN"),
        ([[0, 0], [0, 0]], "y: every count is 0 in the rows that have weight"),
        ([[1e308, 1e308], [1.0, 0.0]], "y: the counts in row 0, times its weight, are beyond float64"),
        ([[1, 2, 3], [1, 2, 3], [1, 2, 3]], "y: shape (3, 3) is not allowed"),
    ],
)
def test_refused(y, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        check_shares(y, 2)


@given(seed=st.integers(0, 2**32 - 1), n_classes=st.integers(2, 4), balanced=st.booleans(), weighted=st.booleans())
def test_counts_are_their_trials(seed, n_classes, balanced, weighted):
    """Weight and mean target of every row are those of one row of weight 1 for each trial."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 4, (6, n_classes))
    counts[0] += 1
    weight = rng.uniform(0.5, 2.0, 6) if weighted else np.ones(6)
    factors = "balanced" if balanced else dict(enumerate(rng.uniform(0.5, 2.0, n_classes)))
    settings = {"class_weight": factors, "label_smoothing": 0.1}
    labels, rows, of_trial = one_by_one(counts, np.arange(6), weight)
    trials = encode_classes(labels, of_trial, **settings)
    found = encode_classes(counts, weight if weighted else None, **settings)
    total = np.bincount(rows, trials.sample_weight, minlength=6)
    np.testing.assert_allclose(found.sample_weight, total, rtol=1e-12)
    for k in range(n_classes):
        mass = np.bincount(rows, trials.sample_weight * trials.probabilities[:, k], minlength=6)
        np.testing.assert_allclose(found.sample_weight * found.probabilities[:, k], mass, rtol=1e-12)


def test_a_class_that_counts_or_weights_leave_without_trials():
    with pytest.raises(ValueError, match=r"y: only one class, \[1\], has a positive weight"):
        encode_classes([[0, 3], [0, 2]])
    with pytest.raises(ValueError, match="y: class 1 has probability 0 in every row"):
        encode_classes([[1, 0, 3], [2, 0, 1]])
    with pytest.raises(ValueError, match="y: class 0 has probability 0 in every row"):
        encode_classes([[1, 2, 3], [2, 1, 1]], class_weight={0: 0.0})


def test_a_block_of_a_stream_may_have_no_trials():
    found = encode_known(np.zeros((3, 2)), np.array([0, 1]), n_samples=3)
    assert not found.sample_weight.any()


def test_rows_without_trials_lose_their_weight():
    X = np.zeros((4, 1))
    assert drop_untried(COUNTS, None, X).tolist() == [1.0, 1.0, 0.0, 1.0]
    assert drop_untried(COUNTS.tolist(), 2.0, X).tolist() == [2.0, 2.0, 0.0, 2.0]
    assert drop_untried(COUNTS, [1.0, 0.0, 3.0, 1.0], X).tolist() == [1.0, 0.0, 0.0, 1.0]
    for y in (None, "abc", [0, 1, 0], COUNTS[:2], np.zeros((4, 2)), [["a", "b"]] * 4, COUNTS[:, :1], np.eye(2)[[0, 1]]):
        assert drop_untried(y, None, X) is None
    # Lengths that do not match are left to the checks that name them.
    assert drop_untried(COUNTS, None, X[:3]) is None
    assert drop_untried(COUNTS, [1.0, 2.0], X) == [1.0, 2.0]


def test_labels_of_several_classes_at_once_are_no_counts():
    several = np.array([[0, 1, 0], [1, 1, 0]])
    with pytest.raises(ValueError, match="y: row 1 is of 2 classes at once, expected one label a row"):
        check_shares(several, 2)
    # Without weight a row may hold anything; in a block of many there may by chance be no larger count.
    assert check_shares(several, 2, np.array([1.0, 0.0])).is_counted
    np.testing.assert_array_equal(check_shares(several, 2, all_zero=True).sample_weight, [1.0, 2.0])
    np.testing.assert_array_equal(check_shares(several + [[1, 0, 0]], 2).sample_weight, [2.0, 3.0])
    np.testing.assert_array_equal(check_shares(several[:, :2], 2).sample_weight, [1.0, 2.0])


def test_classes_occur_wherever_their_rows_are():
    for row in (0, FEW_ROWS - 1, FEW_ROWS, 2 * FEW_ROWS + 5):
        shares = np.zeros((2 * FEW_ROWS + 6, 3))
        shares[row, 1] = 0.1
        assert occurring(shares).tolist() == [False, True, False]
    assert occurring(np.zeros((0, 2))).tolist() == [False, False]
