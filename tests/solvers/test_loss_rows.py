"""Row passes of proximal Newton: those of Huber's function and of any loss give the same paths, on any threads."""

import numpy as np
import pytest
from support.wide_matrices import lat_long_cross

from sparsereg import regularization_path
from sparsereg._core.penalties import ElasticNet
from sparsereg.design import make_design
from sparsereg.solvers import loss_rows, proximal_newton, threaded_passes
from sparsereg.solvers.assemble import ProblemOptions, make_loss, prepare
from sparsereg.solvers.base import SolverOptions
from sparsereg.solvers.null_model import null_state


def crossed(n_samples=3000, seed=0):
    X = lat_long_cross(n_samples, 20, seed)
    rng = np.random.default_rng(seed)
    return X, rng.standard_normal(n_samples) + X[:, :20_000].sum(axis=1) * rng.standard_normal(n_samples)


def bits_of(path):
    return path.coefs.data.tobytes(), path.coefs.indices.tobytes(), path.objectives.tobytes(), path.intercepts.tobytes()


@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
@pytest.mark.parametrize("settings", [{}, {"fit_intercept": False}, {"standardize": True}, {"weighted": True}])
def test_huber_and_any_loss_agree(l1_ratio, settings, monkeypatch):
    X, y = crossed(200)
    settings = dict(settings)
    if settings.pop("weighted", False):
        settings["sample_weight"] = np.random.default_rng(1).integers(0, 3, y.size)
    fits = []
    for rows in (loss_rows.HuberRows, loss_rows.LossRows):
        used = []
        monkeypatch.setattr(
            proximal_newton, "make_rows", lambda *given, rows=rows, used=used: used.append(1) or rows(*given)
        )
        fits.append(regularization_path(X, y, l1_ratio=l1_ratio, n_alphas=3, eps=1e-1, tol=1e-9, **settings))
        assert used
    np.testing.assert_allclose(fits[0].objectives, fits[1].objectives, rtol=3e-9)
    assert max(fits[0].dual_gaps.max(), fits[1].dual_gaps.max()) <= 1e-9
    np.testing.assert_allclose(fits[0].coefs.toarray()[:, -1:].sum(), fits[1].coefs.toarray()[:, -1:].sum(), rtol=1e-3)


@pytest.mark.parametrize(
    ("settings", "is_huber"),
    [({}, True), ({"loss": "huber"}, False), ({"positive": True}, False), ({"penalty_factor": {0: 0.0}}, False)],
)
def test_huber_rows_are_for_squared_loss_without_bounds(settings, is_huber):
    X, y = crossed(300)
    settings = dict(settings)
    loss = make_loss(settings.pop("loss", "squared"), 1.35)
    filled = {int(X.indices[0]): factor for factor in settings.pop("penalty_factor", {}).values()} or None
    options = ProblemOptions(
        loss, "elastic_net", 1.0, None, True, False, settings.pop("positive", False), None, filled, None
    )
    problem = prepare(make_design(X), y, None, None, options, 0.1)
    state = null_state(problem, SolverOptions())
    rows = loss_rows.make_rows(problem, ElasticNet(0.1, 1.0), state, 1)
    assert isinstance(rows, loss_rows.HuberRows) == is_huber


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_any_number_of_threads_gives_the_same_bits(loss, monkeypatch):
    monkeypatch.setattr(loss_rows, "CHUNK", 100)
    monkeypatch.setattr(threaded_passes, "WORTH_A_THREAD", 10)
    X, y = crossed(800)
    y = y if loss == "squared" else (y > 0.0).astype(float)
    paths = [regularization_path(X, y, loss=loss, n_alphas=3, eps=1e-1, n_threads=n) for n in (1, 2, 3)]
    assert bits_of(paths[0]) == bits_of(paths[1]) == bits_of(paths[2])


def test_callbacks_count_the_coefficients_of_singleton_columns():
    X, y = crossed(500)
    seen = []
    path = regularization_path(X, y, n_alphas=4, eps=1e-2, callback=lambda progress: seen.append(progress))
    last = [[p.n_nonzero for p in seen if p.alpha == alpha][-1] for alpha in path.alphas]
    # Of the last look a coefficient that only rounding keeps from zero may be dropped.
    assert (np.array(last) - np.diff(path.coefs.indptr)).tolist() in ([0, 0, a, b] for a in (0, 1) for b in (0, 1))
