"""Squared loss on the Gram matrix of its columns, in the place of the rows: fits whose cost is that of the columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy import sparse

from sparsereg._core import gram
from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers import coordinate_descent
from sparsereg.solvers.base import Ids, Progress, Solution, SolverOptions, State, Vector, spelled_out
from sparsereg.solvers.certificate import FAINT
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.weighted_gram import at_once

# Rows whose columns are copied at a time: at least so many, and so many times the columns.
MIN_ROWS, ROWS_PER_COLUMN = 1024, 4
# Pairs of entries of sparse rows that take about a third of a second: a Ctrl-C waits no longer.
PAIRS = 1e8
# Square of mean / sd up to which columns need not be centred before they are multiplied: that costs two digits.
NEAR = 100.0
# Looks at the gap after which an alpha goes on on the rows.
MAX_LOOKS = 1000
# What rounding of the Gram matrix may add to the gap, as a share of the tolerance.
ROUNDING_SHARE = 0.1


@dataclass(frozen=True)
class CrossProducts:
    """What squared loss needs of the rows.

    Attributes
    ----------
    columns : ndarray of int32 of shape (n_columns,)
        Of the problem, ascending.
    gram : ndarray of float64 of shape (n_columns, n_columns)
        X'SX, centred beside an intercept.
    q : ndarray of float64 of shape (n_columns,)
        X'Sy.
    total : float
        y'Sy.
    size : ndarray of float64 of shape (n_columns,)
        Roots of the diagonal that `gram` had before anything was subtracted.
    epsilon : float
        Rounding of an entry, relative to the sizes of its columns.
    """

    columns: Ids
    gram: Vector
    q: Vector
    total: float
    size: Vector
    epsilon: float


def take_cross_products(problem: Problem) -> CrossProducts:
    """Take the cross-products of the columns of a problem and its target.

    Parameters
    ----------
    problem : Problem
        Of squared loss.

    Returns
    -------
    products : CrossProducts
        Cost: n p^2 / 2 multiplications, of sparse columns the pairs of entries in each row; memory p^2, and of dense
        columns that of so many rows as `MIN_ROWS` and `ROWS_PER_COLUMN` say.
    """
    columns, response = problem.columns, problem.response
    mean = problem.column_sum[columns] if problem.fit_intercept else np.zeros(columns.size)
    products = _of_dense if problem.is_dense else _of_sparse
    matrix, q, square = products(problem, mean)
    # Sums of so many terms; their errors mostly cancel.
    epsilon = np.finfo(float).eps * (16.0 + 2.0 * float(np.sqrt(problem.n_rows)))
    total = float(np.sum(response.weight * response.y**2))
    return CrossProducts(columns, matrix, q, total, np.sqrt(square), epsilon)


def _of_dense(problem: Problem, mean: Vector) -> tuple[Vector, Vector, Vector]:
    """Sum over blocks of rows, copied and centred before they are multiplied unless that says next to nothing."""
    columns, n_rows, weight = problem.columns, problem.n_rows, problem.response.weight
    block = problem.data.reshape(-1, n_rows)
    whole = columns.size == block.shape[0]
    plain = whole and weight.size == 1 and block.dtype == np.float64
    plain = plain and bool(np.all(mean**2 <= NEAR * problem.curvature[columns]))
    step = min(n_rows if plain else max(MIN_ROWS, ROWS_PER_COLUMN * columns.size), at_once(columns.size))
    root, y = np.sqrt(weight), problem.response.y
    matrix, q = np.empty((0, 0)), np.zeros(columns.size)
    for start in range(0, n_rows, step):
        rows = slice(start, start + step)
        part = block[:, rows] if whole else block[columns, rows]
        size = root if root.size == 1 else root[rows]
        if not plain:
            part = part - mean[:, None]
            part *= size
        q += part @ (size * y[rows])
        # NumPy knows a product with its own transpose.
        product = part @ part.T
        matrix = product if matrix.size == 0 else np.add(matrix, product, out=matrix)
    if not plain:
        return matrix, q, np.diagonal(matrix).copy()
    matrix *= weight[0]
    square = np.diagonal(matrix).copy()
    matrix -= np.outer(mean, mean)
    return matrix, q * root[0], square


def _of_sparse(problem: Problem, mean: Vector) -> tuple[Vector, Vector, Vector]:
    """Sum over rows, and centre afterwards."""
    columns, n_rows = problem.columns, problem.n_rows
    rows = sparse.csc_matrix(spelled_out(problem.matrix), shape=(n_rows, problem.indptr.size - 1), copy=False)
    rows = (rows if columns.size == rows.shape[1] else rows[:, columns]).tocsr()
    weight = np.ascontiguousarray(np.broadcast_to(problem.response.weight, n_rows))
    matrix = np.zeros((columns.size, columns.size))
    data, indices, indptr = rows.data, rows.indices.astype(np.int32), rows.indptr.astype(np.int64)
    ends = np.cumsum(np.diff(indptr).astype(float) ** 2)
    cuts = np.searchsorted(ends, np.arange(PAIRS, ends[-1], PAIRS)).tolist()
    for start, stop in pairwise([0, *cuts, n_rows]):
        gram.add_cross_products(data, indices, indptr[start : stop + 1], weight[start:stop], matrix)
    square = np.diagonal(matrix).copy()
    matrix += np.tril(matrix, -1).T
    matrix -= np.outer(mean, mean)
    # The centred squares of the columns are known to more digits.
    np.fill_diagonal(matrix, problem.curvature[columns])
    return matrix, rows.T @ (weight * problem.response.y), square


class GramFits:
    """Solves at one alpha after another on the cross-products; where these are too rough, on the rows.

    Parameters
    ----------
    problem : Problem
    """

    def __init__(self, problem: Problem):
        self.problem, products = problem, take_cross_products(problem)
        self.columns = products.columns
        self.all_columns = self.columns.size == problem.indptr.size - 1
        self.descent = gram.GramDescent(
            products.gram, products.q, products.total, products.size, products.epsilon,
            *(values[self.columns] for values in problem.penalties),
        )
        self.column_sum = problem.column_sum[self.columns]

    def __call__(self, problem: Problem, penalty: ElasticNet, state: State, options: SolverOptions) -> Solution:
        """Minimise F at one alpha from a warm start.

        Parameters
        ----------
        problem : Problem
            That of the cross-products.
        penalty : ElasticNet
        state : State
            Warm start; holds the solution on return, but for `neg_gradient`: see `settle`.
        options : SolverOptions

        Returns
        -------
        solution : Solution
        """
        descent = self.descent
        start = state.w if self.all_columns else state.w[self.columns]
        if (start != descent.w).any():
            descent.start(start)
        target = options.tol * problem.reference + problem.gap_rounding
        self._descend(penalty, target, options)
        w = descent.w
        if self.all_columns:
            state.w[:] = w
        else:
            state.w[self.columns] = w
        state.b = -float(self.column_sum @ w) if problem.fit_intercept else 0.0
        state.Xt_is_current = None
        if descent.gap > target or descent.rounding > ROUNDING_SHARE * target:
            return self._go_on(penalty, state, options)
        state.alpha = penalty.alpha
        objective = descent.primal + problem.response.constant
        return Solution.of(
            state.w, b=problem.intercept_outside(state.w, state.b), objective=objective,
            loss=objective - descent.penalty_sum, dual_gap=descent.gap / problem.reference, n_iter=descent.n_iter,
            converged=True,
        )

    def _descend(self, penalty: ElasticNet, target: float, options: SolverOptions) -> None:
        """Run the kernel, and tell who wants to be told of its last look."""
        descent = self.descent
        descent.solve(penalty, target, min(options.max_iter, MAX_LOOKS), FAINT)
        if options.callback is not None:
            gap, n_nonzero = descent.gap / self.problem.reference, int(np.count_nonzero(descent.w))
            options.callback(Progress(penalty.alpha, descent.n_iter, gap, n_nonzero))

    def _go_on(self, penalty: ElasticNet, state: State, options: SolverOptions) -> Solution:
        """Finish an alpha on the rows, from where it is, or say how far it is where no pass is left."""
        n_iter = self.descent.n_iter
        rest = replace(options, max_iter=max(options.max_iter - n_iter, 1))
        solution = coordinate_descent.solve(self.problem, penalty, state, rest)
        return replace(solution, n_iter=min(n_iter + solution.n_iter, options.max_iter))

    def settle(self, state: State) -> None:
        """Bring the rows of a state up to date with its coefficients."""
        problem = self.problem
        state.neg_gradient[:] = problem.response.weight * (problem.response.y - problem.predictor(state.w, state.b))
