"""Categorical crosses, exact and hashed."""

import itertools
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sparsereg import FeatureCross

FRAME = pd.DataFrame({"city": ["Oslo", "Rome", "Oslo", "Bern"], "hour": [7, 23, 23, 7], "kind": ["a", "b", "a", "a"]})


def test_all_columns_are_crossed_by_default():
    cross = FeatureCross().fit(FRAME)
    assert cross.blocks_ == (("city", 0, 3), ("hour", 3, 2), ("kind", 5, 2), ("city x hour x kind", 7, 12))
    assert cross.n_features_out_ == 19
    X = cross.transform(FRAME)
    assert X.indptr.tolist() == [0, 4, 8, 12, 16]
    assert X.indices[:4].tolist() == [1, 3, 5, 7 + (1 * 2 + 0) * 2 + 0]
    assert cross.feature_name(X.indices[4:8]).tolist() == [
        "city=Rome",
        "hour=23",
        "kind=b",
        "city=Rome & hour=23 & kind=b",
    ]
    assert X.has_canonical_format
    assert X.indices.dtype == np.int32
    assert X.dtype == np.float64


def test_ids_are_a_bijection_of_combinations():
    values = list(itertools.product(["x", "y", "z"], [10, 20], [True, False]))
    cross = FeatureCross([(0, 1), (2, 0, 1)], main_effects=False).fit(values)
    X = cross.transform(values)
    assert cross.n_features_out_ == 6 + 12
    assert sorted(X.indices[1::2].tolist()) == list(range(6, 18))
    assert (np.diff(X.indices.reshape(-1, 2)) > 0).all()


def test_columns_by_name_or_position_and_only_those_that_take_part():
    by_name = FeatureCross([("city", "kind")]).fit(FRAME)
    by_position = FeatureCross([(0, 2)]).fit(FRAME)
    assert by_name.blocks_ == by_position.blocks_
    assert sorted(by_name.categories_) == [0, 2]
    assert by_name.block_of([0, 3, 5]).tolist() == ["city", "kind", "city x kind"]
    assert len(by_name.get_feature_names_out()) == by_name.n_features_out_ == 3 + 2 + 6


@pytest.mark.parametrize("hour", [99, -5, np.nan])
def test_unknown_values_leave_out_only_the_blocks_they_take_part_in(hour):
    cross = FeatureCross([("city", "hour"), ("city", "kind")]).fit(FRAME)
    row = pd.DataFrame({"city": ["Oslo"], "hour": [hour], "kind": ["a"]})
    assert cross.block_of(cross.transform(row).indices).tolist() == ["city", "kind", "city x kind"]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("city", "Paris", "row 1: column 'city' has an unknown value: 'Paris'"),
        ("city", None, "row 1: column 'city' has a missing value"),
        ("hour", 8, "row 1: column 'hour' has an unknown value: .*8"),
    ],
)
def test_unknown_values_can_be_errors(column, value, message):
    cross = FeatureCross(handle_unknown="error").fit(FRAME)
    row = FRAME.iloc[:2].copy().astype(object)
    row.loc[1, column] = value
    with pytest.raises(ValueError, match=message):
        cross.transform(row)


def test_missing_values_are_never_categories():
    table = np.array([["a", 1.0], [None, 2.0], [np.nan, np.nan], [pd.NA, 1.0]], dtype=object)
    cross = FeatureCross().fit(table)
    assert [len(c) for c in cross.categories_.values()] == [1, 2]
    assert np.diff(cross.transform(table).indptr).tolist() == [3, 1, 0, 1]
    hashed = FeatureCross(hashed=20).fit(table).transform(table)
    assert np.diff(hashed.indptr).tolist() == [3, 1, 0, 1]
    with pytest.raises(ValueError, match="row 1: column 'x0' has a missing value: None"):
        FeatureCross(hashed=20, handle_unknown="error").fit(table).transform(table)


@pytest.mark.parametrize("hashed", [None, 40])
def test_equal_values_of_other_types_are_the_same_category(hashed):
    table = np.array([[1, 2], [3, 2], [-1, 5]])
    cross = FeatureCross(hashed=hashed).fit(table)
    expected = cross.transform(table)
    for form in (table.astype(float), table.astype(object), pd.DataFrame(table).astype("Int64"), table.astype(np.int8)):
        assert (cross.transform(form) != expected).nnz == 0


@pytest.mark.parametrize("hashed", [None, 40])
def test_strings_of_all_kinds_agree(hashed):
    plain = FRAME[["city", "kind"]]
    cross = FeatureCross(hashed=hashed).fit(plain)
    expected = cross.transform(plain)
    for form in (plain.astype("category"), plain.astype(object)):
        assert (cross.transform(form) != expected).nnz == 0
    fixed = np.array(plain.to_numpy(dtype=object), dtype="U8")
    by_position = FeatureCross(hashed=hashed).fit(fixed)
    assert by_position.transform(fixed).indices.size == expected.indices.size


def test_hashed_ids_are_the_same_in_every_process():
    code = (
        "from sparsereg import FeatureCross; t = [['Oslo', 7, 0.5], ['Zürich', -1, 2.0]];"
        "print(FeatureCross(hashed=40).fit(t).transform(t).indices.tolist())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    table = [["Oslo", 7, 0.5], ["Zürich", -1, 2.0]]
    assert outputs == {f"{FeatureCross(hashed=40).fit(table).transform(table).indices.tolist()}\n"}


def test_hashed_ids_stay_in_range_collisions_add_up_and_rows_are_sorted():
    rng = np.random.default_rng(0)
    table = rng.integers(0, 50, (300, 4))
    X = FeatureCross(hashed=2).fit(table).transform(table)
    assert X.shape == (300, 4)
    assert np.array_equal(np.asarray(X.sum(axis=1)).ravel(), np.full(300, 5))
    wide = FeatureCross(hashed=62, dtype=np.float32).fit(table).transform(table)
    assert wide.indices.dtype == np.int64
    assert wide.dtype == np.float32
    for row in wide:
        assert (np.diff(row.indices) > 0).all()


def test_hashed_ids_of_a_block_do_not_depend_on_the_other_blocks():
    one = FeatureCross([("city", "hour")], main_effects=False, hashed=50).fit(FRAME).transform(FRAME)
    two = FeatureCross([("city", "hour"), ("hour", "kind")], hashed=50).fit(FRAME).transform(FRAME)
    assert set(one.indices) < set(two.indices)


def test_hash_spreads_evenly():
    table = np.array(list(itertools.product(range(256), range(256))))
    X = FeatureCross(main_effects=False, hashed=8).fit(table).transform(table)
    counts = np.bincount(X.indices, minlength=256)
    chi2 = ((counts - 256) ** 2 / 256).sum()
    assert 150 < chi2 < 380  # 255 degrees of freedom: mean 255, deviation 23


def test_hashed_names():
    cross = FeatureCross(hashed=4).fit(FRAME)
    assert cross.blocks_ == (("hash", 0, 16),)
    assert cross.get_feature_names_out().tolist()[-1] == "hash_15"
    assert cross.block_of(3) == "hash"
    with pytest.raises(ValueError, match="too many to build"):
        FeatureCross(hashed=30).fit(FRAME).get_feature_names_out()


def test_fit_keeps_nothing_of_the_data():
    table = np.arange(200_000).reshape(-1, 2) % 7
    assert len(pickle.dumps(FeatureCross().fit(table))) < 5000


def test_sklearn_manners():
    cross = FeatureCross([("city", "hour")], hashed=20).fit(FRAME)
    assert clone(cross).get_params() == cross.get_params()
    assert (pickle.loads(pickle.dumps(cross)).transform(FRAME) != cross.transform(FRAME)).nnz == 0
    with pytest.raises(NotFittedError):
        clone(cross).transform(FRAME)
    with pytest.raises(ValueError, match="same order"):
        cross.transform(FRAME[["hour", "city", "kind"]])
    assert FeatureCross().fit(FRAME).transform(FRAME.iloc[:0]).shape == (0, 19)


def test_overflow_names_product_and_limit():
    table = np.repeat(np.arange(1000)[:, None], 7, axis=1)
    with pytest.raises(ValueError, match=r"has 1000000000000000000000 columns, more than the limit 2\*\*62 = 46116860"):
        FeatureCross().fit(table)
    assert FeatureCross(hashed=22).fit(table).transform(table).shape == (1000, 2**22)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"crosses": []}, "at least one cross"),
        ({"crosses": 5}, "crosses must be a list of columns and tuples of columns, got 5"),
        ({"crosses": "city"}, "crosses must be a list of columns and tuples of columns, got 'city'"),
        ({"crosses": {("city", "hour")}}, "crosses must be a list"),
        ({"crosses": iter([("city", "hour")])}, "crosses must be a list"),
        ({"crosses": ("city", "hour")}, r"\('city', 'hour'\) could be one cross or several columns"),
        ({"crosses": ["city", None]}, "got the element None"),
        ({"crosses": [1.0]}, "got the element 1.0"),
        ({"crosses": [True]}, "positions below 3, got True"),
        ({"crosses": [()]}, "at least two different columns"),
        ({"crosses": ["city", ("city",)]}, "names a cross twice"),
        ({"crosses": [("city", 0)]}, "at least two different columns"),
        ({"crosses": [("city", "town")]}, "there is no column 'town'"),
        ({"crosses": [(0, 3)]}, "positions below 3, got 3"),
        ({"crosses": [(0, -1)]}, "positions below 3, got -1"),
        ({"crosses": [(0, 1.0)]}, "positions below 3, got 1.0"),
        ({"crosses": [(0, 1), ("city", "hour")]}, "names a cross twice"),
        ({"hashed": 0}, "bits from 1 to 62, got 0"),
        ({"hashed": 63}, "got 63"),
        ({"hashed": 2.0}, "got 2.0"),
        ({"hashed": True}, "got True"),
        ({"handle_unknown": "warn"}, "handle_unknown must be"),
        ({"dtype": int}, "dtype must be"),
    ],
)
def test_bad_parameters(params, message):
    with pytest.raises(ValueError, match=message):
        FeatureCross(**params).fit(FRAME)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (sparse.csr_matrix((2, 2)), TypeError, "sparse"),
        (np.zeros(3), ValueError, "table of rows and columns"),
        (np.zeros((2, 2), dtype=complex), ValueError, "column 'x0' must hold numbers, strings, times or objects"),
        (np.zeros((0, 2)), ValueError, "column 'x0' has no value that is not missing"),
        ([[{}, 1], [{}, 2]], ValueError, "column 'x0' holds a value that cannot be a category"),
        (pd.DataFrame({"a": [1], 2: [1]}), TypeError, "Feature names are only supported"),
    ],
)
def test_bad_input(X, error, message):
    with pytest.raises(error, match=message):
        FeatureCross().fit(X)


def test_values_that_cannot_be_hashed_or_looked_up():
    table = pd.DataFrame([[1, 2]]).astype(object)
    table.at[0, 1] = (2, 3)
    with pytest.raises(ValueError, match=r"row 0: column 'x1' .* cannot be a category: \(2, 3\) is of type tuple"):
        FeatureCross(hashed=5).fit(table).transform(table)
    with pytest.raises(ValueError, match="column 'x0' holds a value that cannot be a category"):
        FeatureCross().fit(pd.DataFrame([["a", "b"]])).transform(pd.DataFrame([[[], "b"]]))


def test_parameters_changed_after_fit_do_not_break_the_ids():
    cross = FeatureCross().fit(FRAME)
    assert cross.set_params(hashed=40).transform(FRAME).shape == (4, 19)
    assert cross.feature_name(0) == "city=Bern"
    assert cross.fit(FRAME).set_params(hashed=None).transform(FRAME).shape == (4, 2**40)


def test_bad_ids():
    cross = FeatureCross().fit(FRAME)
    for bad in (-1, 19):
        with pytest.raises(ValueError, match=r"ids must be in \[0, 19\)"):
            cross.feature_name(bad)
