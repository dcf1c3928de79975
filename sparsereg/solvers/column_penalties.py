"""How each column is penalised and bounded: penalty factors, bounds, signs."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.design import find_ids
from sparsereg.inputs.parameters import as_float, check_flag
from sparsereg.solvers.base import repeated

Vector = npt.NDArray[np.float64]

# Penalty factors other than 0 and inf; thresholds multiply them with alpha.
MIN_FACTOR, MAX_FACTOR = 1e-100, 1e100


@dataclass(frozen=True)
class ColumnPenalties:
    """How each compact column is penalised and bounded; arrays may be broadcast (stride 0).

    Attributes
    ----------
    penalty_factor : ndarray of float64 of shape (n_active,)
        Penalty factors, >= 0; inf excludes the column.
    lower, upper : ndarray of float64 of shape (n_active,)
        Bounds, lower <= 0 <= upper.
    standardize : bool
        Penalise sd_j w_j in place of w_j, sd_j the weighted standard deviation of the column.
    """

    penalty_factor: Vector
    lower: Vector
    upper: Vector
    standardize: bool = False

    @classmethod
    def plain(cls, n_active: int, standardize: bool = False) -> ColumnPenalties:
        """Every column penalised alike, no bounds."""
        return cls(repeated(1.0, n_active), repeated(-np.inf, n_active), repeated(np.inf, n_active), standardize)


def make_column_penalties(
    active: npt.NDArray[np.int64], n_features: int, *, penalty_factor: Any = None, bounds: Any = None,
    positive: bool = False, standardize: bool = False,
) -> ColumnPenalties:
    """Bring penalty factors and bounds to the compact columns.

    Parameters
    ----------
    active : ndarray of int64 of shape (n_active,)
        Ids of the compact columns.
    n_features : int
    penalty_factor : None, float, array-like of shape (n_features,) or mapping from id to float
        At least 0; inf excludes a column. Ids that a mapping leaves out have factor 1.
    bounds : None or pair (lower, upper)
        Each None, a float, an array-like of shape (n_features,) or a mapping; lower <= 0 <= upper.
    positive : bool
        Lower bound 0 for every column.
    standardize : bool

    Returns
    -------
    penalties : ColumnPenalties
    """
    positive, standardize = check_flag(positive, "positive"), check_flag(standardize, "standardize")
    if penalty_factor is None and bounds is None and not positive:
        return ColumnPenalties.plain(active.size, standardize)
    factor = _by_column(penalty_factor, active, n_features, 1.0, "penalty_factor")
    extreme = (factor < np.inf) & (factor != 0.0) & ((factor < MIN_FACTOR) | (factor > MAX_FACTOR))
    allowed = f"0, [{MIN_FACTOR:g}, {MAX_FACTOR:g}] and inf"
    _refuse(factor, active, np.isnan(factor) | (factor < 0.0) | extreme, "penalty_factor", allowed)
    lower, upper = _split_bounds(bounds)
    low = _by_column(lower, active, n_features, -np.inf, "bounds (lower)")
    high = _by_column(upper, active, n_features, np.inf, "bounds (upper)")
    # The empty columns of a wide matrix have coefficient 0, and 0 is where every path starts.
    _refuse(low, active, np.isnan(low) | (low > 0.0), "bounds (lower)", "[-inf, 0]")
    _refuse(high, active, np.isnan(high) | (high < 0.0), "bounds (upper)", "[0, inf]")
    if positive:
        low = repeated(0.0, active.size)
    return ColumnPenalties(factor, low, high, standardize)


def check_sign_bounds(penalties: ColumnPenalties, active: npt.NDArray[np.int64], penalty: str) -> None:
    """Refuse bounds other than 0: the minimum of a penalty that is not convex may lie on both sides of them.

    Parameters
    ----------
    penalties : ColumnPenalties
    active : ndarray of int64 of shape (n_active,)
        Ids of the columns.
    penalty : str
        For the message.
    """
    for bound, side, infinity in ((penalties.lower, "lower", "-inf"), (penalties.upper, "upper", "inf")):
        far = np.isfinite(bound) & (bound != 0.0)
        _refuse(bound, active, far, f"bounds ({side})", f"{{0, {infinity}}}, all that penalty={penalty!r} allows")


def _split_bounds(bounds: Any) -> tuple[Any, Any]:
    if bounds is None:
        return None, None
    if not isinstance(bounds, (tuple, list)) or len(bounds) != 2:
        raise ValueError(f"bounds: {bounds!r} is not allowed, expected None or a pair (lower, upper)")
    return bounds[0], bounds[1]


def _by_column(
    values: Any, active: npt.NDArray[np.int64], n_features: int, default: float, name: str
) -> npt.NDArray[np.float64]:
    """Look up one number a compact column; a number for all is broadcast, not stored."""
    if values is None or isinstance(values, numbers.Real):
        number = default if values is None else as_float(values, name, "a number of float64")
        return repeated(number, active.size)
    if isinstance(values, Mapping):
        return _from_mapping(values, active, n_features, default, name)
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: dtype {array.dtype} is not allowed, expected numbers")
    if array.shape != (n_features,):
        raise ValueError(f"{name}: shape {array.shape} is not allowed, expected ({n_features},), one for each column")
    return array[active].astype(np.float64)


def _from_mapping(
    values: Mapping[Any, Any], active: npt.NDArray[np.int64], n_features: int, default: float, name: str
) -> npt.NDArray[np.float64]:
    out = np.full(active.size, default)
    for key in values:
        if isinstance(key, (bool, np.bool_)) or not isinstance(key, numbers.Integral):
            nameless = "; this X has no column names, as arrays and SciPy matrices never have: give ids"
            raise TypeError(
                f"{name}: key {key!r} is not allowed, expected whole numbers, the ids of columns, or names of the "
                f"columns of a data frame{nameless if isinstance(key, str) else ''}"
            )
    try:
        ids = np.fromiter(values.keys(), dtype=np.int64, count=len(values))
        numbers_ = np.fromiter(values.values(), dtype=np.float64, count=len(values))
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"{name}: expected a mapping from column ids to numbers; {error}") from error
    outside = (ids < 0) | (ids >= n_features)
    if outside.any():
        raise ValueError(f"{name}: column id {ids[outside][0]} is outside [0, {n_features})")
    found, position = find_ids(ids, active)
    out[position] = numbers_[found]
    return out


def _refuse(
    values: npt.NDArray[np.float64], active: npt.NDArray[np.int64], bad: npt.NDArray[np.bool_], name: str, allowed: str
) -> None:
    if bad.any():
        k = int(np.argmax(bad))
        raise ValueError(f"{name}: {values[k]} for column {active[k]} is outside {allowed}")
