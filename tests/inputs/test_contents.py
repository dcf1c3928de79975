"""What is in a file, checked before any of it is used."""

import numpy as np
import pytest

from sparsereg.inputs.contents import (
    Malformed,
    array_of,
    check_finite,
    check_ids,
    check_names,
    flag_of,
    number_of,
    reading,
    whole_of,
    within,
)


def test_numbers_of_the_metadata():
    meta = {"n": 3, "x": 0.5, "yes": True}
    assert whole_of(meta, "n", 3, 3) == 3
    assert number_of(meta, "n") == 3.0
    assert number_of(meta, "x", 0.5) == 0.5
    assert flag_of(meta, "yes") is True


@pytest.mark.parametrize("value", [2, 4, 3.0, True, None, "3", [3], 10**400])
def test_other_whole_numbers_are_refused(value):
    with pytest.raises(ValueError, match=r"^n: .* is not allowed, expected a whole number in \[3, 3\]"):
        whole_of({"n": value}, "n", 3, 3)


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), True, None, "3", 10**400])
def test_other_numbers_are_refused(value):
    with pytest.raises(ValueError, match=r"^x: .* is not allowed, expected a finite number from 0 on"):
        number_of({"x": value}, "x", 0.0)


@pytest.mark.parametrize("value", [0, 1, None, "true"])
def test_other_flags_are_refused(value):
    with pytest.raises(ValueError, match=r"^yes: .* is not allowed, expected true or false"):
        flag_of({"yes": value}, "yes")


def test_what_is_missing():
    for read in (lambda: whole_of({}, "n", 0, 1), lambda: number_of({}, "n"), lambda: flag_of({}, "n")):
        with pytest.raises(ValueError, match=r"^'n' is missing"):
            read()
    with pytest.raises(ValueError, match=r"^the array 'n' is missing"):
        array_of({}, "n", np.int64, ())
    with pytest.raises(ValueError, match=r"^the array 'b' is missing"):
        check_names({"a": np.zeros(1)}, {"a", "b"}, set())
    with pytest.raises(ValueError, match=r"^the array 'c' is not allowed, expected a, b"):
        check_names({"a": np.zeros(1), "c": np.zeros(1)}, {"a"}, {"b"})
    check_names({"a": np.zeros(1), "b": np.zeros(1)}, {"a"}, {"b"})


def test_arrays_of_a_known_form():
    a = np.zeros((3, 2))
    assert array_of({"a": a}, "a", np.float64, (None, 2)) is a
    for dtype, shape in ((np.float32, (3, 2)), (np.float64, (3,)), (np.float64, (None, 3)), (np.float64, ())):
        with pytest.raises(ValueError, match=r"^a: float64 of shape \(3, 2\) is not allowed, expected"):
            array_of({"a": a}, "a", dtype, shape)


@pytest.mark.parametrize("value", [None, [0.0], "0", 0.0])
def test_what_is_no_array_is_refused(value):
    with pytest.raises(ValueError, match=r"^a: .* is not allowed, expected an array of float64"):
        array_of({"a": value}, "a", np.float64, ())


def test_errors_say_where_once():
    with pytest.raises(Malformed, match=r"^model.coef: it is wrong"), within("model"), within("model.coef"):
        raise ValueError("it is wrong")
    with pytest.raises(KeyError), within("model"):
        raise KeyError("another error is none of the file's")


def test_finite_numbers():
    check_finite(np.array([0.0, 1e308]), "a", 0.0)
    check_finite(np.empty(0), "a")
    for value in (np.nan, np.inf, -np.inf):
        with pytest.raises(ValueError, match=rf"^a: {value} at position 1 is not allowed"):
            check_finite(np.array([[0.0, value]]), "a")
    with pytest.raises(ValueError, match=r"^a: -1.0 at position 0 is not allowed, expected finite numbers from 0 on"):
        check_finite(np.array([-1.0, 2.0]), "a", 0.0)


def test_ids():
    check_ids(np.array([2, 0, 9]), 10, "ids")
    check_ids(np.empty(0, dtype=np.int64), 1, "ids")
    with pytest.raises(ValueError, match=r"^ids: id 10 at position 1 is outside \[0, 10\)"):
        check_ids(np.array([2, 10]), 10, "ids")
    with pytest.raises(ValueError, match=r"^ids: id -1 at position 0 is outside"):
        check_ids(np.array([-1, 2]), 10, "ids")
    with pytest.raises(ValueError, match=r"^ids: id 3 is there twice"):
        check_ids(np.array([3, 1, 3]), 10, "ids")


def test_the_file_is_named():
    message = r"^path: '/a/b' cannot be read as a model: what is wrong"
    with pytest.raises(ValueError, match=message), reading("/a/b", "model"):
        raise ValueError("what is wrong")
