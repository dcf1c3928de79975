"""scikit-learn's classes where it is installed, stand-ins that behave alike where it is not."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import sklearn.base
import sklearn.exceptions
import sklearn.metrics
import sklearn.utils.validation
from scipy import sparse

from sparsereg.inputs import sklearn as _sklearn
from sparsereg.inputs import sklearn_stubs as _base
from sparsereg.inputs.sklearn import check_feature_names, feature_names

BLOCKED = """
import sys
sys.modules["sklearn"] = None
import warnings
warnings.simplefilter("error")
import numpy as np
from sparsereg.inputs import sklearn as _sklearn, sklearn_stubs as _base
from sparsereg import FeatureCross, LatLongCross
assert not _sklearn.HAS_SKLEARN
for name in _sklearn.__all__:
    if hasattr(_base, name):
        assert getattr(_sklearn, name) is getattr(_base, name), name
cross = LatLongCross(levels=(60, 10))
assert repr(cross) == "LatLongCross(levels=(60, 10))", repr(cross)
assert cross.fit_transform([[1.0, 2.0]]).nnz == 4
assert _sklearn.clone(cross).get_params() == cross.get_params()
try:
    FeatureCross().transform([[1, 2]])
except _sklearn.NotFittedError as error:
    assert "This FeatureCross instance is not fitted yet" in str(error)
else:
    raise AssertionError
assert FeatureCross(hashed=8).fit_transform([[1, 2]]).nnz == 3
assert "sklearn.base" not in sys.modules
"""


class Lasso:
    """Only its name and attributes matter to the checks."""


def both(name):
    return [pytest.param(getattr(_base, name), id="ours"), pytest.param(getattr(sklearn.base, name), id="sklearn")]


def make_inner_and_outer(base):
    class Inner(base):
        def __init__(self, alpha=1.0, *, kind="a"):
            self.alpha = alpha
            self.kind = kind

    class Outer(base):
        def __init__(self, inner=None, n=3):
            self.inner = inner
            self.n = n

    return Inner, Outer


def test_names_are_scikit_learns_when_it_is_installed():
    assert _sklearn.HAS_SKLEARN
    for name in ("BaseEstimator", "ClassifierMixin", "RegressorMixin", "TransformerMixin"):
        assert getattr(_sklearn, name) is getattr(sklearn.base, name)
    assert _sklearn.NotFittedError is sklearn.exceptions.NotFittedError


def test_everything_works_with_scikit_learn_blocked():
    done = subprocess.run([sys.executable, "-c", BLOCKED], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("base", both("BaseEstimator"))
def test_parameters(base):
    Inner, Outer = make_inner_and_outer(base)
    outer = Outer(Inner(2.0))
    assert outer.get_params(deep=False) == {"inner": outer.inner, "n": 3}
    assert outer.get_params() == {"inner": outer.inner, "inner__alpha": 2.0, "inner__kind": "a", "n": 3}
    assert outer.set_params(inner__alpha=5, n=4) is outer
    assert (outer.inner.alpha, outer.n) == (5, 4)
    replacement = Inner()
    outer.set_params(inner__alpha=9, inner=replacement)
    assert outer.inner is replacement
    assert replacement.alpha == 9
    with pytest.raises(ValueError, match="Invalid parameter 'beta' for estimator Inner"):
        Inner().set_params(beta=1)
    with pytest.raises(ValueError, match="Invalid parameter 'beta'"):
        outer.set_params(inner__beta=1)


@pytest.mark.parametrize("base", both("BaseEstimator"))
def test_repr_shows_what_is_not_default(base):
    Inner, Outer = make_inner_and_outer(base)
    assert repr(Inner()) == "Inner()"
    assert repr(Outer(Inner(2.0, kind="b"))) == "Outer(inner=Inner(alpha=2.0, kind='b'))"
    assert repr(Inner(np.nan)) == "Inner(alpha=nan)"


def test_clone_copies_parameters_deeply_and_forgets_the_fit():
    Inner, Outer = make_inner_and_outer(_base.BaseEstimator)
    outer = Outer(Inner([1, 2]))
    outer.fitted_ = 1
    copy = _base.clone(outer)
    assert copy.inner is not outer.inner
    assert copy.inner.alpha == [1, 2]
    assert copy.inner.alpha is not outer.inner.alpha
    assert not hasattr(copy, "fitted_")


@pytest.mark.parametrize("mixin", both("RegressorMixin"))
@pytest.mark.parametrize("weight", [None, [1.0, 2.0, 0.5, 0.0]])
@pytest.mark.parametrize(
    ("target", "prediction"),
    [
        ([1.0, 2, 4, 8], [1.5, 2, 3, 9]),
        ([[1.0, 0], [2, 1], [4, 1], [8, 5]], [[1.0, 1], [3, 1], [4, 2], [8, 5]]),
        ([3.0, 3, 3, 3], [3.0, 3, 3, 3]),
        ([3.0, 3, 3, 3], [3.0, 4, 3, 3]),
    ],
)
def test_r2(mixin, weight, target, prediction):
    class Model(mixin):
        def predict(self, X):
            return np.array(prediction)

    expected = sklearn.metrics.r2_score(target, prediction, sample_weight=weight)
    assert Model().score(None, target, weight) == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("mixin", both("ClassifierMixin"))
def test_accuracy(mixin):
    class Model(mixin):
        def predict(self, X):
            return np.array(["a", "b", "a"])

    assert Model().score(None, ["a", "b", "b"]) == pytest.approx(2 / 3)
    assert Model().score(None, ["a", "b", "b"], sample_weight=[1, 1, 2]) == 0.5


def test_metrics_are_scikit_learns_when_it_is_installed():
    for name in ("accuracy_score", "r2_score"):
        assert _sklearn.metric(name) is getattr(sklearn.metrics, name)
        assert callable(getattr(_base, name))


def test_fit_transform_passes_what_it_was_given():
    class Model(_base.TransformerMixin):
        def fit(self, X, y=None, extra=None):
            self.seen = (y, extra)
            return self

        def transform(self, X):
            return X, self.seen

    assert Model().fit_transform(1) == (1, (None, None))
    assert Model().fit_transform(1, 2, extra=3) == (1, (2, 3))


def test_what_is_not_fitted_raises():
    model = Lasso()
    with pytest.raises(_base.NotFittedError, match=r"This Lasso instance is not fitted yet. Call 'fit'"):
        _base.raise_unless_fitted(model)
    model.coef_ = 1
    _base.raise_unless_fitted(model)
    model.__sklearn_is_fitted__ = lambda: False
    with pytest.raises(ValueError, match="not fitted"):
        _base.raise_unless_fitted(model)
    assert issubclass(_base.NotFittedError, AttributeError)


def test_feature_names():
    assert feature_names(pd.DataFrame({"a": [1], "b": [2]})).tolist() == ["a", "b"]
    assert feature_names(pd.DataFrame({"a": [1]})).dtype == object
    for nameless in (
        pd.DataFrame({0: [1], 1: [2]}),
        pd.DataFrame(),
        np.zeros((1, 2)),
        sparse.csr_matrix((1, 2)),
        [[1]],
    ):
        assert feature_names(nameless) is None
    with pytest.raises(TypeError, match=r"only supported if all input features have string names.*\['int', 'str'\]"):
        feature_names(pd.DataFrame({"a": [1], 0: [2]}))


def test_width_is_remembered_and_compared():
    model = Lasso()
    check_feature_names(model, sparse.csr_matrix((1, 233_312_400)), reset=True)
    assert model.n_features_in_ == 233_312_400
    assert not hasattr(model, "feature_names_in_")
    check_feature_names(model, np.zeros((2, 5)), reset=True)
    check_feature_names(model, [[1, 2, 3, 4, 5]], reset=False)
    with pytest.raises(ValueError, match=r"^X has 3 features, but Lasso is expecting 5 features as input.$"):
        check_feature_names(model, np.zeros((2, 3)), reset=False)
    for flat in (np.zeros(5), [1.0, 2.0]):
        with pytest.raises(ValueError, match=r"Expected 2D array, got 1D array instead. Reshape your data"):
            check_feature_names(model, flat, reset=False)


def test_names_are_remembered_compared_and_forgotten():
    model, frame = Lasso(), pd.DataFrame(np.zeros((1, 3)), columns=["a", "b", "c"])
    check_feature_names(model, frame, reset=True)
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    check_feature_names(model, frame, reset=False)
    start = "^The feature names should match those that were passed during fit.\n"
    with pytest.raises(ValueError, match=start + "Feature names must be in the same order as they were in fit.\n$"):
        check_feature_names(model, frame[["b", "a", "c"]], reset=False)
    with pytest.raises(
        ValueError, match=start + "Feature names unseen at fit time:\n- d\nFeature names seen .*:\n- c\n$"
    ):
        check_feature_names(model, frame.rename(columns={"c": "d"}), reset=False)
    many = pd.DataFrame(np.zeros((1, 9)), columns=list("abcdefghi"))
    with pytest.raises(ValueError, match=r"- d\n- e\n- f\n- g\n- h\n- \.\.\.\n$"):
        check_feature_names(model, many, reset=False)
    with pytest.warns(
        UserWarning, match=r"^X does not have valid feature names, but Lasso was fitted with feature names$"
    ):
        check_feature_names(model, frame.to_numpy(), reset=False)
    check_feature_names(model, frame.to_numpy(), reset=True)
    assert not hasattr(model, "feature_names_in_")
    with pytest.warns(UserWarning, match=r"^X has feature names, but Lasso was fitted without feature names$"):
        check_feature_names(model, frame, reset=False)


def test_messages_are_scikit_learns():
    ours, theirs = Lasso(), Lasso()
    frame = pd.DataFrame(np.zeros((1, 3)), columns=["a", "b", "c"])
    check_feature_names(ours, frame, reset=True)
    sklearn.utils.validation._check_feature_names(theirs, frame, reset=True)
    for bad in (frame[["c", "b", "a"]], frame[["a"]], frame.rename(columns={"a": "z"})):
        with pytest.raises(ValueError, match="feature names should match") as mine:
            check_feature_names(ours, bad, reset=False)
        with pytest.raises(ValueError, match="feature names should match") as original:
            sklearn.utils.validation._check_feature_names(theirs, bad, reset=False)
        assert str(mine.value) == str(original.value)
