"""Pictures of a report: which a model allows, what they tell when pointed at, and what to see in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.features.names import name_columns
from sparsereg.metrics import GREATER_IS_BETTER, METRICS
from sparsereg.plot import plot_cv, plot_history, plot_path, plot_scores, plot_weights
from sparsereg.plot.alpha_axis import count_text, place_alphas
from sparsereg.plot.paths import curve_names, largest_curves
from sparsereg.plot.scores import find_zones
from sparsereg.report.judging import Judged, decisive
from sparsereg.report.page import printable
from sparsereg.report.sections import Facts, counted, number
from sparsereg.report.svg import HEIGHT, Marks

Vector = npt.NDArray[np.float64]

CURVES, LABELS = 50, 8
MOST_POINTS = 100  # of a curve that have a tooltip
WITHIN = 0.02  # of the gain that a right alpha may lose, as `plot_scores` has it
# Differences below this share of a measure are called equal.
SAME = 0.001


@dataclass(frozen=True)
class Picture:
    """A picture of a report.

    Attributes
    ----------
    key : str
        Its kind.
    title : str
    draw : function of matplotlib Axes
        Returns what has a tooltip.
    reading : str
        What there is to see.
    height : float
        In inches.
    """

    key: str
    title: str
    draw: Callable[[Any], Sequence[Marks]]
    reading: str
    height: float = HEIGHT


def pictures(facts: Facts) -> Iterator[Picture]:
    """Iterate over the pictures that a model allows.

    Parameters
    ----------
    facts : Facts

    Yields
    ------
    picture : Picture
    """
    subject = facts.subject
    path = subject.path if subject.path is not None and subject.path.alphas.size > 1 else None
    if subject.cv is not None:
        yield _cross_validation(facts)
    if path is not None:
        yield from (_scores(facts, rows) for rows in facts.judged if rows.curve and decisive(subject, rows.curve))
        if path.sparse_coef.ids.size:
            yield _path(facts)
    if facts.n_weights:
        yield _weights(facts)
    if subject.stream is not None and subject.stream.history_["n_rows"].size > 1:
        yield _history(facts)


def _cross_validation(facts: Facts) -> Picture:
    cv = facts.subject.cv
    table, metric, path = cv.cv_results_, cv.measure_, cv.path_
    own = table["l1_ratio"] == cv.l1_ratio_
    alphas, mean, error = (table[name][own] for name in ("alpha", f"mean_{metric}", f"se_{metric}"))

    def draw(ax: Any) -> list[Marks]:
        plot_cv(cv, ax)
        titles = [
            f"alpha {alpha:.4g}: {metric} {number(middle)}" + ("" if np.isnan(spread) else f" \u00b1 {number(spread, 2)}")
            for alpha, middle, spread in zip(alphas, mean, error)
        ]
        counts = dict(zip(path.alphas.tolist(), path.df.tolist()))
        titles = [f"{title}, {count_text(counts[alpha])}" for title, alpha in zip(titles, alphas.tolist())]
        return [Marks(place_alphas(table["alpha"])[own], mean, titles)]

    best = int(np.flatnonzero(alphas == cv.alpha_min_)[0])
    text = (
        f"The best mean {metric} of unseen rows is {number(mean[best])}, at alpha = {cv.alpha_min_:.4g}"
        f" with {count_text(_count_at(path, cv.alpha_min_))}"
    )
    if np.isnan(cv.alpha_1se_):
        text += "; with one fold nothing tells how sure that is."
    elif cv.alpha_1se_ == cv.alpha_min_:
        text += "; no larger alpha is within one standard error of it."
    else:
        few = int(np.flatnonzero(alphas == cv.alpha_1se_)[0])
        text += (
            f". Within one standard error of it is alpha = {cv.alpha_1se_:.4g}: {metric} {number(mean[few])} with "
            f"{count_text(_count_at(path, cv.alpha_1se_))}."
        )
    return Picture("cv", "Which alpha predicts unseen rows best", draw, text)


def _count_at(path: Any, alpha: float) -> int:
    return int(path.df[np.flatnonzero(path.alphas == alpha)[0]])


def _scores(facts: Facts, rows: Judged) -> Picture:
    path, curve = facts.subject.path, rows.curve
    metric = decisive(facts.subject, curve)
    values = np.asarray(curve[metric], dtype=np.float64)

    def draw(ax: Any) -> list[Marks]:
        plot_scores(path, curve, ax, metric=metric, within=WITHIN)
        titles = [
            f"alpha {alpha:.4g}: {metric} {number(value)}, {count_text(n)}" for alpha, value, n in zip(path.alphas, values, path.df)
        ]
        return [Marks(place_alphas(path.alphas), values, titles)]

    title = f"Too small, right, too large: {rows.title}"
    key = "scores" if rows is facts.judged[0] else "scoresGiven"
    return Picture(key, title, draw, _zones(path, metric, values))


def _zones(path: Any, metric: str, values: Vector) -> str:
    """Say what becomes of the measure at both ends of the path."""
    first, best, last = find_zones(values, WITHIN, metric in GREATER_IS_BETTER)
    text = (
        f"{metric} of these rows is best, {number(values[best])}, at alpha = {path.alphas[best]:.4g}; from "
        f"{path.alphas[last]:.4g} to {path.alphas[first]:.4g} it keeps {1.0 - WITHIN:.0%} of its gain. "
    )
    ends = []
    if last < values.size - 1:
        ends.append(f"with less penalty it ends at {number(values[-1])}, the model learns rows by heart")
    if first > 0:
        ends.append(f"with more it ends at {number(values[0])}, the model has not learned what there is")
    if not ends:
        return text + "No alpha of the path is too small or too large."
    return text + "; ".join(ends).capitalize().replace("Alpha", "alpha") + "."


def _path(facts: Facts) -> Picture:
    path = facts.subject.path
    numbers, values, n_curves, _ = largest_curves(path, CURVES)
    names = [printable(name) for name in curve_names(path, numbers, facts.subject.names)]
    known = dict(zip(path.sparse_coef.ids[numbers % path.sparse_coef.ids.size].tolist(), names))
    shown = np.unique(np.linspace(0, path.alphas.size - 1, min(MOST_POINTS, path.alphas.size)).astype(int))
    x = place_alphas(path.alphas)[shown]
    texts = [f"{alpha:.4g}" for alpha in path.alphas[shown]]

    def draw(ax: Any) -> list[Marks]:
        plot_path(path, ax, most=CURVES, names=_named(facts), labels=LABELS)
        lines = next(one for one in ax.collections if len(one.get_paths()) == len(names) and not hasattr(one, "get_sizes"))
        lines.set_gid("curves")
        marks = []
        for k, (name, curve) in enumerate(zip(names, values[:, shown])):
            # What is zero lies on the axis with all others; where it leaves it can be pointed at.
            leaves = np.flatnonzero(curve)
            part = slice(max(leaves[0] - 1, 0), leaves[-1] + 2) if leaves.size else slice(0, 0)
            titles = [f"{name}: {weight:.4g} at alpha {text}" for weight, text in zip(curve[part], texts[part])]
            marks.append(Marks(x[part], curve[part], titles, "curves", k))
        return marks

    del known
    return Picture("path", "The weights along the path", draw, _order(path, numbers, values, names, n_curves), 4.2)


def _named(facts: Facts) -> Callable[[Any], list[str]] | None:
    """Return a function that names columns by what any file can hold; None without names, for there are no labels."""
    names, width = facts.subject.names, facts.scorer.n_features
    if names is None:
        return None
    return lambda ids: [printable(name) for name in name_columns(names, ids, width)[0]]


def _order(path: Any, numbers: Any, values: Vector, names: list[str], n_curves: int) -> str:
    """Say which weights come in first, and how many are there in the end."""
    entered = np.where((values != 0.0).any(axis=1), (values != 0.0).argmax(axis=1), path.alphas.size)
    order = np.argsort(entered, kind="stable")
    first = order[entered[order] == entered[order[0]]] if order.size else order
    text = f"{counted(n_curves, 'weight')} differ from zero somewhere on the path"
    text += f", of which the {len(names)} largest are drawn. " if len(names) < n_curves else ". "
    if first.size > 3:
        return text + f"{path.df[0]:,} are there from the largest alpha on, {path.df[-1]:,} at the smallest."
    few = " and ".join(f"\u201c{names[k]}\u201d" for k in first)
    last = f"at the smallest alpha {count_text(int(path.df[-1]))} {'is' if path.df[-1] == 1 else 'are'} left"
    return text + f"Of those drawn {few} comes in first, at alpha = {path.alphas[entered[first[0]]]:.4g}; {last}."


def _weights(facts: Facts) -> Picture:
    subject, coef = facts.subject, facts.scorer.coef
    n_active = max(int(subject.model.n_active if subject.path is subject.model else subject.model.n_active_), coef.ids.size)
    label, n_candidates = f"alpha {facts.alpha:.4g}", n_active * facts.scorer.n_outputs

    def draw(ax: Any) -> list[Marks]:
        plot_weights({label: coef}, ax, n_active=n_candidates)
        steps = ax.patches[0].get_data()
        middles = 0.5 * (steps.edges[:-1] + steps.edges[1:])
        titles = [
            f"{low:.3g} to {high:.3g}: {counted(int(n), 'weight')}"
            for low, high, n in zip(steps.edges[:-1], steps.edges[1:], steps.values)
        ]
        return [Marks(middles, np.maximum(steps.values, 0.5), titles)]

    data = coef.values.data
    n_zero, largest = n_candidates - data.size, float(np.abs(data).max())
    text = f"{data.size:,} of {counted(n_candidates, 'weight')} of occupied columns are not zero"
    text += f", {n_zero:,} are exactly zero (the spike). " if n_zero else ": the penalty shrinks, and sets none to zero. "
    middle = float(np.median(np.abs(data)))
    return Picture(
        "weights", "How large the weights are", draw,
        text + f"Half of the others are smaller than {number(middle, 3)}; the largest is {number(largest, 3)}.",
    )


def _history(facts: Facts) -> Picture:
    history = facts.subject.stream.history_
    rows, losses, counts = (history[name] for name in ("n_rows", "progressive_loss", "n_nonzero"))

    def draw(ax: Any) -> list[Marks]:
        plot_history({type(facts.subject.stream).__name__: history}, ax)
        titles = [f"{n:,} rows: mean loss {number(loss)}, {count_text(int(k))}" for n, loss, k in zip(rows, losses, counts)]
        return [Marks(rows.astype(np.float64), losses, titles)]

    recent = history["loss"]
    text = (
        f"Each row was judged before it was learned from: over {rows[-1]:,} rows the mean loss is {number(losses[-1])}, "
        f"{number(recent[0])} at first and {number(recent[-1])} at last"
    )
    still = recent[-1] < (1.0 - SAME) * np.median(recent[len(recent) // 2 :])
    text += ", and still falling. " if still else ". "
    return Picture("history", "How it was learned", draw, text + f"{count_text(int(counts[-1]))} came of it.".capitalize())
