"""Coefficients in model files: exact in double precision, and rounded as well as floats can."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsereg.coef import SparseCoef
from sparsereg.model_files.coefficients import COEFFICIENTS, ModelPacker, Saving
from sparsereg.model_files.values import Unpacker


def packed(coef, compress=None):
    saving = Saving(compress)
    packer = ModelPacker(COEFFICIENTS, saving)
    return packer.pack(coef, "coef"), packer.arrays, saving


def unpacked(state, arrays):
    unpacker = Unpacker(arrays, COEFFICIENTS)
    coef = unpacker.unpack(state, "coef")
    unpacker.finish()
    return coef


def there_and_back(coef, compress=None):
    state, arrays, saving = packed(coef, compress)
    return unpacked(state, arrays), saving


def one(*values, n_features=10**12):
    return SparseCoef.from_active(np.arange(len(values)) * 1000, np.array(values, dtype=float), n_features)


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.lists(finite, min_size=3, max_size=3), min_size=1, max_size=5), st.integers(5, 2**62))
def test_double_precision_is_exact(rows, width):
    coef = SparseCoef.from_active(np.arange(len(rows)) * (width // len(rows)), np.array(rows), width)
    found, saving = there_and_back(coef)
    assert found.ids.dtype == np.int64
    assert found.values.indices.dtype == coef.values.indices.dtype
    assert found.n_features == width
    assert found.ids.tobytes() == coef.ids.tobytes()
    assert found.values.toarray().tobytes() == coef.values.toarray().tobytes()
    assert (saving.n_nonzero, saving.n_dropped, saving.absolute) == (coef.values.nnz, 0, 0.0)


# Float64 itself has few digits below this.
sizes = st.floats(1e-290, 1e300)


@given(st.lists(sizes, min_size=1, max_size=8), st.sampled_from(["float16", "float32"]))
def test_rounding_is_within_half_a_digit_over_the_whole_range(values, compress):
    coef = one(*values)
    found, saving = there_and_back(coef, compress)
    info, largest = np.finfo(compress), max(values)
    back = dict(zip(found.ids.tolist(), found.values.data.tolist()))
    # What is far below the largest has fewer digits, and in the end none.
    floor = largest * 2.0 ** (float(info.minexp) - info.nmant - info.maxexp + 2) if len(values) > 1 else 0.0
    changes = [abs(back.get(1000 * k, 0.0) - value) for k, value in enumerate(values)]
    assert all(change <= max(float(info.eps) / 2.0 * value, floor) for change, value in zip(changes, values))
    assert saving.n_nonzero + saving.n_dropped == len(values)
    assert saving.n_nonzero == len(back) == found.values.nnz > 0
    assert saving.absolute == max(changes)
    again, saving = there_and_back(found, compress)
    assert saving.absolute == 0.0
    assert again.values.data.tobytes() == found.values.data.tobytes()


def test_vectors_have_powers_of_two_of_their_own():
    w = np.array([[1e-30, 1e30, 1.0], [2e-30, 3e30, 0.0], [0.0, 1e28, 2.0]])
    coef = SparseCoef.from_active(np.array([3, 7, 8]), w, 10)
    state, arrays, saving = packed(coef, "float16")
    exponents = arrays["coef.exponents"]
    assert exponents[2] == 0
    assert exponents[0] < -80 < 80 < exponents[1]
    np.testing.assert_allclose(unpacked(state, arrays).values.toarray(), w, rtol=2**-11)
    assert saving.relative < 2**-11


def test_what_is_in_range_is_stored_as_it_is():
    _, arrays, _ = packed(one(0.1, -3.0, 1e4), "float16")
    assert arrays["coef.values"].tolist() == np.array([0.1, -3.0, 1e4], dtype=np.float16).tolist()
    assert "coef.exponents" not in arrays
    assert arrays["coef.ids"].dtype == np.uint16


def test_what_rounds_to_zero_is_left_out_and_counted():
    found, saving = there_and_back(one(1.0, 1e-13, -2.0, 3e-13), "float16")
    assert found.ids.tolist() == [0, 2000]
    assert found.values.data.tolist() == [1.0, -2.0]
    assert (saving.n_nonzero, saving.n_dropped) == (2, 2)
    assert saving.absolute == 3e-13
    assert saving.relative == 0.0
    assert there_and_back(one(1.0, 1e-13, -2.0, 3e-13), "float32")[1].n_dropped == 0


@pytest.mark.parametrize(("largest", "dtype"), [
    (255, "uint8"), (256, "uint16"), (2**16, "uint32"), (2**32 - 1, "uint32"), (2**32, "int64"), (2**63 - 2, "int64"),
])
def test_ids_are_of_the_smallest_type(largest, dtype):
    coef = SparseCoef.from_active(np.array([0, largest]), np.array([1.0, 2.0]), 2**63 - 1)
    state, arrays, _ = packed(coef)
    assert arrays["coef.ids"].dtype == dtype
    assert unpacked(state, arrays).ids.tolist() == [0, largest]


def test_no_coefficients_and_empty_vectors():
    for w in (np.zeros(3), np.zeros((3, 2)), np.array([[0.0, 1.0], [0.0, 0.0], [0.0, 2.0]])):
        for compress in (None, "float16", "float32"):
            found, _ = there_and_back(SparseCoef.from_active(np.array([1, 5, 7]), w, 9), compress)
            assert found.n_columns == (1 if w.ndim == 1 else 2)
            assert found.values.sum() == w.sum()


def several():
    return SparseCoef.from_active(np.array([3, 7, 8]), np.array([[1.0, 2.0], [0.0, 3.0], [4.0, 0.0]]), 10)


@pytest.mark.parametrize(("name", "value", "message"), [
    ("ids", np.array([3, 8, 7], dtype=np.uint8), "ids: not in ascending order"),
    ("ids", np.array([3, 7, 7], dtype=np.uint8), "ids: id 7 is there twice"),
    ("ids", np.array([3, 7, 10], dtype=np.uint8), "ids: id 10 at position 2 is outside"),
    ("ids", np.array([-3, 7, 8]), "ids: id -3 at position 0 is outside"),
    ("ids", np.array([3, 7], dtype=np.uint8), "rows: 0 to 2 are not allowed"),
    ("ids", np.array([3, 7, 8, 9], dtype=np.uint8), "ids: no vector has a value at position 3"),
    ("ids", np.array([[3, 7, 8]], dtype=np.uint8), "ids: uint8 of shape"),
    ("ids", np.array([3.0, 7.0, 8.0]), "ids: float64 is not allowed"),
    ("ids", np.array([3, 7, 8], dtype=np.uint64), "ids: uint64 is not allowed"),
    ("values", np.array([1.0, np.nan, 2.0, 3.0]), "values: nan at position 1"),
    ("values", np.array([1.0, np.inf, 2.0, 3.0], dtype=np.float16), "values: inf at position 1"),
    ("values", np.array([1.0, -0.0, 2.0, 3.0]), "values: 0 at position 1"),
    ("values", np.array([1.0, 2.0, 3.0]), "rows: uint8 of shape"),
    ("values", np.array([[1.0, 2.0, 3.0, 4.0]]), "values: not allowed"),
    ("values", np.array([1, 2, 3, 4]), "values: not allowed"),
    ("rows", np.array([2, 0, 0, 1], dtype=np.uint8), "rows: not in ascending order"),
    ("rows", np.array([0, 0, 0, 1], dtype=np.uint8), "rows: not in ascending order"),
    ("rows", np.array([0, 3, 0, 1], dtype=np.uint8), "rows: 0 to 3 are not allowed"),
    ("starts", np.array([0, 3, 4], dtype=np.uint8), "rows: not in ascending order"),
    ("starts", np.array([0, 5, 4], dtype=np.uint8), "starts: not allowed"),
    ("starts", np.array([1, 2, 4], dtype=np.uint8), "starts: not allowed"),
    ("starts", np.array([0], dtype=np.uint8), "starts: not allowed"),
])
def test_arrays_that_no_model_has_are_refused(name, value, message):
    state, arrays, _ = packed(several())
    arrays[f"coef.{name}"] = value
    with pytest.raises(ValueError, match=f"^coef: {message}"):
        unpacked(state, arrays)


@pytest.mark.parametrize(("name", "value", "message"), [
    ("n_features", 0, "n_features: 0 is not allowed"),
    ("n_features", 2**63, "n_features: .* is not allowed"),
    ("n_features", True, "n_features: True is not allowed"),
    ("rows", None, "rows: None is not allowed"),
    ("starts", 7, "starts: 7 is not allowed"),
    ("exponents", 1, "exponents: 1 is not allowed"),
    ("more", 1, "'more' is not allowed"),
])
def test_entries_that_no_model_has_are_refused(name, value, message):
    state, arrays, _ = packed(several())
    former = state["state"].get(name)
    if isinstance(former, dict):
        arrays.pop(former["name"])
    state["state"][name] = value
    with pytest.raises(ValueError, match=f"^coef: {message}"):
        unpacked(state, arrays)


@pytest.mark.parametrize("powers", [[2**31 - 1, 0], [-(2**31), 0], [1100, 0]])
def test_powers_of_two_are_checked(powers):
    w = np.array([[1e-30, 1e30], [2e-30, 3e30]])
    state, arrays, _ = packed(SparseCoef.from_active(np.array([3, 7]), w, 10), "float16")
    arrays["coef.exponents"] = np.array(powers, dtype=np.int32)
    with pytest.raises(ValueError, match=re.escape("coef: ") + "(exponents|values)"):
        unpacked(state, arrays)


def test_a_single_vector_has_a_value_for_each_id():
    state, arrays, _ = packed(one(1.0, 2.0))
    arrays["coef.values"] = np.array([1.0])
    with pytest.raises(ValueError, match="coef: values: 1 are not allowed for 2 ids"):
        unpacked(state, arrays)
