"""Validation of reductions that come from files: a seal says that they are undamaged, not that they are right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core import equal_rows
from sparsereg.inputs.compressed import check_compressed
from sparsereg.inputs.contents import array_of, check_finite, check_names, whole_of
from sparsereg.inputs.equal_slices import equal_slices
from sparsereg.inputs.rows import MAX_SAMPLES, shown
from sparsereg.inputs.targets import check_target
from sparsereg.reduction.entries import MAX_WHOLE, Arrays, Entries
from sparsereg.reduction.targets import KINDS, TargetSums

NEEDED = {"indices", "data", "n_weighted", "squares", "logs"}
OPTIONAL = {"row", "part", "folds", "weight", "offset", "classes"}
# Where rows begin and which columns they occupy comes in one of two forms.
FORMS = ({"lengths", "gaps"}, {"indptr", "active"})
# Types of whole numbers, and of what may be whole.
WHOLE = (np.uint8, np.uint16, np.uint32, np.int32, np.int64)
TARGETS = (np.uint8, np.uint16, np.uint32, np.float64)
# Kinds of labels, by NumPy's letters.
LABELS = "biufUSmM"


def check_contents(arrays: Arrays, meta: Mapping[str, Any]) -> None:
    """Check that arrays are those that a reduction is made of, by name, type and length, and what is said of them.

    Parameters
    ----------
    arrays : dict of ndarray
    meta : mapping

    Raises
    ------
    ValueError
    """
    n_features = whole_of(meta, "n_features", 1, np.iinfo(np.int64).max)
    whole_of(meta, "n_samples", 0, int(MAX_WHOLE))
    form = FORMS["indptr" in arrays]
    targets = {f"target.{k}" for k in range(sum(name.startswith("target.") for name in arrays))}
    check_names(arrays, NEEDED | form | targets, OPTIONAL)
    for name in sorted({"lengths", "gaps", "indices", "row", "part"} & {*arrays}):
        _check_type(arrays, name, WHOLE)
    for name in sorted({*targets, "weight"} & {*arrays}):
        _check_type(arrays, name, TARGETS)
    for name in sorted({"indptr", "active", "n_weighted", "folds"} & {*arrays}):
        array_of(arrays, name, np.int64, (None,))
    if "offset" in arrays:
        array_of(arrays, "offset", np.float64, (None,))
    for name in ("squares", "logs"):
        if arrays[name].dtype != np.float64 or arrays[name].ndim not in (1, 2):
            raise ValueError(f"{name}: {arrays[name].dtype} of shape {arrays[name].shape} is not allowed")
    _check_type(arrays, "data", (np.float32, np.float64))
    names = meta["feature_names"]
    if names is not None and not (
        isinstance(names, list) and len(names) == n_features and all(isinstance(name, str) for name in names)
    ):
        raise ValueError(f"feature_names: {shown(names)} is not allowed, expected null or {n_features} texts")
    _check_classes(arrays.get("classes"), meta["form"], len(targets))


def _check_type(arrays: Arrays, name: str, types: tuple[Any, ...]) -> None:
    """Check an array that comes in one of several types; whole numbers, but for distances, are those of int32."""
    array = arrays[name]
    if array.ndim != 1 or array.dtype not in types:
        allowed = ", ".join(str(np.dtype(kind)) for kind in types)
        raise ValueError(f"{name}: {array.dtype} of shape {array.shape} is not allowed, expected a vector of {allowed}")
    if types is WHOLE and array.size and array.min() < 0:
        raise ValueError(f"{name}: {array.min()} is not allowed, expected whole numbers from 0 on")
    if types is WHOLE and name != "gaps" and array.max(initial=0) > MAX_SAMPLES:
        raise ValueError(f"{name}: {array.max()} is not allowed, expected whole numbers up to {MAX_SAMPLES}")


def _check_classes(classes: npt.NDArray[Any] | None, form: Any, n_targets: int) -> None:
    if classes is None:
        if form is not None or n_targets == 0:
            raise ValueError(f"form: {shown(form)} is not allowed without classes, nor is no target")
        return
    if classes.ndim != 1 or classes.dtype.kind not in LABELS or classes.size != n_targets:
        raise ValueError(
            f"classes: {classes.dtype} of shape {classes.shape} is not allowed, expected a label for each of the "
            f"{n_targets} targets"
        )
    if form not in KINDS and not (form is None and classes.size == 0):
        raise ValueError(f"form: {shown(form)} is not allowed, expected one of {', '.join(KINDS)}")
    if not np.array_equal(np.unique(classes), classes) or (form == "second" and classes.tolist() != [0, 1]):
        raise ValueError(f"classes: {shown(classes.tolist())} is not allowed, expected labels in ascending order")


def check_rows(entries: Entries) -> None:
    """Check the rows of a reduction, and what each of its entries points at.

    Parameters
    ----------
    entries : Entries
        Of arrays that have passed `check_contents`.

    Raises
    ------
    ValueError
    """
    rows, row, part = entries.rows, entries.row, entries.part
    if rows.indptr.size == 0 or rows.n_samples > MAX_SAMPLES:
        raise ValueError(f"indptr: {rows.indptr.size} numbers are not allowed, expected one more than there are rows")
    if (rows.active.size and not 0 <= rows.active[0] <= rows.active[-1] < rows.n_features) or np.any(
        rows.active[1:] <= rows.active[:-1]
    ):
        raise ValueError(f"active: expected ids of columns in ascending order, in [0, {rows.n_features})")
    is_sorted, has_zeros, _, _ = check_compressed(
        rows.indptr, rows.indices, rows.data, (rows.n_samples, rows.active.size), name="rows"
    )
    if not is_sorted or has_zeros or rows.indptr[-1] != rows.indices.size:
        raise ValueError("rows: expected ids in ascending order, as many as rows are long, and no zeros")
    hashes = np.empty(rows.n_samples, dtype=np.uint64)
    equal_rows.hash_rows(rows.indptr, rows.indices, rows.data, hashes)
    if equal_slices(rows.indptr, rows.indices, rows.data, hashes, rows.n_samples)[1].size < rows.n_samples:
        raise ValueError("rows: some are there twice, expected each once")
    if row is not None:
        _check_used(row, rows.n_samples, "row")
    if (part is None) != (entries.folds is None):
        raise ValueError("part, folds: one is there without the other")
    if part is not None and entries.folds is not None:
        if part.size != entries.n_entries:
            raise ValueError(f"part: {part.size} numbers are not allowed for {entries.n_entries} entries")
        if entries.folds.min(initial=0) < -1 or np.unique(entries.folds).size < entries.folds.size:
            raise ValueError("folds: expected different numbers from -1 on")
        # Slices of a reduction have the folds and the columns of all of it, used or not.
        _check_below(part, entries.folds.size, "part")
    if entries.offset is not None:
        if entries.offset.size != entries.n_entries:
            raise ValueError(f"offset: {entries.offset.size} numbers are not allowed for {entries.n_entries} entries")
        check_finite(entries.offset, "offset")


def _check_below(numbers: npt.NDArray[np.int32], upper: int, name: str) -> None:
    if numbers.max(initial=-1) >= upper:
        raise ValueError(f"{name}: {numbers.max()} is not allowed, expected numbers below {upper}")


def _check_used(numbers: npt.NDArray[np.int32], upper: int, name: str) -> None:
    """Check that numbers are below a bound, and that each there is used."""
    _check_below(numbers, upper, name)
    used = np.zeros(upper, dtype=bool)
    used[numbers] = True
    if not used.all():
        raise ValueError(f"{name}: {int(np.argmin(used))} is of nothing, expected every number to be used")


def check_sums(entries: Entries, loss: Any) -> None:
    """Check what a reduction says of targets.

    Parameters
    ----------
    entries : Entries
        Whose rows have passed `check_rows`.
    loss : registered loss

    Raises
    ------
    ValueError
    """
    sums, n_entries = entries.sums, entries.n_entries
    if (sums.classes is not None) != loss.is_classification or (sums.weight is None) != loss.is_classification:
        raise ValueError(f"classes, weight: one of them does not go with loss={loss.name!r}")
    for name, column in (("weight", sums.weight), *((f"target.{k}", each) for k, each in enumerate(sums.columns))):
        if column is not None and column.size != n_entries:
            raise ValueError(f"{name}: {column.size} numbers are not allowed for {n_entries} entries")
    for k, column in enumerate(sums.columns):
        if sums.classes is None:
            check_target(column, n_entries, *loss.targets, loss.name) if n_entries else None
        else:
            check_finite(column, f"target.{k}", 0.0)
    with np.errstate(over="ignore"):
        total = np.broadcast_to(sums.total, n_entries)
    check_finite(total, "weight", np.finfo(np.float64).smallest_subnormal)
    _check_counts(entries)
    _check_deviances(entries, loss)


def _check_counts(entries: Entries) -> None:
    n_parts = 1 if entries.folds is None else entries.folds.size
    counts = entries.n_weighted
    if counts.shape != (n_parts,) or counts.min(initial=0) < 0 or counts.sum(dtype=np.float64) > entries.n_samples:
        raise ValueError(
            f"n_weighted: {shown(counts.tolist())} is not allowed, expected {n_parts} numbers from 0 on, of at most "
            f"{entries.n_samples} samples"
        )


def _entries_of(entries: Entries, n_parts: int) -> npt.NDArray[np.int64]:
    """Count the entries of each fold."""
    return np.array([entries.n_entries]) if entries.part is None else np.bincount(entries.part, minlength=n_parts)


def _check_deviances(entries: Entries, loss: Any) -> None:
    """Check that sums of squares and logarithms are such as the samples of some entries can have."""
    n_parts, n_responses = entries.n_weighted.size, entries.sums.n_responses
    shape = (n_parts,) if n_responses == 1 else (n_responses, n_parts)
    for name in ("squares", "logs"):
        array = getattr(entries.sums, name)
        if array.shape != shape:
            raise ValueError(f"{name}: shape {array.shape} is not allowed, expected {shape}")
        check_finite(array, name, 0.0 if name == "squares" else -np.inf)
    single = entries.n_weighted == _entries_of(entries, n_parts)
    for k in range(n_responses):
        sums: TargetSums = entries.sums.response(k)
        hidden = np.zeros(n_parts, dtype=bool) if sums.classes is not None or not loss.sums else ~single
        if np.any(sums.squares[~hidden]):
            raise ValueError("squares: expected 0 where every entry is of one sample, or of samples of one target")
        if sums.logs.any() and not (loss.log_link and sums.classes is None):
            raise ValueError(f"logs: expected 0 with loss={loss.name!r}")
