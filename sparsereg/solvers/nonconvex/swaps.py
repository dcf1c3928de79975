"""Local moves for L0: take a column out, put another one in, or both, where F falls once the others are refitted.

A minimum along every coordinate may hold the wrong one of two correlated columns, or lack one that pays only when the
others make room; no single coefficient can say so (Hazimeh and Mazumder 2020, section 3.2; there the others are held).
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy import sparse

from sparsereg._core import columns as column_passes
from sparsereg.solvers.base import Ids, Vector
from sparsereg.solvers.nonconvex.coordinatewise import CoordinatewiseMinimizer
from sparsereg.solvers.nonconvex.cross_products import weighted_column
from sparsereg.solvers.problem import Problem

# Columns of the support, those that gain least, that may leave and are refitted; the others are held.
MAX_INSIDE = 64
# Columns that may come in: all where there are no more than this; else half as many of the largest gain alone, and for
# each column that may leave NEAREST of those that share rows with it.
MAX_OUTSIDE, NEAREST = 2_000, 16
# Moves at one alpha, and moves tried whose promise the model of the loss did not keep before the search ends.
MAX_MOVES, MAX_REFUSED = 100, 5
# A move must lower F by more than rounding, relative to that of the null model.
GAIN = 1e-12
# Keeps the normal equations of collinear columns regular; a column that has no more than this of its own stays out.
COLLINEAR = 1e-10


class Neighbors:
    """Which columns share rows.

    Parameters
    ----------
    problem : Problem
    """

    def __init__(self, problem: Problem):
        self._problem = problem

    @cached_property
    def _rows(self) -> sparse.csr_array:
        problem = self._problem
        pattern = np.ones(problem.indices.size, dtype=np.int8)
        shape = (problem.n_rows, problem.indptr.size - 1)
        return sparse.csc_array((pattern, problem.indices, problem.indptr), shape=shape).tocsr()

    def of(self, j: int) -> Ids:
        """Return the columns with an entry in a row of column j, ascending, itself among them."""
        problem = self._problem
        rows = problem.indices[problem.indptr[j] : problem.indptr[j + 1]]
        return np.unique(self._rows[rows].indices).astype(np.int32)


def improve(run: CoordinatewiseMinimizer, neighbors: Neighbors) -> None:
    """Move and descend again until no move that is tried lowers F, or the budget is spent.

    Parameters
    ----------
    run : CoordinatewiseMinimizer
        At a coordinate-wise minimum; at a lower or the same one on return.
    neighbors : Neighbors
        Of its problem.

    Notes
    -----
    Cost of a move: the non-zeros of the columns that may come in, once for each that may leave.
    """
    for _ in range(MAX_MOVES):
        if run.n_iter >= run.options.max_iter or not _Moves(run, neighbors).take_best():
            return


class _Moves:
    """The columns that may leave and those that may come in at a point, in the quadratic model of the loss there."""

    def __init__(self, run: CoordinatewiseMinimizer, neighbors: Neighbors):
        self.run, self.neighbors = run, neighbors
        self.shared = np.zeros(run.state.w.size)
        remaining, w = run.problem.columns, run.state.w
        inside = remaining[w[remaining] != 0.0]
        worth = 0.5 * self._curvature_scale(inside) * w[inside] ** 2 - self._cost(inside)
        self.inside = np.sort(inside[np.argsort(worth, kind="stable")[:MAX_INSIDE]])
        self.outside = self._choose(remaining[(w[remaining] == 0.0) & (run.curvature[remaining] > 0.0)])
        # Gram matrices of the inside with itself and with the outside, L2 share added.
        both = np.concatenate([self.inside, self.outside])
        if run.products is not None:
            gram = run.products.rows(self.inside)[:, both]
        else:
            gram = np.array([self._overlap(i, both) for i in self.inside]).reshape(self.inside.size, both.size)
        inside_gram = gram[:, : self.inside.size]
        curvature_scale = self._curvature_scale(self.inside) * (1.0 + COLLINEAR)
        np.fill_diagonal(inside_gram, curvature_scale)
        self.inverse = np.linalg.inv(inside_gram)
        self.cross = gram[:, self.inside.size :]
        self.fit = self.inverse @ self.cross

    def take_best(self) -> bool:
        """Try the moves that promise most; say whether one lowered F."""
        gain = self._gains()
        min_gain = GAIN * self.run.problem.reference
        promising = np.flatnonzero(gain > min_gain)
        order = promising[np.argsort(-gain.ravel()[promising], kind="stable")[:MAX_REFUSED]]
        return any(self._try(int(i), int(j), min_gain) for i, j in zip(*np.unravel_index(order, gain.shape)))

    def _gains(self) -> Vector:
        """How much F falls where row i leaves and column j comes in, the inside refitted; the last of each is none."""
        run, w = self.run, self.run.state.w[self.inside]
        diagonal = np.append(np.diag(self.inverse), 1.0)
        worth = np.append(0.5 * w**2 / diagonal[:-1] - self._cost(self.inside), 0.0)
        # Unpenalised columns stay.
        worth[:-1][run.problem.penalty_factor[self.inside] == 0.0] = np.inf
        gradient, curvature_scale = self._refitted
        with np.errstate(divide="ignore", invalid="ignore"):
            gain = 0.5 * gradient**2 / curvature_scale - self._cost(self.outside)
        gain[curvature_scale <= COLLINEAR * run.curvature[self.outside]] = -np.inf
        lower, upper = run.problem.lower[self.outside], run.problem.upper[self.outside]
        if np.isfinite(lower).any() or np.isfinite(upper).any():
            gain[np.where(gradient > 0.0, upper, lower) == 0.0] = -np.inf
        gain = np.hstack([gain, np.zeros((worth.size, 1))]) - worth[:, None]
        gain[-1, -1] = 0.0
        return gain

    @cached_property
    def _refitted(self) -> tuple[Vector, Vector]:
        """Gradient and curvature of each outside column where row i of the inside has left, or none in the last row."""
        state = self.run.state
        gradient = np.tile(state.Xt_neg_gradient[self.outside], (self.inside.size + 1, 1))
        curvature_scale = np.tile(
            self._curvature_scale(self.outside) - np.sum(self.cross * self.fit, axis=0), (self.inside.size + 1, 1)
        )
        diagonal = np.diag(self.inverse)[:, None]
        gradient[:-1] += self.fit * (state.w[self.inside][:, None] / diagonal)
        curvature_scale[:-1] += self.fit**2 / diagonal
        return gradient, curvature_scale

    def _try(self, i: int, j: int, min_gain: float) -> bool:
        """Make a move, refit and descend; take it back if F has not fallen."""
        run, state, problem = self.run, self.run.state, self.run.problem
        before, w, b = run.objective, state.w.copy(), state.b
        new, entering = state.w[self.inside], 0.0
        if j < self.outside.size:
            gradient, curvature_scale = self._refitted
            entering = gradient[i, j] / curvature_scale[i, j]
            new = new - self.fit[:, j] * entering
        if i < self.inside.size:
            new = new - self.inverse[:, i] * (new[i] / self.inverse[i, i])
            new[i] = 0.0
        state.w[self.inside] = np.clip(new, problem.lower[self.inside], problem.upper[self.inside])
        if j < self.outside.size:
            state.w[self.outside[j]] = entering
        run.restart()
        if run.run().objective < before - min_gain:
            return True
        state.w[:], state.b = w, b
        run.restart()
        run.measure(problem.columns)
        return False

    def _curvature_scale(self, columns: Ids) -> Vector:
        """Curvature of F along columns that are not zero."""
        problem, penalty = self.run.problem, self.run.penalty
        ridge = penalty.alpha * (1.0 - penalty.l1_ratio)
        return self.run.curvature[columns] + ridge * problem.penalty_factor[columns] * problem.scale[columns] ** 2

    def _cost(self, columns: Ids) -> Vector:
        return self.run.penalty.strength * self.run.problem.penalty_factor[columns]

    def _choose(self, columns: Ids) -> Ids:
        """Choose the columns that may come in: those of the largest gain alone, or overlap with the inside."""
        if columns.size <= MAX_OUTSIDE:
            return columns
        gain = 0.5 * self.run.state.Xt_neg_gradient[columns] ** 2 / self._curvature_scale(columns) - self._cost(columns)
        chosen = [columns[np.argsort(-gain, kind="stable")[: MAX_OUTSIDE // 2]]]
        for i in self.inside:
            near = self.neighbors.of(i)
            near = near[np.isin(near, columns, assume_unique=True)]
            overlap = np.abs(self._overlap(i, near)) / np.sqrt(self._curvature_scale(near))
            chosen.append(near[np.argsort(-overlap, kind="stable")[:NEAREST]])
        return np.unique(np.concatenate(chosen))

    def _overlap(self, i: int, columns: Ids) -> Vector:
        """Weighted products of column i with others, about the means where there is an intercept."""
        run, problem = self.run, self.run.problem
        column_passes.correlate(
            *problem.matrix, columns, weighted_column(problem, i, run.quadratic.weight), self.shared
        )
        overlap = self.shared[columns]
        if run.quadratic.weight_sum > 0.0:
            overlap -= run.column_sum[columns] * (run.column_sum[i] / run.quadratic.weight_sum)
        return overlap
