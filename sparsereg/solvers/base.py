"""Solver options, state and solution: what every solver takes and gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sparsereg.coef import Nonzeros

Vector = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int32]
# `data, indices, indptr` of compact columns (CSC), as kernels take them; empty `data` stands for ones.
Matrix = tuple[npt.NDArray, Ids, npt.NDArray[np.int64]]


def repeated(value: float, n: int) -> Vector:
    """Return an array that says the same number n times and holds it once (stride 0); not to be written to."""
    return np.ndarray((n,), np.float64, np.float64(value), strides=(0,))


def spelled_out(matrix: Matrix) -> Matrix:
    """Return compact columns or rows with their values, ones too.

    Parameters
    ----------
    matrix : tuple
        `data, indices, indptr`.

    Returns
    -------
    matrix : tuple
        The same arrays where values are there.
    """
    data, indices, indptr = matrix
    return (np.ones(indices.size, dtype=data.dtype) if data.size == 0 else data), indices, indptr


def take_columns(matrix: Matrix, columns: npt.NDArray[Any], n_rows: int) -> sparse.csc_matrix:
    """Take columns, with their values.

    Parameters
    ----------
    matrix : tuple
        `data, indices, indptr` of compact columns (CSC).
    columns : ndarray of int of shape (n_columns,)
    n_rows : int

    Returns
    -------
    taken : csc_matrix of float64 of shape (n_rows, n_columns)
    """
    data, indices, indptr = matrix
    if data.size:
        whole = sparse.csc_matrix(matrix, shape=(n_rows, indptr.size - 1), copy=False)
        return whole[:, columns].astype(np.float64)
    sizes = indptr[1:][columns] - indptr[:-1][columns]
    ends = np.concatenate([[0], np.cumsum(sizes)])
    entries = np.arange(ends[-1]) + np.repeat(indptr[:-1][columns] - ends[:-1], sizes)
    return sparse.csc_matrix((np.ones(entries.size), indices[entries], ends), shape=(n_rows, sizes.size), copy=False)


def inner(a: Vector, b: Vector) -> float:
    """Return the inner product of two long vectors.

    BLAS would wake its threads for it, which spin for longer than it takes.
    """
    return float(np.einsum("i,i->", a, b))


@dataclass(frozen=True)
class Progress:
    """What a callback is given after every check of the duality gap.

    Attributes
    ----------
    alpha : float
        Penalty strength being solved for. On the way to one far below the last, strengths in between are reported too.
    n_iter : int
        Passes over the working set or the data so far, at this alpha.
    dual_gap : float
        Relative to the objective of the null model; NaN for a penalty that is not convex.
    n_nonzero : int
        Coefficients that are not zero.
    violation : float
        As in `Solution`.
    """

    alpha: float
    n_iter: int
    dual_gap: float
    n_nonzero: int
    violation: float = np.nan


@dataclass(frozen=True)
class SolverOptions:
    """Stopping rules, number of threads, callback.

    Attributes
    ----------
    tol : float
        Stop at a duality gap of tol times the objective of the null model.
    max_iter : int
        Stop, with a warning, after this many passes at one alpha.
    n_threads : int
        Threads for passes over all columns; results do not depend on it.
    callback : callable or None
        Called with a `Progress`; whatever it raises ends the fit.
    """

    tol: float = 1e-6
    max_iter: int = 10_000
    n_threads: int = 1
    callback: Callable[[Progress], Any] | None = None


@dataclass
class QuadraticModel:
    """The quadratic model of the loss that kernels descend on.

    Attributes
    ----------
    weight : ndarray of float64 of shape (n_rows,) or (1,)
        Of the rows; no less than their curvature.
    weight_sum : float
        0 for a model without intercept.
    loss : float
        Where the model was taken.
    curvature : ndarray of float64 of shape (n_rows,) or None
        Of the rows.
    response : Response or None
    eta : ndarray of float64 of shape (n_rows,) or None
        Linear predictor at which the model was taken.
    """

    weight: npt.NDArray[np.float64]
    weight_sum: float
    loss: float
    curvature: npt.NDArray[np.float64] | None = None
    response: Any = None
    eta: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Anchor:
    """A solution on its support.

    Attributes
    ----------
    alpha : float
    columns : ndarray of int32 of shape (n_support,)
        Ascending.
    w : ndarray of float64 of shape (n_support,)
    b : float
    """

    alpha: float
    columns: Ids
    w: Vector
    b: float

    def at(self, columns: Ids) -> Vector:
        """Return the coefficients of some columns."""
        if self.columns.size == 0:
            return np.zeros(columns.size)
        place = np.minimum(np.searchsorted(self.columns, columns), self.columns.size - 1)
        return np.where(self.columns[place] == columns, self.w[place], 0.0)


@dataclass(frozen=True)
class CheckedDual:
    """A dual point and its correlations.

    Attributes
    ----------
    response : Response
    theta : ndarray of float64 of shape (n_rows,)
    columns : ndarray of int32 of shape (n_columns,)
        Those that were correlated with it.
    v : ndarray of float64 of shape (n_columns,) or (n_active,)
        `X' theta` of these, or where these are in an array of all.
    """

    response: Any
    theta: npt.NDArray[np.float64]
    columns: Ids
    v: npt.NDArray[np.float64]


@dataclass
class State:
    """State of the descent on the compact columns; what the next alpha starts from.

    Attributes
    ----------
    w : ndarray of float64 of shape (n_active,)
        Coefficients of the columns that are not singletons.
    b : float
        Intercept, relative to the mean of the target.
    neg_gradient : ndarray of float64 of shape (n_rows,)
        Minus the derivative of the weighted loss at each row's linear predictor.
    eta : ndarray of float64 of shape (n_rows,) or None
        Linear predictor without offsets and singleton columns; kept only where the loss is not its own quadratic model.
    singleton_w : ndarray of float64 of shape (n_rows,) or (0,)
        Singleton coefficient of each row; empty without singleton columns.
    predictor : ndarray of float64 of shape (n_rows,) or (0,)
        Linear predictor with singleton columns; empty without any.
    Xt_neg_gradient : ndarray of float64 of shape (n_active,)
        `X' neg_gradient`, where `Xt_is_current`.
    Xt_is_current : ndarray of bool of shape (n_active,) or None
        Where `Xt_neg_gradient` is up to date; None: nowhere.
    alpha : float
        The strength that this state solves; infinite for the null model.
    model : QuadraticModel or None
        Of the loss, where a solver has left one; it is that at this state if response and `eta` are the same.
    dual : CheckedDual or None
        Where a solver has left one, next to minus the derivative of the loss at this state.
    factors : Factors or None
        What solves a problem with L2 alone: a `problem`, and what was made for it.
    buffers : RowBuffers or None
        What row passes write to.
    anchors : tuple of Anchor
        The last two solutions that took a descent, the later one last.
    active_set : ActiveSetDescent or None
        Where squared loss has few rows: the members of the support and their factor.
    """

    w: npt.NDArray[np.float64]
    b: float
    neg_gradient: npt.NDArray[np.float64]
    eta: npt.NDArray[np.float64] | None
    singleton_w: npt.NDArray[np.float64]
    predictor: npt.NDArray[np.float64]
    Xt_neg_gradient: npt.NDArray[np.float64]
    Xt_is_current: npt.NDArray[np.bool_] | None = None
    alpha: float = np.inf
    model: QuadraticModel | None = None
    factors: Any = None
    buffers: Any = None
    anchors: tuple[Anchor, ...] = ()
    active_set: Any = None
    dual: CheckedDual | None = None

    @property
    def n_nonzero(self) -> int:
        """Number of coefficients that are not zero, those of singleton columns too."""
        return int(np.count_nonzero(self.w) + np.count_nonzero(self.singleton_w))

    @property
    def outputs(self) -> tuple[State, ...]:
        """The state of each output: one."""
        return (self,)


@dataclass(frozen=True)
class Solution:
    """One fit on the compact columns, certified by its duality gap or, if not convex, by its violation.

    Attributes
    ----------
    nonzeros : Nonzeros
        Coefficients of the n_active columns, a vector for each output.
    b : ndarray of float64 of shape (n_outputs,)
        Intercepts on the user's scale.
    objective : float
        F(w, b) on the user's scale, of all outputs together.
    loss : float
        The part of it that is the mean loss.
    dual_gap : float
        Relative to the objective of the null model; NaN for a penalty that is not convex.
    n_iter : int
        Passes over the working set plus passes over all columns.
    converged : bool
    violation : float
        How far the state is from a minimum along every coordinate: the most by which minimising over one alone would
        move its gradient, relative to the largest gradient entry of the null model. NaN where a gap says more.
    unbounded : bool
        The loss keeps falling along columns without penalty (classes that they separate, counts of zero on all their
        rows): the solution is where the gap met the tolerance, and no coefficients are best.
    """

    nonzeros: Nonzeros
    b: npt.NDArray[np.float64]
    objective: float
    loss: float
    dual_gap: float
    n_iter: int
    converged: bool
    violation: float = np.nan
    unbounded: bool = False

    @classmethod
    def of(cls, w: npt.NDArray[np.float64], *, b: float | npt.NDArray[np.float64], **facts: Any) -> Solution:
        """Keep the non-zeros of a compact vector, or of an array with one in each row."""
        rows = w if w.ndim == 2 else w[None]
        return cls(nonzeros=Nonzeros.of_dense(rows), b=np.array(b, np.float64, ndmin=1), **facts)

    @property
    def coefs(self) -> sparse.csc_array:
        """The coefficients as a csc_array of shape (n_active, n_outputs)."""
        return self.nonzeros.matrix

    def without_coefficients(self) -> Solution:
        """Return what is known of the fit, without the fit."""
        return replace(self, nonzeros=Nonzeros.none(self.nonzeros.length, self.nonzeros.n_columns))

    @property
    def error_name(self) -> str:
        """What the fit is certified by: "gap" or "violation"."""
        return "violation" if np.isnan(self.dual_gap) else "gap"

    @property
    def error(self) -> float:
        """That gap or violation, in units of `SolverOptions.tol`."""
        return self.violation if np.isnan(self.dual_gap) else self.dual_gap

    @property
    def columns(self) -> npt.NDArray[np.int32]:
        """Compact ids of the columns that some output uses, ascending."""
        indices = self.nonzeros.indices
        return indices if self.nonzeros.n_columns == 1 else np.unique(indices)
