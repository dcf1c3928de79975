"""Every check of what a user may set: grids, penalties, bounds and stopping rules, each with its message."""

from __future__ import annotations

import numbers
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sparsereg._core.losses import LOSSES, Huber
from sparsereg._core.penalties import PENALTIES
from sparsereg._values import as_numeric, check_choice, shown
from sparsereg.design import find_ids
from sparsereg.solvers.base import Controls
from sparsereg.solvers.problem import ColumnRules

if TYPE_CHECKING:
    from sparsereg._core.losses import _Loss

__all__ = [
    "check_alpha",
    "check_alphas",
    "check_choice",
    "check_class_weight",
    "check_count",
    "check_flag",
    "check_grid",
    "check_l1_ratio",
    "check_label_smoothing",
    "check_n_jobs",
    "check_number",
    "check_penalty",
    "check_relax",
    "check_share",
    "check_signs",
    "make_controls",
    "make_loss",
    "make_rules",
    "spell_penalty",
]

# What compiled counters and OpenMP can hold.
MOST_PASSES = 2**31 - 1
MOST_THREADS = max(256, os.cpu_count() or 1)
# Penalty factors other than 0 and inf; thresholds multiply them with alpha.
LEAST_FACTOR, LARGEST_FACTOR = 1e-100, 1e100
# A standardised column has curvature 1, and MCP and SCAD must be less concave than that.
LEAST_GAMMA = {"mcp": 1.0, "scad": 2.0}
# scikit-learn's names of elastic nets, and the share of L1 that they say.
PENALTY_WORDS = {"l1": 1.0, "l2": 0.0, "elasticnet": None}

_after_fork = False


def _note_fork() -> None:
    global _after_fork
    _after_fork = True


if hasattr(os, "register_at_fork"):
    # OpenMP's threads do not survive a fork, and a child that waits for them waits for ever.
    os.register_at_fork(after_in_child=_note_fork)


def check_alpha(alpha: Any, name: str = "alpha") -> float:
    """Check a penalty strength: a finite number, 0 or more."""
    return check_number(alpha, name, 0.0, np.inf, "[0, inf)", upper_open=True)


def check_l1_ratio(l1_ratio: Any) -> float:
    """Check the share of the L1 part: a number in [0, 1]."""
    return check_share(l1_ratio, "l1_ratio")


def check_share(value: Any, name: str) -> float:
    """Check a share: a number in [0, 1]."""
    return check_number(value, name, 0.0, 1.0, "[0, 1]")


def check_n_jobs(n_jobs: Any) -> int:
    """Check a number of threads for folds: at least 1; None is 1, -1 is as many as the machine has."""
    if n_jobs is None:
        return 1
    return (os.cpu_count() or 1) if n_jobs == -1 else check_count(n_jobs, "n_jobs", MOST_THREADS)


def check_label_smoothing(label_smoothing: Any) -> float:
    """Check how far labels are smoothed: a number in [0, 1)."""
    return check_number(label_smoothing, "label_smoothing", 0.0, 1.0, "[0, 1)", upper_open=True)


def check_class_weight(weight: Any, label: Any) -> float:
    """Check the weight of a class: a finite number above 0."""
    name = f"class_weight of {label!r}"
    return check_number(weight, name, 0.0, np.inf, "(0, inf)", lower_open=True, upper_open=True)


def check_alphas(alphas: Any) -> npt.NDArray[np.float64]:
    """Check a grid of penalty strengths: not empty, finite, 0 or more, strictly decreasing.

    Parameters
    ----------
    alphas : array-like of shape (n_alphas,)

    Returns
    -------
    alphas : ndarray of float64 of shape (n_alphas,)
    """
    grid = np.array(as_numeric(alphas, "alphas"), dtype=np.float64)
    if grid.ndim != 1 or grid.size == 0:
        raise ValueError(f"alphas: shape {grid.shape} is not allowed, expected a one-dimensional grid of at least one")
    bad = ~np.isfinite(grid) | (grid < 0.0)
    if bad.any():
        raise ValueError(f"alphas: {grid[bad][0]} at position {int(np.argmax(bad))} is outside [0, inf)")
    rising = np.diff(grid) >= 0.0
    if rising.any():
        k = int(np.argmax(rising))
        raise ValueError(
            f"alphas: {grid[k + 1]} at position {k + 1} follows {grid[k]}, expected a strictly decreasing grid"
        )
    return grid


def check_grid(n_alphas: Any, eps: Any) -> tuple[int, float]:
    """Check the size of a grid (a whole number, 1 or more) and its ratio of ends (in (0, 1))."""
    n_alphas = check_count(n_alphas, "n_alphas", MOST_PASSES)
    return n_alphas, check_number(eps, "eps", 0.0, 1.0, "(0, 1)", lower_open=True, upper_open=True)


def make_loss(name: Any, delta: Any) -> _Loss:
    """Build a loss from its name and what parameters it has.

    Parameters
    ----------
    name : str
        One of the registered losses.
    delta : float
        Of Huber's loss, > 0; the others have no use for it.
    """
    loss = LOSSES[check_choice(name, "loss", LOSSES)]
    delta = check_number(delta, "delta", 0.0, np.inf, "(0, inf)", lower_open=True, upper_open=True)
    return loss(delta) if loss is Huber else loss()


def check_penalty(name: Any, l1_ratio: float, gamma: Any) -> float | None:
    """Check the name of a penalty, and that l1_ratio and gamma go with it.

    Parameters
    ----------
    name : str
        One of the registered penalties.
    l1_ratio : float
        Above 0 for all but the elastic net: at 0 nothing else is left of them.
    gamma : float or None
        Of MCP, above 1, or of SCAD, above 2; None for the default, and for penalties that have none.

    Returns
    -------
    gamma : float or None
    """
    check_choice(name, "penalty", PENALTIES)
    if name != "elastic_net" and l1_ratio == 0.0:
        raise ValueError(f"l1_ratio: {l1_ratio:g} leaves nothing of penalty={name!r}, expected a number in (0, 1]")
    if gamma is None:
        return None
    if name not in LEAST_GAMMA:
        raise ValueError(f"gamma: {gamma!r} is not allowed with penalty={name!r}, expected None")
    least = LEAST_GAMMA[name]
    return check_number(gamma, "gamma", least, np.inf, f"({least:g}, inf)", lower_open=True, upper_open=True)


def spell_penalty(penalty: Any, l1_ratio: Any, usual: Any) -> tuple[Any, Any]:
    """Read scikit-learn's words for penalties, of estimators whose share of L1 can be set.

    Parameters
    ----------
    penalty : str
        "elasticnet" is "elastic_net"; "l1" and "l2" are that with l1_ratio 1 and 0.
    l1_ratio : float or list of float
        What the word says, or its default, which a word overrules.
    usual : float
        The default.

    Returns
    -------
    penalty, l1_ratio
        As they would be without such a word; others are left to `check_penalty`.
    """
    if not isinstance(penalty, str) or penalty not in PENALTY_WORDS:
        return penalty, l1_ratio
    said = PENALTY_WORDS[penalty]
    if said is None:
        return "elastic_net", l1_ratio
    if not isinstance(l1_ratio, numbers.Real) or l1_ratio not in (said, usual):
        raise ValueError(
            f"l1_ratio: {l1_ratio!r} is not allowed with penalty={penalty!r}, which is 'elastic_net' with "
            f"l1_ratio={said:g}; expected that l1_ratio or its default, or penalty='elastic_net'"
        )
    return "elastic_net", said


def check_signs(rules: ColumnRules, active: npt.NDArray[np.int64], penalty: str) -> None:
    """Refuse bounds other than 0: the minimum of a penalty that is not convex may lie on both sides of them.

    Parameters
    ----------
    rules : ColumnRules
    active : ndarray of int64 of shape (n_active,)
        Ids of the columns.
    penalty : str
        For the message.
    """
    for bound, side, infinity in ((rules.lower, "lower", "-inf"), (rules.upper, "upper", "inf")):
        far = np.isfinite(bound) & (bound != 0.0)
        _refuse(bound, active, far, f"bounds ({side})", f"{{0, {infinity}}}, all that penalty={penalty!r} allows")


def check_flag(value: Any, name: str) -> bool:
    """Check a switch: True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}: {value!r} is not allowed, expected True or False")
    return bool(value)


def check_relax(relax: Any, l1_ratio: float) -> bool:
    """Check whether fits are to be relaxed, which takes a penalty that leaves columns out."""
    if check_flag(relax, "relax") and l1_ratio == 0.0:
        raise ValueError("relax: True is not allowed with l1_ratio=0, which leaves no column out, expected False")
    return bool(relax)


def make_controls(tol: Any, max_iter: Any, n_threads: Any, callback: Callable[..., Any] | None) -> Controls:
    """Check the stopping rules.

    Parameters
    ----------
    tol : float
        At least 0.
    max_iter : int
        At least 1.
    n_threads : int or None
        At least 1; None is 1, -1 is as many as the machine has. A forked child process uses 1, whatever is asked for.
    callback : callable or None
    """
    tol = check_number(tol, "tol", 0.0, np.inf, "[0, inf)", upper_open=True)
    max_iter = check_count(max_iter, "max_iter", MOST_PASSES)
    if n_threads is None:
        n_threads = 1
    elif n_threads == -1:
        n_threads = os.cpu_count() or 1
    n_threads = check_count(n_threads, "n_threads", MOST_THREADS)
    if _after_fork:
        n_threads = 1
    if callback is not None and not callable(callback):
        raise TypeError(f"callback: {callback!r} is not callable")
    return Controls(tol=tol, max_iter=max_iter, n_threads=n_threads, callback=callback)


def make_rules(
    active: npt.NDArray[np.int64],
    n_features: int,
    *,
    penalty_factor: Any = None,
    bounds: Any = None,
    positive: bool = False,
    standardize: bool = False,
) -> ColumnRules:
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
    rules : ColumnRules
    """
    factor = _by_column(penalty_factor, active, n_features, 1.0, "penalty_factor")
    extreme = (factor < np.inf) & (factor != 0.0) & ((factor < LEAST_FACTOR) | (factor > LARGEST_FACTOR))
    allowed = f"0, [{LEAST_FACTOR:g}, {LARGEST_FACTOR:g}] and inf"
    _refuse(factor, active, np.isnan(factor) | (factor < 0.0) | extreme, "penalty_factor", allowed)
    lower, upper = _split_bounds(bounds)
    low = _by_column(lower, active, n_features, -np.inf, "bounds (lower)")
    high = _by_column(upper, active, n_features, np.inf, "bounds (upper)")
    # The empty columns of a wide matrix have coefficient 0, and 0 is where every path starts.
    _refuse(low, active, np.isnan(low) | (low > 0.0), "bounds (lower)", "[-inf, 0]")
    _refuse(high, active, np.isnan(high) | (high < 0.0), "bounds (upper)", "[0, inf]")
    if check_flag(positive, "positive"):
        low = np.broadcast_to(np.float64(0.0), active.shape)
    return ColumnRules(factor, low, high, check_flag(standardize, "standardize"))


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
        number = default if values is None else _float(values, name, "a number of float64")
        return np.broadcast_to(np.float64(number), active.shape)
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
            raise TypeError(
                f"{name}: key {key!r} is not allowed, expected whole numbers, the ids of columns, or names of the "
                "columns of a data frame"
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


def check_count(value: Any, name: str, most: float = np.inf) -> int:
    """Check a number of things: a whole number from 1 to `most`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name}: {value!r} is not allowed, expected a whole number")
    if not 1 <= value <= most:
        raise ValueError(f"{name}: {shown(value)} is outside [1, {most}{')' if most == np.inf else ']'}")
    return int(value)


def check_number(
    value: Any, name: str, lower: float, upper: float, allowed: str, lower_open: bool = False, upper_open: bool = False
) -> float:
    """Check a number against an interval, whose ends belong to it unless it is said to be open there.

    Parameters
    ----------
    value : float
    name : str
    lower, upper : float
    allowed : str
        The interval in words, for the message.
    lower_open, upper_open : bool

    Returns
    -------
    number : float
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name}: {value!r} is not allowed, expected a number in {allowed}")
    number = _float(value, name, allowed)
    inside = (number > lower if lower_open else number >= lower) and (number < upper if upper_open else number <= upper)
    if not inside:
        raise ValueError(f"{name}: {value} is outside {allowed}")
    return number


def _float(value: Any, name: str, allowed: str) -> float:
    """Round a real number; whole numbers and fractions have no upper end, float64 has."""
    try:
        return float(value)
    except OverflowError as error:
        raise ValueError(f"{name}: {shown(value)} is beyond float64, expected {allowed}") from error
