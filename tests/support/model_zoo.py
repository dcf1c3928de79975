"""One fitted model of every kind, setting and form of data that model files must carry."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from scipy import sparse

import sparsereg as sr

N_ROWS, N_FEATURES = 60, 10**12
N_NAMED = 12
PLACES = np.arange(30, dtype=np.int64) ** 3 * 30_000_007


def make_data():
    """Rows of about five entries in a trillion columns, columns with names, and targets of every kind."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(N_ROWS, PLACES.size)) * (rng.random((N_ROWS, PLACES.size)) < 0.2)
    rows, columns = np.nonzero(values)
    X = sparse.csr_array((values[rows, columns], (rows, PLACES[columns])), shape=(N_ROWS, N_FEATURES))
    signal = 2.0 * values[:, 0] - 1.5 * values[:, 1] + values[:, 2] + 0.3 * rng.normal(size=N_ROWS)
    frame = pd.DataFrame(values[:, :N_NAMED], columns=[f"column {k}" for k in range(N_NAMED)])
    return X, frame, {
        "numbers": signal,
        "counts": rng.poisson(np.exp(0.3 * signal)).astype(float),
        "shares": (signal > 0.0).astype(float),
        "two": np.where(signal > 0.0, "yes", "no"),
        "three": np.array([10, 20, 30])[(signal > -0.6).astype(int) + (signal > 0.6)],
    }


X, FRAME, Y = make_data()
WEIGHT = 1.0 + np.arange(N_ROWS) % 3
OFFSET = np.linspace(-0.5, 0.5, N_ROWS)
FACTORS = {int(PLACES[0]): 0.0, int(PLACES[4]): 2.0}

BATCH = {
    "lasso": (sr.Lasso(0.05), "numbers", {}),
    "lasso, settings": (sr.Lasso(alpha=np.float64(0.05), penalty_factor=FACTORS, positive=True), "numbers", {}),
    "lasso, weights": (sr.Lasso(0.05, standardize=True, bounds=(-1.0, 1.5)), "numbers", {"sample_weight": WEIGHT}),
    "lasso, nothing": (sr.Lasso(1e6), "numbers", {}),
    "elastic net": (sr.ElasticNet(0.05, fit_intercept=False), "numbers", {}),
    "mcp": (sr.ElasticNet(0.05, l1_ratio=1.0, penalty="mcp"), "numbers", {}),
    "l0": (sr.Lasso(0.05, penalty="l0"), "numbers", {}),
    "ridge": (sr.Ridge(0.05), "numbers", {}),
    "huber": (sr.HuberRegressor(0.05, delta=0.5), "numbers", {}),
    "poisson": (sr.PoissonRegressor(0.05), "counts", {"offset": OFFSET}),
    "logistic, two": (sr.LogisticRegression(0.02, class_weight={"yes": 2.0}), "two", {}),
    "logistic, three": (sr.LogisticRegression(0.02, label_smoothing=0.1), "three", {}),
    "logistic, scad": (sr.LogisticRegression(0.02, penalty="scad", gamma=5.0), "two", {}),
    "svc, two": (sr.LinearSVC(0.02), "two", {}),
    "svc, three": (sr.LinearSVC(0.02, class_weight="balanced"), "three", {}),
}
GRID = {"n_alphas": 5, "eps": 0.1, "cv": 3}
CHOSEN = {
    "lasso cv": (sr.LassoCV(**GRID), "numbers", {}),
    "elastic net cv": (sr.ElasticNetCV(l1_ratio=[0.5, 1.0], rule="1se", **GRID), "numbers", {}),
    "ridge cv": (sr.RidgeCV(**GRID), "numbers", {}),
    "poisson cv": (sr.PoissonRegressorCV(relax=True, **GRID), "counts", {}),
    "logistic cv, two": (sr.LogisticRegressionCV(scoring=["auc", "log_loss"], **GRID), "two", {}),
    "logistic cv, three": (sr.LogisticRegressionCV(**GRID), "three", {}),
}
STREAMS = {
    "ftrl, two": (sr.SGDClassifier(alpha=1e-3, min_count=2), "two"),
    "ftrl, three": (sr.SGDClassifier(alpha=1e-3, penalty="mcp", dropout=0.1, random_state=3), "three"),
    "ftrl, hinge": (sr.SGDClassifier("squared_hinge", alpha=1e-3, drop_stale=20, class_weight={10: 2.0}), "three"),
    "adagrad": (sr.SGDClassifier(algorithm="adagrad", alpha=1e-3, l1_ratio=0.5, penalty="elasticnet"), "two"),
    "prox sgd": (sr.SGDRegressor(algorithm="prox_sgd", alpha=1e-3, eta0=0.01, weight_decay=1e-3), "numbers"),
    "averaged": (sr.SGDRegressor("huber", algorithm="prox_sgd", alpha=1e-3, eta0=0.01, average=10), "numbers"),
    "counts": (sr.SGDRegressor("poisson", alpha=1e-3, eta0=0.05, fit_intercept=False, total_weight=500.0), "counts"),
}
GRID_OF_PATHS = {"n_alphas": 6, "eps": 0.05}
PATHS = {
    "path": ("squared", "numbers", {}),
    "path, ridge": ("squared", "numbers", {"l1_ratio": 0.0}),
    "path, relaxed": ("squared", "numbers", {"relax": True, "sample_weight": WEIGHT}),
    "path, mcp": ("squared", "numbers", {"penalty": "mcp"}),
    "path, huber": ("huber", "numbers", {"delta": 0.7}),
    "path, counts": ("poisson", "counts", {"offset": OFFSET}),
    "path, hinge": ("squared_hinge", "shares", {}),
}


def blocks(kind, n_blocks=3):
    """The rows in order, some at a time."""
    size = N_ROWS // n_blocks
    for start in range(0, N_ROWS, size):
        yield X[start : start + size], Y[kind][start : start + size]


def classes_of(kind):
    return sorted({*Y[kind].tolist()}) if kind in ("two", "three") else None


def fitted_streams():
    """Each streaming model after `partial_fit`, and some after the other kinds of fits."""
    for name, (model, kind) in STREAMS.items():
        classes = classes_of(kind)
        for part in blocks(kind):
            model.partial_fit(*part, **({} if classes is None else {"classes": classes}))
        yield f"{name}, parts", model
    yield "stream", sr.SGDClassifier(alpha=1e-3).fit_stream(list(blocks("two")), classes=["no", "yes"], n_passes=2)
    yield "memory", sr.SGDClassifier(alpha=1e-2, random_state=0).fit(X, Y["three"])
    yield "memory, finished", sr.SGDRegressor(alpha=1e-2, random_state=0, finish_tol=1e-6).fit(X, Y["numbers"])
    yield "as batch", sr.SGDClassifier(alpha=1e-2, random_state=0).fit(X, Y["two"]).to_batch()
    yield "names, stream", sr.SGDRegressor(alpha=1e-2, random_state=0).partial_fit(FRAME, Y["numbers"])


def fitted():
    """Yield (name, model) for every one of them; warnings of small data are of no interest."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, (model, kind, more) in {**BATCH, **CHOSEN}.items():
            yield name, model.fit(X, Y[kind], **more)
        for name, kind in (("calibrated, two", "two"), ("calibrated, three", "three")):
            yield name, sr.LogisticRegression(0.02).fit(X, Y[kind]).calibrate(X[::-1], Y[kind][::-1])
        yield "calibrated, cv", sr.LogisticRegressionCV(**GRID).fit(X, Y["two"]).calibrate(X, Y["two"], method="prior")
        yield "calibrated, stream", sr.SGDClassifier(alpha=1e-3).fit(X, Y["three"]).calibrate(X, Y["three"])
        yield "kept predictions", sr.LassoCV(keep_predictions=True, random_state=1, **GRID).fit(X, Y["numbers"])
        yield "names", sr.Lasso(0.05, penalty_factor={"column 3": 0.0}).fit(FRAME, Y["numbers"])
        yield "no fit", sr.LogisticRegression(0.5)
        yield "no fit, stream", sr.SGDRegressor("huber", delta=2.0)
        yield "sparse coef_", sr.Lasso(0.05).fit(FRAME, Y["numbers"]).sparsify()
        yield from fitted_streams()
        for name, (loss, kind, more) in PATHS.items():
            yield name, sr.regularization_path(X, Y[kind], loss=loss, **GRID_OF_PATHS, **more)
        yield "path, two", sr.logistic_path(X, Y["two"], l1_ratio=0.5, **GRID_OF_PATHS)
        yield "path, three", sr.logistic_path(X, Y["three"], **GRID_OF_PATHS)
        yield "path, names", sr.lasso_path(FRAME, Y["numbers"], **GRID_OF_PATHS)


def rows_of(model):
    """Rows that a model may be asked about: wide ones, or those with names."""
    names = getattr(model, "feature_names", getattr(model, "feature_names_in_", None))
    n_features = getattr(model, "n_features", getattr(model, "n_features_in_", None))
    return FRAME if names is not None or n_features == N_NAMED else X


def predictions(model):
    """Return all that a fitted model says of rows, as arrays by name."""
    out = {}
    for name in ("decision_function", "predict", "predict_proba", "predict_log_proba"):
        if hasattr(model, name):
            out[name] = np.asarray(getattr(model, name)(rows_of(model), offset=0.0))
    return out


def is_fitted(model):
    return isinstance(model, sr.RegularizationPath) or model.__sklearn_is_fitted__()
