"""Row passes of proximal Newton: the quadratic model of the loss around a linear predictor, and dual points made of it.

For any loss by `row_objective`. Squared loss whose singleton columns are eliminated without bounds is Huber's function
row by row, and has passes of its own by `huber_rows`, over half as many bytes. Rows are taken in chunks, whose sums are
added up in order: results are the same for any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sparsereg._core import columns as column_passes
from sparsereg._core import huber_rows, row_objective
from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers.base import Ids, QuadraticModel, State, Vector
from sparsereg.solvers.problem import Problem
from sparsereg.solvers.threaded_passes import share_out

# Rows to a chunk of any loss: the call of a kernel for it takes a few hundredths of the pass over them.
CHUNK = 1 << 16


def make_rows(problem: Problem, penalty: ElasticNet, state: State, n_threads: int) -> LossRows | HuberRows:
    """Choose the passes for the rows of a problem.

    Parameters
    ----------
    problem : Problem
    penalty : ElasticNet
    state : State
        Its linear predictor and minus the derivative are kept up to date.
    n_threads : int

    Returns
    -------
    rows : LossRows or HuberRows
    """
    # Without L1 nothing limits a slope.
    is_huber = problem.huber_limits is not None and penalty.strength > 0.0
    return (HuberRows if is_huber else LossRows)(problem, penalty, state, n_threads)


class LossRows:
    """Passes for any loss, with singleton columns or without.

    Parameters
    ----------
    problem : Problem
    penalty : ElasticNet
    state : State
    n_threads : int
    """

    def __init__(self, problem: Problem, penalty: ElasticNet, state: State, n_threads: int):
        self.problem, self.penalty, self.state, self.n_threads = problem, penalty, state, n_threads
        self._start: Vector | None = None
        self._step: Vector | None = None

    def set_out(self, columns: Ids, delta: Vector, shift: float) -> None:
        """Take the change of the linear predictor that coefficients and intercept make."""
        self._start, self._step = self.state.eta, self.problem.product(columns, delta, shift)

    def longest_step(self) -> float:
        """Return the largest change of a row."""
        return float(np.abs(self._step).max(initial=0.0))

    def go(self, size: float) -> None:
        """Move the linear predictor by that much of it from where it was."""
        self.state.eta = self._start + size * self._step

    def linearize(self, floor: float) -> QuadraticModel:
        """Model the loss at the linear predictor; weights are at least the floor, relative to the curvature."""
        problem, state = self.problem, self.state
        curvature, weight = np.empty(problem.n_rows), np.empty(problem.n_rows)

        def run(rows: slice) -> tuple[float, float]:
            return row_objective.linearize(
                problem.loss, self.penalty, *terms_in(problem, rows), state.eta[rows], *singletons_in(problem, rows),
                floor, state.neg_gradient[rows], curvature[rows], weight[rows], state.singleton_w[rows],
                state.predictor[rows],
            )

        loss, weight_sum = np.sum(in_chunks(run, problem.n_rows, self.n_threads), axis=0).tolist()
        weight_sum = weight_sum if problem.fit_intercept else 0.0
        return QuadraticModel(weight, weight_sum, loss, curvature, problem.response, state.eta)

    def spare(self) -> Vector:
        """Return an array for another derivative."""
        return np.empty(self.problem.n_rows)

    def center(self, z: Vector, quadratic: QuadraticModel) -> tuple[Vector, float]:
        """Make a dual point orthogonal to the intercept; return what the singleton columns allow of it, too."""
        theta = np.empty(z.size)
        scale = row_objective.center_dual(
            self.penalty, z, quadratic.curvature, quadratic.weight, self.problem.fit_intercept,
            *self.problem.singleton_penalties, theta,
        )
        return theta, scale

    def conjugates(self, theta: Vector) -> Callable[[float], float]:
        """Return the sum of the conjugates of the rows' losses at a dual point, as a function of its scale."""
        return conjugates_of(self.problem, self.penalty, self.state, self.n_threads, theta)

    def recover(self) -> None:
        """Bring the singleton coefficients up to date, as they are."""


def conjugates_of(
    problem: Problem, penalty: ElasticNet, state: State, n_threads: int, theta: Vector
) -> Callable[[float], float]:
    """Return the sum of the conjugates of the rows' losses at a dual point, as a function of its scale.

    Parameters
    ----------
    problem : Problem
    penalty : ElasticNet
    state : State
    n_threads : int
    theta : ndarray of float64 of shape (n_rows,)

    Returns
    -------
    conjugates : callable
    """
    # Read where rows have several terms, and these have a predictor.
    predictor = state.eta if problem.singletons is None else state.predictor
    predictor = state.neg_gradient if predictor is None else predictor

    def conjugates(scale: float) -> float:
        def run(rows: slice) -> float:
            return row_objective.dual_sum(
                problem.loss, penalty, *terms_in(problem, rows), predictor[rows], theta[rows], scale,
                *singletons_in(problem, rows),
            )

        return float(np.sum(in_chunks(run, problem.n_rows, n_threads)))

    return conjugates


def in_chunks(run: Callable[[slice], Any], n_rows: int, n_threads: int) -> list[Any]:
    """Run a pass over chunks of the rows, which threads share; return what it gives for each, in order.

    Parameters
    ----------
    run : callable
        Takes a slice of the rows.
    n_rows, n_threads : int

    Returns
    -------
    results : list
    """
    chunks = [slice(k, min(k + CHUNK, n_rows)) for k in range(0, n_rows, CHUNK)]
    results = [None] * len(chunks)

    def run_some(first: int, last: int) -> None:
        for k in range(first, last):
            results[k] = run(chunks[k])

    share_out(run_some, len(chunks), n_threads)
    return results


def terms_in(problem: Problem, rows: slice) -> tuple[Any, ...]:
    """Return `y, s, offset, first` of some rows.

    Parameters
    ----------
    problem : Problem
    rows : slice

    Returns
    -------
    terms : tuple
    """
    y, s, offset, first = problem.row_terms
    # Terms of rows that have several are found through `first`.
    if first.size:
        return y, s, offset, first[rows.start : rows.stop + 1]
    return y[rows], s[rows], offset[rows], first


def singletons_in(problem: Problem, rows: slice) -> tuple[Vector, ...]:
    """Return `x, penalty_factor, scale, lower, upper` of the singleton columns of some rows, or what stands for none.

    Parameters
    ----------
    problem : Problem
    rows : slice

    Returns
    -------
    penalties : tuple
    """
    return tuple(values[rows] for values in problem.singleton_penalties)


@dataclass
class RowBuffers:
    """Arrays of the length of the rows, which serve one alpha after the other: a new one costs as much as a pass.

    Attributes
    ----------
    problem : Problem
    weight, theta, step : ndarray of float64 of shape (n_rows,)
        Of the model, of the dual point, and of the way to the next predictor.
    z : ndarray of float64 of shape (n_rows,)
        Takes the next derivative while the last is in use.
    predictors : pair of ndarray of float64 of shape (n_rows,)
        One of them takes the next predictor while the other may be the last.
    """

    problem: Problem
    weight: Vector
    theta: Vector
    step: Vector
    z: Vector
    predictors: tuple[Vector, Vector]

    @classmethod
    def of(cls, problem: Problem) -> RowBuffers:
        """Make those for a problem."""
        *arrays, first, second = (np.empty(problem.n_rows) for _ in range(6))
        return cls(problem, *arrays, (first, second))


class HuberRows(LossRows):
    """Passes for squared loss with singleton columns without bounds; singleton coefficients are made when asked for.

    Parameters
    ----------
    problem : Problem
    penalty : ElasticNet
    state : State
    n_threads : int
    """

    def __init__(self, problem: Problem, penalty: ElasticNet, state: State, n_threads: int):
        super().__init__(problem, penalty, state, n_threads)
        if state.buffers is None or state.buffers.problem is not problem:
            state.buffers = RowBuffers.of(problem)
        self._ridge = penalty.alpha * (1.0 - penalty.l1_ratio)
        response = problem.response
        self._rows = response.y, response.s, *problem.huber_limits, penalty.strength, self._ridge
        self._n_chunks = -(-problem.n_rows // huber_rows.CHUNK)
        self._size, self._slope, self._curvature = 0.0, 0.0, 0.0
        self._linear, self._square = 0.0, 0.0

    def set_out(self, columns: Ids, delta: Vector, shift: float) -> None:
        """Take the change of the linear predictor that coefficients and intercept make."""
        self._start, step = self.state.eta, self.state.buffers.step
        step.fill(shift)
        column_passes.accumulate(*self.problem.matrix, columns, delta, step)

    def go(self, size: float) -> None:
        """Leave the move to the next model, which passes over the rows anyway."""
        self.state.eta, self._size = self._start, size

    def linearize(self, floor: float) -> QuadraticModel:
        """Model the loss at the linear predictor; weights are at least the floor, relative to the curvature."""
        problem, state, buffers, moves = self.problem, self.state, self.state.buffers, self._size > 0.0
        eta, moved = state.eta, buffers.predictors[state.eta is buffers.predictors[0]]
        step, sums = buffers.step if moves else buffers.step[:0], np.empty((self._n_chunks, 4))

        def run(first: int, last: int) -> None:
            huber_rows.linearize(
                *self._rows, floor, eta, step, self._size, moved, state.neg_gradient, buffers.weight, first,
                sums[first:last],
            )

        share_out(run, self._n_chunks, self.n_threads)
        state.eta, self._size = moved if moves else eta, 0.0
        # In order, chunk after chunk.
        loss, self._slope, self._curvature, weight_sum = (float(total) for total in sums.sum(axis=0))
        self._model_z = state.neg_gradient
        weight_sum = weight_sum if problem.fit_intercept else 0.0
        return QuadraticModel(buffers.weight, weight_sum, loss, None, problem.response, state.eta)

    def spare(self) -> Vector:
        """Return an array for another derivative."""
        spare, self.state.buffers.z = self.state.buffers.z, self.state.neg_gradient
        return spare

    def center(self, z: Vector, quadratic: QuadraticModel) -> tuple[Vector, float]:
        """Make a dual point orthogonal to the intercept; return what the singleton columns allow of it, too."""
        state, theta, share = self.state, self.state.buffers.theta, 0.0
        if self.problem.fit_intercept:
            if self._curvature <= 0.0:
                return self._center_by_weight(z, quadratic)
            share = (self._slope if z is self._model_z else float(z.sum())) / self._curvature
        sums = np.empty((self._n_chunks, 3))

        def run(first: int, last: int) -> None:
            huber_rows.center_dual(*self._rows, share, state.eta, z, theta, first, sums[first:last])

        share_out(run, self._n_chunks, self.n_threads)
        self._linear, self._square = (float(total) for total in sums[:, :2].sum(axis=0))
        return theta, float(sums[:, 2].min())

    def conjugates(self, theta: Vector) -> Callable[[float], float]:
        """Return the sum of the conjugates of the rows' losses at a dual point, as a function of its scale."""
        if self._ridge > 0.0 or theta is not self.state.buffers.theta:
            return super().conjugates(theta)
        return lambda scale: scale * (0.5 * scale * self._square - self._linear)

    def recover(self) -> None:
        """Bring the singleton coefficients up to date."""
        state = self.state
        huber_rows.recover(*self._rows, state.eta, self.problem.singletons.x, state.singleton_w, state.predictor)

    def _center_by_weight(self, z: Vector, quadratic: QuadraticModel) -> tuple[Vector, float]:
        """Do so where every row is at the edge, and its weight stands in for the curvature that none has."""
        return super().center(z, replace(quadratic, curvature=np.zeros(z.size)))
