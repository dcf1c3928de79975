"""Cross-validated measures against alpha, with one standard error: glmnet's `plot` of a `cv.glmnet`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparsereg.inputs.parameters import check_choice
from sparsereg.inputs.sklearn import check_is_fitted
from sparsereg.metrics import GREATER_IS_BETTER, METRICS
from sparsereg.plot.alpha_axis import count_on_top, count_text, scale_alphas
from sparsereg.plot.axes import COLOURS, make_axes
from sparsereg.plot.margins import legend_below, make_room

Vector = npt.NDArray[np.float64]

BEST, ONE_SE = COLOURS[2], COLOURS[1]  # colours of the two alphas
MEAN = "mean_"


class _Curve(NamedTuple):
    """Scores of the fits at one l1_ratio.

    Attributes
    ----------
    l1_ratio : float
    x : ndarray of float64 of shape (n_alphas,)
        Where the alphas stand.
    mean, error : ndarray of float64 of shape (n_alphas,)
        NaN or infinite where nothing can be drawn.
    is_partial : ndarray of bool of shape (n_alphas,)
        Means over fewer folds than elsewhere, which cannot be chosen.
    """

    l1_ratio: float
    x: Vector
    mean: Vector
    error: Vector
    is_partial: npt.NDArray[np.bool_]


def plot_cv(cv: Any, ax: Any = None, *, metric: str | None = None) -> Any:
    """Draw a cross-validated measure against alpha, with one standard error, and the alphas that the rules choose.

    Parameters
    ----------
    cv : fitted LassoCV, ElasticNetCV, RidgeCV, LogisticRegressionCV or PoissonRegressorCV
    ax : matplotlib Axes or None, default=None
        None: new axes through pyplot.
    metric : str or None, default=None
        Which of the measures of `cv.cv_results_` ("mean_" and its name is a column there); None: the one that decided,
        `cv.measure_`.

    Returns
    -------
    ax : matplotlib Axes
        With the mean over the folds of unseen rows and bars of one standard error to either side at the l1_ratio
        chosen, a line without bars for every other; `alpha_min_` ("best") and `alpha_1se_` ("1se") as vertical lines,
        which of them is the model's in the legend; the numbers of non-zeros of the fits on all data on top.

    Raises
    ------
    ImportError
        Without matplotlib.
    ValueError
        For a measure that was not taken.
    TypeError
        For what is no cross-validated estimator.
    NotFittedError
        Before `fit`.

    Notes
    -----
    Both alphas are those that `cv.measure_` chooses, whatever is drawn. A measure that is undefined at an alpha in some
    folds only has a mean over fewer folds, which is drawn as a ring, without a bar, and is none to choose; where it is
    undefined in all folds, or infinite, there is a gap, and the legend says at how many alphas.
    """
    table = _results(cv)
    metric = cv.measure_ if metric is None else metric
    check_choice(metric, "metric", [name.removeprefix(MEAN) for name in table if name.startswith(MEAN)])
    ax = make_axes(ax)
    curves, chosen = _curves(table, metric, scale_alphas(ax, table["alpha"]), cv.best_index_)
    others = [curve for k, curve in enumerate(curves) if k != chosen]
    handles = []
    for curve, colour in zip(others, _colours(len(others))):
        handles += ax.plot(curve.x, curve.mean, color=colour, linewidth=1.2, label=f"l1_ratio {curve.l1_ratio:g}")
    own = f"l1_ratio {curves[chosen].l1_ratio:g}" if len(curves) > 1 else "mean"
    spread = " \N{PLUS-MINUS SIGN} one SE" if np.isfinite(curves[chosen].error).any() else ""
    handles.insert(chosen, _draw_chosen(ax, curves[chosen], f"{own}{spread}, {_folds(table[f'fold_{metric}'])}"))
    handles += _draw_gaps(ax, curves)
    ax.autoscale_view()
    alphas = _draw_alphas(ax, cv, curves[chosen])
    greater = metric in GREATER_IS_BETTER or metric not in METRICS[cv.path_.loss]
    ax.set_ylabel(f"{metric} of unseen rows\n({'more' if greater else 'less'} is better)")
    columns = "weights" if cv.path_.n_outputs == 1 else "columns with weights"
    count_on_top(ax, curves[chosen].x, cv.path_.df, f"{columns} that are not zero")
    legend_below(ax, [handles, alphas])
    make_room(ax)
    return ax


def _results(cv: Any) -> dict[str, Any]:
    """Return the table of a cross-validated estimator."""
    if not (hasattr(cv, "scoring") and hasattr(cv, "rule")):
        raise TypeError(f"cv: {type(cv).__name__} is not allowed, expected a cross-validated estimator, as LassoCV")
    check_is_fitted(cv)
    return cv.cv_results_


def _curves(table: dict[str, Any], metric: str, x: Vector, best: int) -> tuple[list[_Curve], int]:
    """Part the joint table into its grids, whose alphas fall, and say which of them has the entry that was chosen."""
    ratios, alphas, folds = table["l1_ratio"], table["alpha"], table[f"fold_{metric}"]
    undefined = np.isnan(folds)
    is_partial = undefined[:, ~undefined.all(axis=0)].any(axis=1) & ~undefined.all(axis=1)
    mean, error = (np.where(np.isfinite(part), part, np.nan) for part in (table[MEAN + metric], table[f"se_{metric}"]))
    starts = np.flatnonzero((np.diff(ratios) != 0.0) | (np.diff(alphas) >= 0.0)) + 1
    columns = [np.split(column, starts) for column in (x, mean, error, is_partial)]
    curves = [_Curve(float(part[0]), *parts) for part, *parts in zip(np.split(ratios, starts), *columns)]
    return curves, int(np.searchsorted(starts, best, side="right"))


def _folds(scores: Vector) -> str:
    """Say of how many folds there are scores at all."""
    n_folds, n_used = scores.shape[1], int((~np.isnan(scores).all(axis=0)).sum())
    of_all = "" if n_used == n_folds else f" of {n_folds}"
    return f"{n_used}{of_all} fold{'' if n_folds == 1 else 's'}"


def _colours(n: int) -> list[Any]:
    """Return colours of curves that were not chosen: of many a sequence, as their l1_ratio are one."""
    few = [COLOURS[k] for k in (3, 5, 4)]
    if n <= len(few):
        return few
    from matplotlib import colormaps

    return [*colormaps["plasma"](np.linspace(0.1, 0.9, n))]


def _draw_chosen(ax: Any, curve: _Curve, label: str) -> Any:
    """Draw means with their bars; means over fewer folds as rings."""
    shown = ~curve.is_partial
    return ax.errorbar(
        curve.x[shown], curve.mean[shown], yerr=curve.error[shown], fmt="o", markersize=3.5, color=COLOURS[0],
        ecolor="0.5", elinewidth=1.0, capsize=2.5, label=label, zorder=2.5,
    )


def _draw_gaps(ax: Any, curves: list[_Curve]) -> list[Any]:
    """Draw means over fewer folds, and say how many are missing."""
    from matplotlib.lines import Line2D

    x, mean, is_partial = (
        np.concatenate([getattr(curve, name) for curve in curves]) for name in ("x", "mean", "is_partial")
    )
    handles, n_missing = [], int(np.isnan(mean).sum())
    if is_partial.any():
        handles += ax.plot(x[is_partial], mean[is_partial], "o", color="0.4", fillstyle="none", markersize=4.5)
        handles[0].set_label("over fewer folds, not comparable")
    if n_missing:
        handles.append(Line2D([], [], linestyle="", label=f"undefined at {n_missing:,} of {mean.size:,} alphas"))
    return handles


def _draw_alphas(ax: Any, cv: Any, curve: _Curve) -> list[Any]:
    """Draw the alphas that the two rules choose, and say which is the model's."""
    path, lines = cv.path_, {}
    for rule, alpha, style in (("best", cv.alpha_min_, (BEST, "--")), ("1se", cv.alpha_1se_, (ONE_SE, ":"))):
        if not np.isnan(alpha):
            lines.setdefault(float(alpha), []).append((rule, style))
    handles = []
    for alpha, rules in lines.items():
        k = int(np.flatnonzero(path.alphas == alpha)[0])
        colour, style = rules[0][1]
        chosen = ", chosen" if alpha == cv.alpha_ else ""
        label = f"{' and '.join(rule for rule, _ in rules)}{chosen}: alpha {alpha:.4g}, {count_text(path.df[k])}"
        handles.append(ax.axvline(curve.x[k], color=colour, linestyle=style, linewidth=1.6, label=label, zorder=1.5))
    return handles
