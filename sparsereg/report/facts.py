"""Facts of a fitted model: the fit that a report is about, its measures, and numbers as they are written."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sparsereg.export.scorer import Scorer
from sparsereg.plot.scores import training_measures
from sparsereg.report.judging import Chosen, Given, Judged, Predicted, predict_rows
from sparsereg.report.subject import Subject

MEASURES = {
    "mse": "mean squared error",
    "r2": "R\u00b2 (share of variance explained)",
    "log_loss": "log loss (mean cross-entropy)",
    "deviance_explained": "share of deviance explained",
    "accuracy": "accuracy (share of rows named right)",
    "calibration_error": "calibration error",
    "auc": "AUC (area under the ROC curve)",
    "deviance": "mean deviance",
    "loss": "mean loss",
}


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
    predicted : Predicted or None
        The latter, where they can be predicted as probabilities.
    """

    subject: Subject
    chosen: Chosen
    scorer: Scorer
    judged: list[Judged]
    predicted: Predicted | None = None

    @classmethod
    def of(cls, subject: Subject, chosen: Chosen, judged: list[Judged], given: Given | None) -> Facts:
        """Take the coefficients of the fit, and predict the rows that the report was given.

        Parameters
        ----------
        subject : Subject
        chosen : Chosen
        judged : list of Judged
        given : Given or None

        Returns
        -------
        facts : Facts
        """
        alpha = float(subject.path.alphas[chosen.k]) if subject.path is subject.model else None
        facts = cls(subject, chosen, Scorer.of(subject.model, alpha), judged)
        if given is None:
            return facts
        return replace(facts, predicted=predict_rows(subject, facts.scorer, given, facts.alpha))

    @property
    def alpha(self) -> float:
        """Strength of the penalty."""
        path, model = self.subject.path, self.subject.model
        # Of a stream at several alphas the best.
        return float(getattr(model, "alpha_", model.alpha) if path is None else path.alphas[self.chosen.k])

    @property
    def n_weights(self) -> int:
        """Coefficients that are not zero, of all classes."""
        return int(self.scorer.coef.values.nnz)

    @property
    def training(self) -> dict[str, float]:
        """Measures of the training rows, as far as a path has kept them; see `training_measures`."""
        if self.subject.path is None:
            return {}
        known = training_measures(self.subject.model)
        return {name: float(known[name][self.chosen.k]) for name in self.subject.loss.metrics if name in known}


def number(value: float, digits: int = 4) -> str:
    """Write a number, "-" where there is none.

    Parameters
    ----------
    value : float
    digits : int, default=4
        Those before the point are written always, up to a million million.

    Returns
    -------
    text : str
    """
    if np.isnan(value):
        return "-"
    text = f"{value:.{digits}g}"
    return f"{value:,.0f}" if abs(value) < 1e12 and (abs(value) >= 10.0**digits or "e+" in text) else text


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
