"""What labels and probabilities mean: encoding, smoothing, class weights, and what is refused."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.class_weight import compute_class_weight

from sparsereg.inputs.targets import encode_classes, encode_known, flatten

THREE = np.array([[0.2, 0.3, 0.5], [0.0, 1.0, 0.0], [0.6, 0.4, 0.0], [0.1, 0.1, 0.8]])


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (["b", "a", "b"], ["a", "b"]),
        (np.array(["b", "a", "b"], dtype=object), ["a", "b"]),
        (pd.Series(["b", "a", "b"], dtype="category"), ["a", "b"]),
        ([7, -1, 7], [-1, 7]),
        ([2.0, 1.0, 2.0], [1.0, 2.0]),
        ([True, False, True], [False, True]),
        (np.array([3, 1, 3], dtype=np.uint8), [1, 3]),
        (np.array(["2021", "2020", "2021"], dtype="datetime64[Y]"), np.array(["2020", "2021"], dtype="datetime64[Y]")),
    ],
)
def test_labels_of_any_kind(y, classes):
    targets = encode_classes(y)
    np.testing.assert_array_equal(targets.classes, classes)
    np.testing.assert_array_equal(targets.probabilities, [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    assert targets.sample_weight is None


@given(st.lists(st.sampled_from("abcd"), min_size=2, max_size=30).filter(lambda y: len({*y}) > 1))
def test_probabilities_of_labels_name_them(y):
    targets = encode_classes(y)
    assert targets.classes.tolist() == sorted({*y})
    np.testing.assert_array_equal(targets.classes[targets.probabilities.argmax(axis=1)], y)
    np.testing.assert_array_equal(targets.probabilities.sum(axis=1), 1.0)


def test_numbers_between_0_and_1_are_probabilities_of_class_1():
    targets = encode_classes([0.0, 0.25, 1.0])
    assert targets.classes.tolist() == [0, 1]
    np.testing.assert_array_equal(targets.probabilities, [[1.0, 0.0], [0.75, 0.25], [0.0, 1.0]])
    # All of them 0 or 1: labels, whatever their dtype.
    assert encode_classes([0.0, 1.0, 1.0]).classes.dtype == np.float64


def test_rows_of_probabilities():
    targets = encode_classes(THREE)
    assert targets.classes.tolist() == [0, 1, 2]
    np.testing.assert_allclose(targets.probabilities, THREE, rtol=1e-15)
    # Rounding to float32 is put right.
    single = encode_classes(THREE.astype(np.float32)).probabilities
    np.testing.assert_allclose(single.sum(axis=1), 1.0, rtol=1e-15)
    np.testing.assert_allclose(single, THREE, rtol=1e-6)


def test_rows_of_probabilities_without_weight_are_not_judged():
    targets = encode_classes([[0.5, 0.5], [-1.0, 7.0], [0.2, 0.8]], [1.0, 0.0, 2.0])
    np.testing.assert_allclose(targets.probabilities[[0, 2]], [[0.5, 0.5], [0.2, 0.8]])


def test_smoothing():
    for y in (["a", "b", "c", "a"], THREE):
        plain, smooth = encode_classes(y), encode_classes(y, label_smoothing=0.3)
        np.testing.assert_allclose(smooth.probabilities, 0.7 * plain.probabilities + 0.1, rtol=1e-15)
    assert encode_classes([0, 1], label_smoothing=0.2).probabilities[0, 1] == pytest.approx(0.1)


@pytest.mark.parametrize("weight", [None, np.array([1.0, 2.0, 0.5, 3.0, 1.0])])
def test_class_weights_multiply_sample_weights(weight):
    y = np.array(["a", "b", "a", "c", "c"])
    given_weight = np.ones(5) if weight is None else weight
    by_label = encode_classes(y, weight, class_weight={"a": 2.0, "c": 0.5}).sample_weight
    np.testing.assert_array_equal(by_label, given_weight * [2.0, 1.0, 2.0, 0.5, 0.5])
    smooth = encode_classes(y, weight, class_weight={"a": 2.0, "c": 0.5}, label_smoothing=0.2).sample_weight
    np.testing.assert_array_equal(smooth, by_label)
    balanced = encode_classes(y, weight, class_weight="balanced")
    mass = balanced.sample_weight @ balanced.probabilities
    np.testing.assert_allclose(mass, given_weight.sum() / 3.0)
    if weight is None:
        expected = compute_class_weight("balanced", classes=np.unique(y), y=y)
        np.testing.assert_allclose(balanced.sample_weight, expected[np.searchsorted(np.unique(y), y)])


@pytest.mark.parametrize("weight", [None, np.array([1.0, 2.0, 0.5, 3.0, 1.0])])
def test_a_class_weight_of_0_leaves_the_class_out(weight):
    y = np.array(["a", "b", "a", "c", "c"])
    without = (np.ones(5) if weight is None else weight) * (y != "a")
    expected = encode_classes(y, without, class_weight={"b": 2.0}, label_smoothing=0.1)
    found = encode_classes(y, weight, class_weight={"a": 0.0, "b": 2.0}, label_smoothing=0.1)
    assert found.classes.tolist() == expected.classes.tolist() == ["b", "c"]
    np.testing.assert_array_equal(found.probabilities, expected.probabilities)
    np.testing.assert_array_equal(found.sample_weight, expected.sample_weight)
    # Rows of probabilities lose the share of that class; where nothing else has its rows it is missing from all.
    np.testing.assert_allclose(encode_classes(THREE, class_weight={0: 0.0}).sample_weight, THREE @ [0.0, 1.0, 1.0])
    with pytest.raises(ValueError, match="y: class 0 has probability 0 in every row"):
        encode_classes(np.eye(3), class_weight={0: 0.0})
    with pytest.raises(ValueError, match=r"class_weight: 'z' is not among the classes \['a', 'b', 'c'\]"):
        encode_classes(y, class_weight={"z": 0.0})
    # A stream knows its classes beforehand, and may lack rows of some.
    known = encode_known(y, np.array(["a", "b", "c"]), class_weight={"a": 0.0}, n_samples=5)
    np.testing.assert_array_equal(known.sample_weight, y != "a")


def test_class_weights_of_probabilities():
    targets = encode_classes(THREE, class_weight={0: 1.0, 1: 2.0, 2: 4.0})
    np.testing.assert_allclose(targets.sample_weight, THREE @ [1.0, 2.0, 4.0])
    np.testing.assert_allclose(targets.probabilities, THREE, rtol=1e-15)


def test_class_weights_may_name_a_class_that_is_absent():
    targets = encode_classes(["a", "b"], class_weight={"a": 2.0, "b": 3.0, "c": 4.0})
    np.testing.assert_array_equal(targets.sample_weight, [2.0, 3.0])


def test_rows_without_weight_make_no_class():
    targets = encode_classes(["a", "z", "b"], [1.0, 0.0, 2.0])
    assert targets.classes.tolist() == ["a", "b"]
    np.testing.assert_array_equal(targets.probabilities[[0, 2]], np.eye(2))
    with pytest.raises(ValueError, match=r"y: only one class, \['a'\], has a positive weight"):
        encode_classes(["a", "z", "a"], [1.0, 0.0, 2.0])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a", "a"], r"y: only one class, \['a'\]"),
        ([1.0, 1.0], r"y: only one class, \[1.0\]"),
        ([[1.0, 0.0], [1.0, 0.0]], r"y: only one class, \[0\]"),
        ([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]], "y: class 2 has probability 0 in every row"),
        ([0.0, np.nan, 1.0], "Input y contains NaN"),
        ([0.0, np.inf, 1.0], "Input y contains infinity"),
        (["a", None, "b"], r"Input y contains NaN. \(a missing label in row 1"),
        (np.array(["a", "b", np.nan], dtype=object), "a missing label in row 2"),
        (pd.Series(["a", pd.NA, "b"]), "a missing label in row 1"),
        (np.array(["2020", "NaT"], dtype="datetime64[Y]"), "a missing label in row 1"),
        ([0.5, 2.5, 1.0], r"Unknown label type: continuous. \(y: 2.5 in row 1"),
        ([-0.5, 0.5, 1.0], r"Unknown label type: continuous. \(y: -0.5 in row 0"),
        ([[0.5, 0.5], [0.5, 0.4]], r"y: the probabilities in row 1 sum to 0.9, expected 1"),
        ([[0.5, 0.5], [0.5, 0.50001]], r"y: the probabilities in row 1 sum to 1.00001, expected 1"),
        ([[0.5, 0.5], [1.5, -0.5]], r"y: probability -0.5 in row 1 is negative"),
        ([[0.5, 0.5], [np.nan, 0.5]], "Input y contains NaN"),
        ([["a", "b"], ["a", "b"]], "y: expected numbers; could not convert"),
        ([[0.0], [1.0]], r"y should be a 1d array of labels.*got an array of shape \(2, 1\)"),
        (np.zeros((2, 2, 2)), r"y should be a 1d array"),
        (3, r"y should be a 1d array"),
        (None, "requires y to be passed"),
        ([1 + 1j, 0.0], "Complex data not supported"),
        (np.ma.array([0, 1]), "masked arrays are not allowed"),
        (np.array(["a", 1], dtype=object), r"y: labels of types \['int', 'str'\] cannot be sorted"),
    ],
)
def test_refused_labels(y, message):
    with pytest.raises((ValueError, TypeError), match=message):
        encode_classes(y)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"label_smoothing": 1.0}, ValueError, r"label_smoothing: 1.0 is outside \[0, 1\)"),
        ({"label_smoothing": -0.1}, ValueError, "label_smoothing: -0.1 is outside"),
        ({"label_smoothing": np.nan}, ValueError, "label_smoothing: nan is outside"),
        ({"label_smoothing": True}, TypeError, "label_smoothing: True"),
        ({"label_smoothing": "0.1"}, TypeError, "label_smoothing: '0.1'"),
        ({"class_weight": "even"}, ValueError, "class_weight: 'even' is not allowed, expected None, 'balanced' or"),
        ({"class_weight": [1.0, 2.0]}, ValueError, "class_weight: .* is not allowed"),
        ({"class_weight": {"z": 1.0}}, ValueError, r"class_weight: 'z' is not among the classes \['a', 'b'\]"),
        ({"class_weight": {"a": -1.0}}, ValueError, r"class_weight of 'a': -1.0 is outside \[0, inf\)"),
        ({"class_weight": {"a": 0.0}}, ValueError, r"y: only one class, \['b'\], has a positive weight"),
        ({"class_weight": {"a": np.nan}}, ValueError, "class_weight of 'a': nan is outside"),
        ({"class_weight": {"a": "1"}}, TypeError, "class_weight of 'a': '1' is not allowed"),
        ({"sample_weight": [1.0, -1.0]}, ValueError, "sample_weight: -1.0 at position 1 is negative"),
        ({"n_samples": 3}, ValueError, "y: length 2 does not match the 3 rows of X"),
    ],
)
def test_refused_settings(settings, error, message):
    with pytest.raises(error, match=message):
        encode_classes(["a", "b"], **settings)


def test_flatten():
    with pytest.warns(DataConversionWarning, match="A column-vector y was passed"):
        np.testing.assert_array_equal(flatten([[1.0], [2.0]]), [1.0, 2.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(flatten([1, 2]), [1, 2])
        assert flatten(None) is None
        assert flatten([[1, 2]]).shape == (1, 2)
