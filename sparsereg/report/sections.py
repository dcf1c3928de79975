"""Tables of a report: what was fitted, how good it is, its largest weights and its sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparsereg.export.scorer import Scorer
from sparsereg.features.names import SIDES, name_columns
from sparsereg.metrics import GREATER_IS_BETTER
from sparsereg.model_files import api as model_files
from sparsereg.report.column_parts import column_parts
from sparsereg.report.judging import Chosen, Judged, decisive
from sparsereg.report.objective import objective, penalty_name
from sparsereg.report.page import paragraph, table
from sparsereg.report.subject import Subject

MOST_WEIGHTS, MOST_FITS = 20, 9
MEASURES = {
    "mse": "mean squared error", "r2": "R\u00b2, share of variance explained", "log_loss": "log loss, mean cross-entropy",
    "deviance_explained": "share of deviance explained", "accuracy": "accuracy, share of rows named right",
    "calibration_error": "calibration error", "auc": "area under the ROC curve (AUC)", "deviance": "mean deviance",
    "loss": "mean loss",
}
# What a weight of one adds multiplies, by the link.
EFFECTS = {"logit": "odds \u00d7", "softmax": "odds \u00d7", "log": "mean \u00d7"}


@dataclass(frozen=True)
class Facts:
    """All that the sections of a report are made of.

    Attributes
    ----------
    subject : Subject
    chosen : Chosen
    scorer : Scorer
        The fit that was chosen.
    judged : list of Judged
        Rows that were held out, and rows that the report was given.
    """

    subject: Subject
    chosen: Chosen
    scorer: Scorer
    judged: list[Judged]

    @classmethod
    def of(cls, subject: Subject, chosen: Chosen, judged: list[Judged]) -> Facts:
        """Take the coefficients of the fit."""
        is_path = subject.path is subject.model
        return cls(subject, chosen, Scorer.of(subject.model, float(subject.path.alphas[chosen.k]) if is_path else None), judged)

    @property
    def alpha(self) -> float:
        """Strength of the penalty."""
        path = self.subject.path
        return float(self.subject.model.alpha if path is None else path.alphas[self.chosen.k])

    @property
    def n_weights(self) -> int:
        """Coefficients that are not zero, of all classes."""
        return int(self.scorer.coef.values.nnz)

    @property
    def training(self) -> dict[str, float]:
        """Measures of the training rows, as far as a path has kept them."""
        path, k = self.subject.path, self.chosen.k
        if path is None:
            return {}
        deviance, loss = float(path.deviances[k]), self.subject.loss
        known = {"deviance": deviance, "log_loss": 0.5 * deviance, "loss": 0.5 * deviance}
        shares = {"deviance_explained": float(path.dev_ratio[k])}
        if loss.is_quadratic:
            known["mse"], shares["r2"] = deviance, float(path.dev_ratio[k])
        # Without intercept they are shares of something else.
        return known if path.fit_intercept is False else known | shares


def number(value: float, digits: int = 4) -> str:
    """Write a number, "-" where there is none.

    Parameters
    ----------
    value : float
    digits : int, default=4

    Returns
    -------
    text : str
    """
    if np.isnan(value):
        return "-"
    if float(value).is_integer() and 1000.0 <= abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:.{digits}g}"


def counted(n: int, noun: str, nouns: str = "") -> str:
    """Write how many there are of something.

    Parameters
    ----------
    n : int
    noun, nouns : str
        One, and several where that is more than an s.

    Returns
    -------
    text : str
    """
    return f"{n:,} {noun if n == 1 else nouns or f'{noun}s'}"


def fitted(facts: Facts) -> str:
    """Make the section that says what was fitted.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    html : str
    """
    parts = column_parts(facts.subject)
    html = table("The model and its data", (), _fitted_rows(facts), texts=2)
    if parts:
        ids = np.repeat(facts.scorer.coef.ids, np.diff(facts.scorer.coef.values.tocsr().indptr))
        rows = []
        for block in (block for part in parts for block in part.blocks):
            low, high = np.searchsorted(ids, [block.start, block.start + block.width])
            rows.append((block.name, block.made_of, f"{block.width:,}", f"{high - low:,}"))
        html += table("What the columns are made of", ("part", "from", "columns", "weights not zero"), rows, texts=2)
    return html


def _fitted_rows(facts: Facts) -> Iterator[tuple[str, str]]:
    subject, scorer = facts.subject, facts.scorer
    model, path = subject.model, subject.path
    yield "Model", type(model).__name__ if subject.given is model else f"{type(model).__name__}, in a {type(subject.given).__name__}"
    if subject.table is not None:
        if subject.table.sources:
            yield "Fitted to", ", ".join(subject.table.sources)
        if subject.table.target is not None:
            yield "Target", subject.table.target
        if subject.table.weight is not None:
            yield "Weights of rows", subject.table.weight
    if scorer.classes is not None:
        yield "Classes", ", ".join(map(str, scorer.classes[:MOST_WEIGHTS])) + (", ..." if len(scorer.classes) > MOST_WEIGHTS else "")
    yield "Minimised", objective(subject)
    yield "Penalty", penalty_name(subject)
    yield "alpha, its strength", f"{facts.alpha:.6g}. {facts.chosen.why}".strip()
    if path is not None:
        yield "Grid", f"{counted(path.alphas.size, 'alpha')} from {path.alphas[0]:.4g} to {path.alphas[-1]:.4g}"
    n_samples = subject.n_samples
    if n_samples is not None:
        yield "Rows", f"{n_samples:,}"
    occupied = f", {path.n_active if path is not None else model.n_active_:,} of them occupied in training"
    yield "Columns", f"{subject.n_features:,}{occupied}"
    yield "Weights that are not zero", f"{facts.n_weights:,}" + (f" in {scorer.coef.ids.size:,} columns, over {scorer.n_outputs} classes" if scorer.n_outputs > 1 else "")
    yield from _settings(subject, path if path is not None else model)
    if scorer.n_outputs == 1:
        yield "Intercept", number(float(scorer.intercepts[0]), 6)


def _settings(subject: Subject, source: Any) -> Iterator[tuple[str, str]]:
    """Name what is not as usual."""
    model = subject.model
    if getattr(source, "standardize", False):
        yield "Standardised", "weights are penalised in standard deviations of their columns"
    if getattr(source, "fit_intercept", True) is False:
        yield "Intercept", "none was fitted"
    if subject.target is not None:
        yield "Target transformed", "the model predicts, and is measured on, what was made of the target"
    if getattr(model, "label_smoothing", 0.0):
        yield "Label smoothing", number(model.label_smoothing)
    calibration = getattr(model, "calibration_", None)
    if calibration is not None:
        yield "Calibrated", f"predictors are multiplied by {number(float(calibration.slope))} and moved; it is in the weights here"
    if subject.stream is not None:
        yield "Algorithm", f"{model.algorithm}, {counted(model.n_iter_, 'pass', 'passes')}, {model.t_ - 1:,} rows learned from"
        for name in ("dropout", "weight_decay"):
            if getattr(model, name):
                yield name.replace("_", " ").capitalize(), number(getattr(model, name))


def quality(facts: Facts) -> str:
    """Make the section that says how good the model is.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    html : str
    """
    html = paragraph(certificate(facts)) + _measures(facts)
    path = facts.subject.path
    return html + (_along_path(facts) if path is not None and path.alphas.size > 1 else "")


def certificate(facts: Facts) -> str:
    """Say what is known of the distance between the fit and the optimum.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    sentence : str
    """
    path, k, model = facts.subject.path, facts.chosen.k, facts.subject.model
    if path is not None:
        gap, violation = path.dual_gaps[k], np.nan if path.violations is None else path.violations[k]
        value, steps = path.objectives[k], path.n_iters[k]
    else:
        gap, violation, value, steps = model.dual_gap_, model.violation_, model.objective_, model.n_iter_
    if not np.isnan(gap):
        return (
            f"Certified: no other weights lower the objective ({number(value, 6)}) by more than {gap:.1e} of what a "
            f"model with an intercept alone costs, as a duality gap proves. The solver took {counted(int(steps), 'pass', 'passes')}."
        )
    if not np.isnan(violation):
        return (
            f"A minimum along every coordinate: moving one weight alone would lower the objective ({number(value, 6)}) "
            f"no further (largest violation {violation:.1e}). The penalty is not convex, so that nothing says that there "
            "is no better minimum elsewhere."
        )
    return "Not certified: the model learned from a stream, row by row, and nothing tells its distance from the optimum."


def _measures(facts: Facts) -> str:
    """Lay out the measures of the fit, one row each."""
    subject, training, judged = facts.subject, facts.training, facts.judged
    folds = _cross_validated(facts)
    names = [*subject.loss.metrics, *(name for name in folds if name not in subject.loss.metrics)]
    columns = {
        "training rows": {name: number(value) for name, value in training.items()},
        "cross-validated (\u00b1 one SE)": folds,
        **{rows.title: {name: number(value) for name, value in rows.values.items()} for rows in judged},
    }
    columns = {title: cells for title, cells in columns.items() if any(name in cells for name in names)}
    if not columns:
        return paragraph("No measure is known: the model keeps none of its training rows, and none were held out.")
    rows = [
        (f"{MEASURES.get(name, name)} ({'more' if name in GREATER_IS_BETTER or name not in MEASURES else 'less'} is better)", *(cells.get(name, "-") for cells in columns.values()))
        for name in names
        if any(name in cells for cells in columns.values())
    ]
    return table("Measures of the fit", ("measure", *columns), rows)


def _cross_validated(facts: Facts) -> dict[str, str]:
    """Return means over the folds, with their standard errors."""
    cv = facts.subject.cv
    if cv is None:
        return {}
    results, found = cv.cv_results_, {}
    for name in (key.removeprefix("mean_") for key in results if key.startswith("mean_")):
        mean, error = (float(results[f"{what}_{name}"][cv.best_index_]) for what in ("mean", "se"))
        found[name] = number(mean) if np.isnan(error) else f"{number(mean)} \u00b1 {number(error, 2)}"
    return found


def _along_path(facts: Facts) -> str:
    """Lay out a few fits of the path, the chosen one and those that the rules choose among them."""
    path, chosen = facts.subject.path, facts.chosen.k
    marks = {chosen: "shown here"}
    if facts.subject.cv is not None:
        for alpha, mark in ((facts.subject.cv.alpha_min_, "best"), (facts.subject.cv.alpha_1se_, "one SE")):
            for k in np.flatnonzero(path.alphas == alpha).tolist():
                marks[k] = f"{marks[k]}, {mark}" if k in marks else mark
    fits = sorted({*np.linspace(0, path.alphas.size - 1, min(MOST_FITS, path.alphas.size)).astype(int).tolist(), *marks})
    curves: dict[str, Mapping[str, Any]] = {rows.title: rows.curve for rows in facts.judged if rows.curve is not None}
    metrics = {title: decisive(facts.subject, curve) for title, curve in curves.items()}
    shown = {title: curve[metrics[title]] for title, curve in curves.items() if metrics[title] is not None}
    header = ("alpha", "weights not zero", "training deviance explained", *(f"{metrics[title]}, {title}" for title in shown), "duality gap")
    rows = [
        (
            f"{path.alphas[k]:.4g}" + (f" ({marks[k]})" if k in marks else ""), f"{path.df[k]:,}", f"{path.dev_ratio[k]:.4f}",
            *(number(values[k]) for values in shown.values()), "-" if np.isnan(path.dual_gaps[k]) else f"{path.dual_gaps[k]:.1e}",
        )
        for k in fits
    ]
    return table(f"The path: {len(fits)} of {path.alphas.size:,} fits", header, rows)


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
    columns, outputs, weights = scorer.coef.ids[values.row[order]], values.col[order], values.data[order]
    names, bounds = name_columns(facts.subject.names, columns, scorer.n_features)
    effect = EFFECTS.get(scorer.link)
    of_class = scorer.n_outputs > 1
    header = ["column", *(["class"] if of_class else []), "weight", *([effect] if effect else [])]
    has_cells = bounds is not None and any(np.isfinite(bounds[side]).any() for side in SIDES)
    rows = []
    for k, (name, weight) in enumerate(zip(names, weights)):
        cells = [str(scorer.classes[outputs[k]])] if of_class else []
        cells += [f"{weight:+.5g}", *([number(float(np.exp(min(weight, 700.0))))] if effect else [])]
        cells += [number(float(bounds[side][k]), 8) for side in SIDES] if has_cells else []
        rows.append((name, *cells))
    header += [f"{side} (\u00b0)" for side in SIDES] if has_cells else []
    caption = f"The {len(rows):,} largest of {n_weights:,} weights" if len(rows) < n_weights else f"All {n_weights:,} weights"
    return paragraph(_concentration(facts)) + table(caption, header, rows, texts=2 if of_class else 1)


def _concentration(facts: Facts) -> str:
    """Say how much of the weights the largest hold, and which way they point."""
    sizes = np.sort(np.abs(facts.scorer.coef.values.data))[::-1]
    half = int(np.searchsorted(np.cumsum(sizes), 0.5 * sizes.sum())) + 1
    n_up = int((facts.scorer.coef.values.data > 0.0).sum())
    return (
        f"{counted(n_up, 'weight')} raise the prediction and {sizes.size - n_up:,} lower it; "
        f"half of the sum of their sizes lies in the {half:,} largest."
    )


def sizes(facts: Facts) -> str:
    """Make the section of sizes.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    html : str
    """
    dense = 8 * facts.subject.n_features * facts.scorer.n_outputs
    try:
        plain, *packed = (model_files.model_size(facts.subject.given, compress=kind) for kind in (None, *model_files.COMPRESSIONS))
    except TypeError as error:
        return paragraph(f"The model cannot be saved: {error}")
    n_fits = facts.subject.path.alphas.size if facts.subject.path is not None else 1
    rows = [("in memory, what predictions are made of", f"{plain.memory:,}"), ("in a file", f"{plain.file:,}")]
    rows += [(f"in a file, weights as {kind}", f"{size.file:,}") for kind, size in zip(model_files.COMPRESSIONS, packed)]
    rows.append(("one dense vector of all weights, which is never made", f"{dense:,}"))
    several = f" The model holds all {n_fits:,} fits of its path." if n_fits > 1 else ""
    share = dense / plain.file
    times = f"{share:,.0f} times smaller than" if share >= 2.0 else "not much smaller than, or larger than,"
    return paragraph(f"The file is {times} the dense weights of one fit.{several}") + table("Bytes", ("what", "bytes"), rows)
