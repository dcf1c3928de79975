"""Correlations that are taken again only where they may matter: what is left out is below its threshold."""

import numpy as np
import pytest
from scipy import sparse

from sparsereg._core.bounded_correlations import BoundedCorrelations


class Walk:
    """Residuals that move little from one to the next, and shrink."""

    def __init__(self, seed, density=1.0, weighted=False):
        self.rng = np.random.default_rng(seed)
        X = sparse.random(40, 300, density=density, rng=self.rng, format="csc", data_rvs=self.rng.standard_normal)
        self.X, self.matrix = X, (X.data, X.indices.astype(np.int32), X.indptr.astype(np.int64))
        self.root = np.sqrt(self.rng.uniform(0.2, 1.0, 40)) if weighted else np.full(40, 0.5)
        self.norm = np.sqrt(((self.root[:, None] * X.toarray()) ** 2).sum(axis=0))
        self.kernel, self.v = BoundedCorrelations(300, 40), np.zeros(300)
        self.scaled = self.rng.normal(size=40)
        self.bounds = np.full(300, -np.inf), np.full(300, np.inf)

    def __call__(self, threshold, share=1.0, size=0.02, known=()):
        self.scaled = 0.95 * self.scaled + size * self.rng.normal(size=40)
        z, known = self.root * self.scaled, np.array(known, dtype=np.int32)
        self.truth = self.X.T @ z
        self.v[known] = self.truth[known]
        columns, before = np.arange(300, dtype=np.int32), self.kernel.n_passes
        worst = self.kernel.refresh(
            *self.matrix, columns, z, self.scaled, self.norm, threshold, share, *self.bounds, self.v, known
        )
        return worst, self.kernel.n_passes - before


@pytest.mark.parametrize(("density", "weighted"), [(1.0, False), (1.0, True), (0.2, True)])
@pytest.mark.parametrize("share", [1.0, 0.5])
def test_what_is_left_out_is_below_the_threshold(density, weighted, share):
    walk, n_taken = Walk(0, density, weighted), 0
    threshold = walk.norm * np.linspace(1.0, 4.0, 300) + 1e-3
    for step in range(30):
        worst, n_passes = walk(threshold * 0.95**step, share)
        n_taken += n_passes
        exact = np.isclose(walk.v, walk.truth, rtol=1e-10, atol=1e-12)
        assert np.all(exact | (np.abs(walk.truth) <= share * threshold * 0.95**step))
        assert np.all(exact | (np.abs(walk.v) <= share * threshold * 0.95**step))
        assert worst == pytest.approx(max(np.max(np.abs(walk.truth) / threshold) / 0.95**step, share))
    assert 300 <= n_taken < 18 * 300


def test_a_residual_that_only_shrinks_takes_no_pass():
    walk = Walk(1)
    threshold = 10.0 * walk.norm
    assert walk(threshold)[1] == 300
    for _ in range(20):
        assert walk(threshold, size=0.0)[1] == 0
        np.testing.assert_allclose(walk.v, walk.truth, rtol=1e-10)


def test_what_is_known_is_not_taken_again():
    walk = Walk(2)
    known = np.arange(0, 300, 2)
    worst, n_passes = walk(np.full(300, 1e-3), known=known)
    assert n_passes == 150
    np.testing.assert_allclose(walk.v, walk.truth, rtol=1e-10)
    assert worst == pytest.approx(np.max(np.abs(walk.truth)) / 1e-3)


def test_a_sign_that_a_coefficient_cannot_have_does_not_count():
    walk = Walk(3)
    walk.bounds = np.zeros(300), np.full(300, np.inf)
    assert walk(np.full(300, 1e-3))[0] == pytest.approx(np.max(walk.truth) / 1e-3)
