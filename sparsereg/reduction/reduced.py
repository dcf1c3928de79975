"""`Reduced`: rows of which equal ones are one, in the place of the rows themselves."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core.losses import LOSSES
from sparsereg.inputs.parameters import build, check_choice
from sparsereg.inputs.sizes import check_bytes
from sparsereg.readers.blocks import located
from sparsereg.reduction.builder import Accumulator
from sparsereg.reduction.entries import Entries
from sparsereg.reduction.files import load_entries, save_entries
from sparsereg.reduction.folds import FoldDraw, fold_numbers
from sparsereg.reduction.intake import shape_of
from sparsereg.reduction.reading import reduce_blocks
from sparsereg.reduction.slicing import slices_of

__all__ = ["Reduced"]

# Of Huber's loss, whose delta comes with the fit: reductions keep every target apart.
ANY_DELTA = 1.0


@dataclass(frozen=True, eq=False, repr=False)
class Reduced:
    """Rows of which equal ones are one: what certified fits need of data, in memory that follows what is distinct.

    Estimators, cross-validated estimators, path functions and `evaluate` take it in the place of (X, y), and give the
    fits and measures of the rows themselves, to rounding: objectives, duality gaps, R2, deviances, information
    criteria. A row that is kept stands for all that are equal to it, with the sum of their weights, the weighted mean
    of their targets (of labels the weight of each class), and what the means hide of the deviance. Rows in different
    folds or with different offsets are not equal, and Huber's loss keeps rows with different targets apart.

    Make one with `of` or `of_blocks`, and a larger one of several with `merge` or `merge_all`: what two parts reduce
    to, merged, is what both together reduce to, in any order and to rounding. `merge_all` of many is quicker than as
    many times `merge`: every part is looked through once. `save` and `load`, or a pickle, take parts from one machine
    to another; pickles of protocol 5 hand large arrays over without a copy.

    Attributes
    ----------
    loss : str
        Name of the loss that it is for.
    entries : Entries
        What the rows were reduced to.
    held_out : Reduced or None
        Rows that were set apart, without folds.
    """

    loss: str
    entries: Entries
    held_out: Reduced | None = None

    @classmethod
    def of(
        cls, X: Any, y: Any, sample_weight: Any = None, offset: Any = None, *, loss: str, fold: Any = None,
        groups: Any = None, n_folds: int | None = None, random_state: Any = 0,
    ) -> Reduced:
        """Reduce rows in memory.

        Parameters
        ----------
        X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features)
            int32 or int64 ids; never changed. There may be no rows.
        y : array-like of shape (n_samples,); for the losses of classifiers also (n_samples, n_classes)
            As estimators take it: numbers, labels, probabilities or counts of classes. Numbers of shape
            (n_samples, n_responses) are several targets of the same rows, of which `response` gives one to fit.
        sample_weight : None, float or array-like of shape (n_samples,), default=None
            Rows of weight 0 leave nothing behind.
        offset : None, float or array-like of shape (n_samples,), default=None
            Known part of the linear predictor, of two classes at most. Rows are equal if their offsets are, too.
        loss : {"squared", "logistic", "poisson", "huber", "squared_hinge"}
            Of the fits to come.
        fold : None or array-like of int of shape (n_samples,), default=None
            Number of the fold that each row is held out in by cross-validation; -1: in none.
        groups : None or array-like of shape (n_samples,), default=None
            Rows of a group are held out together: numbers, texts, times. Which fold a group is in follows from the
            group alone, so that parts of the data that are reduced in different places have the same folds. 7, 7.0
            and "7" are one group.
        n_folds : None or int, default=None
            Folds, at least 2, that groups are dealt to by a hash of them and `random_state`; a fold may get more than
            its share of them. Without `groups` rows are dealt at random. None with `groups`: each group is a fold, a
            whole number from 0 to 2**62 - 1 that of this number, others one from 2**62 on.
        random_state : None, int, RandomState or Generator, default=0
            Of `n_folds`; with `groups` a whole number, the same for all parts of the data.

        Returns
        -------
        reduced : Reduced

        Raises
        ------
        ValueError, TypeError
            For malformed data, as estimators raise them, and for more than one way to say what folds are.

        Notes
        -----
        Cost: about two random accesses to memory a row, and one a non-zero; nothing is as long as X is wide.
        """
        number = fold_numbers(shape_of(X)[0], fold, groups, n_folds, random_state)
        accumulator = Accumulator(_loss_of(loss), number is not None, offset is not None)
        accumulator.add(X, y, sample_weight, number, offset=offset)
        return cls(loss, accumulator.finish())

    @classmethod
    def of_blocks(
        cls, blocks: Iterable[Any], *, loss: str, n_folds: int | None = None, holdout: float | None = None,
        random_state: Any = 0, memory_limit: int | str | None = None, spill_folder: Any = None,
    ) -> Reduced:
        """Reduce rows that come in blocks, read ahead in a thread; memory holds what is distinct, and two blocks.

        Parameters
        ----------
        blocks : iterable of Block, (X, y) or (X, y, sample_weight)
            A reader, a list, a generator; gone over once. Classes are those of all blocks.
        loss : {"squared", "logistic", "poisson", "huber", "squared_hinge"}
            Of the fits to come.
        n_folds : None or int, default=None
            Folds for cross-validation, drawn at random within each block, of the same size to one row.
        holdout : None or float in (0, 1), default=None
            Share of the rows to set apart, drawn at random within each block: see `held_out`.
        random_state : None, int, RandomState or Generator, default=0
            Of both; the draw depends on how many rows each block has.
        memory_limit : None, int or str, default=None
            What reducing may hold, in bytes or as "500 MB", "2GiB": tables, sums and two blocks, the rest of the
            process apart. What is distinct beyond it is put aside on disk, as often as need be, and merged there; the
            arrays of the reduction are then mapped from a file without a name, which is gone with the last of them.
        spill_folder : None, str or path, default=None
            Of such files; None: the system's folder for temporary files. Where that is itself memory (a tmpfs), name
            one on a disk. It takes up to about three times the bytes of the spilled rows.

        Returns
        -------
        reduced : Reduced
            The same rows and, to rounding, the same sums whatever the limit; their order is another beyond it.

        Raises
        ------
        ValueError, TypeError
            For malformed blocks, with the number of the block, where there is none, for more folds than rows, for a
            share that is no row or every row, and for a limit that is too little for one block, with what it takes.
        OSError
            Where the disk has no room for what is put aside.

        Notes
        -----
        Beyond the limit every distinct row is written and read three times, from run to run and range by range of its
        hash: external aggregation (Graefe 1993, "Query evaluation techniques for large databases", section 4).
        """
        draw = FoldDraw(n_folds, holdout, random_state)
        return cls._of_stream(blocks, "blocks", loss, draw, memory_limit, spill_folder)

    @classmethod
    def _of_stream(
        cls, blocks: Iterable[Any], name: str, loss: str, draw: FoldDraw, memory_limit: Any, spill_folder: Any
    ) -> Reduced:
        """Reduce the blocks of an argument of that name."""
        entries, *apart = reduce_blocks(blocks, name, _loss_of(loss), draw, memory_limit, spill_folder)
        return cls(loss, entries, cls(loss, apart[0]) if apart else None)

    def merge(self, other: Reduced) -> Reduced:
        """Reduce the rows of two reductions together.

        Parameters
        ----------
        other : Reduced
            For the same loss, of as many columns and responses, with folds and offsets if this has them. Classes are
            those of both.

        Returns
        -------
        reduced : Reduced
            Both stay as they are.

        Raises
        ------
        ValueError, TypeError
            For a reduction that does not go with this one.
        """
        return self.merge_all([self, other])

    @classmethod
    def merge_all(cls, parts: Iterable[Reduced]) -> Reduced:
        """Reduce the rows of several reductions together.

        Parameters
        ----------
        parts : iterable of Reduced
            Gone over once; see `merge`.

        Returns
        -------
        reduced : Reduced

        Raises
        ------
        ValueError, TypeError
            For a part that does not go with those before, with its number, and where there is none.
        """
        merging = _Merging()
        for part in parts:
            merging.take(part)
            # Not to be kept alive while the next one is waited for: memory holds the result and one part.
            del part
        return merging.finish()

    def response(self, k: int) -> Reduced:
        """Pick one of several responses; the rows are shared, not copied.

        Parameters
        ----------
        k : int
            From 0 on.

        Returns
        -------
        reduced : Reduced
            Of this response alone, with the same folds and offsets, and that of the held-out rows.

        Raises
        ------
        ValueError, TypeError
            For what is no position of a response.
        """
        if isinstance(k, (bool, np.bool_)) or not isinstance(k, (int, np.integer)):
            raise TypeError(f"k: {k!r} is not allowed, expected a whole number")
        if not 0 <= k < self.n_responses:
            raise ValueError(f"k: {k} is outside [0, {self.n_responses}), the responses of this reduction")
        entries = replace(self.entries, sums=self.entries.sums.response(int(k)))
        return Reduced(self.loss, entries, None if self.held_out is None else self.held_out.response(k))

    def save(self, path: str | os.PathLike[str]) -> int:
        """Write a file that `load` reads; it is there as a whole or not at all.

        Parameters
        ----------
        path : str or path-like
            Its folder must exist; a file that is there is replaced.

        Returns
        -------
        n_bytes : int
            Size of the file: for each distinct row one byte, four for each of its ids where there are more than 65,536
            occupied columns and two or one for fewer, one to eight for its weight, and eight for a mean that is no
            small whole number.

        Raises
        ------
        TypeError
            For labels that are neither numbers, times nor texts.
        OSError
            A folder that is missing, a disk that is full: the file that was there is untouched.
        """
        return save_entries(path, self.loss, self.entries, None if self.held_out is None else self.held_out.entries)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Reduced:
        """Read a file that `save` wrote; every byte and every array is checked first.

        Parameters
        ----------
        path : str or path-like

        Returns
        -------
        reduced : Reduced

        Raises
        ------
        ValueError
            A file that was cut short or altered, that is something else, or that holds what is no reduction.
        OSError
            A file that is missing, or that cannot be read.
        """
        loss, entries, held_out = load_entries(path, _loss_of)
        return cls(loss, entries, None if held_out is None else cls(loss, held_out))

    def slices(self, max_bytes: int | str) -> Iterator[Reduced]:
        """Cut the distinct rows into parts that go on from each other; ids and values are not copied.

        Parameters
        ----------
        max_bytes : int or str
            Of a part at the most, as `memory_limit`; a part of one row may take more.

        Returns
        -------
        parts : iterator of Reduced
            Merged they are this again. What is known of samples and not of rows, how many there were and what lies
            about their means, the first part has for all. All have the columns of the whole, some of which a part may
            leave empty, and none has `held_out`.

        Raises
        ------
        ValueError, TypeError
            For what is no size.
        """
        limit = check_bytes(max_bytes, "max_bytes")
        return (Reduced(self.loss, part) for part in slices_of(self.entries, limit))

    @property
    def n_samples(self) -> int:
        """Rows that were seen, those of weight 0 too."""
        return self.entries.n_samples

    @property
    def n_rows(self) -> int:
        """Distinct rows."""
        return self.entries.rows.n_samples

    @property
    def n_features(self) -> int:
        """Number of columns."""
        return self.entries.rows.n_features

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the matrix of the rows that were seen, `(n_samples, n_features)`."""
        return self.n_samples, self.n_features

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays, in memory or mapped from a file, those of `held_out` not counted."""
        return self.entries.nbytes

    @property
    def classes(self) -> npt.NDArray[Any] | None:
        """Labels, ascending, for the losses of classifiers."""
        return self.entries.sums.classes

    @property
    def feature_names(self) -> npt.NDArray[np.object_] | None:
        """Names of the columns, where blocks were data frames."""
        return self.entries.feature_names

    # Tables of Arrow have their names under this one.
    column_names = feature_names

    @property
    def n_responses(self) -> int:
        """Targets of each row; fits take one of them, see `response`."""
        return self.entries.sums.n_responses

    @property
    def has_offset(self) -> bool:
        """Whether every row has an offset, a known part of its linear predictor."""
        return self.entries.offset is not None

    @property
    def has_folds(self) -> bool:
        """Whether every row has a fold, which cross-validation holds it out in."""
        return self.entries.folds is not None

    def __array__(self, dtype: Any = None, copy: Any = None) -> npt.NDArray[Any]:
        """Refuse to be taken for a matrix.

        Raises
        ------
        TypeError
        """
        raise TypeError(
            "X: a Reduced is not allowed here, expected the rows of a matrix or data frame, of which it has sums "
            "alone; fits of batch models and of their cross-validated forms, path functions and evaluate take it"
        )

    def __repr__(self) -> str:
        """Say what went in and what is left."""
        entries, parts = self.entries, [f"{self.n_samples:,} samples -> {self.n_rows:,} rows"]
        parts.append(f"{self.n_features:,} features, {entries.rows.active.size:,} of them occupied")
        if self.classes is not None:
            parts.append(f"{self.classes.size} classes")
        if self.n_responses > 1:
            parts.append(f"{self.n_responses} responses")
        if self.has_offset:
            parts.append("an offset")
        if entries.folds is not None:
            parts.append(f"{np.count_nonzero(entries.folds >= 0)} folds")
        if self.held_out is not None:
            parts.append(f"{self.held_out.n_samples:,} held out")
        return f"Reduced(loss={self.loss!r}, {', '.join(parts)}, {self.nbytes / 1e6:,.1f} MB)"


class _Merging:
    """Parts on the way to one reduction; all must have what the first of them has."""

    def __init__(self) -> None:
        self._form: dict[str, Any] = {}
        self._n_parts = 0
        self._apart: _Merging | None = None

    def take(self, part: Any) -> None:
        """Take a further part, or refuse it by its number."""
        with located(f"parts: part {self._n_parts} (the first is 0)"):
            if not isinstance(part, Reduced):
                raise TypeError(f"{type(part).__name__} is not allowed, expected a Reduced")
            self._take(part)
        self._n_parts += 1

    def _take(self, part: Reduced) -> None:
        self._check(part)
        self._rows.merge(part.entries)
        if part.held_out is not None:
            self._apart = self._apart or _Merging()
            with located("held-out rows"):
                self._apart._take(part.held_out)

    def _check(self, part: Reduced) -> None:
        form = {"loss": part.loss, "folds": part.has_folds, "offsets": part.has_offset}
        if not self._form:
            self._form, self._rows = form, Accumulator(_loss_of(part.loss), part.has_folds, part.has_offset)
        if part.loss != self._form["loss"]:
            raise ValueError(f"it is for loss={part.loss!r}, where those before are for {self._form['loss']!r}")
        for name, there in form.items():
            if there != self._form[name]:
                raise ValueError(f"{name} are in some parts and not in others, expected them in all or in none")

    def finish(self) -> Reduced:
        """Return all of them in one."""
        if not self._form:
            raise ValueError("parts: there is none, expected at least one")
        return Reduced(self._form["loss"], self._rows.finish(), None if self._apart is None else self._apart.finish())


def _loss_of(name: Any) -> Any:
    return build(LOSSES[check_choice(name, "loss", LOSSES)], delta=ANY_DELTA)
