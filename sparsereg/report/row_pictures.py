"""Pictures of predictions: how reliable probabilities are, and the map of cells, with what to see in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.features.names import name_columns
from sparsereg.metrics import calibration_error
from sparsereg.plot import plot_calibration, plot_map
from sparsereg.plot.calibration import PredictedClasses, reliability
from sparsereg.report.facts import Facts, counted, number
from sparsereg.report.judging import Predicted
from sparsereg.report.page import printable
from sparsereg.report.picture import Picture
from sparsereg.report.svg import Marks

N_BINS = 10
SQUARE = 4.4  # inches high: axes as high as wide, and what is above and below them
GLOBE = 360.0  # degrees around, 180 from pole to pole


def calibration(facts: Facts, predicted: Predicted) -> Picture:
    """Draw how often rows came out as predicted.

    Parameters
    ----------
    facts : Facts
    predicted : Predicted

    Returns
    -------
    picture : Picture
    """
    classes, table = predicted.classes, predicted.table
    best = np.ones(len(table), dtype=np.intp) if classes.size == 2 else table.argmax(axis=1)
    probability = table[np.arange(len(table)), best]
    hit = (classes[best] == predicted.y).astype(np.float64)
    weight = np.ones(hit.size) if predicted.weight is None else predicted.weight
    what = f"class {printable(classes[1])}" if classes.size == 2 else "the predicted class"

    # Labels come from data: two of these signs would make a formula of what is between them.
    labels = np.array([printable(label).replace("$", r"\$") for label in classes], dtype=object)
    model = PredictedClasses(labels, table)

    def draw(ax: Any) -> list[Marks]:
        name, y = type(facts.subject.model).__name__, labels[np.searchsorted(classes, predicted.y)]
        plot_calibration({name: model}, table, y, ax, sample_weight=predicted.weight, n_bins=N_BINS)
        found = reliability(hit, probability, weight, N_BINS)
        shares = found.share[found.share > 0.0]
        titles = [
            f"predicted {said:.3f}, came true {came:.3f} \u00b1 {error:.2g}, {share:.1%} of the rows"
            for said, came, error, share in zip(found.predicted, found.observed, found.error, shares)
        ]
        return [Marks(found.predicted, found.observed, titles)]

    said, came = (float(np.average(values, weights=weight)) for values in (probability, hit))
    error = calibration_error(hit, probability, predicted.weight, n_bins=N_BINS)
    text = (
        f"On average {what} was given a probability of {said:.3f}, and came true for {came:.3f} of these rows. "
        f"Probabilities are off by {number(error, 2)} on average (the calibration error)."
    )
    return Picture("calibration", "Whether probabilities come true", draw, text, SQUARE)


def has_cells(facts: Facts) -> bool:
    """Say whether a cell of latitude and longitude has a weight.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    has_cells : bool
    """
    return bool(_cells(facts)[0].size)


def _cells(facts: Facts) -> tuple[npt.NDArray[np.int64], Any]:
    """Return which of the columns with a weight are cells, not bands or sectors, and the bounds of these."""
    coef, names = facts.scorer.coef, facts.subject.names
    bounds = None if names is None or not coef.ids.size else name_columns(names, coef.ids, coef.n_features)[1]
    if bounds is None:
        return np.empty(0, dtype=np.int64), None
    is_cell = (bounds["east"] - bounds["west"] < GLOBE) & (bounds["north"] - bounds["south"] < 0.5 * GLOBE)
    return np.flatnonzero(is_cell), bounds


def cell_map(facts: Facts) -> Picture:
    """Draw the cells of a model on a map.

    Parameters
    ----------
    facts : Facts
        Of a model with cells.

    Returns
    -------
    picture : Picture
    """
    subject, scorer = facts.subject, facts.scorer
    cells, bounds = _cells(facts)
    weights = scorer.coef.values.tocsr()[cells]
    output = int(np.argmax(np.diff(weights.tocsc().indptr)))
    label = scorer.classes[output] if scorer.n_outputs > 1 and scorer.classes is not None else None

    alpha = facts.alpha if subject.path is subject.model else None

    def draw(ax: Any) -> list[Marks]:
        plot_map(subject.model, subject.names, ax, alpha=alpha, label=label)
        return []

    own = weights[:, [output]].toarray().ravel()
    at = bounds[cells][own != 0.0]
    largest = at[np.argmax(np.abs(own[own != 0.0]))]
    of_class = "" if label is None else f" of class {printable(label)}"
    text = (
        f"{counted(at.size, 'cell')}{of_class} between latitudes {at['south'].min():.5g}\u00b0 and "
        f"{at['north'].max():.5g}\u00b0 and longitudes {at['west'].min():.5g}\u00b0 and {at['east'].max():.5g}\u00b0 "
        f"{'has' if at.size == 1 else 'have'} a weight of their own; the largest, "
        f"{own[np.argmax(np.abs(own))]:+.4g}, is that of the cell from {largest['south']:.6g}\u00b0, "
        f"{largest['west']:.6g}\u00b0 to {largest['north']:.6g}\u00b0, {largest['east']:.6g}\u00b0."
    )
    return Picture("map", "Where it makes a difference", draw, text, SQUARE)
