"""Categorical crosses, exact and hashed."""

import itertools
import pickle
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from support.category_twins import hashed_id

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


@pytest.mark.parametrize("hashed", [None, 10])
@pytest.mark.parametrize("make", [lambda X, names: pd.DataFrame(X, columns=names), pa.Table.from_arrays])
def test_columns_that_are_used_have_names_of_their_own(hashed, make):
    """Columns of one name would be hashed alike, and nobody could tell their features apart."""
    columns = [pa.array(["u", "v"]), pa.array(["u", "w"]), pa.array([1, 2])]
    X = make(columns if make is pa.Table.from_arrays else np.array([["u", "u", 1], ["v", "w", 2]]), ["a", "a", "b"])
    for crosses in (None, [0, 1], [(0, 1)], [(0, 2), 1], ["a"], [("a", "b")]):
        for main_effects in (True, False):
            with pytest.raises(ValueError, match="two columns 'a'"):
                FeatureCross(crosses, hashed=hashed, main_effects=main_effects).fit(X)
    assert FeatureCross([(0, 2)], hashed=hashed).fit_transform(X).max() == 1.0
    with pytest.raises(ValueError, match="two blocks 'a x b x c'"):
        FeatureCross([("a x b", "c"), ("a", "b x c")], hashed=hashed).fit(
            pd.DataFrame([list("uuuu")], columns=["a x b", "c", "a", "b x c"])
        )


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
        ([["a", 1], ["\ud800", 2]], ValueError, "row 1: column 'x0' .* lone surrogate"),
        ([[{}, 1], [{}, 2]], ValueError, "column 'x0' holds a value that cannot be a category"),
        (pd.DataFrame({"a": [1], 2: [1]}), TypeError, "Feature names are only supported"),
    ],
)
def test_bad_input(X, error, message):
    with pytest.raises(error, match=message):
        FeatureCross().fit(X)


SINGLES = [("city", 0, 3), ("hour", 3, 2)]


@pytest.mark.parametrize(
    ("crosses", "main_effects", "blocks"),
    [
        (["city", "hour"], True, SINGLES),
        (["hour", "city"], False, SINGLES),
        ([0, (1,)], False, SINGLES),
        ([("city",), np.int64(1)], True, SINGLES),
        (FRAME.columns[:2], True, SINGLES),
        (["city", ("city", "kind")], False, [("city", 0, 3), ("city x kind", 3, 6)]),
        (["hour", ("city", "kind")], False, [("hour", 0, 2), ("city x kind", 2, 6)]),
        (["hour", ("kind", "city")], True, [("city", 0, 3), ("hour", 3, 2), ("kind", 5, 2), ("kind x city", 7, 6)]),
        ((("city", "kind"),), False, [("city x kind", 0, 6)]),
    ],
)
def test_single_columns(crosses, main_effects, blocks):
    cross = FeatureCross(crosses, main_effects=main_effects)
    X = cross.fit_transform(FRAME)
    assert list(cross.blocks_) == blocks
    assert X.shape == (4, sum(count for _, _, count in blocks))
    assert np.diff(X.indptr).tolist() == [len(blocks)] * 4
    assert [name.count("=") for name in cross.feature_name(X.indices[: len(blocks)])] == [
        name.count(" x ") + 1 for name, _, _ in blocks
    ]
    assert len(set(cross.get_feature_names_out())) == cross.n_features_out_


def test_one_column_is_one_hot():
    for crosses in (None, ["city"], [0], [(0,)]):
        for main_effects in (True, False):
            cross = FeatureCross(crosses, main_effects=main_effects).fit(FRAME[["city"]])
            assert cross.get_feature_names_out().tolist() == ["city=Bern", "city=Oslo", "city=Rome"]
            assert cross.transform(FRAME[["city"]]).indices.tolist() == [1, 2, 1, 0]


@pytest.mark.parametrize("bits", [1, 20, 62])
def test_hashed_ids_are_the_documented_ones(bits):
    cross = FeatureCross(["city", "hour", ("hour", "city")], main_effects=False, hashed=bits)
    X = cross.fit_transform(FRAME)
    for i, (city, hour) in enumerate(zip(FRAME["city"], FRAME["hour"].astype(str))):
        ids = [
            hashed_id("city", [city], bits),
            hashed_id("hour", [hour], bits),
            hashed_id("hour x city", [hour, city], bits),
        ]
        assert X[i].indices.tolist() == sorted(set(ids))
        assert X[i].data.tolist() == [ids.count(k) for k in sorted(set(ids))]


def test_single_columns_that_are_hashed_are_the_main_effects_of_crosses():
    alone = FeatureCross(["city"], hashed=50).fit_transform(FRAME)
    crossed = FeatureCross([("city", "hour")], hashed=50).fit_transform(FRAME)
    assert set(alone.indices) < set(crossed.indices)


@pytest.mark.parametrize("hashed", [None, 40])
def test_missing_values_never_change_their_neighbours(hashed):
    users = [2**60, 2**60 + 1, None]
    whole = FeatureCross(hashed=hashed).fit_transform(pd.DataFrame({"user": users[:2], "k": 1}))
    k = [1, 1, 1]
    for table in (
        pd.DataFrame({"user": pd.array(users, dtype="Int64"), "k": k}),
        pd.DataFrame({"user": pd.array(users, dtype="int64[pyarrow]"), "k": k}),
        pd.DataFrame({"user": pd.Series(users, dtype=object), "k": k}),
        pl.DataFrame({"user": users, "k": k}),
        pa.table({"user": users, "k": k}),
    ):
        X = FeatureCross(hashed=hashed).fit_transform(table)
        assert (X[:2] != whole).nnz == 0
        assert (X[0] != X[1]).nnz == 4
        assert X[2].nnz == 1


def test_fitted_on_one_kind_and_asked_of_another():
    """A zip code is itself, whether a file was read as numbers or as text."""
    cross = FeatureCross(["zip"]).fit(pd.DataFrame({"zip": ["1234", "0123", "A12"]}))
    for zips, codes in (
        ([1234, 123], [0]),
        ([1234.0, np.nan], [0]),
        (["0123", "A12", "123"], [1, 2]),
        ([b"0123", 1234, 1234.0, "1234.0"], [1, 0, 0, 0]),
    ):
        frame = pd.DataFrame({"zip": pd.Series(zips, dtype=None if isinstance(zips[0], (int, float)) else object)})
        assert cross.transform(frame).indices.tolist() == codes
    assert cross.categories_[0].tolist() == ["1234", "0123", "A12"]


def test_a_block_in_which_nothing_is_known_warns():
    cross = FeatureCross([("city", "hour")]).fit(FRAME)
    table = pd.DataFrame({"city": ["oslo", "rome"] * 5, "hour": [7] * 10, "kind": ["z"] * 10})
    words = (
        r"not one of 10 rows has a category that fit saw: column 'city' has 'oslo', 'rome', "
        r"fit saw 'Bern', 'Oslo', 'Rome'$"
    )
    with pytest.warns(UserWarning, match=words) as caught:
        X = cross.transform(table)
    assert caught[0].filename == __file__
    assert X.nnz == 10
    table["hour"] = range(100, 110)
    with pytest.warns(UserWarning, match="'Rome'; column 'hour' has '100', '101', '102', ..., fit saw '7', '23'$"):
        cross.transform(table)
    # One that is known is enough, few rows may all be new, and a missing value is nothing new.
    table["hour"] = 7
    table.loc[9, "city"] = "Oslo"
    cross.transform(table)
    table["city"] = ["oslo"] * 9 + [None]
    cross.transform(table)
    cross.transform(table.assign(city=None))
    FeatureCross(hashed=20).fit(FRAME).transform(table.assign(city="oslo"))
    with pytest.raises(ValueError, match="row 0: column 'city' has an unknown value: 'oslo'"):
        cross.set_params(handle_unknown="error").transform(table)


def test_times_are_categories():
    """Naive or not, exact or hashed."""
    hours = pd.DataFrame(
        {
            "naive": pd.date_range("2024-05-06", periods=2, freq="7h"),
            "aware": pd.date_range("2024-05-06", periods=2, freq="7h", tz="Asia/Tokyo"),
            "period": pd.period_range("2024-05", periods=2, freq="M"),
            "length": pd.to_timedelta(["1h", "2h"]),
        }
    )
    exact = FeatureCross([*hours.columns]).fit(hours)
    assert [exact.categories_[j].tolist() for j in range(4)] == [
        ["2024-05-06", "2024-05-06T07:00:00"],
        ["2024-05-05T15:00:00Z", "2024-05-05T22:00:00Z"],
        ["2024-05", "2024-06"],
        ["PT3600S", "PT7200S"],
    ]
    hashed = FeatureCross([*hours.columns], hashed=50).fit(hours)
    texts = pd.DataFrame({name: exact.categories_[j] for j, name in enumerate(hours)})
    for cross in (exact, hashed):
        assert cross.transform(hours).nnz == 8
        assert (cross.transform(hours) != cross.transform(texts)).nnz == 0


def test_tables_of_arrow_and_polars():
    table = pa.Table.from_pandas(FRAME)
    for hashed in (None, 40):
        cross = FeatureCross(hashed=hashed)
        expected = cross.fit_transform(FRAME)
        for form in (table, table.to_batches()[0], pl.from_arrow(table)):
            assert (cross.transform(form) != expected).nnz == 0
            assert (FeatureCross(hashed=hashed).fit_transform(form) != expected).nnz == 0
        assert cross.fit(table).feature_names_in_.tolist() == ["city", "hour", "kind"]
        with pytest.raises(ValueError, match="same order"):
            cross.transform(table.select(["hour", "city", "kind"]))


@pytest.mark.parametrize("hashed", [None, 40])
def test_files_and_frames_agree(hashed, tmp_path):
    """What pandas writes to CSV and Parquet has the ids that it had in the frame."""
    frame = pd.DataFrame(
        {
            "zip": ["0123", "1234", None, "A12"],
            "user": pd.array([2**60, None, 2**60 + 1, 7], dtype="Int64"),
            "count": [1.0, np.nan, 2.0, 0.5],
            "new": [True, False, True, True],
            "day": pd.to_datetime(["2024-05-06", "2024-05-07", None, "2024-05-06"]),
            "y": [0.0, 1.0, 0.0, 1.0],
        }
    )
    columns = ["zip", "user", "count", "new", "day"]
    cross = FeatureCross([*columns, ("zip", "user")], hashed=hashed).fit(frame[columns])
    expected = cross.transform(frame[columns])
    assert expected.nnz == 18
    frame.to_csv(tmp_path / "frame.csv", index=False)
    frame.to_parquet(tmp_path / "frame.parquet")
    read = pa.csv.ConvertOptions(column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=True)
    for table in (
        pa.csv.read_csv(tmp_path / "frame.csv", convert_options=read),
        pa.parquet.read_table(tmp_path / "frame.parquet"),
        pd.read_csv(tmp_path / "frame.csv", dtype={"zip": str, "user": "Int64"}),
        pl.read_parquet(tmp_path / "frame.parquet"),
    ):
        form = table.select(columns) if hasattr(table, "select") else table[columns]
        assert (cross.transform(form) != expected).nnz == 0


def test_values_that_cannot_be_hashed_or_looked_up():
    table = pd.DataFrame([[1, 2]]).astype(object)
    table.at[0, 1] = (2, 3)
    with pytest.raises(ValueError, match=r"row 0: column 'x1' .* cannot be a category: \(2, 3\) is of type tuple"):
        FeatureCross(hashed=5).fit(table).transform(table)
    with pytest.raises(ValueError, match=r"row 1: column 'x0' .* '\\ud800' is not Unicode: it has a lone surrogate"):
        FeatureCross(hashed=5).fit([["a", 1]]).transform([["a", 1], ["\ud800", 1]])
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


@given(st.lists(st.tuples(st.sampled_from(["x", "y", "10", "9", None]), st.integers(0, 4)), min_size=1), st.data())
def test_parts_teach_what_the_whole_does(rows, data):
    whole = FeatureCross([0, (0, 1)])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=3)))
    parted = FeatureCross([0, (0, 1)])
    for start, stop in pairwise([0, *cuts, len(rows)]):
        parted.partial_fit(np.array(rows[start:stop], dtype=object).reshape(-1, 2))
    if all(text is None for text, _ in rows):
        assert parted.categories_[0].size == 0
        assert parted.transform(rows).nnz == len(rows)  # those of the other column
        return
    whole.fit(rows)
    assert parted.blocks_ == whole.blocks_
    assert {j: found.tolist() for j, found in parted.categories_.items()} == {
        j: found.tolist() for j, found in whole.categories_.items()
    }
    assert (parted.transform(rows) != whole.transform(rows)).nnz == 0


def test_partial_fit_keeps_what_it_knows_when_it_fails():
    cross = FeatureCross([0]).partial_fit([["a"]])
    with pytest.raises(ValueError, match="features"):
        cross.partial_fit([["b", "c"]])
    assert cross.categories_[0].tolist() == ["a"]
    assert FeatureCross([0], hashed=4).partial_fit([["a"]]).partial_fit([["b"]]).n_features_out_ == 16
