"""Fits to rows that stay on the workers: the same as those to the whole, to the tolerance, certified over all of it."""

import numpy as np
import pytest
from support.distributed_data import features, matrix

from sparsereg import ElasticNet, Lasso, LogisticRegression, PoissonRegressor, Reduced, regularization_path
from sparsereg.dask import (
    DaskElasticNet,
    DaskLasso,
    DaskLogisticRegression,
    DaskPoissonRegressor,
    DaskRidge,
    dask_path,
    staying,
)
from sparsereg.dask.cluster import ClusterError
from sparsereg.dask.staying import can_stay

MODELS = [
    (DaskLasso, Lasso, "y", {"alpha": 2e-3, "standardize": True}),
    (DaskElasticNet, ElasticNet, "y", {"alpha": 5e-3, "positive": True}),
    (DaskLogisticRegression, LogisticRegression, "label", {"alpha": 2e-3}),
    (DaskPoissonRegressor, PoissonRegressor, "count", {"alpha": 2e-3, "l1_ratio": 0.8}),
]


@pytest.mark.parametrize(("kind", "plain", "target", "settings"), MODELS)
def test_estimators_are_those_of_the_whole(client, frame, files, kind, plain, target, settings):
    model = kind(where="stay", features=features(frame), tol=1e-9, **settings)
    model.fit(files, target, sample_weight="weight")
    local = plain(tol=1e-9, **settings).fit(matrix(frame), frame[target], frame["weight"])
    assert model.objective_ == pytest.approx(local.objective_, rel=1e-9)
    assert model.dual_gap_ <= 1e-9
    np.testing.assert_array_equal(model.sparse_coef_.indices, local.sparse_coef_.indices)
    np.testing.assert_allclose(model.sparse_coef_.data, local.sparse_coef_.data, rtol=1e-3, atol=1e-4)
    assert model.n_active_ == local.n_active_
    scores = [getattr(each, "decision_function", each.predict)(matrix(frame)[:9]) for each in (model.to_local(), local)]
    np.testing.assert_allclose(*scores, rtol=1e-3, atol=1e-4)
    found = model.reduction_
    assert (found.where, found.n_parts, found.n_samples) == ("stay", 7, len(frame))
    assert found.passes >= 5
    assert found.bytes_to_client > 0
    assert "rows stayed where they are" in str(found)


def test_paths_are_those_of_the_whole(client, frame, files, capsys):
    last = matrix(frame).shape[1] - 1
    settings = {"loss": "poisson", "n_alphas": 6, "eps": 0.03, "penalty_factor": {last: 0.0}, "tol": 1e-9}
    path = dask_path(files, "count", where="stay", features=features(frame), verbose=1, **settings)
    local = regularization_path(matrix(frame), frame["count"], **settings)
    np.testing.assert_allclose(path.alphas, local.alphas, rtol=1e-5)
    np.testing.assert_allclose(path.objectives, local.objectives, rtol=1e-7)
    np.testing.assert_array_equal(path.df, local.df)
    assert path.dual_gaps.max() <= 1e-9
    assert path.to_local().evaluate(matrix(frame), frame["count"])["deviance_explained"].shape == (6,)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["reduced:", *["alpha"] * 6]


@pytest.mark.parametrize(
    ("target", "settings", "said"),
    [
        ("y", {"loss": "huber"}, "loss: 'huber' is not allowed for rows that stay"),
        ("y", {"penalty": "mcp"}, "penalty: 'mcp' is not allowed for rows that stay"),
        ("y", {"l1_ratio": 0.0}, "l1_ratio: 0 is not allowed for rows that stay"),
        ("y", {"alphas": [0.1, 0.0]}, "alphas: 0 is not allowed for rows that stay"),
        ("y", {"relax": True}, "relax: True is not allowed for rows that stay"),
        ("colour", {"loss": "logistic"}, "y: 3 classes are not allowed for rows that stay"),
        ("count", {"loss": "poisson", "offset": "offset"}, "offset: not allowed for rows that stay"),
    ],
)
def test_what_cannot_stay_is_refused_and_the_way_out_named(client, frame, files, target, settings, said):
    with pytest.raises(ValueError, match=said) as caught:
        dask_path(files, target, where="stay", features=features(frame), **settings)
    assert "where='reduce'" in str(caught.value)


def test_ridge_does_not_stay(client, frame, files):
    with pytest.raises(ValueError, match="l1_ratio: 0 is not allowed"):
        DaskRidge(where="stay", features=features(frame)).fit(files, "y")


@pytest.mark.parametrize("settings", [{"class_weight": "balanced"}, {"label_smoothing": 0.1}])
def test_what_classifiers_alone_have_does_not_stay(client, frame, files, settings):
    model = DaskLogisticRegression(where="stay", features=features(frame), **settings)
    (name,) = settings
    with pytest.raises(ValueError, match=f"{name}: .* is not allowed for rows that stay .*; where='reduce' allows it"):
        model.fit(files, "label")
    assert not can_stay("logistic", {"alphas": [0.1], **settings})


def test_auto_stays_where_the_whole_fits_no_worker(client, frame, files, monkeypatch):
    monkeypatch.setattr("sparsereg.dask.reducing.SOLVE_FACTOR", 10**12)
    monkeypatch.setattr("sparsereg.dask.cluster.Cluster.workers", lambda self: {"a": 10**9, "b": 10**10})
    lasso = DaskLasso(alpha=0.01, features=features(frame)).fit(files, "y")
    # What cannot stay is reduced.
    mcp = DaskElasticNet(alpha=0.1, l1_ratio=1.0, penalty="mcp", features=features(frame)).fit(files, "y")
    assert (lasso.reduction_.where, mcp.reduction_.where) == ("stay", "reduce")
    poisson = DaskPoissonRegressor(alpha=0.1, features=features(frame)).fit(files, "count", offset="offset")
    path = dask_path(files, "colour", loss="logistic", alphas=[0.1], features=features(frame))
    assert (poisson.reduction_.where, path.reduction.where) == ("reduce", "reduce")


def test_what_can_stay_is_told_without_data():
    assert can_stay("squared", {"alphas": [0.1], "penalty": "elastic_net", "gamma": None})
    assert not can_stay("huber", {"alphas": [0.1]})
    assert not can_stay("squared", {"alphas": [0.1], "l1_ratio": 0.0})


def test_errors_name_the_parts(client):
    from dask import delayed

    X, y = np.eye(4), np.arange(4.0)
    blocks = [delayed((X, y))] * 6 + [delayed((X[:, :3], y))]
    with pytest.raises(ValueError, match=r"^part 0 to part 6: X has 3 features, where the rows before had 4$"):
        DaskLasso(alpha=0.1, where="stay").fit(blocks)
    with pytest.raises(ValueError, match="sample_weight: no row of 2 parts has a positive one, expected at least one"):
        DaskLasso(alpha=0.1, where="stay").fit([delayed((X, y, 0 * y))] * 2)
    held = Reduced.of(X, y, None, y, loss="squared")
    with pytest.raises(ValueError, match=r"^part 0: offset: not allowed for rows that stay"):
        DaskLasso(alpha=0.1, where="stay").fit([delayed(held)])


def test_what_was_finished_is_said(client, monkeypatch):
    from dask import delayed

    def gone(pool, **settings):
        pool.traffic.begin((), 1)
        raise ClusterError("gone")

    monkeypatch.setattr(staying, "staying_path", gone)
    with pytest.raises(ClusterError, match=r"gone; all 2 parts were reduced, and 0 times gone over"):
        DaskLasso(alpha=0.1, where="stay").fit([delayed((np.eye(4), np.arange(4.0)))] * 2)
