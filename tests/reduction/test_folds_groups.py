"""Folds that follow from groups: the same wherever rows are, in whatever form the groups come."""

from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.model_selection import LeaveOneGroupOut
from support.reductions import assert_same, equal_rows, parts_of, target

from sparsereg import LassoCV, Reduced
from sparsereg.reduction.folds import LARGEST_NUMBER, fold_numbers


def test_parts_deal_groups_as_the_whole_does():
    X, effect, weight = equal_rows(300)
    groups = np.random.default_rng(0).integers(0, 40, 300)
    by = {"n_folds": 4, "random_state": 7}
    whole = Reduced.of(X, effect, weight, loss="squared", groups=groups, **by)
    parts = [Reduced.of(X[a:b], effect[a:b], weight[a:b], loss="squared", groups=groups[a:b], **by)
             for a, b in ((0, 10), (10, 170), (170, 300))]  # fmt: skip
    assert_same(Reduced.merge_all(parts), whole)
    assert sorted(whole.entries.folds) == [0, 1, 2, 3]
    fold = fold_numbers(300, groups=groups, **by)
    assert all(np.unique(fold[groups == group]).size == 1 for group in range(40))
    assert np.any(fold != fold_numbers(300, groups=groups, n_folds=4, random_state=8))


def test_many_groups_are_dealt_evenly():
    for n_folds in (2, 5, 64):
        counts = np.bincount(fold_numbers(64_000, groups=np.arange(64_000), n_folds=n_folds), minlength=n_folds)
        assert abs(counts - 64_000 / n_folds).max() < 5.0 * np.sqrt(64_000 / n_folds)


def test_deals_are_the_same_for_ever():
    groups = ["Oslo", "Rome", 7, 8, 9, date(2024, 5, 6)]
    assert fold_numbers(6, groups=groups, n_folds=5).tolist() == [0, 0, 2, 1, 2, 2]
    assert fold_numbers(6, groups=groups, n_folds=5, random_state=1).tolist() == [3, 2, 4, 0, 4, 1]


def test_the_form_of_groups_does_not_count():
    numbers = np.array([3, 12, 3, 40], dtype=np.int32)
    forms = [numbers, numbers.tolist(), numbers.astype(float), numbers.astype(str), pd.Series(numbers, [4, 3, 2, 1])]
    forms += [pd.Series(numbers).astype("category"), pa.array(numbers), pa.chunked_array([numbers[:1], numbers[1:]])]
    for n_folds in (None, 3):
        expected = fold_numbers(4, groups=numbers, n_folds=n_folds).tolist()
        for groups in forms:
            assert fold_numbers(4, groups=groups, n_folds=n_folds).tolist() == expected
    assert fold_numbers(4, groups=numbers).tolist() == [3, 12, 3, 40]


def test_every_group_is_a_fold():
    found = fold_numbers(6, groups=["b", "a", "b", -3, "007", 2**62])
    assert np.unique(found).size == 5
    assert found[0] == found[2]
    assert found.min() >= LARGEST_NUMBER
    assert fold_numbers(2, groups=[0, 2**62 - 1]).tolist() == [0, 2**62 - 1]
    assert fold_numbers(0, groups=[]).size == 0


def test_leaving_one_group_out_is_that_of_the_rows():
    X, effect, weight = equal_rows(400)
    y, groups = target("squared", effect), np.random.default_rng(2).integers(0, 5, 400)
    reduced = Reduced.merge_all(parts_of(X, y, weight, (100, 250), loss="squared", groups=groups))
    model = LassoCV(n_alphas=6, eps=1e-3)
    found = model.fit(reduced).cv_results_
    rows = model.set_params(cv=LeaveOneGroupOut()).fit(X, y, weight, groups=groups).cv_results_
    np.testing.assert_allclose(found["fold_mse"], rows["fold_mse"], rtol=1e-5)


def test_rows_are_dealt_at_random_without_groups():
    X, effect, _ = equal_rows(100)
    reduced = Reduced.of(X, effect, loss="squared", n_folds=5)
    assert reduced.entries.n_weighted.tolist() == [20] * 5
    assert_same(reduced, Reduced.of_blocks([(X, effect)], loss="squared", n_folds=5))
    # A part may have fewer rows than there are folds.
    assert Reduced.of(X[:2], effect[:2], loss="squared", n_folds=5).has_folds
    assert Reduced.of(X[:0], effect[:0], loss="squared", n_folds=5).has_folds


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"groups": [1, 2]}, ValueError, r"groups: shape \(2,\) is not allowed, expected \(3,\)"),
        ({"groups": [[1], [2], [3]]}, ValueError, r"groups: shape \(3, 1\)"),
        ({"groups": [1, None, 2]}, ValueError, "groups: none in row 1, expected one for each row"),
        ({"groups": [1.0, np.nan, 2.0]}, ValueError, "groups: none in row 1"),
        ({"groups": [1, object(), 2]}, ValueError, "groups"),
        ({"groups": [1, 2, 3], "n_folds": 1}, ValueError, "n_folds: 1 is outside"),
        ({"groups": [1, 2, 3], "n_folds": 2.0}, TypeError, "n_folds: 2.0 is not allowed"),
        ({"groups": [1, 2, 3], "fold": [0, 1, 0]}, ValueError, "groups: not allowed beside"),
        ({"n_folds": 3, "fold": [0, 1, 0]}, ValueError, "n_folds: not allowed beside fold"),
        ({"groups": [1, 2, 3], "n_folds": 2, "random_state": None}, TypeError, "random_state: None is not"),
        ({"groups": [1, 2, 3], "n_folds": 2, "random_state": -1}, ValueError, "random_state: -1"),
        ({"n_folds": 2, "random_state": "a"}, ValueError, "random_state: 'a'"),
    ],
)  # fmt: skip
def test_what_is_refused(settings, error, message):
    with pytest.raises(error, match=message):
        Reduced.of(np.eye(3), [1.0, 2.0, 3.0], loss="squared", **settings)
