"""What stays the same along a path: the compact columns, the target, and how each column is penalised."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sparsereg._core import columns as column_passes
from sparsereg._core import newton
from sparsereg._core.losses import Squared
from sparsereg._core.penalties import ElasticNet
from sparsereg.design import Design
from sparsereg.solvers.centring import FAR, NOWHERE, Centring, Matrix, Moments, blurred, bring_near, take_moments
from sparsereg.solvers.copies import find_copies, find_parallel
from sparsereg.solvers.target import NO_PRIVATE, Target, linearise_rows, make_target

if TYPE_CHECKING:
    from sparsereg._core.losses import _Loss

__all__ = ["ColumnRules", "PrivateColumns", "Problem", "make_problem"]

Vector = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int32]

# A column whose centred square falls below this share of its square is constant to ten digits; what is left of it
# cannot be told from rounding once it is correlated with a residual.
CONSTANT = 1e-20
# Private columns are eliminated where they hold at least this share of the non-zeros: below it what they save is less
# than the extra passes over the rows cost (a word that occurs once is private too).
PRIVATE_SHARE = 0.1
# Curvature of a row with the intercept only, relative to the stiffness of its loss, where it has next to none.
NULL_FLOOR = 1e-2


@dataclass(frozen=True)
class ColumnRules:
    """How each compact column is penalised and bounded; arrays may be broadcast (stride 0).

    Attributes
    ----------
    factor : ndarray of float64 of shape (n_active,)
        Penalty factors, >= 0; inf excludes the column.
    lower, upper : ndarray of float64 of shape (n_active,)
        Bounds, lower <= 0 <= upper.
    standardize : bool
        Penalise sd_j w_j in place of w_j, sd_j the weighted standard deviation of the column.
    """

    factor: Vector
    lower: Vector
    upper: Vector
    standardize: bool = False

    @classmethod
    def plain(cls, n_active: int) -> ColumnRules:
        """Every column penalised alike, no bounds."""
        return cls(*(np.broadcast_to(np.float64(value), (n_active,)) for value in (1.0, -np.inf, np.inf)))


@dataclass(frozen=True)
class PrivateColumns:
    """Columns of one row each, at most one to a row, that are eliminated in closed form; arrays by row.

    Attributes
    ----------
    columns, rows : ndarray of int32 of shape (n_private,)
    x : ndarray of float64 of shape (n_rows,)
        The column's value in its row; 0 where a row has none.
    factor, scale, lower, upper : ndarray of float64 of shape (n_rows,)
    """

    columns: Ids
    rows: Ids
    x: Vector
    factor: Vector
    scale: Vector
    lower: Vector
    upper: Vector

    @property
    def rules(self) -> tuple[Vector, Vector, Vector, Vector, Vector]:
        """`x, factor, scale, lower, upper`, as kernels take them."""
        return self.x, self.factor, self.scale, self.lower, self.upper


@dataclass(frozen=True)
class Problem:
    """The data of F(w, b): columns, target, loss, and how each column is penalised.

    Attributes
    ----------
    data, indices, indptr
        Compact columns (CSC) over aggregated rows, less the constants of `centring`.
    centring : Centring
        What was taken off columns that are far from zero.
    blurred : ndarray of int32
        Columns left out because they vary less than float64 can tell, though they do vary.
    loss : registered loss
    target : Target
        What the rows are fitted to.
    fit_intercept : bool
    factor, scale, lower, upper : ndarray of float64 of shape (n_active,)
        The penalty acts on scale_j w_j with factor p_j.
    mass, curvature : ndarray of float64 of shape (n_active,)
        `sum_i s_i x_ij` and the (with intercept: centred) `sum_i s_i x_ij^2`.
    public : ndarray of int32
        Columns that solvers iterate over, ascending.
    private : PrivateColumns or None
    unit : ndarray of float64 of shape (n_active,) or None
        In which penalties that level off measure where (`concavity.threshold_units`); None is 1.
    """

    data: npt.NDArray
    indices: Ids
    indptr: npt.NDArray[np.int64]
    centring: Centring
    blurred: Ids
    loss: _Loss
    target: Target
    fit_intercept: bool
    factor: Vector
    scale: Vector
    lower: Vector
    upper: Vector
    mass: Vector
    curvature: Vector
    public: Ids
    private: PrivateColumns | None
    unit: Vector | None = None

    @property
    def matrix(self) -> tuple:
        """`data, indices, indptr`, as kernels take them."""
        return self.data, self.indices, self.indptr

    @property
    def rules(self) -> tuple[Vector, Vector, Vector, Vector]:
        """`factor, scale, lower, upper`, as kernels take them."""
        return self.factor, self.scale, self.lower, self.upper

    @property
    def terms(self) -> tuple[Vector, Vector, Vector, npt.NDArray[np.int64]]:
        """`y, s, offset, first` of the target, as kernels take them."""
        target = self.target
        return target.y, target.s, target.offset, target.first

    @property
    def usable(self) -> Ids:
        """Columns that may have a coefficient, private ones too, ascending."""
        return self.public if self.private is None else np.sort(np.concatenate([self.public, self.private.columns]))

    @property
    def private_rules(self) -> tuple[Vector, ...]:
        """`x, factor, scale, lower, upper` of the private columns, as kernels take them."""
        return NO_PRIVATE if self.private is None else self.private.rules

    @property
    def is_quadratic(self) -> bool:
        """The loss is its own quadratic model, everywhere."""
        return isinstance(self.loss, Squared) and self.private is None

    @property
    def y(self) -> Vector:
        """Targets of the terms, less `centre`."""
        return self.target.y

    @property
    def s(self) -> Vector:
        """Weights of the terms."""
        return self.target.s

    @property
    def weight(self) -> Vector:
        """Weights of the rows, or their one value."""
        return self.target.weight

    @property
    def weight_sum(self) -> float:
        """Sum of the weights of the rows."""
        return float(self.s.sum())

    @property
    def total_weight(self) -> float:
        """Sum of the weights that the caller gave."""
        return self.target.total

    @property
    def centre(self) -> float:
        """Taken off the target, and to be added to the intercept."""
        return self.target.centre

    @property
    def within(self) -> float:
        """Part of the objective that no coefficient changes."""
        return self.target.within

    @property
    def null_objective(self) -> float:
        """F of the model with intercept only, less `within`."""
        return self.target.null_objective

    @property
    def n_rows(self) -> int:
        """Number of aggregated rows."""
        return max(self.target.first.size - 1, 0) or self.target.y.size

    @property
    def reference(self) -> float:
        """What gaps are relative to: the objective of the null model, all parts of it."""
        return self.null_objective + self.within

    def intercept_outside(self, w: Vector, b: float) -> float:
        """Return the intercept on the user's scale, of a point."""
        return b + self.centre - self.centring.lost(w)

    def intercept_inside(self, w: Vector, intercept: float) -> float:
        """Return the intercept of a point, from that on the user's scale."""
        return intercept - self.centre + self.centring.lost(w) if self.fit_intercept else 0.0

    def predictor(self, w: Vector, b: float) -> Vector:
        """Compute `X w + b`, row by row, without offsets, of a point."""
        support = np.flatnonzero(w != 0.0).astype(np.int32)
        eta = np.full(self.n_rows, b)
        column_passes.accumulate(*self.matrix, support, w[support], eta)
        return eta

    def squared_loss(self, z: Vector) -> float:
        """Squared loss of the rows whose weighted residuals are z."""
        return float(0.5 * np.divide(z**2, self.weight, out=np.zeros_like(z), where=self.weight > 0.0).sum())

    def moments(self, columns: Ids, weight: Vector) -> tuple[Vector, Vector]:
        """Mass and (with intercept: centred) curvature of columns under given weights of the rows."""
        mass, centred = np.empty(columns.size), np.empty(columns.size)
        total = max(float(np.broadcast_to(weight, (self.n_rows,)).sum()), np.finfo(float).tiny)
        column_passes.moments(*self.matrix, columns, weight, total, self.n_rows, mass, centred)
        return mass, centred if self.fit_intercept else centred + mass**2 / total

    @cached_property
    def signs(self) -> tuple[Vector, Vector] | None:
        """`lower, upper` with every bound but 0 moved to infinity; None where there is no other bound."""
        lower, upper = self.lower, self.upper
        if not np.any(np.isfinite(lower) & (lower < 0.0)) and not np.any(np.isfinite(upper) & (upper > 0.0)):
            return None
        return np.where(lower < 0.0, -np.inf, lower), np.where(upper > 0.0, np.inf, upper)

    @cached_property
    def rounding(self) -> float:
        """Gap that rounding alone may leave, from the size of the target before centring."""
        if not self.loss.location:
            return 4.0 * np.finfo(float).eps * (abs(self.null_objective) + abs(self.within))
        size = np.finfo(float).eps * (abs(self.centre) + np.abs(self.y).max())
        return 4.0 * size * (np.sqrt(self.null_objective) + size)

    @property
    def hidden(self) -> float:
        """Gap that rounding may hide: half a deviance is the difference of numbers that grow with the counts."""
        return self.rounding if self.loss.log_link else 0.0

    @property
    def stiff_share(self) -> float:
        """How much curvature the null model has, of the most that the loss can have; 1 where there is no most."""
        most = self.loss.lipschitz * self.weight_sum
        return min(self.target.null_curvature / most, 1.0) if 0.0 < self.target.null_curvature < most < np.inf else 1.0

    @cached_property
    def least_loss(self) -> float:
        """What no linear predictor betters: the dual objective at 0, a bound that needs no certificate."""
        zeros = np.zeros(self.n_rows)
        return -newton.dual_sum(self.loss, ElasticNet(0.0, 1.0), *self.terms, zeros, zeros, 0.0, *NO_PRIVATE)

    @cached_property
    def null_model(self) -> tuple[Vector, Vector]:
        """Minus the derivative and the curvature (at least NULL_FLOOR) of each row with the intercept only."""
        z, eta = np.empty(self.n_rows), np.full(self.n_rows, self.target.null_intercept)
        _, _, weight = linearise_rows(self.loss, self.terms, eta, z, NULL_FLOOR)
        return z, weight

    @cached_property
    def null_violation(self) -> float:
        """Largest `|X_j' z| / scale_j` of the model with intercept only: how far it is from minimising the loss."""
        v = np.zeros(self.indptr.size - 1)
        column_passes.correlate(*self.matrix, self.public, self.null_model[0], v, 1)
        return float(np.max(np.abs(v[self.public]) / self.scale[self.public], initial=0.0))

    @cached_property
    def noise(self) -> float:
        """What rounding may leave of `X_j' z`, relative to the norm of the column."""
        return float(8.0 * np.finfo(float).eps * (abs(self.centre) + np.abs(self.y).max()))

    @cached_property
    def null_noise(self) -> float:
        """What rounding may leave of a violation, relative to that of the null model."""
        norm = np.sqrt(self.curvature[self.public]) / self.scale[self.public]
        noise = self.noise * np.max(norm, initial=0.0)
        return float(noise / self.null_violation) if self.null_violation > 0.0 else np.inf

    @cached_property
    def steepest(self) -> tuple[Vector, Vector]:
        """How steeply the loss of each row can fall and rise: minus its derivative lies between `-rise` and `fall`."""
        fall, rise = np.empty(self.n_rows), np.empty(self.n_rows)
        newton.steepest(self.loss, self.y, self.s, self.target.first, fall, rise)
        return fall, rise

    @cached_property
    def reach(self) -> Vector | None:
        """Largest `|X_j' z|` at any coefficients, where the loss and the signs of the columns bound it; else None.

        For columns of ones and logistic counts it is max(S_j, N_j - S_j), with N_j rows of which S_j are positive.
        """
        if isinstance(self.loss, Squared):
            return None
        fall, rise = self.steepest
        # Columns that were moved have both signs, and are out of it.
        least = self.centring.least_elsewhere(self.data, self.indptr)
        if (np.isinf(fall).any() and np.isinf(rise).any()) or least < 0.0:
            return None
        reach = np.zeros((2, self.indptr.size - 1))
        for out, row, bound in zip(reach, (fall, rise), (self.upper, -self.lower)):
            column_passes.correlate(*self.matrix, self.public, row, out, 1)
            out[bound <= 0.0] = 0.0
        reach[:, self.centring.columns] = np.inf
        return reach.max(axis=0)


def make_problem(
    design: Design,
    y: Vector,
    sample_weight: Vector | None,
    rules: ColumnRules,
    *,
    fit_intercept: bool,
    loss: _Loss | None = None,
    offset: Vector | None = None,
    l1_ratio: float = 1.0,
    smallest_alpha: float = np.inf,
    eliminate: bool = True,
    far: float = FAR,
) -> Problem:
    """Bring target, weights and penalties to the rows and columns of a design.

    Parameters
    ----------
    design : Design
    y : ndarray of float64 of shape (n_samples,)
    sample_weight : ndarray of float64 of shape (n_samples,) or None
        May hold zeros, as those of a fold do.
    rules : ColumnRules
    fit_intercept : bool
    loss : registered loss or None, default=None
        None is squared loss.
    offset : ndarray of float64 of shape (n_samples,) or None, default=None
    l1_ratio : float, default=1.0
        Without L2 share, of columns that are copies of each other only one is used (see Notes).
    smallest_alpha : float, default=inf
        With 0 nothing penalises private columns, and they are not eliminated.
    eliminate : bool, default=True
        Whether private columns may be eliminated at all.
    far : float, default=1e4
        As in `bring_near`.

    Returns
    -------
    problem : Problem

    Notes
    -----
    With L1 alone the weight of a set of identical columns (a coarse cell with one occupied fine cell) may be split in
    any way. All of it goes to the one with the smallest penalty factor, of equals to the one with the smallest id, so
    that results do not depend on the starting point, and coarse levels, which come first, speak for unseen cells. So it
    is with columns that are the same up to a factor and, beside an intercept, a constant (both levels of a factor).
    With a concave penalty a split costs more than that, never less; an L2 share may favour one.
    """
    loss = Squared() if loss is None else loss
    target = make_target(design, loss, y, sample_weight, offset, fit_intercept)
    weight, matrix = target.weight, (design.data, design.indices, design.indptr)
    moments = take_moments(matrix, design.n_rows, weight, float(target.s.sum()))
    square = _squares(design, moments)
    varies = moments.centred > CONSTANT * square
    # Columns whose rows all weigh nothing have no square.
    usable = (rules.factor < np.inf) & (square > 0.0) & (rules.lower < rules.upper)
    hazy, centring = np.empty(0, dtype=np.int32), NOWHERE
    if fit_intercept:
        hazy = blurred(matrix, weight, np.flatnonzero(usable & ~varies).astype(np.int32))
        usable &= varies
        matrix, centring = bring_near(matrix, design.n_rows, moments, usable, far)
    elif rules.standardize and not varies.all():
        # Nothing but the intercept makes up for a constant; its penalty is 0, as its standard deviation is.
        rules = replace(rules, factor=np.where(varies | ~usable, rules.factor, 0.0))
    curvature = moments.centred if fit_intercept else square
    if rules.standardize:
        deviation = _deviations(design, matrix, y, sample_weight, moments, loss, offset)
        scale = np.where(varies, deviation, 1.0)
    else:
        scale = np.broadcast_to(np.float64(1.0), (design.n_active,))
    if l1_ratio == 1.0:
        bounds, by_row = (rules.lower, rules.upper), np.broadcast_to(weight, design.n_rows)
        usable &= ~find_copies(design, weight, rules.factor, bounds, usable)
        usable[find_parallel(
            matrix, by_row, moments.mass, curvature, rules.factor * scale, rules.factor, bounds, usable,
            fit_intercept=fit_intercept,
        )] = False
    private = _find_private(matrix, design.n_rows, rules, scale, usable) if eliminate and smallest_alpha > 0.0 else None
    if private is not None:
        usable[private.columns] = False
    return Problem(
        *matrix,
        centring=centring,
        blurred=hazy,
        loss=loss,
        target=target,
        fit_intercept=fit_intercept,
        factor=rules.factor,
        scale=scale,
        lower=rules.lower,
        upper=rules.upper,
        mass=moments.mass,
        curvature=curvature,
        public=np.flatnonzero(usable).astype(np.int32),
        private=private,
    )


def _deviations(
    design: Design, matrix: Matrix, y: Vector, sample_weight: Vector | None, moments: Moments, loss: _Loss,
    offset: Vector | None,
) -> Vector:
    """Standard deviations of the columns under the caller's weights, without the exposure of a log link."""
    if offset is None or not loss.log_link:
        return np.sqrt(moments.centred)
    weight = design.aggregate(y, sample_weight).weight
    total = float(weight.sum())
    return np.sqrt(take_moments(matrix, design.n_rows, weight, total).centred / total)


def _squares(design: Design, moments: Moments) -> Vector:
    """Return each column's mean square; refuse those that leave the range of float64."""
    weight = moments.weight
    with np.errstate(over="ignore"):
        square = moments.centred + moments.mass**2 / moments.weight_sum
    bad = ~np.isfinite(square) | (square < np.finfo(float).tiny)
    if bad.any() and weight.min() == 0.0:
        bad &= np.logical_or.reduceat((weight > 0.0)[design.indices], design.indptr[:-1])
    if bad.any():
        j = int(np.argmax(bad))
        values = np.abs(design.data[design.indptr[j] : design.indptr[j + 1]])
        raise ValueError(
            f"X: the squares of column {design.active[j]} (largest absolute value {values.max():g}) leave the range of "
            "float64; rescale it to between 1e-150 and 1e150"
        )
    return square


def _find_private(
    matrix: Matrix, n_rows: int, rules: ColumnRules, scale: Vector, usable: npt.NDArray[np.bool_]
) -> PrivateColumns | None:
    """Choose the columns to eliminate: of each row's columns with one row, the one that is cheapest to use."""
    data, indices, indptr = matrix
    single = np.flatnonzero((np.diff(indptr) == 1) & usable & (rules.factor > 0.0)).astype(np.int32)
    unpenalised = usable & (rules.factor == 0.0)
    if single.size <= PRIVATE_SHARE * indices.size or unpenalised.any():
        return None
    position = indptr[single]
    rows, x = indices[position], data[position].astype(np.float64)
    # Penalty paid for a unit of fit; with L1 the dearer of two columns on the same row is zero at the optimum.
    price = rules.factor[single] * scale[single] / np.abs(x)
    # Assignment in falling order of price leaves the cheapest, of equals the first.
    order = np.arange(single.size)[::-1]
    if price.min() < price.max():
        order = order[np.argsort(-price[order], kind="stable")]
    of_row = np.full(n_rows, -1, dtype=np.int32)
    of_row[rows[order]] = order
    rows = np.flatnonzero(of_row >= 0).astype(np.int32)
    chosen = of_row[rows]
    columns = single[chosen]
    if columns.size < PRIVATE_SHARE * indices.size:
        return None
    by_row_x = np.zeros(n_rows)
    by_row_x[rows] = x[chosen]
    per_column = (rules.factor, scale, rules.lower, rules.upper)
    by_row = (_by_row(values, columns, rows, n_rows) for values in per_column)
    return PrivateColumns(columns, rows, by_row_x, *by_row)


def _by_row(values: Vector, columns: Ids, rows: Ids, n_rows: int) -> Vector:
    """Bring a per-column rule to rows, broadcast where it is the same for all columns."""
    if values.strides == (0,):
        return np.broadcast_to(values[0], (n_rows,))
    out = np.ones(n_rows)
    out[rows] = values[columns]
    return out
