"""What a category is: the text of every kind of value, its order and its key."""

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.category_twins import key

from sparsereg.features.categories import (
    category_text,
    encode,
    hash_column,
    is_missing,
    learn_categories,
    text_column,
    text_key,
)

EAST = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("7", [7, 7.0, "7", "7.0", b"7", np.int8(7), np.uint64(7), np.float32(7), Decimal("7.00"), np.str_("7")]),
        ("007", ["007", b"007"]),
        ("-3", [-3, -3.0, "-3", "-3.0", Decimal("-3")]),
        ("0", [0, 0.0, -0.0, "0", "0.0", "-0.0", Decimal("-0.00"), np.float16(-0.0)]),
        ("18446744073709551615", [2**64 - 1, np.uint64(2**64 - 1), "18446744073709551615"]),
        ("1152921504606846977", [2**60 + 1, Decimal(2**60 + 1)]),
        ("100000000000000000000", [10**20, 1e20, Decimal("1e20"), "100000000000000000000.0"]),
        ("0.1", [0.1, "0.1", np.float32(0.1), np.float16(0.1), Decimal("0.10")]),
        ("1e-05", [1e-5, np.float32(1e-5), Decimal("0.000010")]),
        ("0.1234567890123456789", [Decimal("0.1234567890123456789"), "0.1234567890123456789"]),
        ("inf", [np.inf, np.float32(np.inf), Decimal("inf"), "inf"]),
        ("-inf", [-np.inf, Decimal("-inf")]),
        ("true", [True, np.True_, "true", "True"]),
        ("false", [False, np.False_, "false", "False"]),
        ("TRUE", ["TRUE"]),
        ("1.0.0", ["1.0.0"]),
        ("00.0", ["00.0"]),
        ("7.00", ["7.00"]),
        (".0", [".0"]),
        ("", ["", b""]),
        (" 7", [" 7"]),
        ("Zürich", ["Zürich", "Zürich".encode()]),
        ("2024-05-06", [date(2024, 5, 6), datetime(2024, 5, 6), np.datetime64("2024-05-06"), "2024-05-06"]),
        ("2024-05-06", [np.datetime64("2024-05-06T00"), pd.Timestamp("2024-05-06"), np.datetime64("2024-05-06", "ns")]),
        ("2024-05-01", [np.datetime64("2024-05"), date(2024, 5, 1)]),
        ("2024-05-06T07:08:00", [datetime(2024, 5, 6, 7, 8), np.datetime64("2024-05-06T07:08")]),
        ("2024-05-06T07:08:09.5", [datetime(2024, 5, 6, 7, 8, 9, 500_000), pd.Timestamp("2024-05-06T07:08:09.5")]),
        ("2024-05-06T07:08:09.000000001", [pd.Timestamp("2024-05-06T07:08:09.000000001")]),
        ("2024-05-06T05:08:09Z", [datetime(2024, 5, 6, 7, 8, 9, 0, EAST), pd.Timestamp(2024, 5, 6, 7, 8, 9, tz=EAST)]),
        ("2024-05-06T00:00:00Z", [datetime(2024, 5, 6, 2, tzinfo=EAST), datetime(2024, 5, 6, tzinfo=timezone.utc)]),
        ("07:08:09", [time(7, 8, 9)]),
        ("07:08:09.5", [time(7, 8, 9, 500_000)]),
        ("PT5400S", [timedelta(hours=1.5), np.timedelta64(90, "m"), pd.Timedelta("90min")]),
        ("-PT0.5S", [timedelta(seconds=-0.5), np.timedelta64(-500, "ms")]),
        ("PT0S", [timedelta(0)]),
        ("2024-05", [pd.Period("2024-05", "M")]),
        ("(0.0, 1.5]", [pd.Interval(0.0, 1.5)]),
    ],
)  # fmt: skip
def test_the_text_of_a_value(text, values):
    for value in values:
        assert category_text(value) == text, repr(value)
        column = text_column([value], "x")
        assert column.text(0) == text
        assert hash_column(column)[0].tolist() == [key(text)]
        assert learn_categories(column, "x").tolist() == [text]


@pytest.mark.parametrize(
    "value",
    [None, float("nan"), np.float32("nan"), Decimal("nan"), Decimal("sNaN"), pd.NA, pd.NaT, np.datetime64("NaT"),
     np.timedelta64("NaT")],
)  # fmt: skip
def test_missing_values_have_no_text(value):
    assert category_text(value) is None
    column = text_column([value, "a"], "x")
    assert column.text(0) is None
    assert column.is_missing.tolist() == [1, 0]
    assert learn_categories(column, "x").tolist() == ["a"]
    with pytest.raises(ValueError, match="column 'x' has no value that is not missing"):
        learn_categories(text_column([value], "x"), "x")


@pytest.mark.parametrize(
    ("value", "missing"), [(None, True), (float("nan"), True), (0, False), ("", False), ([], False)]
)
def test_missing(value, missing):
    assert is_missing(value) is missing


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ((1, 2), r"\(1, 2\) is of type tuple, expected a number, a string or a time"),
        (1j, "of type complex"),
        (np.zeros(2), "of type ndarray"),
        (np.timedelta64(1, "M"), "no length in seconds"),
        (Decimal("1e9999"), "has too many digits, expected at most 4000"),
        pytest.param(10**5000, "the limit .4300", id="10**5000"),
        (b"\xff", r"b'\\xff' is not UTF-8: invalid start byte"),
        ("\ud800", r"'\\ud800' is not Unicode: it has a lone surrogate"),
    ],
)
def test_other_values_are_refused_with_their_row(value, reason):
    with pytest.raises(ValueError, match=f"^row 2: column 'x' holds a value that cannot be a category: .*{reason}"):
        text_column(["a", None, value, value], "x")
    with pytest.raises(ValueError, match=r"^row 3: column 'x'"):
        text_column(["a", value], "x", np.array([0, -1, 0, 1, 1]))


@given(st.floats(allow_nan=False))
def test_what_python_prints_for_a_float_is_its_category(value):
    if abs(value) < 1e16 or not np.isfinite(value):
        assert category_text(repr(value)) == category_text(value)
    assert float(category_text(value)) == value


@given(st.floats(allow_nan=False, width=32))
def test_a_float32_has_the_text_that_reads_back_as_itself(value):
    assert np.float32(category_text(np.float32(value))) == np.float32(value)


@given(st.datetimes(), st.integers(-14 * 60, 14 * 60))
def test_one_moment_is_one_category(moment, minutes):
    assert category_text(moment) == category_text(np.datetime64(moment, "us"))
    zone = timezone(timedelta(minutes=minutes))
    if 2 < moment.year < 9998:
        aware = moment.replace(tzinfo=zone)
        assert category_text(aware) == category_text(aware.astimezone(timezone.utc))
        assert category_text(aware) != category_text(moment)


def test_numbers_come_in_their_order_then_other_texts():
    values = ["b", 10, 9, "-1", 0.5, "007", 2**63, float(2**63) * 2, "1e3", "ü", "B", True, None, 9.0, "inf", ""]
    expected = [
        "-1", "0.5", "9", "10", "1e3", "9223372036854775808", "18446744073709551616", "", "007", "B", "b", "inf",
        "true", "ü",
    ]  # fmt: skip
    assert learn_categories(text_column(values, "x"), "x").tolist() == expected
    huge = ["9" * 5000, "1" + "0" * 400, "1e999"]
    assert learn_categories(text_column(huge, "x"), "x").tolist() == [huge[1], "1e999", huge[0]]


def test_codes_are_positions_in_the_categories():
    column = text_column([3.0, None, 1, "3", -0.0, 1], "x")
    categories = learn_categories(column, "x")
    assert categories.tolist() == ["0", "1", "3"]
    assert encode(column, categories).tolist() == [2, -1, 1, 2, 0, 1]
    assert encode(text_column([9, "03", -5], "x"), categories).tolist() == [-1, -1, -1]


def test_a_column_of_codes():
    column = text_column(["never", "b", None, "a"], "x", np.array([3, 1, -1, 2, 1], dtype=np.int8))
    assert [column.text(row) for row in range(5)] == ["a", "b", None, None, "b"]
    assert column.is_missing.tolist() == [0, 0, 1, 1, 0]
    assert learn_categories(column, "x").tolist() == ["a", "b"]
    assert encode(column, np.array(["b", "never"], dtype=object)).tolist() == [-1, 0, -1, -1, 0]
    keys, missing = hash_column(column)
    assert keys[[0, 1, 4]].tolist() == [key("a"), key("b"), key("b")]
    assert missing.tolist() == [0, 0, 1, 1, 0]


def test_large_integers_are_not_confused_by_rounding():
    categories = learn_categories(text_column([2**53, 2**53 + 1, None], "x"), "x")
    assert categories.tolist() == [str(2**53), str(2**53 + 1)]
    assert encode(text_column([2**53 + 1], "x"), categories).tolist() == [1]


@given(st.text(max_size=30))
def test_the_key_of_a_text(text):
    assert text_key(text) == key(text)


def test_keys_spread_over_all_their_bits():
    """Neighbouring numbers and words: each bit of a key is set in half of them."""
    keys = np.array([text_key(f"{word}{number}") for word in ("", "user_") for number in range(5000)], dtype=np.uint64)
    assert len(np.unique(keys)) == 10_000
    shares = [np.mean(keys >> np.uint64(bit) & np.uint64(1)) for bit in range(64)]
    assert 0.47 < min(shares) <= max(shares) < 0.53  # six standard deviations


def test_printing_options_do_not_matter():
    with np.printoptions(precision=2):
        assert category_text(np.float64(0.123456789)) == "0.123456789"
        assert category_text(np.float32(0.123456789)) == "0.12345679"
