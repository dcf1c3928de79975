"""Fits to streams: passes over blocks that are read ahead, with a history, early stopping and checkpoints."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.inputs.contents import reading
from sparsereg.inputs.parameters import check_count, check_flag
from sparsereg.inputs.rows import check_width
from sparsereg.readers.blocks import Block, as_blocks, can_repeat, overlapped
from sparsereg.streaming.batch import Chunk
from sparsereg.streaming.checkpoint import FORMAT, check_place, load_checkpoint, save_checkpoint
from sparsereg.streaming.checkpoint_contents import check_saved_meta, check_saved_state
from sparsereg.streaming.memory_fit import EarlyStopping
from sparsereg.streaming.progress import Reporter
from sparsereg.streaming.training import History, Training

__all__ = ["StreamFit", "StreamOptions", "make_plan"]

State = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class StreamOptions:
    """How often to go over a stream, and what to do on the way.

    Attributes
    ----------
    n_passes : int
    validation : Chunk or None
        Held out.
    checkpoint : Path or None
    checkpoint_every : int
        Rows.
    resume : bool
    reporter : Reporter
    """

    n_passes: int
    validation: Chunk | None
    checkpoint: Path | None
    checkpoint_every: int
    resume: bool
    reporter: Reporter


def make_plan(
    source: Any,
    validation: Chunk | None,
    *,
    n_passes: Any,
    checkpoint: Any,
    checkpoint_every: Any,
    resume: Any,
    progress: Any,
    verbose: Any,
    early_stopping: bool,
) -> StreamOptions:
    """Check what a user may set of a fit to a stream.

    Parameters
    ----------
    source : iterable of blocks
    validation : Chunk or None
    n_passes, checkpoint, checkpoint_every, resume, progress, verbose, early_stopping
        As the estimators take them.

    Returns
    -------
    plan : Plan
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
    return StreamOptions(
        n_passes=n_passes,
        validation=validation,
        checkpoint=None if checkpoint is None else check_place(checkpoint),
        checkpoint_every=check_count(checkpoint_every, "checkpoint_every"),
        resume=resume,
        reporter=Reporter(progress, bool(verbose)),
    )


class StreamFit:
    """One fit to a stream.

    Parameters
    ----------
    source : iterable of blocks
    encode : callable
        Makes a chunk of a block; called in the thread that reads.
    begin : callable
        Takes the first block and its chunk; returns the course, whose learner is at its start.
    compare : callable
        Takes each block; raises where its columns are not those of the first.
    plan : Plan
    identity : dict
        What a checkpoint must agree with to be resumed from; can be written as JSON.
    """

    def __init__(
        self,
        source: Iterable[Any],
        encode: Callable[[Block], Chunk],
        begin: Callable[[Block, Chunk], Training],
        compare: Callable[[Block], None],
        plan: StreamOptions,
        identity: dict[str, Any],
    ):
        self.source, self.encode, self.begin, self.compare = source, encode, begin, compare
        self.plan, self.identity = plan, identity
        self.training: Training | None = None
        self.patience: EarlyStopping | None = None
        self.best: State | None = None
        # Passes that are over, rows of the pass under way that have been learned from, and of those since a checkpoint.
        self.n_passes, self.n_rows, self.n_unsaved = 0, 0, 0
        self.is_over = False

    def run(self) -> None:
        """Learn from the stream; what was learned stays in the course when something is raised."""
        saved = self._load()
        plan = self.plan
        try:
            while self.n_passes < plan.n_passes and not self.is_over:
                self._pass(saved)
            if self.training is None:
                # The checkpoint is that of the end, and only the columns are not known yet.
                for block, chunk in itertools.islice(self._read(), 1):
                    self._start(block, chunk, saved)
        finally:
            plan.reporter.close()
        if self.best is not None and self.training is not None:
            self.training.rewind(self.best)
        if self.training is not None:
            self.training.end()

    def _pass(self, saved: tuple[State, dict[str, Any]] | None) -> None:
        """Go over the source once, past the rows that have been learned from already."""
        seen = 0
        with closing(overlapped(self._read())) as chunks:
            for position, (block, chunk) in enumerate(chunks):
                if self.training is None:
                    self._start(block, chunk, saved)
                with _named(position):
                    self.compare(block)
                known = min(max(self.n_rows - seen, 0), chunk.n_rows)
                seen += chunk.n_rows
                if known < chunk.n_rows:
                    self._learn(chunk.between(known, chunk.n_rows))
        if self.training is None:
            raise ValueError("source: there is no block in it, expected at least one")
        if seen < self.n_rows:
            raise ValueError(
                f"source: it ends after {seen} rows, but the checkpoint had learned from {self.n_rows}; expected the "
                "same stream"
            )
        self.training.end_pass(chunk)
        self._end_pass()

    def _read(self) -> Iterator[tuple[Block, Chunk]]:
        """Iterate over the source once."""
        for position, block in enumerate(as_blocks(self.source)):
            with _named(position):
                chunk = self.encode(block)
            yield block, chunk

    def _start(self, block: Block, chunk: Chunk, saved: tuple[State, dict[str, Any]] | None) -> None:
        """Make the course, or take up one that was left."""
        if self.plan.validation is not None:
            check_width(self.plan.validation.rows.n_features, chunk.rows.n_features, "validation", "the stream")
        self.training = training = self.begin(block, chunk)
        settings = training.settings
        if settings.early_stopping:
            self.patience = EarlyStopping(settings.tol, settings.n_iter_no_change)
        if saved is not None:
            check_width(chunk.rows.n_features, saved[1]["n_features"], "source", "the checkpoint")
            self._take_up(training, *saved)
        self.plan.reporter.advance(training.learner.n_rows)

    def _learn(self, chunk: Chunk) -> None:
        training, plan = self.training, self.plan
        assert training is not None
        training.n_iter = self.n_passes + 1
        training.learn(chunk)
        self.n_rows += chunk.n_rows
        self.n_unsaved += chunk.n_rows
        plan.reporter.advance(chunk.n_rows)
        if training.is_due:
            self._record()
        if self.n_unsaved >= plan.checkpoint_every:
            self._save()

    def _record(self) -> float:
        """Add an entry to the history and tell it; return the loss of the held-out rows."""
        training, held = self.training, self.plan.validation
        assert training is not None
        loss = np.nan if held is None else float(training.losses(held.rows, held.y, held.weight).sum())
        training.record(loss)
        self.plan.reporter.tell(training)
        return loss

    def _end_pass(self) -> None:
        """Look back on a pass."""
        training = self.training
        assert training is not None
        loss = self._record()
        self.n_passes, self.n_rows = self.n_passes + 1, 0
        if self.patience is not None:
            self.is_over = self.patience.ends(loss)
            if self.patience.is_best:
                self.best = training.learner.state()
        self._save()

    # Checkpoints.

    def _save(self) -> None:
        """Write all that is needed to go on from here with the same bits."""
        if self.plan.checkpoint is None or self.training is None:
            return
        training, patience = self.training, self.patience
        parts = {"now": training.learner.state(), "history": training.history.arrays(), "best": self.best or {}}
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
            "patience": None if patience is None or self.best is None else [float(patience.best), patience.failed],
        }
        save_checkpoint(self.plan.checkpoint, state, meta)
        self.n_unsaved = 0

    def _load(self) -> tuple[State, dict[str, Any]] | None:
        """Read the checkpoint to resume from, if there is one."""
        path = self.plan.checkpoint
        if path is None or not self.plan.resume:
            return None
        try:
            state, meta = load_checkpoint(path)
        except FileNotFoundError:
            return None
        for name, mine in self.identity.items():
            if meta.get(name) != mine:
                raise ValueError(
                    f"checkpoint: {path} was made with {name}={meta.get(name)}, expected {mine}, as it is now"
                )
        with reading(path, FORMAT[0]):
            check_saved_meta(meta)
        self.n_passes, self.n_rows, self.is_over = meta["n_passes"], meta["n_rows"], meta["is_over"]
        return state, meta

    def _take_up(self, training: Training, state: State, meta: dict[str, Any]) -> None:
        parts: dict[str, State] = {"now": {}, "history": {}, "best": {}}
        with reading(self.plan.checkpoint, FORMAT[0]):
            for name, array in state.items():
                part, _, inner = name.partition(".")
                if part not in parts:
                    raise ValueError(f"the array {name!r} is not allowed, expected parts {', '.join(parts)}")
                parts[part][inner] = array
            check_saved_state(parts, meta, training.learner)
        training.resume(parts["now"], History.of(parts["history"]), meta["seconds"], meta["seed"])
        training.n_entries = meta["n_entries"]
        training.units.seen[:] = meta["weights_seen"]
        training.n_iter = self.n_passes
        self.best = parts["best"] or None
        if self.patience is not None and meta["patience"] is not None:
            self.patience.best, self.patience.failed = meta["patience"]


@contextmanager
def _named(position: int) -> Iterator[None]:
    """Say in an error which block it is about."""
    try:
        yield
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"source: block {position} (the first is 0): {error}") from error
