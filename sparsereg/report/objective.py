"""Objectives in words: what a fit has minimised, with its numbers."""

from __future__ import annotations

from typing import Any

from sparsereg._core.penalties import PENALTIES
from sparsereg.report.subject import Subject

# By the first measure of a loss, what of it is minimised.
MEANS = {
    "mse": "mean squared error / 2",
    "log_loss": "mean cross-entropy (log loss)",
    "deviance": "mean {name} deviance / 2",
    "loss": "mean {name} loss",
}


def objective(subject: Subject) -> str:
    """Say in words what was minimised.

    Parameters
    ----------
    subject : Subject

    Returns
    -------
    text : str
    """
    model, source = subject.model, subject.path if subject.path is not None else subject.model
    loss = subject.loss
    parameters = ", ".join(f"{name} = {getattr(loss, name):g}" for name in loss.parameters)
    words = MEANS[loss.metrics[0]].format(name=loss.name.replace("_", " "))
    words += f" ({parameters})" if parameters else ""
    if getattr(source, "relaxed", False):
        return f"{words}, without penalty on the columns that the penalised fit kept"
    penalty, l1_ratio = _penalty(model, source)
    gamma = getattr(model, "gamma", None) if PENALTIES[penalty].gamma_default is not None else None
    first = _sum(penalty) + ("" if gamma is None else f" (gamma = {gamma:g})")
    second = "sum of w\u00b2 / 2"
    if l1_ratio == 1.0:
        return f"{words} + alpha \u00d7 {first}"
    if l1_ratio == 0.0:
        return f"{words} + alpha \u00d7 {second}"
    return f"{words} + alpha \u00d7 ({l1_ratio:g} \u00d7 {first} + {1.0 - l1_ratio:g} \u00d7 {second})"


def _sum(penalty: str) -> str:
    """Say what stands in the place of the sum of |w|."""
    kind = PENALTIES[penalty]
    if kind.is_convex:
        return "sum of |w|"
    return "number of weights that are not zero" if kind.is_l0 else f"{penalty.upper()} of w (|w| that levels off)"


def penalty_name(subject: Subject) -> str:
    """Name the penalty, as papers do.

    Parameters
    ----------
    subject : Subject

    Returns
    -------
    name : str
    """
    penalty, l1_ratio = _penalty(subject.model, subject.path if subject.path is not None else subject.model)
    if not PENALTIES[penalty].is_convex:
        return penalty.upper()
    return {1.0: "L1 (lasso)", 0.0: "L2 (ridge, weight decay)"}.get(l1_ratio, f"elastic net, l1_ratio {l1_ratio:g}")


def _penalty(model: Any, source: Any) -> tuple[str, float]:
    """Return the registered name of the penalty and the share of L1."""
    if source is not model or not hasattr(model, "_spelled_penalty"):
        return source.penalty, float(source.l1_ratio)
    spelled = model._spelled_penalty()
    return spelled["penalty"], float(spelled["l1_ratio"])
