"""Evaluation: what a model is worth on the rows that a report is given."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparsereg.export.scorer import Scorer
from sparsereg.inputs.weights import check_sample_weight
from sparsereg.metrics import GREATER_IS_BETTER, LIKELIHOODS
from sparsereg.plot.scores import find_zones
from sparsereg.readers.blocks import Block, as_blocks, can_repeat
from sparsereg.readers.labels import with_labels
from sparsereg.readers.table_reader import TableReader
from sparsereg.report.subject import Subject

LINKS = ("logit", "softmax")  # of models that give probabilities
OF_TABLES = ("__arrow_c_stream__", "__dataframe__", "schema")


class Judged(NamedTuple):
    """Measures of some rows.

    Attributes
    ----------
    title : str
        Which rows.
    values : mapping from str to float
        Of the fit that the report is about.
    curve : mapping from str to ndarray of float64 of shape (n_alphas,), or None
        Of every fit of the path, where there is one.
    """

    title: str
    values: Mapping[str, float]
    curve: Mapping[str, Any] | None


class Chosen(NamedTuple):
    """The fit of a path that a report is about.

    Attributes
    ----------
    k : int or None
        Its position; None where there is no path.
    why : str
        A sentence.
    """

    k: int | None
    why: str


class Predicted(NamedTuple):
    """Probabilities of rows whose labels are known.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
    table : ndarray of float64 of shape (n_rows, n_classes)
    y : ndarray of shape (n_rows,)
        Labels among the classes.
    weight : ndarray of float64 of shape (n_rows,) or None
    """

    classes: npt.NDArray[Any]
    table: npt.NDArray[np.float64]
    y: npt.NDArray[Any]
    weight: npt.NDArray[np.float64] | None


class Given(NamedTuple):
    """Rows as the model takes them.

    Attributes
    ----------
    rows : tuple (X, y, weight) or None
    stream : iterable of blocks or None
        In the place of rows.
    """

    rows: tuple[Any, Any, Any] | None
    stream: Any

    def evaluate(self, model: Any) -> dict[str, Any]:
        """Judge a model.

        Parameters
        ----------
        model : estimator or RegularizationPath

        Returns
        -------
        values : dict
            As `evaluate` of it.
        """
        if self.rows is None:
            return model.evaluate_stream(self.stream)
        return model.evaluate(*self.rows)


class _Piped:
    """Blocks of tables, turned into those of the model when they are asked for."""

    def __init__(self, source: Iterable[Any], subject: Subject):
        self.source = source
        self.subject = subject

    def __iter__(self) -> Iterator[Block]:
        for block in as_blocks(self.source, "data"):
            yield Block(*_piped(self.subject, block.X, block.y, block.sample_weight))


def measure_rows(subject: Subject, given: Given) -> tuple[Any, Mapping[str, Any] | None]:
    """Measure every fit of the model on some rows.

    Parameters
    ----------
    subject : Subject
    given : Given

    Returns
    -------
    own : dict
        As `evaluate` of the model: numbers, of a path arrays.
    curve : dict of ndarray or None
        Of the path, where there is one and the rows can be gone through again.

    Raises
    ------
    TypeError, ValueError
        As `evaluate`.
    """
    own = given.evaluate(subject.model)
    if subject.path is subject.model:
        return own, own
    if subject.path is None or (given.rows is None and not can_repeat(given.stream)):
        return own, None
    return own, given.evaluate(subject.path)


def take_rows(subject: Subject, data: Any) -> Given:
    """Look at what a report is given to judge a model by.

    Parameters
    ----------
    subject : Subject
    data : (X, y) or (X, y, sample_weight), reader or other iterable of blocks, or table or path for a TableModel

    Returns
    -------
    given : Given

    Raises
    ------
    TypeError, ValueError
        For anything else.
    """
    if isinstance(data, tuple):
        if len(data) not in (2, 3):
            raise ValueError(f"data: a tuple of {len(data)} is not allowed, expected (X, y) or (X, y, sample_weight)")
        return Given(_piped(subject, *data, *[None] * (3 - len(data))), None)
    is_table = isinstance(data, (str, os.PathLike)) or any(hasattr(data, name) for name in OF_TABLES)
    if is_table and not isinstance(data, TableReader):
        if subject.table is None:
            raise TypeError(
                f"data: {type(data).__name__} is not allowed with {type(subject.given).__name__}, which knows no "
                "target, expected (X, y) or a reader"
            )
        return Given(None, subject.table.reader(data))
    return Given(None, data if subject.pipeline is None else _Piped(data, subject))


def _piped(subject: Subject, X: Any, y: Any, weight: Any) -> tuple[Any, Any, Any]:
    """Make the columns and the target of the model."""
    if subject.table is not None and any(hasattr(X, name) for name in OF_TABLES):
        X = subject.table.transform(X)
    elif subject.pipeline is not None:
        X = subject.pipeline[:-1].transform(X)
    if subject.target is not None:
        y = subject.target.transformer_.transform(np.asarray(y, dtype=np.float64).reshape(-1, 1)).ravel()
    return X, y, check_sample_weight(weight, len(y)) if weight is not None else None


def choose(subject: Subject, held_out: Mapping[str, Any] | None, given: Mapping[str, Any] | None) -> Chosen:
    """Choose the fit of a path that the report is about.

    Parameters
    ----------
    subject : Subject
    held_out, given : mapping from str to ndarray of shape (n_alphas,), or None
        Measures of held-out rows, and of those that the report was given.

    Returns
    -------
    chosen : Chosen
    """
    path = subject.path
    if path is None:
        return Chosen(None, "")
    if subject.cv is not None:
        k = int(np.flatnonzero(path.alphas == subject.cv.alpha_)[0])
        return Chosen(k, f"Cross-validation chose alpha = {path.alphas[k]:.4g} (rule {subject.cv.rule!r}).")
    for values, rows in ((held_out or {}, "held-out rows"), (given or {}, "rows given to this report")):
        metric = decisive(subject, values)
        if metric is not None:
            k = find_zones(np.asarray(values[metric], dtype=np.float64), 0.0, metric in GREATER_IS_BETTER).best
            return Chosen(k, f"Of {path.alphas.size} alphas, {path.alphas[k]:.4g} is the best on the {rows}.")
    if path.loss in LIKELIHOODS and path.l1_ratio > 0.0:
        criterion = path.criterion("bic")
        if np.isfinite(criterion).any():
            k = int(np.nanargmin(np.where(np.isfinite(criterion), criterion, np.inf)))
            return Chosen(
                k,
                f"Of {path.alphas.size} alphas, {path.alphas[k]:.4g} has the least BIC (Bayesian information "
                "criterion); unseen rows would be the better judge.",
            )
    k = path.alphas.size - 1
    return Chosen(k, f"Nothing was held out that could choose among {path.alphas.size} alphas: this is the smallest.")


def decisive(subject: Subject, values: Mapping[str, Any]) -> str | None:
    """Return the first measure that models of the loss are judged by, among those that are defined somewhere.

    Parameters
    ----------
    subject : Subject
    values : mapping from str to float or ndarray

    Returns
    -------
    metric : str or None
    """
    there = (name for name in subject.loss.metrics if name in values and not np.isnan(values[name]).all())
    return next(there, None)


def judge(title: str, own: Mapping[str, Any] | None, curve: Any, chosen: Chosen) -> Judged | None:
    """Take the measures of one fit out of those of all.

    Parameters
    ----------
    title : str
    own : mapping from str to float or ndarray, or None
    curve : mapping from str to ndarray, or None
    chosen : Chosen

    Returns
    -------
    judged : Judged or None
    """
    if own is None:
        return None
    values = {name: float(value if np.ndim(value) == 0 else value[chosen.k]) for name, value in own.items()}
    return Judged(title, values, curve)


def predict_rows(subject: Subject, scorer: Scorer, given: Given, alpha: float) -> Predicted | None:
    """Predict the probabilities of rows.

    Parameters
    ----------
    subject : Subject
    scorer : Scorer
    given : Given
    alpha : float
        Of a path.

    Returns
    -------
    predicted : Predicted or None
        None for models without probabilities, rows whose labels are no classes, such as shares, and those that can be
        gone through once only.
    """
    if scorer.link not in LINKS or scorer.has_offset or scorer.classes is None:
        return None
    if given.rows is not None:
        blocks = iter([Block(*given.rows)])
    elif can_repeat(given.stream):
        blocks = as_blocks(with_labels(given.stream, scorer.classes)[0], "data")
    else:
        return None
    tables, labels, weights = [], [], []
    for block in blocks:
        tables.append(_probabilities(subject, block.X, alpha))
        labels.append(np.asarray(block.y))
        weights.append(np.ones(len(labels[-1])) if block.sample_weight is None else np.asarray(block.sample_weight))
    if any(y.ndim != 1 or not np.isin(y, scorer.classes).all() for y in labels):
        return None
    return Predicted(scorer.classes, np.concatenate(tables), np.concatenate(labels), np.concatenate(weights))


def _probabilities(subject: Subject, X: Any, alpha: float) -> npt.NDArray[np.float64]:
    if subject.path is not subject.model:
        return subject.model.predict_proba(X)
    found = subject.model.predict(X, alpha)
    return found if found.ndim == 2 else np.stack([1.0 - found, found], axis=1)
