"""Scoring of cross-validated fits: metrics of the package by name, or any scikit-learn scorer."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.inputs.rows import shown
from sparsereg.inputs.sklearn import HAS_SKLEARN
from sparsereg.metrics import GREATER_IS_BETTER, STEPPED


@dataclass(frozen=True)
class Scoring:
    """Metrics of held-out rows, and the one that decides.

    Attributes
    ----------
    name : str
        What decides.
    names : tuple of str
        Metrics of `sparsereg.metrics`, taken from aggregated rows.
    is_stepped : bool
        Something asked for may jump where a prediction moves by next to nothing, as ranks and decisions do.
    scorer : callable or None
        Called as ``scorer(model, X, y)``, with ``sample_weight`` where rows are weighted.
    """

    name: str
    names: tuple[str, ...]
    is_stepped: bool = False
    scorer: Callable[..., float] | None = None

    @property
    def greater_is_better(self) -> bool:
        """Say which end of the scale is the good one."""
        return self.scorer is not None or self.name in GREATER_IS_BETTER


def make_scoring(scoring: Any, loss: Any) -> Scoring:
    """Check a choice of metrics.

    Parameters
    ----------
    scoring : None, str, sequence of str or callable
        None: the first metric of the loss. A name or several, the first of which decides; the name of a scikit-learn
        scorer, or anything that is called like one, where greater is better.
    loss : registered loss

    Returns
    -------
    scoring : Scoring
    """
    # A ranking costs a sort for every fit, so it is taken only where it is asked for.
    allowed = loss.metrics
    usual = tuple(name for name in allowed if name != "auc")
    if scoring is None:
        return Scoring(usual[0], usual)
    if callable(scoring):
        return Scoring("score", usual, True, scoring)
    if isinstance(scoring, (list, tuple)) and scoring and all(name in allowed for name in scoring):
        return Scoring(scoring[0], tuple(dict.fromkeys(scoring)), not STEPPED.isdisjoint(scoring))
    if isinstance(scoring, str) and scoring in allowed:
        return Scoring(scoring, tuple(dict.fromkeys((scoring, *usual))), scoring in STEPPED)
    if isinstance(scoring, str) and HAS_SKLEARN:
        metrics = importlib.import_module("sklearn.metrics")
        if scoring in metrics.get_scorer_names():
            return Scoring(scoring, usual, True, metrics.get_scorer(scoring))
    without = "" if HAS_SKLEARN else " (scikit-learn is not installed)"
    raise ValueError(
        f"scoring: {scoring!r} is not allowed, expected None, one or several names among {list(allowed)}, the name of "
        f"one scikit-learn scorer{without}, or a callable"
    )


def check_score(score: Any) -> float:
    """Check what a scorer has returned: a number.

    Parameters
    ----------
    score : float

    Returns
    -------
    score : float
    """
    try:
        return float(score)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"scoring: the scorer returned {shown(score)}, expected a number of float64") from error


def take(data: Any, positions: npt.NDArray[np.intp]) -> Any:
    """Copy some rows of a matrix, data frame or array.

    Parameters
    ----------
    data : array-like, DataFrame or SciPy sparse matrix
    positions : ndarray of int of shape (n_rows,)

    Returns
    -------
    rows : of the same kind
    """
    if hasattr(data, "iloc"):
        return data.iloc[positions]
    return (data.tocsr() if hasattr(data, "tocsr") else np.asarray(data))[positions]
