"""Pictures of a report: which of them a model allows; those of one fit, with what to see in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from sparsereg.plot import plot_history, plot_weights
from sparsereg.plot.alpha_axis import count_text
from sparsereg.report.facts import Facts, counted, number
from sparsereg.report.judging import decisive
from sparsereg.report.path_pictures import cross_validation, scores, weights_along
from sparsereg.report.picture import Picture
from sparsereg.report.row_pictures import calibration, cell_map, has_cells
from sparsereg.report.svg import Marks

LEAST = 0.5  # of the axis of counts, which is logarithmic
SAME = 0.01  # of a loss: what falls by less has stopped falling


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
    if subject.cv is not None:
        yield cross_validation(facts)
    if subject.path is not None and subject.path.alphas.size > 1:
        yield from (scores(facts, rows) for rows in facts.judged if rows.curve and decisive(subject, rows.curve))
        if subject.path.sparse_coef.ids.size:
            yield weights_along(facts)
    if facts.n_weights:
        yield _weights(facts)
    if has_cells(facts):
        yield cell_map(facts)
    if subject.stream is not None and subject.stream.history_["n_rows"].size > 1:
        yield _history(facts)
    if facts.predicted is not None:
        yield calibration(facts, facts.predicted)


def _weights(facts: Facts) -> Picture:
    coef, label = facts.scorer.coef, f"alpha {facts.alpha:.4g}"
    n_candidates = max(facts.subject.n_active, coef.ids.size) * facts.scorer.n_outputs

    def draw(ax: Any) -> list[Marks]:
        plot_weights({label: coef}, ax, n_active=n_candidates)
        steps = ax.patches[0].get_data()
        low, high = steps.edges[:-1], steps.edges[1:]
        titles = [
            f"{left:.3g} to {right:.3g}: {counted(int(n), 'weight')}" for left, right, n in zip(low, high, steps.values)
        ]
        return [Marks(0.5 * (low + high), np.maximum(steps.values, LEAST), titles)]

    sizes = np.abs(coef.values.data)
    n_zero, middle, largest = n_candidates - sizes.size, float(np.median(sizes)), float(sizes.max())
    verb = "is" if sizes.size == 1 else "are"
    text = f"Of {counted(n_candidates, 'weight')} of occupied columns {sizes.size:,} {verb} not zero"
    text += f" and {n_zero:,} exactly zero (the spike). " if n_zero else ", all of them. "
    text += f"Half of the non-zeros are at most {number(middle, 3)} in size; the largest is {number(largest, 3)}."
    return Picture("weights", "How large the weights are", draw, text)


def _history(facts: Facts) -> Picture:
    history, name = facts.subject.stream._best_history, type(facts.subject.stream).__name__
    rows, losses, counts = (history[key] for key in ("n_rows", "progressive_loss", "n_nonzero"))
    titles = [
        f"{n:,} rows: mean loss {number(mean)}, {count_text(int(df))}" for n, mean, df in zip(rows, losses, counts)
    ]

    def draw(ax: Any) -> list[Marks]:
        plot_history({name: history}, ax)
        return [Marks(rows.astype(np.float64), losses, titles)]

    loss = history["loss"]
    text = (
        f"Each row was judged before it was learned from. Over all {rows[-1]:,} the mean loss is {number(losses[-1])}, "
        f"over the first part of them {number(loss[0])} and over the last {number(loss[-1])}"
    )
    text += ": it still falls. " if loss[-1] < (1.0 - SAME) * np.nanmedian(loss[-3:-1]) else ". "
    return Picture("history", "How it was learned", draw, text + f"{counted(int(counts[-1]), 'weight')} came of it.")
