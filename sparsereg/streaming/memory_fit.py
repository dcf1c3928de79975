"""Epochs over data in memory: rows in seeded order, until early stopping."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sparsereg._core import compact
from sparsereg.design import compact_rows, select_rows
from sparsereg.inputs.dense_rows import DenseRows
from sparsereg.inputs.rows import Rows
from sparsereg.inputs.sklearn import ConvergenceWarning
from sparsereg.solvers.convergence import frames_of_the_package, warn_blurred
from sparsereg.streaming.alpha_endings import AlphaEndings
from sparsereg.streaming.alpha_training import AlphaTraining
from sparsereg.streaming.batch import Batch, merge_equal
from sparsereg.streaming.centering import NOWHERE, RowCentering, center_rows, may_be_centered
from sparsereg.streaming.early_stopping import EarlyStopping
from sparsereg.streaming.learner import Learner
from sparsereg.streaming.options import StreamSettings
from sparsereg.streaming.progress import Reporter
from sparsereg.streaming.training import Training

Ids = npt.NDArray[np.int64]
Vector = npt.NDArray[np.float64]

# Sorting more rows than these would take longer than learning from them.
CANONICAL_ROWS = 1 << 16
# Visits in a pass, at most: so many, or for more rows so many of each on average.
MAX_VISITS = 1 << 22
VISITS_OF_A_ROW = 8
# The largest whole number that weights are told apart from the next at.
MAX_WHOLE = 2.0**53
# Entries that are put in order in one go: these stay in the second-level cache until they are learned from. Dense rows
# are not copied, so that a call may take more of them.
TAKEN_ENTRIES, DENSE_ENTRIES = 1 << 17, 1 << 21
NO_IDS = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Passes:
    """What passes over rows in memory leave behind for a certificate.

    Attributes
    ----------
    batch : Batch
        All rows that count, compact, as they came: neither centred nor merged with their equals.
    has_settled : bool
        Passes ended because they brought no more.
    """

    batch: Batch
    has_settled: bool


@dataclass(frozen=True, eq=False)
class _MemoryRows:
    """Rows in memory, as passes take them.

    Attributes
    ----------
    rows : Rows or DenseRows
        The `indices` of sparse ones count in `ids`.
    ids : ndarray of int64 of shape (n_ids,)
        The caller's. Of length 0 where nothing asks for them.
    position : ndarray of int32 of shape (n_rows,)
        The rows that count, among `rows`.
    y : ndarray of float64 of shape (n_rows, n_outputs)
    weight : ndarray of float64 of shape (n_rows,) or None
        In units.
    unit : float or None
        The weight that counts as 1 in steps; None: weights are as they were given.
    is_placed : bool
        Indices are those of states that a learner keeps for `ids`.
    """

    rows: Rows | DenseRows
    ids: Ids
    position: npt.NDArray[np.int32]
    y: Vector
    weight: Vector | None
    unit: float | None = None
    is_placed: bool = False

    def placed_in(self, learner: Learner) -> _MemoryRows:
        """Let a learner keep a state for each id, and find it without looking it up again."""
        rows, places = self.rows, learner.enter(self.ids)
        # Where the learner knows no other ids they are there in their order.
        if np.array_equal(places, np.arange(places.size)):
            return replace(self, is_placed=True)
        rows = replace(rows, indices=places.view(np.int32)[rows.indices])
        return replace(self, rows=rows, ids=learner.table.ids(), is_placed=True)

    def take(self, chosen: npt.NDArray[np.int64], by_id: bool = False) -> Batch:
        """Copy some rows, in the given order; without ids where places are known, unless they are asked for."""
        given = self.rows
        order, y = self.position.take(chosen), self.y.take(chosen, axis=0)
        weight = None if self.weight is None else self.weight.take(chosen) * (1.0 if self.unit is None else self.unit)
        if isinstance(given, DenseRows):
            return Batch(given.take(order), y, weight)
        starts = np.empty(order.size + 1, dtype=np.int64)
        compact.place(given.indptr, order, starts)
        indices = np.empty(starts[-1], dtype=np.int32)
        values = np.empty(starts[-1] if given.data.size else 0)
        compact.take(given.indptr, given.indices, given.data, order, starts, indices, values)
        places = indices.view(np.uint32) if self.is_placed else None
        ids = self.ids[indices if places is None else places] if by_id or places is None else NO_IDS
        rows = Rows(
            starts, ids, values, order.size, given.n_features, is_sorted=True, has_zeros=True, longest=given.longest
        )
        return Batch(rows, y, weight, places=places)

    def parts(self, order: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
        """Cut rows that are to be learned from into parts of about as many entries each."""
        if isinstance(self.rows, DenseRows):
            n_parts = order.size * self.rows.n_features / DENSE_ENTRIES
        else:
            n_parts = order.size * max(int(self.rows.indptr[-1]) / max(self.rows.n_samples, 1), 1.0) / TAKEN_ENTRIES
        return np.array_split(order, max(min(int(np.ceil(n_parts)), order.size), 1))


def fit_in_memory(training: Training, batch: Batch, rng: np.random.Generator, reporter: Reporter) -> Passes:
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

    Returns
    -------
    passes : Passes

    Warns
    -----
    ConvergenceWarning
        Where `max_iter` passes were not enough, or have led nowhere.
    ConstantColumnWarning
        Where columns vary less than float64 can tell.
    """
    settings, learner = training.settings, training.learner
    batch, data, centering = _prepare(batch, settings, learner)
    warn_blurred(centering.blurred)
    visits = np.arange(data.y.shape[0])
    if settings.shuffle:
        data, visits = _plan_visits(data)
    learned, held = _hold_out(data, visits, settings, rng)
    with centering.applied(learner, training.start):
        try:
            run = _run_alphas if isinstance(training, AlphaTraining) else _run
            has_settled = run(training, data, learned, held, rng, reporter)
        finally:
            reporter.close()
    return Passes(batch, has_settled)


def _prepare(batch: Batch, settings: StreamSettings, learner: Learner) -> tuple[Batch, _MemoryRows, RowCentering]:
    """Find the state of each entry, bring columns near, and a few rows into an order of their own.

    That makes weights and repetitions the same. Ids are numbered in order where anything but the learner asks for it.
    """
    if isinstance(batch.rows, DenseRows) and (batch.rows.is_binary or not learner.takes_dense):
        batch = batch.sparse()
    rows, y, weight = batch.rows, batch.y, batch.weight
    merges = settings.shuffle and rows.n_samples <= CANONICAL_ROWS
    is_placed = settings.sampling.min_count == 1 and settings.sampling.drop_stale == 0
    if isinstance(rows, DenseRows):
        return _prepare_dense(batch, settings, learner, merges, is_placed)
    may_move = settings.fit_intercept and may_be_centered(rows, weight)
    if is_placed and rows.is_sorted and not (merges or may_move or settings.may_certify):
        asks = settings.early_stopping or settings.sampling.dropout > 0.0
        return batch, _look_up(batch, learner, asks), NOWHERE
    if merges and (rows.has_zeros or not (weight is None or weight.all())):
        keep = np.ones(rows.n_samples, dtype=bool) if weight is None else weight > 0.0
        rows, y = select_rows(rows, keep), y[keep]
        weight = None if weight is None else weight[keep]
    batch = Batch(compact_rows(rows), y, weight)
    data = _MemoryRows(batch.rows, batch.rows.active, np.arange(y.shape[0], dtype=np.int32), y, weight)
    if merges:
        position, weight = merge_equal(batch.rows, y, np.ones(y.shape[0]) if weight is None else weight)
        data = replace(data, position=position.astype(np.int32), y=y[position], weight=weight)
    centering = NOWHERE
    if may_move:
        centered, centering = center_rows(data.rows, data.position, data.weight)
        data = replace(data, rows=centered)
    return batch, data.placed_in(learner) if is_placed else data, centering


def _prepare_dense(
    batch: Batch, settings: StreamSettings, learner: Learner, merges: bool, is_placed: bool
) -> tuple[Batch, _MemoryRows, RowCentering]:
    """Do the same with dense rows, whose columns need no ids."""
    rows, y, weight = batch.rows, batch.y, batch.weight
    assert isinstance(rows, DenseRows)
    if merges and not (weight is None or weight.all()):
        kept = np.flatnonzero(weight)
        rows, y, weight = rows.take(kept), y[kept], weight[kept]
    batch, position = Batch(rows, y, weight), np.arange(y.shape[0], dtype=np.int32)
    if merges:
        first, weight = merge_equal(rows, y, np.ones(y.shape[0]) if weight is None else weight)
        position, y = first.astype(np.int32), y[first]
    if is_placed:
        learner.enter(rows.column_ids if rows.is_full else np.flatnonzero(rows.filled(None)))
    near, centering = center_rows(rows, position, weight) if settings.fit_intercept else (rows, NOWHERE)
    return batch, _MemoryRows(near.by_rows(), NO_IDS, position, y, weight), centering


def _look_up(batch: Batch, learner: Learner, asks: bool) -> _MemoryRows:
    """Let a learner keep a state for each id as it comes, without numbering ids in order before."""
    rows, n_entries = batch.rows, batch.n_entries
    places = np.empty(n_entries, dtype=np.uint32)
    for start in range(0, n_entries, TAKEN_ENTRIES):
        some = slice(start, min(start + TAKEN_ENTRIES, n_entries))
        places[some] = learner.enter(rows.indices[some].astype(np.int64, copy=False))
    position = np.arange(rows.n_samples, dtype=np.int32)
    rows, ids = replace(rows, indices=places.view(np.int32)), learner.table.ids() if asks else NO_IDS
    return _MemoryRows(rows, ids, position, batch.y, batch.weight, is_placed=True)


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
    return visits[~is_held], data.take(visits[is_held], by_id=True)


def _run(
    training: Training, data: _MemoryRows, learned: npt.NDArray[np.int64], held: Batch | None, rng: np.random.Generator,
    reporter: Reporter,
) -> bool:
    """Pass over the rows until passes bring no more; say whether it came to that."""
    settings, learner = training.settings, training.learner
    stopping, best, ended = EarlyStopping(settings.tol, settings.n_iter_no_change), None, False
    while training.n_iter < settings.max_iter and not ended:
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
    if not ended:
        _warn(settings, held is not None)
    if best is not None:
        training.rewind(best)
    training.end()
    return ended


def _visit(training: Training, data: _MemoryRows, order: npt.NDArray[np.int64], reporter: Reporter) -> None:
    """Pass over the rows once, in an order."""
    for some in data.parts(order):
        batch = data.take(some, by_id=training.settings.sampling.dropout > 0.0)
        training.learn(batch, data.unit)
        reporter.advance(some.size)
    training.end_pass(batch)


def _run_alphas(
    training: AlphaTraining, data: _MemoryRows, learned: npt.NDArray[np.int64], held: Batch | None,
    rng: np.random.Generator, reporter: Reporter,
) -> bool:
    """Pass over the rows until passes bring no more at any alpha; each has its own last pass; speak of the best."""
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
    unsettled = learner.learning
    endings.end(rng)
    training.end()
    return training.best not in unsettled


def _warn(settings: StreamSettings, held_out: bool, where: str = "") -> None:
    if settings.tol == -np.inf:
        return
    loss = f"{'held-out' if held_out else 'progressive'} loss{where}"
    warnings.warn(
        f"max_iter={settings.max_iter} passes did not bring the {loss} to where {settings.n_iter_no_change} passes "
        f"better it by less than tol={settings.tol:g}. Increase max_iter, or increase tol.",
        ConvergenceWarning, stacklevel=frames_of_the_package(),
    )
