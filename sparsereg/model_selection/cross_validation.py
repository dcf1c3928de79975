"""Cross-validated scores: what is known of every fold, means and standard errors over folds, the choice of alpha."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sparsereg.solvers.base import Solution

Vector = npt.NDArray[np.float64]

# Scores closer than this, relative, are equal but for rounding.
SAME_SCORE = 1e-10


@dataclass(frozen=True)
class CVProgress:
    """What the callback of a cross-validation is told after every fit.

    Attributes
    ----------
    fold : int
        From 0; -1 for the fits on all data, which come first.
    n_folds : int
    l1_ratio, alpha : float
    position : int
        Of alpha in its grid, from 0.
    n_alphas : int
    n_nonzero : int
        Columns with a non-zero coefficient.
    scores : dict of float
        Metrics on the unseen part of the fold; empty for fits on all data.
    """

    fold: int
    n_folds: int
    l1_ratio: float
    alpha: float
    position: int
    n_alphas: int
    n_nonzero: int
    scores: dict[str, float]


@dataclass(frozen=True, eq=False)
class FoldScores:
    """Scores and sizes of the fits of one fold.

    Attributes
    ----------
    scores : dict of list of float
        By metric, one value for each alpha.
    n_nonzero : list of int
    fits : list of Solution
        Where they are kept.
    """

    scores: dict[str, list[float]]
    n_nonzero: list[int]
    fits: list[Solution]

    def add(self, solution: Solution, scores: dict[str, float], *, keep_fit: bool) -> None:
        """Take a fit.

        Parameters
        ----------
        solution : Solution
        scores : dict of float
            On the unseen rows.
        keep_fit : bool
            Keep the solution too.
        """
        for name, value in scores.items():
            self.scores.setdefault(name, []).append(value)
        self.n_nonzero.append(solution.columns.size)
        if keep_fit:
            self.fits.append(solution)

    def joined(self, further: FoldScores) -> FoldScores:
        """Put these and the fits of the alphas that follow together; both stay as they are."""
        scores = {name: self.scores.get(name, []) + values for name, values in further.scores.items()}
        return FoldScores(scores, self.n_nonzero + further.n_nonzero, self.fits + further.fits)


def summarise(
    results: Sequence[FoldScores], fold_weight: Vector, alphas: Vector, l1_ratio: float
) -> dict[str, npt.NDArray[np.float64]]:
    """Average over folds.

    Parameters
    ----------
    results : list of FoldScores
    fold_weight : ndarray of float64 of shape (n_folds,)
        Weight of the held-out part of each fold. A metric that a fold leaves undefined (NaN) has no part in its means.
    alphas : ndarray of float64 of shape (n_alphas,)
    l1_ratio : float

    Returns
    -------
    table : dict of ndarray
        "alpha", "l1_ratio" and "n_nonzero" (mean over folds); for every metric "mean_", "std_" and "se_" of shape
        (n_alphas,), and "fold_" of shape (n_alphas, n_folds).

    Notes
    -----
    Means and variances over folds are weighted by fold_weight. The standard error is the root of the variance over the
    number of folds less one, as in glmnet.
    """
    counts = np.array([result.n_nonzero for result in results], dtype=np.float64)
    n_nonzero = np.average(counts, axis=0, weights=fold_weight)
    table = {"alpha": alphas, "l1_ratio": np.full(alphas.size, l1_ratio), "n_nonzero": n_nonzero}
    for name in results[0].scores:
        values = np.array([result.scores[name] for result in results]).T
        weight = np.where(np.isnan(values), 0.0, fold_weight)
        total, n_defined = weight.sum(axis=1), (weight > 0.0).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (weight * np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=-np.inf)).sum(axis=1) / total
            spread = (weight * np.nan_to_num(values - mean[:, None], nan=0.0) ** 2).sum(axis=1) / total
            table[f"mean_{name}"], table[f"std_{name}"] = mean, np.sqrt(spread)
            table[f"se_{name}"] = np.sqrt(spread / (n_defined - 1))
        table[f"fold_{name}"] = values
    return table


def comparable_means(table: dict[str, Vector], name: str) -> Vector:
    """Return the mean scores that may be compared: those over all folds in which the metric is defined at all.

    Parameters
    ----------
    table : dict of ndarray
        From `summarise`; several of them, one after the other.
    name : str
        The metric.

    Returns
    -------
    means : ndarray of float64 of shape (n_entries,)
        NaN where a fold leaves the metric undefined that defines it elsewhere: a mean over fewer folds, perhaps
        the easier ones, says nothing beside one over more.
    """
    undefined = np.isnan(table[f"fold_{name}"])
    usable = ~undefined.all(axis=0)
    return np.where(undefined[:, usable].any(axis=1), np.nan, table[f"mean_{name}"])


def choose(table: dict[str, Vector], name: str, rule: str, greater_is_better: bool) -> int:
    """Choose a fit by its mean score.

    Parameters
    ----------
    table : dict of ndarray
        From `summarise`; several of them, one after the other. An entry whose mean is NaN is none to choose.
    name : str
        The metric to choose by.
    rule : {"min", "1se"}
        The best; or the largest alpha, with the l1_ratio of the best, whose mean is at most one standard error (that of
        the best) from it. Of equals, to rounding, the first, which is the largest alpha.
    greater_is_better : bool

    Returns
    -------
    index : int

    Raises
    ------
    ValueError
        Where the metric is defined at no alpha; and with "1se" where the best mean has no standard error.
    """
    cost = -table[f"mean_{name}"] if greater_is_better else table[f"mean_{name}"]
    if np.isnan(cost).all():
        raise ValueError(
            f"scoring: {name!r} is undefined (NaN) at every alpha, in all folds or in some that define it elsewhere, "
            "as shares of the variance and ranks are where all unseen rows are alike. Expected folds (cv) whose unseen "
            "rows differ, or another scoring: None is the mean loss, which every row defines"
        )
    lowest = np.nanmin(cost)
    best = int(np.argmax(cost <= lowest + (SAME_SCORE * abs(lowest) if np.isfinite(lowest) else 0.0)))
    if rule == "min":
        return best
    standard_error = table[f"se_{name}"][best]
    if np.isnan(standard_error):
        raise ValueError(
            f"rule: '1se' needs a standard error, and fewer than two folds define {name!r} at the best alpha; expected "
            "'min', or more folds (cv) whose unseen rows differ"
        )
    near = cost <= cost[best] + standard_error
    return int(np.argmax(near & (table["l1_ratio"] == table["l1_ratio"][best])))
