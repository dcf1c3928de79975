"""Ridge by normal equations, on columns or on rows, whichever are few: a Gram matrix once, a Cholesky factor an alpha.

A Gram matrix has half the digits of its columns. Refinement, with residuals taken on the rows, brings them back where
the equations are well enough conditioned (Higham 2002, section 12.1), which the factor says; other alphas are left to
methods that turn the columns themselves.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers.base import Progress, Solution, SolverOptions, State, Vector
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.weighted_gram import Cholesky, dense_block, row_gram, weighted_gram

# Least entry of the factor, of columns of norm one, with which refinement gains four digits a step or more, and least
# alpha over the sum of squares of rows for the same.
WELL_CONDITIONED, LEAST_ALPHA = 1e-4, 1e-9
# Steps of refinement, and the share of the solution that the last may take at most.
MAX_STEPS, CONVERGED = 4, 1e-13


class Fit(NamedTuple):
    """A point on the rows.

    Attributes
    ----------
    w : ndarray of float64 of shape (n_columns,)
    b : float
    residual : ndarray of float64 of shape (n_rows,)
    gap : float
        Bound on its distance from the minimum.
    n_steps : int
    """

    w: Vector
    b: float
    residual: Vector
    gap: float
    n_steps: int


class GramRidge:
    """Squared loss and L2 by a Gram matrix.

    Parameters
    ----------
    problem : Problem
    """

    def __init__(self, problem: Problem):
        self.problem, self.columns = problem, problem.columns
        self.block = dense_block(problem, self.columns)
        self.unit = problem.penalty_factor[self.columns] * problem.scale[self.columns] ** 2
        self.weight = problem.response.weight

    def _at(self, w: Vector) -> tuple[float, Vector]:
        """Return the best intercept beside coefficients, and the residual."""
        residual, b = self.problem.response.y - w @ self.block, 0.0
        if self.problem.fit_intercept:
            b = float((self.weight * residual).sum()) / self.problem.weight_sum
            residual -= b
        return b, residual

    def _fit(self, alpha: float) -> Fit | None:
        raise NotImplementedError

    def solve(self, penalty: ElasticNet, state: State, options: SolverOptions) -> Solution | None:
        """Minimise F at one alpha; the state holds the solution on return. None: other methods have more digits."""
        problem, fit = self.problem, self._fit(penalty.alpha)
        if fit is None:
            return None
        gap = fit.gap / problem.reference
        if options.callback is not None:
            options.callback(Progress(penalty.alpha, fit.n_steps, gap, int(np.count_nonzero(fit.w))))
        state.w[self.columns], state.b, state.alpha = fit.w, fit.b, penalty.alpha
        state.neg_gradient[:] = self.weight * fit.residual
        state.Xt_is_current = None
        loss = 0.5 * float(state.neg_gradient @ fit.residual) + problem.response.constant
        return Solution.of(
            state.w, b=problem.intercept_outside(state.w, fit.b), loss=loss, dual_gap=gap, n_iter=fit.n_steps,
            objective=loss + 0.5 * penalty.alpha * float((self.unit * fit.w) @ fit.w),
            converged=fit.gap <= options.tol * problem.reference + problem.gap_rounding,
        )


class FewColumns(GramRidge):
    """Few columns: `(X' S X + alpha U) w = X' S y`, about the means."""

    def __init__(self, problem: Problem):
        super().__init__(problem)
        gram = weighted_gram(self.block, self.weight, problem.fit_intercept)
        self._size = np.sqrt(problem.curvature[self.columns])
        self._gram = gram / self._size / self._size[:, None]
        self._target = (self.block @ (self.weight * problem.response.y)) / self._size

    def _fit(self, alpha: float) -> Fit | None:
        ridge, size = alpha * self.unit, self._size
        factor = Cholesky(self._gram, ridge / size**2)
        if factor.raised or factor.diagonal.min() <= WELL_CONDITIONED * np.sqrt(1.0 + (ridge / size**2).max()):
            return None
        w = factor.solve(self._target) / size
        for step in range(1, MAX_STEPS + 1):
            b, residual = self._at(w)
            gradient = self.block @ (self.weight * residual) - ridge * w
            # Columns of other scales than their penalties' leave rounding that the first bound takes for a gradient;
            # the second is what Newton's step from here would gain, F being quadratic.
            half = factor.half_solve(gradient / size)
            gap = 0.5 * min(float((gradient / ridge) @ gradient), float(half @ half))
            move = factor.solve(gradient / size)
            if np.abs(move).max() <= CONVERGED * np.abs(w * size).max():
                return Fit(w, b, residual, gap, step)
            w = w + move / size
        return None


class FewRows(GramRidge):
    """Few rows: `(S^1/2 X U^-1 X' S^1/2 + alpha) a = S^1/2 y`, about the means, and `w = U^-1 X' S^1/2 a`."""

    def __init__(self, problem: Problem):
        super().__init__(problem)
        weight = np.broadcast_to(self.weight, (problem.n_rows,))
        gram = row_gram(self.block, self.unit, weight, problem.fit_intercept)
        self._root = np.sqrt(weight)
        self._gram = gram * self._root * self._root[:, None]
        self._trace = float(np.trace(self._gram))

    def _fit(self, alpha: float) -> Fit | None:
        if alpha < LEAST_ALPHA * self._trace:
            return None
        factor, root = Cholesky(self._gram, np.full(self._root.size, alpha)), self._root
        move, a, w = factor.solve(root * self.problem.response.y), np.zeros(root.size), np.zeros(self.unit.size)
        for step in range(1, MAX_STEPS + 1):
            if self.problem.fit_intercept:
                # Rounding along the intercept, which the matrix does not see, grows with one over alpha.
                move -= root * (float(root @ move) / float(root @ root))
            a += move
            w = w + (self.block @ (root * move)) / self.unit
            b, residual = self._at(w)
            excess = root * residual - alpha * a
            gap = 0.5 * max(self._square(excess), 0.0) / alpha
            move = factor.solve(excess)
            # In units of the coefficients, of the norm of the penalty.
            if self._square(move) <= CONVERGED**2 * self._square(a):
                return Fit(w, b, residual, gap, step)
        return None

    def _square(self, a: Vector) -> float:
        return float(a @ (self._gram @ a))
