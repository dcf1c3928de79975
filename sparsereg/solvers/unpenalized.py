"""Least squares on the columns that carry no penalty, by LSMR (Fong and Saunders 2011), with a factor where slow."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from sparsereg.solvers.base import Vector, inner
from sparsereg.solvers.block_factor import MAX_WORK, BlockFactor, ScaledBlock
from sparsereg.solvers.problem import Problem

# Gain, relative to the objective of the null model, below which another round is not worth it.
NEGLIGIBLE = 1e-14
MAX_ROUNDS = 8
# The same for all that is left: so little that it is orthogonal to every column, as far as a dual point must be.
EXACT = 1e-24
# Of a round, each of two passes over the columns.
MAX_STEPS = 1000
# Multiplications up to which a block gets a factor at once, as dear as a dozen steps; one whose factor is more work
# gets it after this many steps.
LITTLE_WORK, PLAIN_STEPS = 1e8, 30
# Rounds of refinement with a factor, before LSMR takes steps that it conditions; the most of these in a round, and such
# rounds before plain LSMR has the rest, which is along directions that rounding has taken from the factor.
REFINEMENTS, FACTORED_STEPS, FACTORED_ROUNDS = 3, 40, 2


class UnpenalizedBlock:
    """Exact minimisation over a set of columns without penalty, together with the intercept.

    A dual point must be orthogonal to every unpenalised column; the residual after this step is, to rounding.

    Parameters
    ----------
    problem : Problem
    columns : ndarray of int32 of shape (n_columns,)
    unit : ndarray of float64 of shape (n_columns,) or None, default=None
        What coefficients are multiplied with before their length is taken; None: the root of the column's curvature.
    """

    def __init__(self, problem: Problem, columns: npt.NDArray[np.int32], unit: Vector | None = None):
        self.columns, self._unit = columns, unit
        self._problem, self._matrix = problem, problem.submatrix(columns)
        self._allowed = NEGLIGIBLE * problem.reference
        self._factor: BlockFactor | None = None
        self._n_refined = 0

    def solve(
        self, neg_gradient: Vector, weight: Vector, weight_sum: float, max_rounds: int = MAX_ROUNDS
    ) -> tuple[Vector, float, Vector, float]:
        """Minimise from the point with weighted residual z.

        Parameters
        ----------
        neg_gradient : ndarray of float64 of shape (n_rows,)
            `weight * (target - X w - b)`, of sum zero with an intercept.
        weight : ndarray of float64 of shape (n_rows,) or (1,)
        weight_sum : float
            Sum of the weights; 0 for a model without intercept.
        max_rounds : int
            With one, what a step of Newton's method needs.

        Returns
        -------
        delta : ndarray of float64 of shape (n_columns,)
            Change of the coefficients; of all that minimise, the shortest in the given units.
        shift : float
            Change of the intercept.
        neg_gradient : ndarray of float64 of shape (n_rows,)
            Weighted residual after the change, orthogonal to every column.
        slack : float
            What the last round still gained, an estimate from above of what another would.
        """
        block = self._scaled(weight, weight_sum)
        delta, shift, slack = np.zeros(self.columns.size), 0.0, 0.0
        root = np.broadcast_to(block.root, neg_gradient.shape)
        self._n_refined = 0
        for _ in range(max_rounds):
            residual = np.divide(neg_gradient, root, out=np.zeros_like(neg_gradient), where=root > 0.0)
            # No step gains more than all that is left.
            slack = 0.5 * inner(residual, residual)
            gradient = block.backward(residual)
            if slack <= EXACT * self._problem.reference or not gradient.any():
                return delta, shift, neg_gradient, slack if gradient.any() else 0.0
            step = self._step(block, residual)
            delta, shift = delta + step / block.size, shift - float(block.mean @ (step / block.size))
            neg_gradient = neg_gradient - root * block.forward(step)
            slack = 0.5 * abs(float(gradient @ step))
            if slack <= self._allowed:
                break
        return delta, shift, neg_gradient, slack

    def _step(self, block: ScaledBlock, residual: Vector) -> Vector:
        """Solve for the scaled coefficients that fit a residual, as far as a round gets."""
        if not self._has_factor_of(block):
            step, is_over = self._plain_step(block, residual, block.work())
            if is_over:
                return step
            self._factor, residual = BlockFactor(block), residual - block.forward(step)
        else:
            step = np.zeros(self.columns.size)
        factor = self._factor
        self._n_refined += 1
        is_done = self._n_refined > REFINEMENTS + FACTORED_ROUNDS
        # Of squared loss coefficients are moved along; of others only what is left of the residual counts in the end.
        if is_done or not factor.serves(moves=self._problem.is_quadratic):
            return step + self._plain_step(block, residual, np.inf)[0]
        if self._n_refined <= REFINEMENTS:
            return step + factor.solve(residual)
        found = _lsmr(
            (residual.size, factor.n_unknowns), lambda unknowns: block.forward(factor.apply(unknowns)),
            lambda rows: factor.apply_transposed(block.backward(rows)), residual, FACTORED_STEPS,
        )[0]
        return np.asarray(step + factor.apply(found))

    def _plain_step(self, block: ScaledBlock, residual: Vector, work: float) -> tuple[Vector, bool]:
        """Take steps without a factor, few where one is little work; say whether none is needed."""
        n_columns = self.columns.size
        # Columns may be collinear (all levels of a category); conjugate gradients would run away along them.
        max_steps = min(10 * n_columns + 100, MAX_STEPS)
        if work <= LITTLE_WORK:
            return np.zeros(n_columns), False
        limit = max_steps if work > MAX_WORK else min(max_steps, PLAIN_STEPS)
        step, n_steps = _lsmr((residual.size, n_columns), block.forward, block.backward, residual, limit)
        return step, work > MAX_WORK or n_steps < limit or limit == max_steps

    def _has_factor_of(self, block: ScaledBlock) -> bool:
        """Say whether there is a factor, and it is of these weights."""
        return self._factor is not None and np.array_equal(self._factor.block.root, block.root)

    def change(self, delta: Vector, shift: float) -> Vector:
        """Return the change of the linear predictor, row by row."""
        return np.asarray(self._matrix @ delta + shift)

    def _scaled(self, weight: Vector, weight_sum: float) -> ScaledBlock:
        """Take the moments of the columns under the weights of the rows."""
        column_sum, curvature = self._problem.moments(self.columns, weight)
        mean = column_sum / weight_sum if weight_sum > 0.0 else np.zeros(column_sum.size)
        # A column that no row with weight tells from a constant stays where it is.
        size = np.where(curvature > 0.0, np.sqrt(curvature) if self._unit is None else self._unit, np.inf)
        return ScaledBlock(self._matrix, np.sqrt(weight), mean, size)


def _lsmr(
    shape: tuple[int, int], forward: Callable[[Vector], Vector], backward: Callable[[Vector], Vector],
    residual: Vector, max_steps: int,
) -> tuple[Vector, int]:
    """Return the shortest of the best fits to a residual, to rounding, and the number of steps that it took."""
    # Imported late: it takes longer than all other imports together, and most fits do without.
    from scipy.sparse.linalg import LinearOperator, lsmr

    operator = LinearOperator(shape, matvec=forward, rmatvec=backward, dtype=np.float64)
    step, _, n_steps, *_ = lsmr(operator, residual, atol=1e-14, btol=0.0, conlim=0.0, maxiter=max_steps)
    return np.asarray(step), int(n_steps)
