"""Slices of reductions: rows that go on from each other, which make up the whole again."""

import numpy as np
import pytest
from support.reductions import TARGETS, assert_same, equal_rows, target

from sparsereg import Reduced, regularization_path


@pytest.mark.parametrize("n_folds", [None, 3])
@pytest.mark.parametrize("loss", TARGETS)
def test_slices_make_up_the_whole(loss, n_folds):
    X, effect, weight = equal_rows(500, with_values=loss == "squared")
    whole = Reduced.of_blocks([(X, target(loss, effect), weight)], loss=loss, n_folds=n_folds)
    for max_bytes in (1, "1500 B", whole.nbytes):
        parts = list(whole.slices(max_bytes))
        assert_same(whole, Reduced.merge_all(parts))
        assert sum(part.n_rows for part in parts) == whole.n_rows
        for part in parts:
            assert part.n_rows == 1 or part.nbytes <= (1500 if isinstance(max_bytes, str) else max_bytes)
            assert np.shares_memory(part.entries.rows.indices, whole.entries.rows.indices)
    assert len(parts) == 1


def test_a_slice_can_be_fitted():
    X, effect, _ = equal_rows(500)
    first = next(Reduced.of(X, target("poisson", effect), loss="poisson").slices(1000))
    occupied = np.unique(first.entries.rows.indices).size
    assert occupied < first.entries.rows.active.size
    path = regularization_path(first, loss="poisson", n_alphas=3)
    assert path.n_active == occupied
    assert path.dual_gaps.max() <= 1e-6


def test_no_rows_are_one_slice():
    empty = Reduced.of_blocks([(np.ones((0, 3)), [])], loss="squared")
    (part,) = empty.slices(10)
    assert (part.n_rows, part.n_features) == (0, 3)


def test_what_is_no_size():
    with pytest.raises(ValueError, match="max_bytes: '3 rows' is not allowed"):
        Reduced.of(np.eye(3), [1.0, 2.0, 3.0], loss="squared").slices("3 rows")
