"""Declared constructors: what scikit-learn and users see of them."""

import ast
import inspect
import pickle
from pathlib import Path

import pytest
from sklearn.base import clone

import sparsereg
from sparsereg.estimators import glm

AT_ONE_ALPHA = ["Lasso", "Ridge", "ElasticNet", "HuberRegressor", "PoissonRegressor", "LogisticRegression", "LinearSVC"]
STREAMING = ["SGDClassifier", "SGDRegressor"]
CROSS_VALIDATED = ["LassoCV", "RidgeCV", "ElasticNetCV", "PoissonRegressorCV", "LogisticRegressionCV"]
each_class = pytest.mark.parametrize(
    "kind", [getattr(sparsereg, name) for name in AT_ONE_ALPHA + CROSS_VALIDATED + STREAMING],
    ids=lambda kind: kind.__name__,
)


@each_class
def test_only_alpha_or_the_loss_is_positional(kind):
    kinds = {name: p.kind for name, p in inspect.signature(kind).parameters.items()}
    positional = [name for name, of in kinds.items() if of is not inspect.Parameter.KEYWORD_ONLY]
    first = {"alpha": AT_ONE_ALPHA, "loss": STREAMING}
    assert positional == [name for name, kinds in first.items() if kind.__name__ in kinds]
    with pytest.raises(TypeError, match=rf"^{kind.__name__}\.__init__\(\) takes "):
        kind(0.1, True)


@each_class
def test_parameters_are_stored_as_given_and_shown_where_not_default(kind):
    given = object()
    model = kind(max_iter=given)
    assert model.max_iter is model.get_params()["max_iter"] is given
    assert list(model.get_params()) == sorted(inspect.signature(kind).parameters)
    assert repr(kind()) == f"{kind.__name__}()"
    assert repr(kind(tol=0.5)) == f"{kind.__name__}(tol=0.5)"
    assert "fit_intercept" in model._repr_html_()
    for copy in (clone(kind(tol=0.5)), pickle.loads(pickle.dumps(kind(tol=0.5))), kind().set_params(tol=0.5)):
        assert type(copy) is kind
        assert copy.get_params() == kind(tol=0.5).get_params()


@each_class
def test_equality_is_identity(kind):
    assert kind.__eq__ is object.__eq__
    assert kind.__hash__ is object.__hash__
    assert not hasattr(kind, "__match_args__")


def test_a_subclass_may_write_its_constructor():
    class Half(sparsereg.ElasticNet):
        """An elastic net at l1_ratio 0.5 and no other."""

        def __init__(self, alpha=0.1):
            super().__init__(alpha)

    model = Half().fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0])
    assert model.get_params() == {"alpha": 0.1}
    assert model.coef_ == sparsereg.ElasticNet(0.1).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0]).coef_


def test_no_constructor_is_written_by_hand():
    folder = Path(glm.__file__).parent
    # A table model holds what is fitted already: it is no estimator, and has no parameters to set or to clone.
    for path in {*folder.glob("*.py")} - {folder / "table_model.py"}:
        functions = [node for node in ast.walk(ast.parse(path.read_text())) if hasattr(node, "args")]
        assert "__init__" not in {getattr(node, "name", None) for node in functions}, path.name
