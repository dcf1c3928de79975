"""Columns of every container give the same texts, and missing values change none of their neighbours."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.category_twins import containers

from sparsereg import FeatureCross
from sparsereg.features.categories import category_text
from sparsereg.features.frames import table_columns
from sparsereg.features.text_columns import as_column

VALUES = {
    "integer": st.integers(-(2**63), 2**63 - 1),
    "float": st.one_of(st.integers(-(2**53), 2**53).map(float), st.floats(allow_nan=False)),
    "string": st.one_of(
        st.text(max_size=12), st.sampled_from(["7", "7.0", "007", "-0.0", "True", "", "12345678", "nan"])
    ),
    "boolean": st.booleans(),
    "moment": st.datetimes(min_value=datetime(1700, 1, 1), max_value=datetime(2200, 1, 1)),
}


def column_of(container, name="x"):
    return as_column(table_columns(container)[0] if isinstance(container, pl.DataFrame) else container, name)


def texts_of(container):
    column = column_of(container)
    return [column.text(row) for row in range(len(column.is_missing))]


@st.composite
def columns(draw):
    """Return a kind and values of it, None among them."""
    kind = draw(st.sampled_from(sorted(VALUES)))
    value = VALUES[kind]
    return kind, draw(st.lists(st.one_of(value, st.none(), value), min_size=1, max_size=12))


@settings(max_examples=150, deadline=None)
@given(columns())
def test_one_text_whatever_the_container(drawn):
    kind, values = drawn
    expected = [category_text(value) for value in values]
    for name, container in containers(values, kind).items():
        assert texts_of(container) == expected, name


def as_table(container, values):
    """Return a table of the column twice, without names."""
    if isinstance(container, np.ndarray):
        return np.column_stack([container, container])
    if isinstance(container, pd.Series):
        return pd.DataFrame({0: container, 1: container})
    return None


@settings(max_examples=60, deadline=None)
@given(columns())
def test_one_id_whatever_the_container(drawn):
    kind, values = drawn
    if all(category_text(value) is None for value in values):
        values = [
            *values,
            {"integer": 7, "float": 0.5, "string": "a", "boolean": True, "moment": datetime(2024, 5, 6)}[kind],
        ]
    pair = [[value, value] for value in values]
    for hashed in (None, 40):
        cross = FeatureCross(hashed=hashed).fit(pair)
        expected = cross.transform(pair)
        for name, container in containers(values, kind).items():
            table = as_table(container, values)
            if table is not None:
                found = cross.transform(table)
                assert (found != expected).nnz == 0, name
                assert (FeatureCross(hashed=hashed).fit_transform(table) != expected).nnz == 0, name


@settings(max_examples=60, deadline=None)
@given(columns())
def test_one_id_whatever_the_frame(drawn):
    """Tables with names: fitted on one kind, asked of all the others."""
    kind, values = drawn
    tables = {}
    for name, container in containers([*values, "a"] if kind == "string" else [*values, values[0]], kind).items():
        if isinstance(container, pl.DataFrame):
            tables[name] = container.with_columns(y=pl.lit(1))
        elif isinstance(container, pd.Series):
            tables[name] = pd.DataFrame({"x": container, "y": 1})
        elif not isinstance(container, np.ndarray):
            tables[name] = pa.table({"x": container, "y": pa.array([1] * len(container))})
    if kind != "string" and all(value is None for value in values):
        return
    for hashed in (None, 40):
        crosses = {name: FeatureCross(hashed=hashed).fit(table) for name, table in tables.items()}
        expected = next(iter(crosses.values())).transform(next(iter(tables.values())))
        for name, table in tables.items():
            for fitted in ("arrow", "pandas masked" if "pandas masked" in crosses else "polars", name):
                assert (crosses[fitted].transform(table) != expected).nnz == 0, (fitted, name)


# What one kind of container has alone.


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "u1", "u2", "u4", "u8", ">i8", "<i4"])
def test_integers_of_every_width(dtype):
    assert texts_of(np.array([0, 5, 100], dtype=dtype)[::-1]) == ["100", "5", "0"]


def test_the_largest_unsigned_integers():
    values = [2**64 - 1, None, 2**63]
    texts = ["18446744073709551615", None, "9223372036854775808"]
    for container in (
        pd.Series(pd.array(values, dtype="UInt64")),
        pa.array(values, type=pa.uint64()),
        pl.DataFrame({"x": pl.Series(values, dtype=pl.UInt64)}),
    ):
        assert texts_of(container) == texts


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_floats_of_every_width(dtype):
    values = np.array([0.1, 7.0, np.nan, -0.0, np.inf, 1e-5 if dtype != np.float16 else 0.001], dtype=dtype)
    small = "1e-05" if dtype != np.float16 else "0.001"
    expected = [category_text(dtype(0.1)), "7", None, "0", "inf", category_text(values[-1])]
    assert texts_of(values) == expected
    if dtype != np.longdouble:
        assert (expected[0], expected[-1]) == ("0.1", small)


def test_whole_floats_beyond_integers():
    assert texts_of(np.array([2.0**63, -(2.0**63), 1e20, 2.0**62])) == [
        str(2**63), str(-(2**63)), "100000000000000000000", str(2**62),
    ]  # fmt: skip


def test_a_float32_in_every_container():
    for container in (
        np.array([0.1, 2.0], dtype=np.float32),
        pd.Series([0.1, 2.0], dtype="Float32"),
        pa.array([0.1, 2.0], type=pa.float32()),
        pl.DataFrame({"x": pl.Series([0.1, 2.0], dtype=pl.Float32)}),
    ):
        assert texts_of(container) == ["0.1", "2"]


def test_nan_in_an_arrow_column_is_missing_as_null_is():
    assert texts_of(pa.array([1.0, float("nan"), None])) == ["1", None, None]
    assert texts_of(pl.DataFrame({"x": [1.0, float("nan"), None]})) == ["1", None, None]


def test_numpy_strings():
    table = np.array([["ü", "7.0"], ["", "ab\0c"], ["\U0001f600x", "b"]])
    for form in (table, table.astype(">U4"), np.asfortranarray(table), table.astype(np.dtypes.StringDType())):
        assert texts_of(form[:, 0]) == ["ü", "", "\U0001f600x"]
        assert texts_of(form[::-1, 1]) == ["b", "ab\0c", "7"]
    assert texts_of(np.array(["", ""], dtype="U0")) == ["", ""]
    assert texts_of(table[:0, 0]) == []
    gaps = np.array(["a", None], dtype=np.dtypes.StringDType(na_object=None))
    assert texts_of(gaps) == ["a", None]
    with pytest.raises(ValueError, match=r"row 1: column 'x' .* '\\udfff' is not Unicode: it has a lone surrogate"):
        column_of(np.array(["a", "\udfff"]))


def test_slices_of_arrow_columns():
    words = pa.array(["zero", "one", None, "three", ""])
    assert texts_of(words[1:4]) == ["one", None, "three"]
    assert texts_of(words.dictionary_encode()[1:4]) == ["one", None, "three"]
    assert texts_of(pa.chunked_array([words[3:], words[:2]])) == ["three", "", "zero", "one"]
    assert texts_of(words[:0]) == []
    assert texts_of(pa.chunked_array([], type=pa.string())) == []
    assert texts_of(pa.array(["", None, ""])) == ["", None, ""]
    assert texts_of(pa.nulls(2)) == [None, None]
    assert texts_of(pa.nulls(2, pa.string())) == [None, None]


def test_dictionaries_of_anything():
    for values in ([7, None, 2**60 + 1], [0.5, None, 7.0], [date(2024, 5, 6), None, date(2024, 5, 7)]):
        encoded = pa.array(values).dictionary_encode()
        assert texts_of(encoded) == [category_text(value) for value in values]
        # One that is longer than the column.
        assert texts_of(encoded[2:]) == [category_text(values[2])]
    nulls = pa.DictionaryArray.from_arrays(pa.array([0, 1, None]), pa.array(["a", None]))
    assert texts_of(nulls) == ["a", None, None]
    few = as_column(pd.Series(pd.Categorical(["b", None], categories=list("abc"))), "x")
    assert ([few.text(0), few.text(1)], len(few.missing)) == (["b", None], 1)
    nested = pd.Series(pd.Categorical([2**60 + 1, None, 7]))
    assert texts_of(nested) == [str(2**60 + 1), None, "7"]


def test_times_of_every_container():
    moment = datetime(2024, 5, 6, 7, 8, 9)
    for unit in ("s", "ms", "us", "ns"):
        for container in (
            np.array([moment, None], dtype=f"M8[{unit}]"),
            pd.Series(np.array([moment, None], dtype=f"M8[{unit}]")),
            pa.array([moment, None], type=pa.timestamp(unit)),
        ):
            assert texts_of(container) == ["2024-05-06T07:08:09", None]
        aware = pa.array([moment, None], type=pa.timestamp(unit, "UTC"))
        for container in (
            aware,
            aware.cast(pa.timestamp(unit, "Asia/Tokyo")),
            aware.to_pandas(),
            aware.to_pandas().dt.tz_convert("Asia/Tokyo"),
            pd.Series(pd.array(aware, dtype=pd.ArrowDtype(aware.type))),
        ):
            assert texts_of(container) == ["2024-05-06T07:08:09Z", None]
        lengths = pa.array([timedelta(hours=1), None], type=pa.duration(unit))
        for container in (lengths, lengths.to_pandas()):
            assert texts_of(container) == ["PT3600S", None]
    days = [date(2024, 5, 6), None]
    for container in (
        pa.array(days), pa.array(days, type=pa.date64()), pl.DataFrame({"x": days}), np.array(days, dtype="M8[D]"),
        np.array(days, dtype=object), pd.Series(["2024-05-06", None]).astype("datetime64[ns]"),
        pd.Series(["2024-05-06", None]),
    ):  # fmt: skip
        assert texts_of(container) == ["2024-05-06", None]
    clocks = [time(7, 8, 9, 500_000), None]
    for container in (pa.array(clocks), pl.DataFrame({"x": clocks}), np.array(clocks, dtype=object)):
        assert texts_of(container) == ["07:08:09.5", None]
    assert texts_of(pl.DataFrame({"x": [moment]}).with_columns(pl.col("x").dt.replace_time_zone("Asia/Tokyo"))) == [
        "2024-05-05T22:08:09Z"
    ]


def test_decimals_bytes_periods_and_intervals():
    amounts = [Decimal("7.00"), None, Decimal("7.50")]
    for container in (pa.array(amounts), np.array(amounts, dtype=object), pl.DataFrame({"x": amounts})):
        assert texts_of(container) == ["7", None, "7.5"]
    raw = ["Zürich".encode(), None, b"7.0"]
    for container in (pa.array(raw), np.array(raw, dtype=object)):
        assert texts_of(container) == ["Zürich", None, "7"]
    assert texts_of(np.array([b"Oslo", b"7.0"])) == ["Oslo", "7"]
    assert texts_of(pd.Series(pd.PeriodIndex(["2024-05", None], freq="M"))) == ["2024-05", None]
    assert texts_of(pd.cut(pd.Series([0.5, None, 3.0]), [0, 1, 4])) == ["(0, 1]", None, "(1, 4]"]
    assert texts_of(pd.Series(pd.cut([0.5, 3.0], [0, 1, 4]).astype(object))) == ["(0, 1]", "(1, 4]"]
    assert texts_of(pd.Series(pd.arrays.SparseArray([0, 0, 3]))) == ["0", "0", "3"]


@pytest.mark.parametrize(
    ("container", "words"),
    [
        (np.zeros(2, dtype=complex), "column 'x' must hold numbers, strings, times or objects, got dtype complex128"),
        (pa.array([[1], [2]]), "column 'x' must hold numbers, strings or times, got type list<item: int64>"),
        (pa.array([{"a": 1}]), "column 'x' must hold numbers, strings or times, got type struct<a: int64>"),
        (pa.array([b"a", None, b"\xff"]), r"row 2: column 'x' .* b'\\xff' is not UTF-8"),
        (pd.Series([(1,), "a"]), r"row 0: column 'x' .* \(1,\) is of type tuple"),
        (pd.Series(pd.Categorical(["a", (1,), "a"])), r"column 'x' .* \(1,\) is of type tuple"),
        (np.array([1, 2], dtype="m8[Y]"), r"column 'x': differences of times in timedelta64\[Y\] have no length"),
        (np.array([2**60], dtype="M8[Y]"), r"column 'x': dates of type datetime64\[Y\] are beyond the range"),
    ],
)  # fmt: skip
def test_what_is_refused(container, words):
    with pytest.raises(ValueError, match=words):
        column_of(container)


def test_strings_of_arrow_are_not_copied():
    words = pa.array(["a", "b"], type=pa.large_string())
    assert np.shares_memory(column_of(words).data, np.frombuffer(words.buffers()[2], dtype=np.uint8))
