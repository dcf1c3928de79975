"""Every check of what a user may set: grids, penalties, bounds and stopping rules, each with its message."""

from __future__ import annotations

import numbers
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core.penalties import PENALTIES
from sparsereg.inputs.rows import as_numeric, shown

# What compiled counters can hold, and a machine can run.
MAX_PASSES = 2**31 - 1
# Of numbers of Python `isinstance` knows at once; an abstract class is asked, call by call, for the others.
REAL = (float, int, numbers.Real)
MAX_THREADS = max(256, os.cpu_count() or 1)
# scikit-learn's names of elastic nets, and the share of L1 that they say.
PENALTY_ALIASES = {"l1": 1.0, "l2": 0.0, "elasticnet": None}


def check_alpha(alpha: Any, name: str = "alpha") -> float:
    """Check a penalty strength: a finite number, 0 or more."""
    return check_number(alpha, name, "[0, inf)")


def check_l1_ratio(l1_ratio: Any) -> float:
    """Check the share of the L1 part: a number in [0, 1]."""
    return check_number(l1_ratio, "l1_ratio", "[0, 1]")


def check_threads(value: Any, name: str) -> int:
    """Check a number of threads, as joblib reads it.

    Parameters
    ----------
    value : int or None
        None is 1; -1 is as many as the machine has, -2 one less, and so on, but at least 1.
    name : str

    Returns
    -------
    n_threads : int
    """
    if value is None:
        return 1
    if isinstance(value, numbers.Integral) and value < 0:
        return max((os.cpu_count() or 1) + 1 + int(value), 1)
    try:
        return check_count(value, name, MAX_THREADS)
    except ValueError as error:
        raise ValueError(f"{error}; negative numbers leave threads free: -1 is all, -2 all but one") from None


def check_alphas(alphas: Any, name: str = "alphas") -> npt.NDArray[np.float64]:
    """Check a grid of penalty strengths: not empty, finite, 0 or more, each of them once; sort it.

    Parameters
    ----------
    alphas : array-like of shape (n_alphas,)
        In any order.
    name : str, default="alphas"
        Of the argument.

    Returns
    -------
    alphas : ndarray of float64 of shape (n_alphas,)
        Strictly decreasing, as fits go down it.
    """
    grid = np.array(as_numeric(alphas, name), dtype=np.float64)
    if grid.ndim != 1 or grid.size == 0:
        number = "a whole number of alphas" if name == "alphas" else "a number"
        raise ValueError(
            f"{name}: shape {grid.shape} is not allowed, expected a one-dimensional grid of at least one, or {number}"
        )
    bad = ~np.isfinite(grid) | (grid < 0.0)
    if bad.any():
        raise ValueError(f"{name}: {grid[bad][0]} at position {int(np.argmax(bad))} is outside [0, inf)")
    order = np.argsort(-grid, kind="stable")
    repeated = np.flatnonzero(np.diff(grid[order]) == 0.0)
    if repeated.size:
        first, second = (int(k) for k in order[repeated[0] : repeated[0] + 2])
        raise ValueError(
            f"{name}: {grid[second]} at position {second} follows {grid[first]} at position {first}, expected each once"
        )
    return grid[order]


def check_grid(alphas: Any, n_alphas: Any, eps: Any) -> tuple[npt.NDArray[np.float64] | None, int, float]:
    """Check a grid that is given, or its size and its ratio of ends.

    Parameters
    ----------
    alphas : None, int or array-like of shape (n_alphas,)
        A number of alphas takes the place of `n_alphas`, as scikit-learn has it.
    n_alphas : int
        1 or more.
    eps : float
        In (0, 1).

    Returns
    -------
    alphas : ndarray of float64 of shape (n_alphas,) or None
        Strictly decreasing.
    n_alphas : int
    eps : float
    """
    grid = None
    if isinstance(alphas, numbers.Integral) and not isinstance(alphas, (bool, np.bool_)):
        n_alphas = check_count(alphas, "alphas")
    elif alphas is not None:
        grid = check_alphas(alphas)
    return grid, check_count(n_alphas, "n_alphas", MAX_PASSES), check_number(eps, "eps", "(0, 1)")


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
    penalty = PENALTIES[check_choice(name, "penalty", PENALTIES)]
    if not penalty.is_convex and l1_ratio == 0.0:
        raise ValueError(f"l1_ratio: {l1_ratio:g} leaves nothing of penalty={name!r}, expected a number in (0, 1]")
    if gamma is None:
        return None
    if penalty.gamma_min is None:
        raise ValueError(f"gamma: {gamma!r} is not allowed with penalty={name!r}, expected None")
    return check_number(gamma, "gamma", f"({penalty.gamma_min:g}, inf)")


def resolve_penalty_alias(penalty: Any, l1_ratio: Any, default: Any) -> tuple[Any, Any]:
    """Replace scikit-learn's names of penalties, of estimators whose share of L1 can be set.

    Parameters
    ----------
    penalty : str
        "elasticnet" is "elastic_net"; "l1" and "l2" are that with l1_ratio 1 and 0.
    l1_ratio : float or list of float
        What the alias implies, or its default, which an alias overrules.
    default : float
        Of l1_ratio.

    Returns
    -------
    penalty, l1_ratio
        As they would be without an alias; other names are left to `check_penalty`.
    """
    if not isinstance(penalty, str) or penalty not in PENALTY_ALIASES:
        return penalty, l1_ratio
    implied = PENALTY_ALIASES[penalty]
    if implied is None:
        return "elastic_net", l1_ratio
    if not isinstance(l1_ratio, numbers.Real) or l1_ratio not in (implied, default):
        raise ValueError(
            f"l1_ratio: {l1_ratio!r} is not allowed with penalty={penalty!r}, which is 'elastic_net' with "
            f"l1_ratio={implied:g}; expected that l1_ratio or its default, or penalty='elastic_net'"
        )
    return "elastic_net", implied


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


def check_count(value: Any, name: str, upper: float = np.inf) -> int:
    """Check a number of things: a whole number from 1 to `upper`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, numbers.Integral)):
        raise TypeError(f"{name}: {value!r} is not allowed, expected a whole number")
    if not 1 <= value <= upper:
        raise ValueError(f"{name}: {shown(value)} is outside [1, {upper}{')' if upper == np.inf else ']'}")
    return int(value)


def check_number(value: Any, name: str, interval: str) -> float:
    """Check a number against an interval.

    Parameters
    ----------
    value : float
    name : str
    interval : str
        As it is written, such as "[0, 1)", whose upper end does not belong to it.

    Returns
    -------
    number : float
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, REAL):
        raise TypeError(f"{name}: {value!r} is not allowed, expected a number in {interval}")
    number = as_float(value, name, interval)
    lower, upper = map(float, interval[1:-1].split(", "))
    is_end = (number == lower and interval[0] == "[") or (number == upper and interval[-1] == "]")
    if not (lower < number < upper or is_end):
        raise ValueError(f"{name}: {value} is outside {interval}")
    return number


def as_float(value: Any, name: str, allowed: str) -> float:
    """Round a real number; whole numbers and fractions have no upper end, float64 has.

    Parameters
    ----------
    value : real number
    name, allowed : str
        For the message.

    Returns
    -------
    number : float
    """
    try:
        return float(value)
    except OverflowError as error:
        raise ValueError(f"{name}: {shown(value)} is beyond float64, expected {allowed}") from error


def check_choice(value: Any, name: str, allowed: Any) -> str:
    """Check a name against those allowed.

    Parameters
    ----------
    value : str
    name : str
        Of the argument.
    allowed : collection of str

    Returns
    -------
    value : str
    """
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name}: {value!r} is not allowed, expected one of {sorted(allowed)}")
    return value


def build(cls: Any, **values: Any) -> Any:
    """Build a loss, a penalty or an optimizer from those of the values that it has parameters for.

    Parameters
    ----------
    cls : registered class
    **values : float

    Returns
    -------
    built : instance of cls
    """
    return cls(*[values[name] for name in cls.parameters])


def make_generator(random_state: Any) -> np.random.Generator:
    """Make a generator of random numbers of what scikit-learn calls a random state.

    Parameters
    ----------
    random_state : None, int, numpy.random.RandomState or numpy.random.Generator
        None: different every time. A generator goes on from where it is.

    Returns
    -------
    generator : numpy.random.Generator
    """
    if random_state is None or isinstance(random_state, np.random.Generator):
        return np.random.default_rng(random_state)
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(0, 2**32, size=4, dtype=np.uint32))
    if isinstance(random_state, numbers.Integral) and not isinstance(random_state, bool) and random_state >= 0:
        return np.random.default_rng(int(random_state))
    raise ValueError(
        f"random_state: {random_state!r} is not allowed, expected None, a whole number of at least 0, a RandomState or "
        "a Generator"
    )
