"""Every refusal names the argument, the value and what is allowed."""

import re
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from support.wide_matrices import raw_csr

from sparsereg import Lasso, LassoCV, LatLongCross, SGDRegressor, lasso_path, metrics
from sparsereg.inputs.rows import MAX_SAMPLES, as_rows, check_shape, shown
from sparsereg.inputs.targets import check_y
from sparsereg.inputs.weights import check_offset, check_offsets, check_sample_weight

CSR_FAULTS = {
    "X: indptr has shape (2,), expected (3,), one more than the 2 rows": ([0, 1], [0, 1], [1, 1]),
    "X: data has shape (1,), expected (2,), as long as indices": ([0, 1, 2], [0, 1], [1]),
    "X: indptr[0] is 1, expected 0": ([1, 1, 2], [0, 1], [1, 1]),
    "X: indptr falls from 2 to 1 at row 1": ([0, 2, 1], [0, 1], [1, 1]),
    "X: indptr falls from 0 to -1 at row 0": ([0, -1, 2], [0, 1], [1, 1]),
    "X: indptr reaches 9 at row 1, beyond the 2 entries of indices": ([0, 1, 9], [0, 1], [1, 1]),
    "X: column id 7 at position 1 (row 1) is outside [0, 5)": ([0, 1, 2], [0, 7], [1, 1]),
    "X: column id -1 at position 0 (row 0) is outside [0, 5)": ([0, 1, 2], [-1, 0], [1, 1]),
    "Input X contains NaN. (nan at position 1 (row 1)": ([0, 1, 2], [0, 1], [1, np.nan]),
    "Input X contains infinity": ([0, 1, 2], [0, 1], [np.inf, 1]),
}


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize(("message", "arrays"), CSR_FAULTS.items())
def test_malformed_csr(message, arrays, index):
    indptr, indices, data = arrays
    X = raw_csr(np.array(indptr, index), np.array(indices, index), np.array(data, float), (2, 5))
    with pytest.raises(ValueError, match=re.escape(message)):
        as_rows(X)


def test_malformed_csc():
    X = sparse.csc_array((2, 5))
    X.indptr, X.indices, X.data = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 2]), np.ones(2)
    with pytest.raises(ValueError, match=re.escape("X: row id 2 at position 1 (column 2) is outside [0, 2)")):
        as_rows(X)
    X.indptr = np.array([0, 0, 1, 99, 99, 99])
    with pytest.raises(ValueError, match="X: indptr reaches 99 at column 2, beyond the 2"):
        as_rows(X)


def test_malformed_coo():
    X = sparse.coo_array((np.ones(2), (np.array([0, 1]), np.array([0, 4]))), shape=(2, 5))
    for coords, message in (
        ((np.array([0, 2]), np.array([0, 4])), "X: row id 2 at position 1 is outside [0, 2)"),
        ((np.array([0, 1]), np.array([-1, 4])), "X: column id -1 at position 0 is outside [0, 5)"),
        ((np.array([0]), np.array([0, 4])), "X: 1 row ids, 2 column ids and 2 values"),
        (([0, 1], np.array([0, 4])), "X: row ids are not a one-dimensional array (got list)"),
    ):
        X.coords = coords
        with pytest.raises(ValueError, match=re.escape(message)):
            as_rows(X)
    X.coords = np.array([0.0, 1.0]), np.array([0, 4])
    with pytest.raises(TypeError, match="X: row ids have dtype float64, expected integers"):
        as_rows(X)


def test_malformed_bsr():
    X = sparse.bsr_array(np.ones((4, 4)), blocksize=(2, 2))
    X.indices = np.array([0, 1, 0, 9])
    with pytest.raises(ValueError, match=r"X: block column id 9 at position 3 \(block row 1\) is outside \[0, 2\)"):
        as_rows(X)
    X.data = X.data[:3]
    with pytest.raises(ValueError, match=re.escape("X: data has shape (3, 2, 2), expected (4, 2, 2)")):
        as_rows(X)


def test_index_arrays_of_a_wrong_kind():
    X = raw_csr(np.array([0.0, 1.0]), np.array([0]), np.ones(1), (1, 2))
    with pytest.raises(TypeError, match="X: indptr has dtype float64, expected int32 or int64"):
        as_rows(X)
    X = raw_csr(np.array([0, 1]), np.array([[0]]), np.ones(1), (1, 2))
    with pytest.raises(ValueError, match="X: indices has 2 dimensions, expected 1"):
        as_rows(X)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, sparse.csc_array, sparse.coo_array, sparse.csr_matrix])
def test_complex_data(make):
    with pytest.raises(ValueError, match="Complex data not supported"):
        as_rows(make(np.eye(2, dtype=complex)))


def test_objects():
    with pytest.raises(TypeError, match="X: dtype object is not allowed"):
        as_rows(raw_csr(np.array([0, 1]), np.array([0]), np.array(["a"], dtype=object), (1, 2)))
    with pytest.raises(ValueError, match="X: expected numbers; could not convert string to float"):
        as_rows([["a", "b"]])
    with pytest.raises(TypeError, match=r"X: expected numbers; .*argument must be a string or a real number"):
        as_rows(np.array([[{"a": 1}, 1.0]], dtype=object))
    with pytest.raises(TypeError, match="X: dtype datetime64"):
        as_rows(np.array([["2020-01-01"]], dtype="datetime64[D]"))
    with pytest.raises(ValueError, match="Complex data not supported"):
        as_rows(np.array([[1j, 1.0]], dtype=object))
    np.testing.assert_array_equal(as_rows(np.array([[1, 2.5]], dtype=object)).data, [1, 2.5])


HUGE = 10**400


@pytest.mark.parametrize("value", [HUGE, -(10**5000), Fraction(HUGE)], ids=["long", "too long to write", "fraction"])
def test_numbers_beyond_float64(value):
    X = np.array([[1.0, 2.0], [3.0, value], [value, 0.0]], dtype=object)
    for name, call in (
        ("X", lambda: Lasso().fit(X, np.ones(3))),
        ("X", lambda: Lasso().fit(np.eye(3), np.ones(3)).predict([[0.0, value, 0.0]])),
        ("y", lambda: Lasso().fit(np.eye(3), [0.0, value, 1.0])),
        ("sample_weight", lambda: Lasso().fit(np.eye(3), np.ones(3), [1.0, value, 1.0])),
        ("offset", lambda: lasso_path(np.eye(3), np.ones(3), offset=[0.0, value, 0.0])),
        ("alphas", lambda: lasso_path(np.eye(3), np.ones(3), alphas=[value, 1.0])),
        ("alpha", lambda: Lasso(value).fit(np.eye(3), np.ones(3))),
        ("penalty_factor", lambda: Lasso(penalty_factor=value).fit(np.eye(3), np.ones(3))),
        (r"bounds \(upper\)", lambda: Lasso(bounds=(None, value)).fit(np.eye(3), np.ones(3))),
        ("intercept_init", lambda: SGDRegressor().fit(np.eye(3), np.ones(3), intercept_init=value)),
        ("coef_init", lambda: SGDRegressor().fit(np.eye(3), np.ones(3), coef_init=[value, 0, 0])),
        ("y", lambda: metrics.r2([value, 1.0], [1.0, 1.0])),
        ("X must be numbers of degrees", lambda: LatLongCross().fit([[0.0, value]])),
        ("minutes must be a number, got", lambda: LatLongCross(value).fit([[0.0, 0.0]])),
    ):
        with pytest.raises(ValueError, match=f"^{name}:? ") as failure:
            call()
        assert len(str(failure.value)) < 200
    if isinstance(value, int):
        with pytest.raises(ValueError, match=r"^X: expected numbers; .* \(a whole number of \d+ bits at \(1, 1\)\)$"):
            as_rows(X)
        with pytest.raises(ValueError, match=r"^max_iter: a whole number of \d+ bits is outside \[1, 2147483647\]$"):
            Lasso(max_iter=value).fit(np.eye(3), np.ones(3))
        with pytest.raises(ValueError, match=r"^n_alphas: a whole number of \d+ bits is outside \[1, 2147483647\]$"):
            lasso_path(np.eye(3), np.ones(3), n_alphas=value)
        with pytest.raises(ValueError, match=r"^average: a whole number of \d+ bits is outside \[1, 9007199254"):
            SGDRegressor(algorithm="prox_sgd", average=value).fit(np.eye(3), np.ones(3))
        with pytest.raises(TypeError, match=r"^scoring: the scorer returned a whole number of \d+ bits, expected a"):
            LassoCV(cv=2, scoring=lambda model, X, y: value).fit(np.eye(4), np.arange(4.0))


def test_rows_of_different_lengths():
    with pytest.raises(ValueError, match=r"^X: expected an array of numbers; "):
        as_rows([[1.0, 2.0], [3.0]])
    with pytest.raises(ValueError, match=r"^X: expected an array; "):
        Lasso().fit(np.eye(2), np.ones(2)).predict([[1.0, 2.0], [3.0]])


def test_shapes():
    for X, message in (
        (np.empty((0, 5)), "Found array with 0 sample(s) (shape=(0, 5)) while a minimum of 1 is required."),
        (np.empty((5, 0)), "Found array with 0 feature(s) (shape=(5, 0)) while a minimum of 1 is required."),
        (sparse.csr_array((0, 5)), "Found array with 0 sample(s) (shape=(0, 5)) while a minimum of 1 is required."),
        (sparse.csc_array((5, 0)), "Found array with 0 feature(s) (shape=(5, 0)) while a minimum of 1 is required."),
        (np.ones(3), "Expected 2D array, got 1D array instead:\nX=[1. 1. 1.].\nReshape your data"),
        (3.0, "Expected 2D array, got scalar array instead"),
        (np.ones((2, 2, 2)), "Found array with dim 3"),
        (pd.DataFrame(index=range(5)), "Found array with 0 feature(s) (shape=(5, 0))"),
        (pd.Series([1.0, 0.0], dtype=pd.SparseDtype(float, 0.0)), "Expected 2D array, got 1D array instead"),
        (sparse.coo_array(np.ones(3)), "Expected 2D array, got 1D array instead"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            as_rows(X)
    with pytest.raises(ValueError, match=f"X: {MAX_SAMPLES + 1} rows, at most {MAX_SAMPLES} are allowed"):
        check_shape((MAX_SAMPLES + 1, 3))


@pytest.mark.parametrize(("value", "words"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")])
def test_dense_values_must_be_finite(value, words):
    X = np.eye(3)
    X[1, 2] = value
    with pytest.raises(ValueError, match=re.escape(f"Input X contains {words}") + r".* at \(1, 2\)"):
        as_rows(X)
    with pytest.raises(ValueError, match=re.escape("X: expected numbers")):
        as_rows(pd.DataFrame({"a": ["x", None]}))


def test_y():
    y = np.arange(3.0)
    assert check_y(y, 3) is y
    for same in ([0, 1, 2], y[:, None], y.astype(np.float32), pd.Series(y), y.astype(object)):
        np.testing.assert_array_equal(check_y(same, 3), y)
    for wrong, message in (
        (None, "requires y to be passed, but the target y is None"),
        ([1, 2], "y: length 2 does not match the 3 rows of X"),
        (np.ones((3, 2)), "y should be a 1d array, got an array of shape (3, 2) instead."),
        (3.0, "y should be a 1d array, got an array of shape () instead."),
        ([1, np.nan, 2], "Input y contains NaN. (nan at 1;"),
        ([1, 2, np.inf], "Input y contains infinity"),
        ([1, 2, 3j], "Complex data not supported"),
        (["a", "b", "c"], "y: expected numbers"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            check_y(wrong, 3)
    with pytest.raises(TypeError, match="y: sparse data is not allowed"):
        check_y(sparse.csr_array(np.ones((3, 1))), 3)
    with pytest.raises(ValueError, match="contains infinity or a value too large"):
        check_y(np.array([1, 2, np.longdouble("1e400")]), 3)


def test_sample_weight():
    assert check_sample_weight(None, 3) is None
    np.testing.assert_array_equal(check_sample_weight(2, 3), [2, 2, 2])
    np.testing.assert_array_equal(check_sample_weight([0, 1, 2], 3), [0, 1, 2])
    for wrong, message in (
        ([1, -2, 1], "sample_weight: -2.0 at position 1 is negative, expected 0 or more"),
        (-1.0, "sample_weight: -1.0 at position 0 is negative"),
        ([0, 0, 0], "sample_weight: all 3 weights are zero, expected at least one above 0"),
        ([1, 1], "sample_weight: length 2 does not match the 3 rows of X"),
        (np.ones((3, 1)), "sample_weight should be a 1d array"),
        ([1, np.nan, 1], "Input sample_weight contains NaN"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            check_sample_weight(wrong, 3)


def test_offset():
    assert check_offset(None, 3) is None
    np.testing.assert_array_equal(check_offset(-1, 3), [-1, -1, -1])
    np.testing.assert_array_equal(check_offset([0, -1, 2], 3), [0, -1, 2])
    for wrong, message in (
        ([1, 1], "offset: length 2 does not match the 3 rows of X"),
        ([1, np.inf, 1], "Input offset contains infinity"),
        (np.ones((3, 2)), "offset should be a 1d array"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            check_offset(wrong, 3)


def test_offsets_of_several_outputs():
    assert check_offsets(None, 3, 2) is None
    np.testing.assert_array_equal(check_offsets(-1, 3), [-1, -1, -1])
    np.testing.assert_array_equal(check_offsets([[0, 1], [2, 3], [4, 5]], 3, 2), [[0, 1], [2, 3], [4, 5]])
    for wrong, message in (
        (1.0, "offset: shape () is not allowed, expected (3, 2), a column for each class"),
        (np.ones(3), "offset: shape (3,) is not allowed"),
        (np.ones((3, 3)), "offset: shape (3, 3) is not allowed"),
        ([[0, 1], [2, np.nan], [4, 5]], "Input offset contains NaN. (nan at (1, 1)"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            check_offsets(wrong, 3, 2)


def test_values_in_messages_are_short():
    deep = []
    for _ in range(10**5):
        deep = [deep]
    assert shown(deep) == "a list that is nested too deep to be shown"
    assert shown(10**5000) == "a whole number of 16610 bits"
    assert len(shown("x" * 10**6)) < 50
    while deep:  # so that freeing it is not deep either
        deep = deep.pop()
