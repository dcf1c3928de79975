"""What estimators and paths hold in files is checked: all that predictions and reports rely on."""

import copy
import re
from dataclasses import replace

import numpy as np
import pytest
from support.model_zoo import FRAME, X, Y, predictions

import sparsereg as sr
from sparsereg.archive import load_archive, save_archive
from sparsereg.model_files.api import FORMAT


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return {name: (arrays, meta)} of a few models."""
    three = sr.LogisticRegression(0.02).fit(X, Y["three"])
    models = {
        "lasso": sr.Lasso(0.05).fit(FRAME, Y["numbers"]),
        "three": three.calibrate(X, Y["three"]),
        "chosen": sr.LassoCV(alphas=[1.0, 0.3, 0.1, 0.0], cv=3).fit(X, Y["numbers"]),
        "path": sr.lasso_path(FRAME, Y["numbers"], n_alphas=4, eps=0.1),
        "paths": sr.logistic_path(X, Y["three"], n_alphas=4, eps=0.1),
    }
    path, found = tmp_path_factory.mktemp("saved") / "model.npz", {}
    for name, model in models.items():
        sr.save_model(model, path)
        found[name] = load_archive(path, FORMAT)
    return found


def changed(content, where, value, path):
    """Write a file in which one value is another; its arrays go with it."""
    arrays, meta = dict(content[0]), copy.deepcopy(content[1])
    *way, last = where.split(".")
    entry = meta["model"]["state"]
    for name in way:
        entry = entry[name]
    former = entry[last]
    if isinstance(value, np.ndarray):
        if isinstance(former, dict) and former.get("type") == "array":
            arrays[former["name"]] = value
        else:
            arrays["new"] = value
            entry[last] = {"type": "array", "name": "new"}
    else:
        if isinstance(former, dict) and former.get("type") == "array":
            arrays.pop(former["name"])
        entry[last] = value
    save_archive(path, arrays, meta, FORMAT)


CALIBRATED = "fitted.calibration_.state"
WRONG = [
    ("lasso", "fitted.intercept_", float("nan"), "intercept_: nan is not allowed"),
    ("lasso", "fitted.intercept_", None, "intercept_: None is not allowed"),
    ("lasso", "fitted.n_features_in_", 13, "n_features_in_: 13 is not allowed"),
    ("lasso", "parameters.callback", {"type": "class", "name": "str"}, r"callback: <class 'str'> is not allowed"),
    ("lasso", "fitted.n_iter_", -1, "n_iter_: -1 is not allowed"),
    ("lasso", "fitted.dual_gap_", "x", "dual_gap_: 'x' is not allowed"),
    ("lasso", "fitted._has_offset", 1, "_has_offset: 1 is not allowed"),
    ("lasso", "fitted._gives_sparse", None, "_gives_sparse: None is not allowed"),
    ("lasso", "fitted._coef", 3, "_coef: 3 is not allowed"),
    ("lasso", "fitted.feature_names_in_", 3, "feature_names_in_: 3 is not allowed"),
    ("lasso", "fitted._coef.state.n_features", 11, "_coef: ids|n_features_in_: 12 is not allowed|outside"),
    ("three", "fitted.classes_", np.array([1, 2]), "classes_: 2 labels are not allowed for 3"),
    ("three", "fitted.classes_", np.array([1, 2, 2]), "classes_: .* expected distinct labels"),
    ("three", "fitted.classes_", np.array([3, 2, 1]), "classes_: .* expected distinct labels"),
    ("three", "fitted.classes_", np.array([[1, 2, 3]]), "classes_: .* expected a row"),
    ("three", "fitted.classes_", [1, 2, 3], "classes_: .* expected a row"),
    ("three", "fitted.intercept_", np.zeros(2), "intercept_: float64 of shape"),
    ("three", "fitted.intercept_", np.array([0.0, np.inf, 0.0]), "intercept_: inf"),
    ("three", "fitted.calibration_", 2.0, "calibration_: 2.0 is not allowed"),
    ("three", f"{CALIBRATED}.slope", float("inf"), "slope: inf is not allowed"),
    ("three", f"{CALIBRATED}.method", "none", "method: 'none' is not allowed"),
    ("three", f"{CALIBRATED}.shift", np.zeros(1), "calibration_: .* expected one for 3 linear predictors"),
    ("three", f"{CALIBRATED}.shift", np.array([0.0, np.nan, 0.0]), "shift: nan"),
    ("chosen", "fitted.path_", None, "path_: None is not allowed"),
    ("chosen", "fitted.alpha_", -1.0, "alpha_: -1.0 is not allowed"),
    ("chosen", "fitted.alphas_", np.zeros((1, 1, 1)), "alphas_: .* is not allowed"),
    ("chosen", "fitted.best_index_", 4, "best_index_: 4 is not allowed"),
    ("chosen", "fitted.measure_", "auc", "measure_: 'auc' is not allowed"),
    ("chosen", "fitted.cv_results_", {"type": "dict", "items": []}, "cv_results_: {} is not allowed"),
    ("chosen", "fitted.alpha_", 0.123, "alpha_: 0.123 is not allowed, expected one of the path's alphas"),
    ("chosen", "fitted.alpha_min_", 0.123, "alpha_min_: 0.123 is not allowed, expected one of the path's alphas"),
    ("chosen", "fitted.alpha_1se_", 0.123, "alpha_1se_: 0.123 is not allowed, expected one of the path's alphas"),
    ("chosen", "fitted.l1_ratio_", 0.5, "path_: its alphas are not those of the table at l1_ratio_"),
    ("chosen", "fitted.best_index_", 3, "best_index_: 3 is not allowed, the table has another alpha"),
    ("chosen", "fitted.alphas_", np.array([1.0, 0.3, 0.1]), "alphas_: not those of the table"),
    ("chosen", "fitted.alphas_", np.array([[1.0, 0.3], [0.2, 0.0]]), "alphas_: not those of the table"),
    ("chosen", "fitted.cv_results_", 3, "cv_results_: 3 is not allowed"),
    ("path", "alphas", np.array([1.0, 2.0, 3.0, 4.0]), "alphas: not in descending order"),
    ("path", "alphas", np.array([1.0, np.nan, 0.5, 0.1]), "alphas: nan at position 1"),
    ("path", "alphas", np.zeros(0), "alphas: shape|alphas: float64"),
    ("path", "l1_ratio", 5.0, "l1_ratio: 5.0 is not allowed, expected a number in"),
    ("path", "dual_gaps", np.zeros(3), "dual_gaps: float64 of shape"),
    ("path", "df", np.zeros(4), "df: float64 of shape"),
    ("path", "intercepts", np.zeros((4, 1)), "intercepts: float64 of shape"),
    ("path", "intercepts", np.zeros((4, 3)), "sparse_coef: .* expected 12 vectors"),
    ("path", "intercepts", 1, "intercepts: 1 is not allowed"),
    ("path", "sparse_coef", None, "sparse_coef: None is not allowed"),
    ("path", "loss", "absolute", "loss: 'absolute' is not allowed"),
    ("path", "loss", ["squared"], "loss: .* is not allowed"),
    ("path", "penalty", "l3", "penalty: 'l3' is not allowed"),
    ("path", "n_samples", -4, "n_samples: -4 is not allowed"),
    ("path", "relaxed", 0, "relaxed: 0 is not allowed"),
    ("path", "delta", float("inf"), "delta: inf is not allowed"),
    ("path", "total_weight", -1.0, "total_weight: -1.0 is not allowed"),
    ("path", "feature_names", "names", "feature_names: 'names' is not allowed"),
    ("paths", "classes", np.array([1, 2]), "classes: 2 labels are not allowed for 3"),
    ("paths", "violations", np.zeros(7), "violations: float64 of shape"),
]


@pytest.mark.parametrize(("name", "where", "value", "message"), WRONG)
def test_what_no_fit_gives_is_refused(name, where, value, message, saved, tmp_path):
    path = tmp_path / "model.npz"
    changed(saved[name], where, value, path)
    with pytest.raises(ValueError, match=rf"^path: {re.escape(repr(str(path)))} cannot be read as .*({message})"):
        sr.load_model(path)


@pytest.mark.parametrize("scoring", [None, ["r2", "mse"]])
def test_what_a_cross_validation_prints_is_there(scoring, tmp_path):
    """Without a column of its table, or with another in its place, a file is refused."""
    path, model = tmp_path / "model.npz", sr.LassoCV(alphas=[1.0, 0.3, 0.1, 0.0], cv=3, scoring=scoring)
    sr.save_model(model.fit(X, Y["numbers"]), path)
    arrays, meta = load_archive(path, FORMAT)
    items = meta["model"]["state"]["fitted"]["cv_results_"]["items"]
    assert len(items) == 3 + 4 * 2
    for k, (key, entry) in enumerate(items):
        one, wide = np.zeros(4), np.zeros((4, 2))
        for value in (None, 3.0, np.zeros(2), one.astype(np.float32), one, wide, np.zeros((4, 0))):
            former = arrays[entry["name"]]
            if isinstance(value, np.ndarray) and (value.dtype, value.shape) == (former.dtype, former.shape):
                continue
            other, changed_meta = dict(arrays), copy.deepcopy(meta)
            changed_items = changed_meta["model"]["state"]["fitted"]["cv_results_"]["items"]
            if isinstance(value, np.ndarray):
                other[entry["name"]] = value
            else:
                other.pop(entry["name"])
                changed_items[k : k + 1] = [] if value is None else [[key, value]]
            save_archive(path, other, changed_meta, FORMAT)
            with pytest.raises(ValueError, match=r"cv_results_|measure_|alphas_"):
                sr.load_model(path)


@pytest.mark.parametrize("dtype", [np.int8, np.int64])
def test_a_vector_of_folds_is_a_parameter_of_as_many_bytes(dtype, tmp_path):
    """As the documentation of `save_model` says, in bytes too."""
    y = np.arange(4000.0) % 7
    cv, rows = (np.arange(4000) % 3).astype(dtype), np.column_stack([y, y**2])
    model = sr.LassoCV(alphas=[0.1, 0.0], cv=cv).fit(rows, y)
    whole = sr.save_model(model, tmp_path / "model.npz").nbytes
    loaded = sr.load_model(tmp_path / "model.npz")
    np.testing.assert_array_equal(loaded.get_params()["cv"], cv, strict=True)
    assert loaded.cv_folds_ is None
    assert whole - sr.save_model(model.set_params(cv=3), tmp_path / "model.npz").nbytes - cv.nbytes in range(600)


@pytest.mark.parametrize("name", ["alpha", "tol", "penalty"])
def test_parameters_that_a_file_does_not_know_have_their_defaults(name, saved, tmp_path):
    arrays, meta = saved["lasso"]
    state = meta["model"]["state"]
    less = {key: value for key, value in state["parameters"].items() if key != name}
    meta = {"model": {**meta["model"], "state": {**state, "parameters": less}}}
    save_archive(tmp_path / "model.npz", arrays, meta, FORMAT)
    loaded = sr.load_model(tmp_path / "model.npz")
    assert loaded.get_params()[name] == sr.Lasso().get_params()[name]
    assert predictions(loaded).keys() == {"predict"}


def test_broken_paths_are_not_saved(tmp_path):
    path = sr.lasso_path(FRAME, Y["numbers"], n_alphas=4, eps=0.1)
    with pytest.raises(ValueError, match=r"model: it holds what no fit gives.*alphas: not in descending order"):
        sr.save_model(replace(path, alphas=path.alphas[::-1].copy()), tmp_path / "model.npz")
    assert not list(tmp_path.iterdir())


def test_a_path_in_a_model_is_of_the_same_columns(tmp_path):
    model = sr.LassoCV(alphas=[1.0, 0.3, 0.1, 0.0], cv=3).fit(X, Y["numbers"])
    model.path_ = sr.lasso_path(FRAME, Y["numbers"], n_alphas=4, eps=0.1)
    with pytest.raises(ValueError, match="path_: not of as many columns"):
        sr.save_model(model, tmp_path / "model.npz")
