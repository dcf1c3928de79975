"""Stretches of a grid: pure functions, whose results do not hang on where they run and may travel in between."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from sparsereg.design import make_design
from sparsereg.model_selection.alpha_grid import Grid
from sparsereg.model_selection.cross_validation import FoldScores
from sparsereg.model_selection.fold_data import CVTargets, FoldData, FoldSettings
from sparsereg.model_selection.folds import Fold
from sparsereg.model_selection.stretches import Watch, first_alphas, fit_all, fit_fold
from sparsereg.solvers.assemble import ProblemOptions, make_loss
from sparsereg.solvers.base import SolverOptions

RNG = np.random.default_rng(0)
X = sparse.csr_array(RNG.standard_normal((120, 30)) * (RNG.random((120, 30)) < 0.5))
Y = X[:, :8].sum(axis=1) + RNG.standard_normal(120)
TARGETS = {"squared": Y, "logistic": (Y > 0.0) * 1.0, "classes": np.eye(3)[np.digitize(Y, [-1.0, 1.0])]}
METRICS = {"squared": ("mse", "r2"), "logistic": ("log_loss", "auc"), "classes": ("log_loss",)}
ALPHAS = np.geomspace(0.1, 1e-3, 6)


def made(kind, *, relax=False, keep_fits=False):
    """Return data with two folds, and settings."""
    target = TARGETS[kind]
    folds = [Fold(np.arange(k, 120, 2, dtype=np.int32), None) for k in (0, 1)]
    data = FoldData(make_design(X), CVTargets(target, target, None, None), None, folds, None)
    problem = ProblemOptions(make_loss("squared" if kind == "squared" else "logistic", 1.35))
    solver = SolverOptions(tol=1e-8)
    return data, FoldSettings(problem, solver, solver, METRICS[kind], relax, keep_fits)


def travelled(value):
    return pickle.loads(pickle.dumps(value, protocol=5))


def facts(state):
    """Spell out what is known of fits."""
    fits = (*state.fitted, *state.refitted)
    return [(fit.objective, fit.loss, fit.dual_gap, fit.n_iter, fit.converged, fit.b.tolist()) for fit in fits]


@pytest.mark.parametrize(("kind", "relax"), [("squared", True), ("logistic", False), ("classes", False)])
def test_what_travels_gives_the_same_bits_and_stays_as_it_was(kind, relax):
    data, settings = made(kind, relax=relax)
    scores, paused = fit_fold(data, 1, settings, ALPHAS[:4])
    path, whole = fit_all(data, settings, ALPHAS[:4])
    before = pickle.dumps((paused, whole))
    further = fit_fold(data, 1, settings, ALPHAS[4:], paused), fit_all(data, settings, ALPHAS[4:], whole)
    # States, data and settings are never changed: a task that is run again finds what it found before.
    assert pickle.dumps((paused, whole)) == before
    data, settings, paused, whole = travelled((data, settings, paused, whole))
    again = fit_fold(data, 1, settings, ALPHAS[4:], paused), fit_all(data, settings, ALPHAS[4:], whole)
    for (values, state), (expected, known) in zip(again, further, strict=True):
        assert facts(state) == facts(known)
        assert (state.last.loss, state.in_sight, state.n_nonzero) == (known.last.loss, known.in_sight, known.n_nonzero)
        np.testing.assert_array_equal(state.last.coefs.toarray(), known.last.coefs.toarray())
        if isinstance(expected, FoldScores):
            assert values.scores == expected.scores
    joined = scores.joined(again[0][0])
    assert {name: len(values) for name, values in joined.scores.items()} == dict.fromkeys(METRICS[kind], 6)
    assert len(scores.n_nonzero) == 4
    assert path.joined(again[1][0]).alphas.size == len(again[1][1].alphas) == 6


def test_without_coefficients_all_is_known_but_where_to_go_on_from():
    data, settings = made("squared")
    _, paused = fit_fold(data, 0, settings, ALPHAS)
    bare = paused.without_coefficients()
    assert bare.last.coefs.nnz == 0 < paused.last.coefs.nnz
    assert [bare.is_saturated(n, 1.0) for n in (1, 3, 6)] == [paused.is_saturated(n, 1.0) for n in (1, 3, 6)]
    assert bare.is_saturated(3, 1.0) != replace(bare, n_rows=bare.n_nonzero).is_saturated(3, 1.0)


def test_the_first_alphas_are_those_that_the_fit_finds():
    data, settings = made("logistic")
    grid = Grid(None, 5, 0.1, is_open=True)
    path, _ = fit_all(data, settings, grid)
    np.testing.assert_array_equal(first_alphas(data, settings, grid), path.alphas)
    given, _ = fit_all(data, settings, path.alphas)
    np.testing.assert_array_equal(given.intercepts, path.intercepts)


class Listener(Watch):
    """Notes all that it hears."""

    def __init__(self):
        self.heard, self.blurred = [], []

    def started(self, blurred):
        self.blurred.append(blurred.tolist())

    def fitted(self, progress):
        self.heard.append(progress)


def test_a_watch_hears_of_every_fit():
    data, settings = made("squared", keep_fits=True)
    watch = Listener()
    _, whole = fit_all(data, settings, ALPHAS[:2], None, watch)
    fit_all(data, settings, ALPHAS[2:], whole, watch)
    further = {"of": 7.0}
    scores, paused = fit_fold(data, 1, settings, ALPHAS[:2], None, watch, lambda number: lambda solution: further)
    assert watch.blurred == [[]]
    assert [(p.fold, p.position, p.n_alphas) for p in watch.heard] == [
        (-1, 0, 2), (-1, 1, 2), *((-1, k, 6) for k in range(2, 6)), (1, 0, 2), (1, 1, 2)
    ]
    assert [p.n_nonzero for p in watch.heard[6:]] == scores.n_nonzero == [fit.columns.size for fit in scores.fits]
    assert [p.scores["mse"] for p in watch.heard[6:]] == scores.scores["mse"]
    assert scores.scores["of"] == [7.0, 7.0]
    assert {p.n_folds for p in watch.heard} == {2}
    assert all(fit.columns.size == 0 for fit in paused.fitted)
