"""How good a fit is: what certifies it, and its measures on training and other rows, as tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from sparsereg.metrics import GREATER_IS_BETTER, METRICS
from sparsereg.report.facts import MEASURES, Facts, counted, number
from sparsereg.report.judging import decisive
from sparsereg.report.page import paragraph, table

MOST_FITS = 9


def quality(facts: Facts) -> str:
    """Make the section that says how good the model is.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    html : str
    """
    path = facts.subject.path
    html = paragraph(certificate(facts)) + _measures(facts)
    return html + (_along_path(facts) if path is not None and path.alphas.size > 1 else "")


def certificate(facts: Facts) -> str:
    """Say what is known of the distance between the fit and the optimum.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    sentences : str
    """
    path, k, model = facts.subject.path, facts.chosen.k, facts.subject.model
    if path is not None:
        gap, violation = path.dual_gaps[k], np.nan if path.violations is None else path.violations[k]
        value, steps = path.objectives[k], path.n_iters[k]
    else:
        gap, violation, value, steps = model.dual_gap_, model.violation_, model.objective_, model.n_iter_
    if not np.isnan(gap):
        return (
            f"Certified: no other weights lower the objective ({number(value, 6)}) by more than {gap:.1e} of what the "
            "model with an intercept alone costs; a duality gap proves it. The solver took "
            f"{counted(int(steps), 'pass', 'passes')}."
        )
    if not np.isnan(violation):
        return (
            f"A minimum along every coordinate (objective {number(value, 6)}, largest violation {violation:.1e}): "
            "moving one weight alone would not help. The penalty is not convex, and nothing says that there is no "
            "better minimum elsewhere."
        )
    return (
        "Not certified: the model learned from its rows as they came and did not keep them, so that nothing tells how "
        "far from the optimum it is."
    )


def _measures(facts: Facts) -> str:
    """Lay out the measures of the fit, a row for each."""
    folds = _cross_validated(facts)
    columns = {
        "training rows": {name: number(value) for name, value in facts.training.items()},
        "cross-validated (\u00b1 one SE)": folds,
        **{rows.title: {name: number(value) for name, value in rows.values.items()} for rows in facts.judged},
    }
    names = dict.fromkeys([*facts.subject.loss.metrics, *folds])
    shown = {title: cells for title, cells in columns.items() if any(name in cells for name in names)}
    if not shown:
        return paragraph(
            "No measure is known: the model keeps none of its training rows, and came with no rows that were held out."
        )
    rows = [
        (_measure_name(name, facts), *(cells.get(name, "-") for cells in shown.values()))
        for name in names
        if any(name in cells for cells in shown.values())
    ]
    return table("Measures of the fit", ("measure", *shown), rows)


def _measure_name(name: str, facts: Facts) -> str:
    # A scorer of the user's is one where more is better.
    greater = name in GREATER_IS_BETTER or name not in METRICS[facts.subject.loss.name]
    return f"{MEASURES.get(name, name)}, {'more' if greater else 'less'} is better"


def _cross_validated(facts: Facts) -> dict[str, str]:
    """Return means over the folds, with their standard errors."""
    cv, found = facts.subject.cv, {}
    if cv is None:
        return {}
    for name in (key.removeprefix("mean_") for key in cv.cv_results_ if key.startswith("mean_")):
        mean, error = (float(cv.cv_results_[f"{what}_{name}"][cv.best_index_]) for what in ("mean", "se"))
        found[name] = number(mean) if np.isnan(error) else f"{number(mean)} \u00b1 {number(error, 2)}"
    return found


def _along_path(facts: Facts) -> str:
    """Lay out a few fits of the path, the one that the page is about among them."""
    path, marks = facts.subject.path, _marked(facts)
    even = np.linspace(0, path.alphas.size - 1, min(MOST_FITS, path.alphas.size)).astype(int)
    fits = sorted({*even.tolist(), *marks})
    shown: dict[str, Any] = {}
    for rows in facts.judged:
        metric = None if rows.curve is None else decisive(facts.subject, rows.curve)
        if metric is not None and rows.curve is not None:
            shown[f"{metric}, {rows.title}"] = rows.curve[metric]
    cells = [
        (
            f"{path.alphas[k]:.4g}{marks.get(k, '')}", f"{path.df[k]:,}", f"{path.dev_ratio[k] + 0.0:.4f}",
            *(number(values[k]) for values in shown.values()),
            "-" if np.isnan(path.dual_gaps[k]) else f"{path.dual_gaps[k]:.0e}" if path.dual_gaps[k] else "0",
        )
        for k in fits
    ]
    columns = "weights not zero" if path.n_outputs == 1 else "columns with weights not zero"
    header = ("alpha", columns, "share of training deviance explained", *shown, "duality gap")
    return table(f"The path: {len(fits)} of its {path.alphas.size:,} fits", header, cells)


def _marked(facts: Facts) -> dict[Any, str]:
    """Say which fits of the path are those that this page and the two rules choose."""
    path, cv = facts.subject.path, facts.subject.cv
    found: dict[Any, list[str]] = {facts.chosen.k: ["on this page"]}
    for alpha, mark in () if cv is None else ((cv.alpha_min_, "best"), (cv.alpha_1se_, "1se")):
        for k in np.flatnonzero(path.alphas == alpha).tolist():
            found.setdefault(k, []).append(mark)
    return {k: f" ({', '.join(names)})" for k, names in found.items()}
