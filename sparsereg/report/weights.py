"""The largest weights of a fit, by name, with what they do and the cells that they stand for."""

from __future__ import annotations

from typing import Any

import numpy as np

from sparsereg.features.names import SIDES, name_columns
from sparsereg.report.facts import Facts, counted, number
from sparsereg.report.page import paragraph, table

MOST_WEIGHTS = 20
# What a column's being larger by one multiplies, by the link.
EFFECTS = {"logit": "multiplies the odds by", "softmax": "multiplies the odds by", "log": "multiplies the mean by"}
DEGREES = 6  # digits behind the point: a tenth of a metre


def largest_weights(facts: Facts) -> str:
    """Make the section of the largest weights.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    html : str
    """
    scorer, n_weights = facts.scorer, facts.n_weights
    if n_weights == 0:
        return paragraph("Every weight is zero: the model predicts the same for every row.")
    values = scorer.coef.values.tocoo()
    order = np.argsort(-np.abs(values.data), kind="stable")[:MOST_WEIGHTS]
    ids, weights = scorer.coef.ids[values.row[order]], values.data[order]
    names, bounds = name_columns(facts.subject.names, ids, scorer.n_features)
    columns: dict[str, list[Any]] = {"column": [*names]}
    if scorer.n_outputs > 1 and scorer.classes is not None:
        columns["class"] = scorer.classes[values.col[order]].tolist()
    n_texts = len(columns)
    columns["weight"] = [f"{weight:+.5g}" for weight in weights]
    if scorer.link in EFFECTS:
        with np.errstate(over="ignore"):
            columns[EFFECTS[scorer.link]] = [number(float(factor)) for factor in np.exp(weights)]
    if bounds is not None and any(np.isfinite(bounds[side]).any() for side in SIDES):
        for side in SIDES:
            columns[f"{side} (\u00b0)"] = ["-" if np.isnan(edge) else _degrees(edge) for edge in bounds[side]]
    caption = f"The {len(order)} largest of {n_weights:,} weights"
    if len(order) == n_weights:
        caption = f"{counted(n_weights, 'weight')}, the largest first"
    return paragraph(_concentration(facts)) + table(caption, [*columns], zip(*columns.values()), texts=n_texts)


def _degrees(edge: float) -> str:
    return f"{edge:.{DEGREES}f}".rstrip("0").rstrip(".")


def _concentration(facts: Facts) -> str:
    """Say which way the weights point, and how much of them the largest hold."""
    weights = facts.scorer.coef.values.data
    sizes = np.sort(np.abs(weights))[::-1]
    half, n_up = int(np.searchsorted(np.cumsum(sizes), 0.5 * sizes.sum())) + 1, int((weights > 0.0).sum())
    raised = f"{counted(n_up, 'weight')} {'raises' if n_up == 1 else 'raise'} the prediction"
    n_down = weights.size - n_up
    text = f"{raised} and {n_down:,} {'lowers' if n_down == 1 else 'lower'} it"
    return text + (f"; half of the sum of their sizes lies in the {half:,} largest." if half > 1 else ".")
