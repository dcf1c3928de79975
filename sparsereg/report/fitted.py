"""What was fitted: model, objective, data and the parts of its columns, as tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from sparsereg.report.column_parts import column_parts
from sparsereg.report.facts import Facts, counted, number
from sparsereg.report.objective import objective, penalty_name
from sparsereg.report.page import table
from sparsereg.report.subject import Subject

MOST_CLASSES = 20


def fitted(facts: Facts) -> str:
    """Make the section that says what was fitted.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    html : str
    """
    rows = [*_model(facts), *_data(facts), *_settings(facts.subject)]
    return table("The model and its data", (), rows, texts=2) + _columns(facts)


def _model(facts: Facts) -> Iterator[tuple[str, str]]:
    subject, model, path = facts.subject, facts.subject.model, facts.subject.path
    kind = type(model).__name__
    yield "Model", kind if subject.given is model else f"{kind}, in a {type(subject.given).__name__}"
    yield "Minimised", objective(subject)
    yield "Penalty", penalty_name(subject)
    yield "alpha, its strength", f"{facts.alpha:.6g}. {facts.chosen.why}".strip()
    if path is not None and path.alphas.size > 1:
        yield "Path", f"{path.alphas.size:,} alphas from {path.alphas[0]:.4g} to {path.alphas[-1]:.4g}"


def _data(facts: Facts) -> Iterator[tuple[str, str]]:
    subject, scorer, given = facts.subject, facts.scorer, facts.subject.table
    if given is not None:
        known = (("Fitted to", ", ".join(given.sources)), ("Target", given.target), ("Weights of rows", given.weight))
        yield from ((name, value) for name, value in known if value)
    if scorer.classes is not None:
        labels = ", ".join(map(str, scorer.classes[:MOST_CLASSES]))
        yield "Classes", labels + (", ..." if len(scorer.classes) > MOST_CLASSES else "")
    if subject.n_samples is not None:
        yield "Rows", f"{subject.n_samples:,}"
    yield "Columns", f"{subject.n_features:,}, {subject.n_active:,} of them occupied in training"
    several = scorer.n_outputs > 1
    of_classes = f" in {scorer.coef.ids.size:,} columns, over {scorer.n_outputs} classes" if several else ""
    yield "Weights that are not zero", f"{facts.n_weights:,}{of_classes}"
    if scorer.n_outputs == 1:
        yield "Intercept", number(float(scorer.intercepts[0]), 6)


def _settings(subject: Subject) -> Iterator[tuple[str, str]]:
    """Name what is not as usual."""
    model, source = subject.model, subject.path if subject.path is not None else subject.model
    if getattr(source, "standardize", False):
        yield "Standardised", "weights are penalised in standard deviations of their columns"
    if getattr(source, "fit_intercept", True) is False:
        yield "Without intercept", "the prediction is 0 where every column is"
    if getattr(model, "has_offset", getattr(model, "_has_offset", False)):
        yield "Offset", "a known part of the predictor, which predictions need too"
    if subject.target is not None:
        yield "Target transformed", "the model predicts, and is measured on, what was made of the target"
    if getattr(model, "label_smoothing", 0.0):
        yield "Label smoothing", number(model.label_smoothing)
    if hasattr(model, "calibration_"):
        slope = number(float(model.calibration_.slope))
        yield "Calibrated", f"predictors are multiplied by {slope} and moved, in the weights shown here too"
    if subject.stream is not None:
        passes, n_rows = counted(model.n_iter_, "pass", "passes"), model.t_ - 1
        yield "Learned", f"with {model.algorithm}, in {passes}, from {counted(n_rows, 'row')}, each counted as it came"
        for name in ("dropout", "weight_decay"):
            if getattr(model, name):
                yield name.replace("_", " ").capitalize(), number(getattr(model, name))


def _columns(facts: Facts) -> str:
    """Say what makes the columns, and where the weights are."""
    parts = column_parts(facts.subject)
    if not parts:
        return ""
    values: Any = facts.scorer.coef.values.tocsr()
    ids = np.repeat(facts.scorer.coef.ids, np.diff(values.indptr))
    rows = []
    for block in (block for part in parts for block in part.blocks):
        low, high = np.searchsorted(ids, [block.start, block.start + block.width])
        rows.append((block.name, block.made_of, f"{block.width:,}", f"{high - low:,}"))
    header = ("part", "from", "columns", "weights not zero")
    return table("What the columns are made of", header, rows, texts=2)
