"""The problem, which stays the same along a path: compact columns, response, loss, and how each column is penalised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sparsereg._core import columns as column_passes
from sparsereg._core import row_objective
from sparsereg._core.penalties import ElasticNet
from sparsereg.solvers.base import Ids, State, Vector, take_columns
from sparsereg.solvers.centering import Centering
from sparsereg.solvers.response import NO_SINGLETONS, Response, linearize_rows
from sparsereg.solvers.threaded_passes import correlate, take_moments

if TYPE_CHECKING:
    from sparsereg._core.losses import _Loss

# Curvature of a row with the intercept only, relative to the largest of its loss, where it has next to none.
NULL_FLOOR = 1e-2
# Mean squares of columns whose products single precision holds, with room for weights.
SINGLE = 1e-20, 1e20


@dataclass(frozen=True)
class SingletonColumns:
    """Columns of one row each, at most one to a row, that are eliminated in closed form; arrays by row.

    Attributes
    ----------
    columns, rows : ndarray of int32 of shape (n_singletons,)
    x : ndarray of float64 of shape (n_rows,)
        The column's value in its row; 0 where a row has none.
    penalty_factor, scale, lower, upper : ndarray of float64 of shape (n_rows,)
    """

    columns: Ids
    rows: Ids
    x: Vector
    penalty_factor: Vector
    scale: Vector
    lower: Vector
    upper: Vector


@dataclass(frozen=True)
class Problem:
    """The data of F(w, b): columns, response, loss, and how each column is penalised.

    Attributes
    ----------
    data, indices, indptr
        Compact columns (CSC) over aggregated rows, less the constants of `centering`; empty `data` stands for ones.
    centering : Centering
        What was taken off columns that are far from zero.
    blurred : ndarray of int32
        Columns left out because they vary less than float64 can tell, though they do vary.
    loss : registered loss
    response : Response
        What the rows are fitted to.
    fit_intercept : bool
    penalty_factor, scale, lower, upper : ndarray of float64 of shape (n_active,)
        The penalty acts on scale_j w_j with factor p_j.
    column_sum, curvature : ndarray of float64 of shape (n_active,)
        `sum_i s_i x_ij` and the (with intercept: centred) `sum_i s_i x_ij^2`.
    columns : ndarray of int32
        Columns that solvers iterate over, ascending.
    singletons : SingletonColumns or None
    threshold_scale : ndarray of float64 of shape (n_active,) or None
        Of penalties that level off (`convexity.threshold_scales`); None is 1.
    """

    data: npt.NDArray
    indices: Ids
    indptr: npt.NDArray[np.int64]
    centering: Centering
    blurred: Ids
    loss: _Loss
    response: Response
    fit_intercept: bool
    penalty_factor: Vector
    scale: Vector
    lower: Vector
    upper: Vector
    column_sum: Vector
    curvature: Vector
    columns: Ids
    singletons: SingletonColumns | None
    threshold_scale: Vector | None = None
    n_outputs: ClassVar[int] = 1

    @property
    def outputs(self) -> tuple[Problem, ...]:
        """The problem of each output: one."""
        return (self,)

    @cached_property
    def matrix(self) -> tuple:
        """`data, indices, indptr`, as kernels take them."""
        return self.data, self.indices, self.indptr

    @cached_property
    def is_dense(self) -> bool:
        """Every column has a value in every row: `data` is the matrix, column by column."""
        return 0 < self.data.size == (self.indptr.size - 1) * self.n_rows

    @cached_property
    def penalties(self) -> tuple[Vector, Vector, Vector, Vector]:
        """`penalty_factor, scale, lower, upper`, as kernels take them."""
        return self.penalty_factor, self.scale, self.lower, self.upper

    @cached_property
    def row_terms(self) -> tuple[Vector, Vector, Vector, npt.NDArray[np.int64]]:
        """`y, s, offset, first` of the response, as kernels take them."""
        response = self.response
        return response.y, response.s, response.offset, response.first

    @property
    def usable(self) -> Ids:
        """Columns that may have a coefficient, singletons too, ascending."""
        if self.singletons is None:
            return self.columns
        return np.sort(np.concatenate([self.columns, self.singletons.columns]))

    @cached_property
    def singleton_penalties(self) -> tuple[Vector, ...]:
        """`x, penalty_factor, scale, lower, upper` of the singleton columns, as kernels take them."""
        if self.singletons is None:
            return NO_SINGLETONS
        columns = self.singletons
        return columns.x, columns.penalty_factor, columns.scale, columns.lower, columns.upper

    @cached_property
    def huber_limits(self) -> tuple[Vector, Vector] | None:
        """What the singleton column of each row costs in its predictor, for a unit of L1 and of L2 penalty; None where
        the rows' losses are not those of Huber: another loss, no singleton columns, or bounds on some.
        """
        columns = self.singletons
        if columns is None or not self.loss.is_quadratic or not self._is_free(columns):
            return None
        size = np.abs(np.where(columns.x == 0.0, 1.0, columns.x))
        limit = np.where(columns.x == 0.0, np.inf, columns.penalty_factor * columns.scale / size)
        bend = np.where(columns.x == 0.0, 0.0, columns.penalty_factor * (columns.scale / size) ** 2)
        return limit, bend

    def _is_free(self, columns: SingletonColumns) -> bool:
        """Say whether no singleton column has a bound."""
        return bool(np.isinf(columns.lower[columns.rows]).all() and np.isinf(columns.upper[columns.rows]).all())

    @cached_property
    def is_quadratic(self) -> bool:
        """The loss is its own quadratic model, everywhere."""
        return self.loss.is_quadratic and self.singletons is None

    @cached_property
    def norm(self) -> Vector:
        """Norms of the columns under the weights of the rows, as the curvature."""
        return np.sqrt(self.curvature)

    @cached_property
    def weight_sum(self) -> float:
        """Sum of the weights of the rows."""
        return float(self.response.s.sum())

    @property
    def null_intercepts(self) -> tuple[float]:
        """Intercept of the model without columns, less the mean of the response."""
        return (self.response.null_intercept,)

    @cached_property
    def n_rows(self) -> int:
        """Number of aggregated rows."""
        return max(self.response.first.size - 1, 0) or self.response.y.size

    @cached_property
    def reference(self) -> float:
        """What gaps are relative to: the objective of the null model, all parts of it."""
        return self.response.null_objective + self.response.constant

    @cached_property
    def has_unpenalized(self) -> bool:
        """Some column carries no penalty."""
        return bool((self.penalty_factor[self.columns] == 0.0).any())

    def restrict(self, columns: Ids) -> Problem:
        """Return a problem that has no columns but those given, none of them eliminated."""
        return replace(self, columns=columns, singletons=None)

    def joined(self, states: Sequence[State], losses: Sequence[float]) -> tuple[State, float]:
        """Return the state of all outputs, of which there is one, and its loss."""
        return states[0], losses[0]

    def refresh(self, state: State) -> float:
        """Return the loss at a state without singleton columns, whose gradient solvers keep up to date."""
        if self.is_quadratic:
            return self.squared_loss(state.neg_gradient)
        return linearize_rows(self.loss, self.row_terms, state.eta, np.empty(self.n_rows))[0]

    def intercept_outside(self, w: Vector, b: float) -> float:
        """Return the intercept on the user's scale, of a point."""
        return b + self.response.y_mean - self.centering.lost(w)

    def intercept_inside(self, w: Vector, intercept: float) -> float:
        """Return the intercept of a point, from that on the user's scale."""
        return intercept - self.response.y_mean + self.centering.lost(w) if self.fit_intercept else 0.0

    def predictor(self, w: Vector, b: float) -> Vector:
        """Compute `X w + b`, row by row, without offsets, of a point."""
        support = (w != 0.0).nonzero()[0].astype(np.int32)
        return self.product(support, w[support], b)

    def product(self, columns: Ids, w: Vector, b: float = 0.0) -> Vector:
        """Compute `X w + b`, row by row, of the coefficients of some columns."""
        eta = np.zeros(self.n_rows)
        if b != 0.0:
            eta += b
        column_passes.accumulate(*self.matrix, columns, w, eta)
        return eta

    def correlations(self, columns: Ids, z: Vector, n_threads: int = 1) -> Vector:
        """Compute `X' z` of some columns."""
        v = np.zeros(self.indptr.size - 1)
        correlate(self.matrix, columns, z, v, n_threads)
        return v[columns]

    def submatrix(self, columns: Ids) -> sparse.csc_matrix:
        """Return columns as a float64 matrix of shape (n_rows, n_columns)."""
        return take_columns(self.matrix, columns, self.n_rows)

    @cached_property
    def fits_single(self) -> bool:
        """Whether single precision holds the products of all columns, under weights of about any size."""
        square = self.curvature / self.weight_sum + (self.column_sum / self.weight_sum) ** 2
        square = square[square > 0.0]
        return bool(SINGLE[0] <= square.min(initial=1.0) and square.max(initial=1.0) <= SINGLE[1])

    @cached_property
    def single_block(self) -> npt.NDArray[np.float32]:
        """Every column, dense and in single precision, as rows of an array; only where nearly all entries are there."""
        if self.is_dense:
            return self.data.reshape(-1, self.n_rows).astype(np.float32, copy=False)
        return self.submatrix(np.arange(self.indptr.size - 1)).astype(np.float32).T.toarray(order="C")

    def squared_loss(self, z: Vector) -> float:
        """Squared loss of the rows whose weighted residuals are z."""
        return 0.5 * float((z**2 * self.variance).sum())

    @cached_property
    def variance(self) -> Vector:
        """One over the weight of each row, 0 where that is 0; of one row where all weigh the same."""
        weight = self.response.weight
        return np.divide(1.0, weight, out=np.zeros(weight.size), where=weight > 0.0)

    def moments(
        self, columns: Ids, weight: Vector, weight_sum: float = 0.0, n_threads: int = 1
    ) -> tuple[Vector, Vector]:
        """Sum and (with intercept: centred) curvature of columns under weights of the rows, whose sum may be given."""
        column_sum, centered = np.empty(columns.size), np.empty(columns.size)
        total = weight_sum if weight_sum > 0.0 else float(np.broadcast_to(weight, (self.n_rows,)).sum())
        total = max(total, np.finfo(float).tiny)
        take_moments(self.matrix, columns, weight, total, self.n_rows, column_sum, centered, n_threads)
        return column_sum, centered if self.fit_intercept else centered + column_sum**2 / total

    @cached_property
    def sign_bounds(self) -> tuple[Vector, Vector] | None:
        """`lower, upper` with every bound but 0 moved to infinity; None where there is no other bound."""
        lower, upper = self.lower, self.upper
        if not (np.isfinite(lower) & (lower < 0.0)).any() and not (np.isfinite(upper) & (upper > 0.0)).any():
            return None
        return np.where(lower < 0.0, -np.inf, lower), np.where(upper > 0.0, np.inf, upper)

    @cached_property
    def gap_rounding(self) -> float:
        """Gap that rounding alone may leave, from the size of the target before centring."""
        response = self.response
        if not self.loss.location:
            return 4.0 * np.finfo(float).eps * (abs(response.null_objective) + abs(response.constant))
        size = self.noise / 8.0
        return 4.0 * size * (np.sqrt(response.null_objective) + size)

    @cached_property
    def gap_rounding_floor(self) -> float:
        """Gap that rounding may hide: half a deviance is the difference of numbers that grow with the counts."""
        return self.gap_rounding if self.loss.log_link else 0.0

    @cached_property
    def null_curvature_ratio(self) -> float:
        """How much curvature the null model has, of the most that the loss can have; 1 where there is no most."""
        max_curvature = self.loss.lipschitz * self.weight_sum
        curvature = self.response.null_curvature
        return min(curvature / max_curvature, 1.0) if 0.0 < curvature < max_curvature < np.inf else 1.0

    @cached_property
    def min_loss(self) -> float:
        """What no linear predictor betters: the dual objective at 0, a bound that needs no certificate."""
        if self.loss.is_quadratic:
            return 0.0
        zeros = np.zeros(self.n_rows)
        return -row_objective.dual_sum(
            self.loss, ElasticNet(0.0, 1.0), *self.row_terms, zeros, zeros, 0.0, *NO_SINGLETONS
        )

    @cached_property
    def null_model(self) -> tuple[Vector, Vector]:
        """Minus the derivative and the curvature (at least NULL_FLOOR) of each row with the intercept only."""
        z, eta = np.empty(self.n_rows), np.full(self.n_rows, self.response.null_intercept)
        _, _, weight = linearize_rows(self.loss, self.row_terms, eta, z, NULL_FLOOR)
        return z, weight

    @cached_property
    def null_violation(self) -> float:
        """Largest `|X_j' z| / scale_j` of the model with intercept only: how far it is from minimising the loss."""
        v = self.correlations(self.columns, self.null_model[0])
        return float(np.max(np.abs(v) / self.scale[self.columns], initial=0.0))

    @cached_property
    def noise(self) -> float:
        """What rounding may leave of `X_j' z`, relative to the norm of the column."""
        return float(8.0 * np.finfo(float).eps * (abs(self.response.y_mean) + np.abs(self.response.y).max()))

    @cached_property
    def violation_rounding(self) -> float:
        """What rounding may leave of a violation, relative to that of the null model."""
        norm = np.sqrt(self.curvature[self.columns]) / self.scale[self.columns]
        noise = self.noise * np.max(norm, initial=0.0)
        return float(noise / self.null_violation) if self.null_violation > 0.0 else np.inf

    @cached_property
    def max_slopes(self) -> tuple[Vector, Vector]:
        """How steeply the loss of each row can fall and rise: minus its derivative lies between `-rise` and `fall`."""
        fall, rise = np.empty(self.n_rows), np.empty(self.n_rows)
        row_objective.max_slopes(self.loss, self.response.y, self.response.s, self.response.first, fall, rise)
        return fall, rise

    @cached_property
    def max_gradient(self) -> Vector | None:
        """Largest `|X_j' z|` at any coefficients, where the loss and the signs of the columns bound it; else None.

        For columns of ones and logistic counts it is max(S_j, N_j - S_j), with N_j rows of which S_j are positive.
        """
        if self.loss.is_quadratic:
            return None
        fall, rise = self.max_slopes
        # Columns that were moved have both signs, and are out of it.
        min_value = self.centering.min_elsewhere(self.data, self.indptr)
        if (np.isinf(fall).any() and np.isinf(rise).any()) or min_value < 0.0:
            return None
        max_gradient = np.zeros((2, self.indptr.size - 1))
        for out, row, bound in zip(max_gradient, (fall, rise), (self.upper, -self.lower)):
            steep = np.isinf(row)
            column_passes.correlate(*self.matrix, self.columns, np.where(steep, 0.0, row), out)
            if steep.any():
                # Apart, as a column may hold zeros, and zero times infinity says nothing.
                endless = np.zeros(out.size)
                column_passes.correlate(*self.matrix, self.columns, steep.astype(np.float64), endless)
                out[endless > 0.0] = np.inf
            out[bound <= 0.0] = 0.0
        max_gradient[:, self.centering.columns] = np.inf
        return max_gradient.max(axis=0)
