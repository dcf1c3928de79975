"""Printed summaries of cross-validated models, after glmnet's `print.cv.glmnet`."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from sparsereg._core.penalties import PENALTIES
from sparsereg.metrics import GREATER_IS_BETTER, METRICS
from sparsereg.path.printing import grid_ends

WIDTH = 80
# Of the numbers of an l1_ratio that are shown one by one.
MAX_SHOWN = 8


def summarize_cv(model: Any) -> str:
    """Say what was cross-validated, and where the best alpha and that of one standard error lie.

    Parameters
    ----------
    model : CrossValidatedModel
        Fitted.

    Returns
    -------
    text : str
        Lines of at most 80 characters; "-" where there is no standard error.
    """
    rows = [("", "alpha", "index", "mean", "SE", "non-zeros", "")]
    for rule, alpha in (("min", model.alpha_min_), ("1se", model.alpha_1se_)):
        rows.append((rule, *_row(model, alpha)))
    widths = [max(map(len, column)) for column in zip(*rows)]
    table = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join([*_head(model), "", *table])


def _head(model: Any) -> list[str]:
    path, table, measure = model.path_, model.cv_results_, model.measure_
    kind = "relaxed fits, " if path.relaxed else ""
    penalty = "" if PENALTIES[path.penalty].is_convex else f"penalty {path.penalty}, "
    tried = np.unique(table["l1_ratio"])
    share = f"l1_ratio {model.l1_ratio_:g}"
    if tried.size > 1:
        share += f" of {', '.join(f'{ratio:g}' for ratio in tried)}" if tried.size <= MAX_SHOWN else f" of {tried.size}"
    n_folds = table[f"fold_{measure}"].shape[1]
    greater = measure in GREATER_IS_BETTER or measure not in METRICS[path.loss]
    text = (
        f"{type(model).__name__}: {path.loss.replace('_', ' ')} loss, {kind}{penalty}{share}",
        f"{grid_ends(path.alphas)}, {path.n_samples:,} rows, "
        f"{n_folds} fold{'s' if n_folds > 1 else ''}",
        f"Measure: {measure} of unseen rows, {'more' if greater else 'less'} is better",
    )
    return [line for part in text for line in textwrap.wrap(part, WIDTH)]


def _row(model: Any, alpha: float) -> tuple[str, ...]:
    if np.isnan(alpha):
        return *["-"] * 5, ""
    table, path = model.cv_results_, model.path_
    entry = np.flatnonzero((table["l1_ratio"] == model.l1_ratio_) & (table["alpha"] == alpha))[0]
    index = int(np.flatnonzero(path.alphas == alpha)[0])
    mean, error = (table[f"{what}_{model.measure_}"][entry] for what in ("mean", "se"))
    chosen = "chosen" if alpha == model.alpha_ else ""
    spread = "-" if np.isnan(error) else _number(error, 2)
    return f"{alpha:.4g}", f"{index}", _number(mean, 4), spread, f"{path.df[index]:,}", chosen


def _number(value: float, digits: int) -> str:
    """Show so many digits, but those before the point always, up to a million: errors are compared with means."""
    text = f"{value:.{digits}g}"
    return f"{value:.0f}" if "e+" in text and abs(value) < 1e6 else text
