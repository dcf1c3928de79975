"""Epochs over data in memory: rows in seeded order, until early stopping."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sparsereg._core import compact
from sparsereg.design import compact_rows, select_rows
from sparsereg.inputs.rows import Rows
from sparsereg.inputs.sklearn import ConvergenceWarning
from sparsereg.solvers.convergence import frames_of_the_package, warn_blurred
from sparsereg.streaming.alpha_endings import AlphaEndings
from sparsereg.streaming.alpha_training import AlphaTraining
from sparsereg.streaming.batch import Batch, merge_equal
from sparsereg.streaming.centering import NOWHERE, center_rows
from sparsereg.streaming.early_stopping import EarlyStopping
from sparsereg.streaming.options import StreamSettings
from sparsereg.streaming.progress import Reporter
from sparsereg.streaming.training import Training

Vector = npt.NDArray[np.float64]

# Sorting more rows than these would take longer than learning from them.
CANONICAL_ROWS = 1 << 16
# Visits in a pass, at most: so many, or for more rows so many of each on average.
MAX_VISITS = 1 << 22
VISITS_OF_A_ROW = 8
# The largest whole number that weights are told apart from the next at.
MAX_WHOLE = 2.0**53
# Rows that are put in order in one go.
SHUFFLED_ROWS = 1 << 18


@dataclass(frozen=True, eq=False)
class _MemoryRows:
    """Rows in memory, as passes take them.

    Attributes
    ----------
    rows : Rows
        Compact.
    position : ndarray of int32 of shape (n_rows,)
        The rows that count, among `rows`.
    y : ndarray of float64 of shape (n_rows, n_outputs)
    weight : ndarray of float64 of shape (n_rows,) or None
        In units.
    unit : float or None
        The weight that counts as 1 in steps; None: weights are as they were given.
    places : ndarray of uint32 of shape (n_ids,) or None
        Indices of the states that the learner keeps for the ids; None: it looks them up.
    """

    rows: Rows
    position: npt.NDArray[np.int32]
    y: Vector
    weight: Vector | None
    unit: float | None
    places: npt.NDArray[np.uint32] | None

    def take(self, chosen: npt.NDArray[np.int64], wide: bool = False) -> Batch:
        """Copy some rows, in the given order, under the ids of the caller, or with places where these are known."""
        given = self.rows
        order = self.position[chosen]
        starts = np.zeros(order.size + 1, dtype=np.int64)
        np.cumsum(given.indptr[1:][order] - given.indptr[:-1][order], out=starts[1:])
        ids = np.empty(starts[-1], dtype=np.int64)
        values = np.empty(starts[-1] if given.data.size else 0)
        compact.take(given.indptr, given.indices, given.data, order, starts, ids, values)
        places = None if wide or self.places is None else self.places[ids]
        ids = given.active[ids]
        rows = Rows(starts, ids, values, order.size, given.n_features, is_sorted=True, has_zeros=True)
        weight = None if self.weight is None else self.weight[chosen] * (1.0 if self.unit is None else self.unit)
        return Batch(rows, self.y[chosen], weight, places=places)


def fit_in_memory(training: Training, batch: Batch, rng: np.random.Generator, reporter: Reporter) -> None:
    """Learn from rows in memory, pass after pass.

    Parameters
    ----------
    training : Training
        Holds the fit on return, and what was learned so far when something is raised.
    batch : Batch
        All rows; their ids need not be in order.
    rng : numpy.random.Generator
        Of the held-out part and of the order of rows.
    reporter : Reporter

    Warns
    -----
    ConvergenceWarning
        Where `max_iter` passes were not enough, or have led nowhere.
    ConstantColumnWarning
        Where columns vary less than float64 can tell.
    """
    settings, learner = training.settings, training.learner
    by_place = settings.sampling.min_count == 1 and settings.sampling.drop_stale == 0
    data = _prepare(batch, settings.shuffle)
    centering = NOWHERE
    if settings.fit_intercept:
        centered, centering = center_rows(data.rows, data.position, data.weight)
        data = replace(data, rows=centered)
        warn_blurred(centering.blurred)
    visits = np.arange(data.y.shape[0])
    if settings.shuffle:
        data, visits = _plan_visits(data)
    learned, held = _hold_out(data, visits, settings, rng)
    with centering.applied(learner, training.start):
        if by_place:
            data = replace(data, places=learner.enter(data.rows.active))
        try:
            if isinstance(training, AlphaTraining):
                _run_alphas(training, data, learned, held, rng, reporter)
            else:
                _run(training, data, learned, held, rng, reporter)
        finally:
            reporter.close()


def _prepare(batch: Batch, merge: bool) -> _MemoryRows:
    """Make ids compact; bring a few rows into an order of their own, so that weights and repetitions are the same."""
    rows, y, weight = batch.rows, batch.y, batch.weight
    merge = merge and rows.n_samples <= CANONICAL_ROWS
    if merge and (rows.has_zeros or not (weight is None or weight.all())):
        keep = np.ones(rows.n_samples, dtype=bool) if weight is None else weight > 0.0
        rows, y = select_rows(rows, keep), y[keep]
        weight = None if weight is None else weight[keep]
    compacted = compact_rows(rows)
    position = np.arange(y.shape[0])
    if merge:
        position, weight = merge_equal(compacted, y, np.ones(y.shape[0]) if weight is None else weight)
    return _MemoryRows(compacted, position.astype(np.int32), y[position], weight, None, None)


def _plan_visits(data: _MemoryRows) -> tuple[_MemoryRows, npt.NDArray[np.int64]]:
    """Say how often a pass visits each row, and share its weight out among the visits.

    A row of weight 2 is visited twice, with weight one: a step of weight 2 is longer than two steps. F does not depend
    on the unit of weights: of whole numbers it is what they have in common, of others their mean.
    """
    weight, n_rows = data.weight, data.y.shape[0]
    if weight is None:
        return data, np.arange(n_rows)
    max_visits = max(MAX_VISITS, VISITS_OF_A_ROW * n_rows)
    is_whole = weight.max() <= MAX_WHOLE and np.array_equal(weight, np.rint(weight))
    unit = float(np.gcd.reduce(weight.astype(np.int64)) if is_whole else weight.mean())
    unit *= max(float(weight.sum()) / unit / max_visits, 1.0)
    # A weight that is a multiple of the unit but for rounding takes no visit more.
    n_visits = np.ceil(weight / unit * (1.0 - 1e-12)).astype(np.int64)
    shared = np.divide(weight, unit * n_visits, out=np.zeros(n_rows), where=n_visits > 0)
    return replace(data, weight=shared, unit=unit), np.repeat(np.arange(n_rows), n_visits)


def _hold_out(
    data: _MemoryRows, visits: npt.NDArray[np.int64], settings: StreamSettings, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], Batch | None]:
    """Split visits into those to learn from and those to stop early by: of each class the same share."""
    if not settings.early_stopping:
        return visits, None
    y, n_rows = data.y[visits], visits.size
    if settings.objective.is_classification:
        strata = y.argmax(axis=1) if y.shape[1] > 1 else (y[:, 0] > 0.5).astype(np.intp)
    else:
        strata = np.zeros(n_rows, dtype=np.intp)
    is_held = np.zeros(n_rows, dtype=bool)
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        n_held = int(np.ceil(settings.validation_fraction * members.size)) if members.size > 1 else 0
        is_held[rng.permutation(members)[:n_held]] = True
    if not is_held.any() or is_held.all():
        raise ValueError(
            f"validation_fraction: {settings.validation_fraction:g} of the data (n_samples={n_rows}) leaves none to "
            f"{'learn from' if is_held.any() else 'validate on'}, expected early_stopping=False or more rows"
        )
    return visits[~is_held], data.take(visits[is_held], wide=True)


def _run(
    training: Training, data: _MemoryRows, learned: npt.NDArray[np.int64], held: Batch | None, rng: np.random.Generator,
    reporter: Reporter,
) -> None:
    """Pass over the rows until passes bring no more."""
    settings, learner = training.settings, training.learner
    stopping, best = EarlyStopping(settings.tol, settings.n_iter_no_change), None
    while training.n_iter < settings.max_iter:
        training.n_iter += 1
        before = learner.totals.copy()
        _visit(training, data, rng.permutation(learned) if settings.shuffle else learned, reporter)
        weight, loss = learner.totals - before
        loss = loss / weight if weight > 0.0 else 0.0
        if held is not None:
            loss = float(training.losses(held.rows, held.y, held.weight).sum())
        training.record(np.nan if held is None else loss)
        reporter.report(training)
        ended = stopping.should_stop(loss)
        if held is not None and stopping.is_best:
            best = learner.state()
        if ended:
            break
    else:
        _warn(settings, held is not None)
    if best is not None:
        training.rewind(best)
    training.end()


def _visit(training: Training, data: _MemoryRows, order: npt.NDArray[np.int64], reporter: Reporter) -> None:
    """Pass over the rows once, in an order."""
    for start in range(0, order.size, SHUFFLED_ROWS):
        some = order[start : start + SHUFFLED_ROWS]
        batch = data.take(some)
        training.learn(batch, data.unit)
        reporter.advance(some.size)
    training.end_pass(batch)


def _run_alphas(
    training: AlphaTraining, data: _MemoryRows, learned: npt.NDArray[np.int64], held: Batch | None,
    rng: np.random.Generator, reporter: Reporter,
) -> None:
    """Pass over the rows until passes bring no more at any alpha; each has its own last pass."""
    settings, learner = training.settings, training.learner
    endings = AlphaEndings(training)
    for n_iter in range(1, settings.max_iter + 1):
        training.n_iter = n_iter
        before = learner.all_totals.copy()
        _visit(training, data, rng.permutation(learned) if settings.shuffle else learned, reporter)
        weight, losses = (learner.all_totals - before).T
        losses = np.divide(losses, weight, out=np.zeros(losses.size), where=weight > 0.0)
        if held is not None:
            losses = training.judge(held.rows, held.y, held.weight)
        training.record(np.nan if held is None else losses)
        reporter.report(training)
        endings.end_pass(n_iter, losses, held is not None, rng)
        if not learner.learning.size:
            break
    else:
        alphas = [(settings.alphas or ())[k] for k in learner.learning.tolist()]
        _warn(settings, held is not None, f" at alpha={', '.join(f'{alpha:g}' for alpha in alphas)}")
    endings.end(rng)
    training.end()


def _warn(settings: StreamSettings, held_out: bool, where: str = "") -> None:
    if settings.tol == -np.inf:
        return
    loss = f"{'held-out' if held_out else 'progressive'} loss{where}"
    warnings.warn(
        f"max_iter={settings.max_iter} passes did not bring the {loss} to where {settings.n_iter_no_change} passes "
        f"better it by less than tol={settings.tol:g}. Increase max_iter, or increase tol.",
        ConvergenceWarning, stacklevel=frames_of_the_package(),
    )
