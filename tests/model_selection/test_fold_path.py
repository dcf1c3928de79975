"""A path that is paused and resumed goes on from where it was."""

import numpy as np
import pytest
from scipy import sparse

from sparsereg.design import make_design
from sparsereg.model_selection.fold_path import FoldPath
from sparsereg.solvers.assemble import ProblemOptions, make_loss, prepare
from sparsereg.solvers.base import SolverOptions

RNG = np.random.default_rng(0)
X = sparse.csr_array(RNG.standard_normal((200, 60)) * (RNG.random((200, 60)) < 0.5))
Y = X[:, :20].sum(axis=1) + RNG.standard_normal(200)
TARGETS = {
    "squared": Y, "logistic": (Y > 0.0).astype(float), "poisson": np.exp(0.1 * Y).round(),
    "classes": np.eye(3)[np.digitize(Y, [-1.0, 1.0])],
}
ALPHAS = np.geomspace(0.1, 1e-4, 12)


@pytest.mark.parametrize(
    ("name", "relax"),
    [("squared", True), ("squared", False), ("logistic", False), ("poisson", False), ("classes", False)],
)
def test_a_pause_changes_nothing_but_rounding(name, relax):
    loss = "logistic" if name == "classes" else name
    built = []

    options = ProblemOptions(make_loss(loss, 1.35), l1_ratio=0.9)

    def make_problem(smallest_alpha):
        built.append(smallest_alpha)
        return prepare(make_design(X), TARGETS[name], None, None, options, smallest_alpha)

    def fit(*stretches):
        path, fits = FoldPath(make_problem, options, SolverOptions(tol=1e-9), relax=relax), []
        for stretch in stretches:
            path.resume(float(stretch[-1]))
            fits += [path.step(float(alpha)) for alpha in stretch]
            path.pause()
            assert path.problem is path.state is None
        return path, fits

    (whole, expected), (parts, found) = fit(ALPHAS), fit(ALPHAS[:6], ALPHAS[6:8], ALPHAS[8:])
    assert built == [ALPHAS[-1], ALPHAS[5], ALPHAS[7], ALPHAS[-1]]
    assert (whole.n_rows, whole.fit_intercept) == (parts.n_rows, parts.fit_intercept) == (200, True)
    for one, other in zip(found, expected, strict=True):
        assert one.objective == pytest.approx(other.objective, abs=1e-8)
        np.testing.assert_array_equal(one.columns, other.columns)
    # Not from the beginning: the first fit of a stretch is as near to the last as any other.
    passes, unbroken = (np.array([fit.n_iter for fit in one.fitted]) for one in (parts, whole))
    # A pause forgets the line through the last two solutions, a factor and a dual point: a few passes.
    assert np.all(passes[[6, 8]] <= 2 * unbroken[[6, 8]] + 10)
    assert all(fit.columns.size == 0 for fit in (*parts.fitted, *parts.refitted))
    assert len(parts.refitted) == (ALPHAS.size if relax else 0)
