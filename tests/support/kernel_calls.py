"""Kernels called with little ceremony: compact columns from dense matrices, rules from scalars."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from support.oracles import DELTA

from sparsereg._core import cd
from sparsereg._core.losses import LOSSES


def compact(X, dtype=np.float64):
    """Return `data, indices, indptr` of a dense matrix, as kernels take them."""
    columns = sparse.csc_array(X)
    return columns.data.astype(dtype), columns.indices.astype(np.int32), columns.indptr.astype(np.int64)


def rules(n, factor=1.0, scale=1.0, lower=-np.inf, upper=np.inf, with_x=False):
    """Return `factor, scale, lower, upper` of length n, after an `x` of zeros if asked for."""
    values = (0.0,) * with_x + (factor, scale, lower, upper)
    return tuple(np.array(np.broadcast_to(np.float64(value), n)) for value in values)


def loss_of(name):
    """Build a registered loss, with the parameters that `oracles.LOSS_VALUES` takes."""
    return LOSSES[name](DELTA) if name == "huber" else LOSSES[name]()


def one_row(y, s=1.0):
    """Return `y, s, offset, first` of a single row of one term."""
    return np.array([float(y)]), np.array([float(s)]), np.empty(0), np.empty(0, np.int64)


def every(n):
    return np.arange(n, dtype=np.int32)


@dataclass
class Descent:
    """A call of `cd.descend` and what it left behind."""

    w: np.ndarray
    z: np.ndarray
    epochs: int
    worst: float
    shift: float


def descend(
    X, y, s, penalty, *, intercept=True, w=None, b=0.0, columns=None, dtype=np.float64, tol=1e-12, max_epochs=10_000,
    unit=None, **settings
):
    """Minimise over the given columns from (w, b), the other coefficients being held."""
    n, p = X.shape
    columns = every(p) if columns is None else np.asarray(columns, np.int32)
    weight = np.atleast_1d(np.asarray(s, float))
    spread = np.broadcast_to(weight, n)
    w = np.zeros(p) if w is None else np.array(w, float)
    z = spread * (y - X @ w - b)
    column_sum, square = spread @ X, spread @ X**2
    weight_sum = spread.sum() if intercept else 0.0
    curvature = square - column_sum**2 / weight_sum if intercept else square
    part = w[columns]
    epochs, worst, shift = cd.descend(
        *compact(X, dtype), columns, part, z, weight, weight_sum, curvature[columns], column_sum[columns],
        *(rule[columns] for rule in rules(p, **settings)), penalty, tol, max_epochs,
        None if unit is None else np.asarray(unit, float)[columns],
    )
    w[columns] = part
    return Descent(w, z, epochs, worst, shift)
