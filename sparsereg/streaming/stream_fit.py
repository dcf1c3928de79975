"""Out-of-core fits: passes over blocks that are read ahead, with a history, early stopping and checkpoints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.inputs.contents import reading
from sparsereg.inputs.parameters import check_count, check_flag
from sparsereg.inputs.rows import check_width
from sparsereg.inputs.sklearn import check_feature_names
from sparsereg.readers.blocks import Block, can_repeat, located
from sparsereg.streaming.batch import Batch
from sparsereg.streaming.checkpoint import FORMAT, check_place, load_checkpoint, save_checkpoint
from sparsereg.streaming.checkpoint_contents import check_saved_meta, check_saved_state
from sparsereg.streaming.early_stopping import EarlyStopping
from sparsereg.streaming.encode import Encoder, read_ahead
from sparsereg.streaming.progress import Reporter
from sparsereg.streaming.training import History, Training
from sparsereg.streaming.validation import Validation

State = dict[str, npt.NDArray[Any]]
Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StreamOptions:
    """How often to go over a stream, and what to do on the way.

    Attributes
    ----------
    n_passes : int
    validation : Validation or None
        Held-out rows.
    checkpoint : Path or None
    checkpoint_every : int
        Rows.
    resume : bool
    reporter : Reporter
    """

    n_passes: int
    validation: Validation | None
    checkpoint: Path | None
    checkpoint_every: int
    resume: bool
    reporter: Reporter


def make_stream_options(
    source: Any, validation: Validation | None, *, n_passes: Any, checkpoint: Any, checkpoint_every: Any, resume: Any,
    progress: Any, verbose: Any, early_stopping: bool,
) -> StreamOptions:
    """Check what a user may set of a fit to a stream.

    Parameters
    ----------
    source : iterable of blocks
    validation : Validation or None
    n_passes, checkpoint, checkpoint_every, resume, progress, verbose, early_stopping
        As the estimators take them.

    Returns
    -------
    options : StreamOptions
    """
    n_passes = check_count(n_passes, "n_passes")
    if n_passes > 1 and not can_repeat(source):
        raise ValueError(
            f"n_passes: {n_passes} is not allowed with a source that can be iterated over only once, expected 1, or a "
            "reader or a list as the source"
        )
    if early_stopping and validation is None:
        raise ValueError(
            "early_stopping: True is not allowed without validation, expected held-out rows: a stream has none to spare"
        )
    resume = check_flag(resume, "resume")
    if resume and checkpoint is None:
        raise ValueError("resume: True is not allowed without checkpoint, expected the path of one")
    place = None if checkpoint is None else check_place(checkpoint, resume=resume)
    every = check_count(checkpoint_every, "checkpoint_every")
    return StreamOptions(n_passes, validation, place, every, resume, Reporter(progress, bool(verbose)))


def first_of(pairs: Iterator[tuple[Block, Batch]]) -> tuple[Block, Batch]:
    """Return the first block and its batch; there must be one.

    Parameters
    ----------
    pairs : iterator of (Block, Batch)

    Returns
    -------
    block : Block
    batch : Batch
    """
    for pair in pairs:
        return pair
    raise ValueError("source: there is no block in it, expected at least one")


def load_run(options: StreamOptions, identity: dict[str, Any]) -> tuple[State, dict[str, Any]] | None:
    """Read the checkpoint to resume from, if there is one.

    Parameters
    ----------
    options : StreamOptions
    identity : dict
        What it must agree with.

    Returns
    -------
    saved : None or (arrays, meta)
    """
    path = options.checkpoint
    if path is None or not options.resume:
        return None
    try:
        state, meta = load_checkpoint(path)
    except FileNotFoundError:
        return None
    for name, expected in identity.items():
        if meta.get(name) != expected:
            raise ValueError(
                f"checkpoint: {path} was made with {name}={meta.get(name)}, expected {expected}, as it is now"
            )
    with reading(path, FORMAT[0]):
        check_saved_meta(meta)
    return state, meta


class StreamFit:
    """One fit to a stream.

    Parameters
    ----------
    model : estimator
        Blocks must have its columns.
    training : Training
        At its start.
    source : iterable of blocks
    encoder : Encoder
        Called in the thread that reads.
    options : StreamOptions
    identity : dict
        What a checkpoint must agree with to be resumed from; can be written as JSON.
    """

    def __init__(
        self, model: Any, training: Training, source: Iterable[Any], encoder: Encoder, options: StreamOptions,
        identity: dict[str, Any],
    ):
        self.model, self.training, self.source, self.encoder = model, training, source, encoder
        self.options, self.identity = options, identity
        settings = training.settings
        stopping = EarlyStopping(settings.tol, settings.n_iter_no_change)
        self.stopping = stopping if settings.early_stopping else None
        self.best: State | None = None
        # Passes that are over, rows of the pass under way that have been learned from, and of those since a checkpoint.
        self.n_passes, self.n_rows, self.n_unsaved = 0, 0, 0
        self.is_over = False

    def run(self, first_pass: Iterable[tuple[Block, Batch]], saved: tuple[State, dict[str, Any]] | None) -> None:
        """Learn from the stream; what was learned stays in the training when something is raised.

        Parameters
        ----------
        first_pass : iterable of (Block, Batch)
            The whole source.
        saved : None or (arrays, meta)
            Of `load_run`.
        """
        if saved is not None:
            self._resume(*saved)
        self.options.reporter.advance(self.training.learner.n_rows)
        if self._goes_on:
            self._pass(first_pass)
        while self._goes_on:
            with closing(read_ahead(self.source, self.encoder)) as pairs:
                self._pass(pairs)

    def end(self) -> None:
        """Go back to the best state, and warn where all of it has led nowhere."""
        if self.best is not None:
            self.training.rewind(self.best)
        self.training.end()

    @property
    def _goes_on(self) -> bool:
        return self.n_passes < self.options.n_passes and not self.is_over

    def _pass(self, pairs: Iterable[tuple[Block, Batch]]) -> None:
        """Go over the source once, past the rows that have been learned from already."""
        seen, batch = 0, None
        for position, (block, batch) in enumerate(pairs):
            with located(f"source: block {position} (the first is 0)"):
                check_feature_names(self.model, block.X, reset=False)
            known = min(max(self.n_rows - seen, 0), batch.n_rows)
            seen += batch.n_rows
            if known < batch.n_rows:
                self._learn(batch.between(known, batch.n_rows) if known else batch)
        if seen < self.n_rows:
            raise ValueError(
                f"source: it ends after {seen} rows, but the checkpoint had learned from {self.n_rows}; expected the "
                "same stream"
            )
        if batch is None:
            raise ValueError(
                f"source: there is no block in it in pass {self.n_passes + 1}, expected those of the first pass; "
                "what can be iterated over only once needs n_passes=1"
            )
        self.training.end_pass(batch)
        self._end_pass()

    def _learn(self, batch: Batch) -> None:
        training, options = self.training, self.options
        training.n_iter = self.n_passes + 1
        training.learn(batch)
        self.n_rows += batch.n_rows
        self.n_unsaved += batch.n_rows
        options.reporter.advance(batch.n_rows)
        if training.is_due:
            self._record()
        if self.n_unsaved >= options.checkpoint_every:
            self._save()

    def _record(self) -> Vector:
        """Add an entry to the history and report it; return the losses of the held-out rows."""
        training, validation = self.training, self.options.validation
        losses = np.array([np.nan]) if validation is None else validation.losses(training)
        training.record_losses(losses)
        self.options.reporter.report(training)
        return losses

    def _end_pass(self) -> None:
        """Look back on a pass, and save what it has come to."""
        losses = self._record()
        self.n_passes, self.n_rows = self.n_passes + 1, 0
        self.end_pass(losses)
        self._save()

    def end_pass(self, losses: Vector) -> None:
        """Look back on a pass.

        Parameters
        ----------
        losses : ndarray of float64 of shape (1,)
            Of the held-out rows; NaN: there are none.
        """
        if self.stopping is not None:
            self.is_over = self.stopping.should_stop(float(losses[0]))
            if self.stopping.is_best:
                self.best = self.training.learner.state()

    # Checkpoints.

    def _save(self) -> None:
        """Write all that is needed to go on from here with the same bits."""
        if self.options.checkpoint is None:
            return
        training = self.training
        parts = {"now": training.learner.state(), "history": training.history.arrays(), "best": self.best_states()}
        state = {f"{part}.{name}": array for part, arrays in parts.items() for name, array in arrays.items()}
        meta = {
            **self.identity,
            "n_features": training.n_features,
            "seed": training.seed,
            "seconds": training.seconds,
            "n_entries": training.n_entries,
            "n_passes": self.n_passes,
            "n_rows": self.n_rows,
            "weights_seen": training.units.seen.tolist(),
            "is_over": self.is_over,
            "patience": self.patience(),
        }
        save_checkpoint(self.options.checkpoint, state, meta)
        self.n_unsaved = 0

    def _resume(self, state: State, meta: dict[str, Any]) -> None:
        """Go on where a checkpoint was written."""
        training = self.training
        check_width(training.n_features, meta["n_features"], "source", "the checkpoint")
        self.n_passes, self.n_rows, self.is_over = meta["n_passes"], meta["n_rows"], meta["is_over"]
        parts: dict[str, State] = {"now": {}, "history": {}, "best": {}}
        with reading(self.options.checkpoint, FORMAT[0]):
            for name, array in state.items():
                part, _, inner = name.partition(".")
                if part not in parts:
                    raise ValueError(f"the array {name!r} is not allowed, expected parts {', '.join(parts)}")
                parts[part][inner] = array
            check_saved_state(parts, meta, training.learner)
        training.resume(parts["now"], History.from_arrays(parts["history"]), meta["seconds"], meta["seed"])
        training.n_entries = meta["n_entries"]
        training.units.seen[:] = meta["weights_seen"]
        training.n_iter = self.n_passes
        self.set_patience(parts["best"], meta["patience"])

    def best_states(self) -> State:
        """Return the state that is gone back to at the end."""
        return self.best or {}

    def patience(self) -> Any:
        """Return the best loss, and passes in a row that were no better."""
        stopping = self.stopping
        return None if stopping is None or self.best is None else [float(stopping.best), stopping.failed]

    def set_patience(self, best: State, patience: Any) -> None:
        """Go on where `best_states` and `patience` say.

        Parameters
        ----------
        best : dict from str to ndarray
        patience : as `patience` returns it
        """
        self.best = best or None
        if self.stopping is not None and patience is not None:
            self.stopping.best, self.stopping.failed = patience
