"""Sparse proximal SAGA: stochastic steps along single rows that converge as full gradients do.

Another descent between the certificates of the working-set scheme, that of a stochastic fit brought to its end on data
that stay in memory. Coordinate descent mostly takes less time.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from sparsereg._core import saga
from sparsereg._core.losses import LOSSES
from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers.base import Ids, Solution, SolverOptions, State, Vector, spelled_out
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.proximal_newton import ProximalNewton
from sparsereg.solvers.working_set import check_gap, primal_objective, report

# Sweeps between two checks of the duality gap, each of which costs about as much as one.
SWEEPS = 4
# Columns that are known to be zero are left out where this share of those in use remains: each time, the rows are
# copied.
WORTH_A_COPY = 0.7
# Share of the draws that all rows get alike (a half in Schmidt et al. 2015): what a row remembers must not grow stale,
# however little it weighs.
UNIFORM_SHARE = 0.25
# The step is 1 / (STEP_DIVISOR L), halved where F rises. At 3 (Defazio, Bach, Lacoste-Julien 2014) F hardly ever rises,
# but crosses of latitude and longitude take two or three times as many sweeps.
STEP_DIVISOR = 1.0


def finish(problem: Problem, penalty: ElasticNet, state: State, options: SolverOptions, seed: int = 0) -> Solution:
    """Minimise F at one alpha from a warm start.

    Parameters
    ----------
    problem : Problem
        Its loss must have a bounded second derivative.
    penalty : ElasticNet
    state : State
        Warm start; holds the solution on return.
    options : SolverOptions
        A sweep, which visits as many rows as there are, and a check of the duality gap are one pass each.
    seed : int, default=0
        Of the order in which rows are visited.

    Returns
    -------
    solution : Solution

    Raises
    ------
    ValueError
        Where the second derivative of the loss is not bounded, so that no step is short enough.
    """
    if not np.isfinite(problem.loss.lipschitz):
        allowed = ", ".join(repr(name) for name, cls in LOSSES.items() if np.isfinite(cls.lipschitz))
        raise ValueError(f"loss: value {problem.loss.name!r} is not allowed, expected one of {allowed}")
    return Saga(problem, penalty, state, options, seed).solve()


class _Rows:
    """The rows of a problem on some of its columns, and how to draw them.

    Attributes
    ----------
    columns : ndarray of int32 of shape (n_columns,)
    data, indices, indptr
        Compact rows (CSR); `data` is empty where every value is 1.
    penalties : tuple of ndarray of float64 of shape (n_columns,) or (1,)
        `penalty_factor, scale, lower, upper` of the columns.
    chance : ndarray of float64 of shape (n_rows,)
        Of each row to be drawn; sums to one.
    spread : ndarray of float64 of shape (n_columns,)
        One over the chance that a row drawn holds the column.
    step : float
        One over the largest curvature along a row over its chance; 0 where no row has any.
    """

    def __init__(self, problem: Problem, columns: Ids):
        shape = problem.n_rows, problem.indptr.size - 1
        matrix = sparse.csc_array(spelled_out(problem.matrix), shape=shape)
        matrix = (matrix if columns.size == shape[1] else matrix[:, columns]).tocsr()
        n_held = np.diff(matrix.indptr)
        ones = bool(np.all(matrix.data == 1.0))
        squares = n_held if ones else _row_sums(matrix, matrix.data.astype(np.float64) ** 2)
        curvature_scale = problem.loss.lipschitz * problem.response.weight * (squares + problem.fit_intercept)
        self.chance, self.step = _chances(curvature_scale)
        self.spread = 1.0 / np.bincount(matrix.indices, np.repeat(self.chance, n_held), minlength=columns.size)
        penalties = tuple(values[columns] for values in problem.penalties)
        if all(np.all(values == values[:1]) for values in penalties):
            penalties = tuple(values[:1] for values in penalties)
        self.columns, self.data, self.penalties = columns, matrix.data[:0] if ones else matrix.data, penalties
        self.indices, self.indptr = matrix.indices.astype(np.int32, copy=False), matrix.indptr.astype(np.int64)

    def draw(self, rng: np.random.Generator) -> Ids:
        """Draw as many rows as there are: each as often as its chance says, rounded up or down, in any order."""
        n = self.chance.size
        until = np.cumsum(self.chance)
        points = (np.arange(n) + rng.random()) * (until[-1] / n)
        # Rounding must not take the last one past the last row.
        clipped = np.minimum(points, np.nextafter(until[-1], 0.0))
        return rng.permutation(np.searchsorted(until, clipped, side="right").astype(np.int32))


def _row_sums(matrix: sparse.csr_array, values: Vector) -> Vector:
    """Sum up values that belong to the entries of a matrix, row by row."""
    return np.diff(np.concatenate([[0.0], np.cumsum(values)])[matrix.indptr])


def _chances(curvature_scale: Vector) -> tuple[Vector, float]:
    """Return the chances of rows and the step, given the largest curvature along each."""
    curved = curvature_scale > 0.0
    if not curved.any():
        return np.full(curvature_scale.size, 1.0 / curvature_scale.size), 0.0
    chance = UNIFORM_SHARE * curved / np.count_nonzero(curved)
    chance += (1.0 - UNIFORM_SHARE) * curvature_scale / curvature_scale.sum()
    return chance, float(1.0 / (STEP_DIVISOR * np.max(curvature_scale[curved] / chance[curved])))


class Saga:
    """Stochastic descent on F itself; the quadratic model of the loss serves the certificate alone."""

    def __init__(self, problem: Problem, penalty: ElasticNet, state: State, options: SolverOptions, seed: int):
        self.problem, self.penalty, self.state, self.options = problem, penalty, state, options
        self.newton = ProximalNewton(problem, penalty, state, options)
        self.rng = np.random.default_rng(seed)
        self.rows: _Rows | None = None
        self.step_share = 1.0

    def solve(self) -> Solution:
        """Minimise F, and leave the state as other solvers expect it."""
        problem, state, newton = self.problem, self.state, self.newton
        if problem.is_quadratic:
            state.eta = problem.predictor(state.w, state.b)
        newton.certificate.screen_static(newton.begin())
        while check_gap(newton, keep=WORTH_A_COPY):
            self.descend(newton.certificate.screened_in)
        solution = report(newton)
        if problem.is_quadratic:
            state.eta, state.model = None, None
        return solution

    def descend(self, columns: Ids) -> None:
        """Sweep over the rows; take shorter steps, from the same point, where that did not lower F."""
        problem, state, newton = self.problem, self.state, self.newton
        if self.rows is None or self.rows.columns.size != columns.size:
            self.rows = _Rows(problem, columns)
        start, b, eta = state.w[columns], state.b, state.eta
        allowed = newton.gap.primal + 1e-13 * problem.reference + problem.gap_rounding
        self._sweep(self.rows)
        if not primal_objective(newton) <= allowed:
            state.w[columns], state.b, state.eta = start, b, eta
            self.step_share *= 0.5
            newton.linearize()

    def _sweep(self, rows: _Rows) -> None:
        """Sweep over the rows, with the derivatives and the gradient of the last model to begin with."""
        problem, state, gap = self.problem, self.state, self.newton.gap
        self.newton.rows.recover()
        w, slope = state.w[rows.columns], -state.neg_gradient
        gradient = problem.correlations(rows.columns, slope, self.options.n_threads)
        for _ in range(min(SWEEPS, max(self.options.max_iter - gap.n_iter, 1))):
            state.b = saga.sweep(
                problem.loss, self.penalty, rows.data, rows.indices, rows.indptr, rows.draw(self.rng), rows.chance,
                self.step_share * rows.step, *problem.row_terms, *problem.singleton_penalties, state.singleton_w,
                rows.spread, *rows.penalties,
                w, state.b, problem.fit_intercept, slope, gradient,
            )
            gap.n_iter += 1
        state.w[rows.columns] = w
        state.eta = problem.predictor(state.w, state.b)
        if problem.is_quadratic and problem.fit_intercept:
            shift = float(np.sum(problem.response.weight * (problem.response.y - state.eta))) / problem.weight_sum
            state.b, state.eta = state.b + shift, state.eta + shift
        self.newton.linearize()
