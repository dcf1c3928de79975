"""Keys of values: stable, equal for equal values."""

from hashlib import blake2b

import numpy as np
import pytest

from sparsereg.categories import encode, hash_column, is_missing, learn_categories


def test_keys_are_the_documented_ones():
    values = np.array(["Zürich", b"raw", 7, -1, 2.0, 0.5, True, None], dtype=object)
    keys, missing = hash_column(values, "x")

    def digest(data):
        return int.from_bytes(blake2b(data, digest_size=8).digest(), "little")

    half = np.array(0.5, dtype="<f8").tobytes()
    expected = [digest("Zürich".encode()), digest(b"raw"), 7, 2**64 - 1, 2, digest(half), 1, 0]
    assert keys.tolist() == expected
    assert missing.tolist() == [False] * 7 + [True]


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint64, np.float32, np.float64, object])
def test_keys_of_whole_numbers_do_not_depend_on_their_type(dtype):
    keys, missing = hash_column(np.array([0, 5, 100]).astype(dtype), "x")
    assert keys.tolist() == [0, 5, 100]
    assert not missing.any()


def test_infinite_values_have_keys():
    keys, missing = hash_column(np.array([np.inf, -np.inf]), "x")
    assert len(set(keys.tolist())) == 2
    assert not missing.any()


def test_missing_floats_in_a_column_of_floats():
    keys, missing = hash_column(np.array([np.nan, 1.5, np.nan, 1.5]), "x")
    assert missing.tolist() == [True, False, True, False]
    assert keys[1] == keys[3] != 0


def test_codes_are_positions_in_the_sorted_categories():
    column = np.array([3.0, np.nan, 1.0, 3.0, -0.0])
    categories = learn_categories(column, "x")
    assert categories.tolist() == [0, 1, 3]
    assert encode(column, categories, "x").tolist() == [2, -1, 1, 2, 0]
    assert encode(np.array([9.0, 2.0, -5.0]), categories, "x").tolist() == [-1, -1, -1]
    assert encode(np.array(["3", 3], dtype=object), categories, "x").tolist() == [-1, 2]


def test_large_integers_are_not_confused_by_rounding():
    categories = learn_categories(np.array([2**53, 2**53 + 1]), "x")
    assert encode(np.array([2**53 + 1], dtype=np.uint64), categories, "x").tolist() == [1]


@pytest.mark.parametrize(("value", "missing"), [(None, True), (float("nan"), True), (0, False), ("", False)])
def test_missing(value, missing):
    assert is_missing(value) is missing
