"""Pictures along a path: cross-validated measures, zones of alpha and weights, with what to see in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.features.names import name_columns
from sparsereg.metrics import GREATER_IS_BETTER
from sparsereg.plot import plot_cv, plot_path, plot_scores
from sparsereg.plot.alpha_axis import count_text, place_alphas
from sparsereg.plot.paths import curve_names, largest_curves
from sparsereg.plot.scores import find_zones
from sparsereg.report.facts import MEASURES, Facts, counted, number
from sparsereg.report.judging import Judged, decisive
from sparsereg.report.page import printable
from sparsereg.report.picture import Picture
from sparsereg.report.svg import Marks

Vector = npt.NDArray[np.float64]

CURVES, LABELS = 50, 8
# Of a curve that have a tooltip: fewer where names are long, for each tooltip has the name in it.
FEWEST_POINTS, MOST_POINTS = 10, 100
MOST_BYTES, BYTES_A_POINT = 900_000, 100  # of all tooltips; of one beside its name
PATH_HEIGHT = 4.2  # inches: room for labels above each other
WITHIN = 0.02  # of the gain that a right alpha may lose, as `plot_scores` has it
FEW = 3  # weights that come in together and are still named


def cross_validation(facts: Facts) -> Picture:
    """Draw the cross-validated measure that chose alpha.

    Parameters
    ----------
    facts : Facts
        Of a cross-validated model.

    Returns
    -------
    picture : Picture
    """
    cv = facts.subject.cv
    table, metric = cv.cv_results_, cv.measure_
    own = table["l1_ratio"] == cv.l1_ratio_
    alphas, mean, error = (table[name][own] for name in ("alpha", f"mean_{metric}", f"se_{metric}"))
    spreads = ["" if np.isnan(each) else f" \u00b1 {number(each, 2)}" for each in error]
    titles = [
        f"alpha {alpha:.4g}: {metric} {number(middle)}{spread}, {count_text(_count_at(cv.path_, alpha))}"
        for alpha, middle, spread in zip(alphas, mean, spreads)
    ]

    def draw(ax: Any) -> list[Marks]:
        plot_cv(cv, ax)
        return [Marks(place_alphas(table["alpha"])[own], mean, titles)]

    return Picture("cv", "Which alpha predicts unseen rows best", draw, _rules(cv, metric, alphas, mean))


def _count_at(path: Any, alpha: float) -> int:
    return int(path.df[np.flatnonzero(path.alphas == alpha)[0]])


def _rules(cv: Any, metric: str, alphas: Vector, mean: Vector) -> str:
    """Say what the two rules choose."""
    best = int(np.flatnonzero(alphas == cv.alpha_min_)[0])
    text = (
        f"The best mean {MEASURES.get(metric, metric)} of unseen rows is {number(mean[best])}, at alpha = "
        f"{cv.alpha_min_:.4g} with {count_text(_count_at(cv.path_, cv.alpha_min_))}"
    )
    if np.isnan(cv.alpha_1se_):
        text += "; with one fold nothing tells how sure that is."
    elif cv.alpha_1se_ == cv.alpha_min_:
        text += "; no larger alpha is within one standard error of it."
    else:
        simpler = int(np.flatnonzero(alphas == cv.alpha_1se_)[0])
        text += (
            f". Within one standard error of it is alpha = {cv.alpha_1se_:.4g}: {number(mean[simpler])} with "
            f"{count_text(_count_at(cv.path_, cv.alpha_1se_))}."
        )
    if alphas.size > 1 and cv.alpha_min_ == alphas.min():
        text += " It is the smallest alpha that was tried: still smaller ones might do better."
    return text


def scores(facts: Facts, rows: Judged) -> Picture:
    """Draw a measure of training and other rows, with the zones too small, right and too large.

    Parameters
    ----------
    facts : Facts
    rows : Judged
        With measures of every fit.

    Returns
    -------
    picture : Picture
    """
    path, metric = facts.subject.path, decisive(facts.subject, rows.curve or {})
    measures = {} if rows.curve is None else {name: np.asarray(values) for name, values in rows.curve.items()}
    values = measures[metric or ""].astype(np.float64)
    titles = [
        f"alpha {alpha:.4g}: {metric} {number(value)}, {count_text(int(count))}"
        for alpha, value, count in zip(path.alphas, values, path.df)
    ]

    def draw(ax: Any) -> list[Marks]:
        plot_scores(facts.subject.model, measures, ax, metric=metric, within=WITHIN)
        return [Marks(place_alphas(path.alphas), values, titles)]

    key = "scores" if rows is facts.judged[0] else "given"
    return Picture(key, f"Too small, right, too large: {rows.title}", draw, _zones(path, metric or "", values))


def _zones(path: Any, metric: str, values: Vector) -> str:
    """Say where alpha is right, and what becomes of the measure at both ends of the path."""
    first, best, last = find_zones(values, WITHIN, metric in GREATER_IS_BETTER)
    text = f"On these rows {MEASURES[metric]} is best at alpha = {path.alphas[best]:.4g}: {number(values[best])}. "
    text += f"From {path.alphas[last]:.4g} to {path.alphas[first]:.4g} it keeps {1.0 - WITHIN:.0%} of its gain. "
    if last < values.size - 1:
        text += f"With the least penalty it is {number(values[-1])}: training rows are learned by heart. "
    if first > 0:
        text += f"With the most it is {number(values[0])}: what there is to learn is not learned. "
    if last == values.size - 1 and first == 0:
        text += "No alpha of the path is too small or too large. "
    return text.strip()


def weights_along(facts: Facts) -> Picture:
    """Draw the largest weights along the path.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    picture : Picture
    """
    path = facts.subject.path
    curves = largest_curves(path, CURVES)
    names = [printable(name) for name in curve_names(path, curves.numbers, facts.subject.names)]

    def draw(ax: Any) -> list[Marks]:
        from matplotlib.collections import LineCollection

        plot_path(path, ax, most=CURVES, names=_printable_names(facts), labels=LABELS)
        lines = next(artist for artist in ax.collections if isinstance(artist, LineCollection))
        lines.set_gid("curves")
        lines.set_rasterized(False)
        return _curve_marks(path, names, curves.values)

    return Picture("path", "The weights along the path", draw, _order(path, curves, names), PATH_HEIGHT)


def _curve_marks(path: Any, names: Sequence[str], values: Vector) -> list[Marks]:
    """Name the weights and say how large they are at each alpha where they are not zero."""
    n_bytes = sum(len(escape(name).encode()) + BYTES_A_POINT for name in names)
    n_points = int(np.clip(MOST_BYTES // n_bytes, FEWEST_POINTS, MOST_POINTS))
    shown = np.unique(np.linspace(0, path.alphas.size - 1, min(n_points, path.alphas.size)).astype(int))
    x, alphas = place_alphas(path.alphas)[shown], [f"{alpha:.4g}" for alpha in path.alphas[shown]]
    marks = []
    for k, (name, curve) in enumerate(zip(names, values[:, shown])):
        # What is zero lies on the axis with all others; where a curve leaves it, it can be pointed at.
        at = np.flatnonzero(curve)
        part = slice(max(int(at[0]) - 1, 0), int(at[-1]) + 2) if at.size else slice(0, 0)
        titles = [f"{name}: {weight:.4g} at alpha {alpha}" for weight, alpha in zip(curve[part], alphas[part])]
        marks.append(Marks(x[part], curve[part], titles, "curves", k))
    return marks


def _printable_names(facts: Facts) -> Callable[[Any], list[str]] | None:
    """Return a function that names columns by what any file can hold; None without names, for there are no labels."""
    names, width = facts.subject.names, facts.scorer.n_features
    if names is None:
        return None
    return lambda ids: [printable(name) for name in name_columns(names, ids, width)[0]]


def _order(path: Any, curves: Any, names: Sequence[str]) -> str:
    """Say how many weights there are, and which come in first."""
    n_shown, n_alphas = len(names), path.alphas.size
    verb = "is" if curves.n_curves == 1 else "are"
    text = f"{counted(curves.n_curves, 'weight')} {verb} not zero somewhere on the path"
    text += f"; the {n_shown} largest are drawn. " if n_shown < curves.n_curves else ". "
    there = curves.values != 0.0
    entered = np.where(there.any(axis=1), there.argmax(axis=1), n_alphas)
    first = np.flatnonzero(entered == entered.min())
    if entered.min() == 0 and path.df.min() == path.df.max():
        sums = (curves.norms[0], curves.norms[-1])
        return text + (
            f"None comes in or leaves: the penalty shrinks them, the sum of their sizes is {number(float(sums[0]))} at "
            f"the largest alpha and {number(float(sums[1]))} at the smallest."
        )
    if first.size <= FEW:
        listed = " and ".join(f"\u201c{names[k]}\u201d" for k in first.tolist())
        verb = "comes in first" if first.size == 1 else "come in first"
        text += f"Of these {listed} {verb}, at alpha = {path.alphas[entered.min()]:.4g}. "
    return text + f"At the largest alpha {count_text(int(path.df[0]))}, at the smallest {count_text(int(path.df[-1]))}."
