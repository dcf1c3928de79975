"""Entries: what samples were reduced to; serialised as arrays of few bytes and plain values, for files and pickles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg.design import CALL_IDS
from sparsereg.inputs.rows import Rows
from sparsereg.reduction.numbering import Numbers
from sparsereg.reduction.scratch import mapping_of
from sparsereg.reduction.targets import TargetSums

Vector = npt.NDArray[np.float64]
Arrays = dict[str, npt.NDArray[Any]]

# Whole numbers up to here are exact in float64.
MAX_WHOLE = 2.0**53


@dataclass(frozen=True, eq=False)
class Entries:
    """What samples were reduced to: distinct rows, and sums over the samples of each entry.

    Attributes
    ----------
    rows : Rows
        Distinct, compact.
    row : ndarray of int32 of shape (n_entries,) or None
        Row of each entry; None: there is one for each row, in order.
    part : ndarray of int32 of shape (n_entries,) or None
        Position in `folds`; None without folds.
    folds : ndarray of int64 of shape (n_folds,) or None
        Fold numbers.
    sums : TargetSums
    n_weighted : ndarray of int64 of shape (n_folds,) or (1,)
        Samples of positive weight in each fold.
    n_samples : int
        All that were seen.
    feature_names : ndarray of str of shape (n_features,) or None
    offset : ndarray of float64 of shape (n_entries,) or None
        Of the samples of each entry; None: there was none.
    """

    rows: Rows
    row: Numbers | None
    part: Numbers | None
    folds: npt.NDArray[np.int64] | None
    sums: TargetSums
    n_weighted: npt.NDArray[np.int64]
    n_samples: int
    feature_names: npt.NDArray[np.object_] | None
    offset: Vector | None = None

    @property
    def n_entries(self) -> int:
        """How many there are."""
        return self.rows.n_samples if self.row is None else int(self.row.size)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        rows = self.rows
        arrays = (rows.active, rows.indptr, rows.indices, rows.data, self.row, self.part, self.offset)
        return self.sums.nbytes + sum(array.nbytes for array in arrays if array is not None)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle few bytes, of protocol 5 beside the stream and mostly without a copy; see `arrays_of`."""
        return entries_of, arrays_of(self)


def arrays_of(entries: Entries) -> tuple[Arrays, dict[str, Any]]:
    """Take a reduction apart.

    Whole numbers are given in the fewest bytes that hold them: lengths of rows, distances between ids, weights that are
    counts. All else is not copied, and nothing of a reduction that is mapped from a file is.

    Parameters
    ----------
    entries : Entries

    Returns
    -------
    arrays : dict of ndarray
        "indices", "data", "n_weighted", "squares", "logs", for each target "target.0", "target.1"; "lengths" and
        "gaps", or "indptr" and "active"; and of "row", "part", "folds", "weight", "offset" and "classes" those that
        there are.
    meta : dict
        What JSON can hold: "n_samples", "n_features", "form", "feature_names".
    """
    rows, sums = entries.rows, entries.sums
    mapped = mapping_of(rows.indices) is not None
    exact: dict[str, Any] = {
        "indptr": rows.indptr, "active": rows.active, "indices": rows.indices, "row": entries.row, "part": entries.part,
        "weight": sums.weight, **{f"target.{k}": column for k, column in enumerate(sums.columns)},
    }
    if not mapped:
        exact["lengths"], exact["gaps"] = np.diff(exact.pop("indptr")), np.diff(exact.pop("active"), prepend=0)
    arrays = {
        "data": rows.data, "folds": entries.folds, "offset": entries.offset, "n_weighted": entries.n_weighted,
        "squares": sums.squares, "logs": sums.logs, "classes": sums.classes,
        **{name: values if values is None or mapped else _tight(values) for name, values in exact.items()},
    }  # fmt: skip
    meta = {
        "n_samples": entries.n_samples, "n_features": rows.n_features, "form": sums.form,
        "feature_names": None if entries.feature_names is None else entries.feature_names.tolist(),
    }
    # Subclasses, as mapped arrays are of, would be pickled as copies.
    return {name: np.asarray(values) for name, values in arrays.items() if values is not None}, meta


def entries_of(arrays: Arrays, meta: dict[str, Any]) -> Entries:
    """Put a reduction together again.

    Parameters
    ----------
    arrays, meta : dict
        As `arrays_of` gives them; what is in the form that it is kept in is not copied.

    Returns
    -------
    entries : Entries
    """
    if "indptr" in arrays:
        indptr, active = arrays["indptr"], arrays["active"]
    else:
        indptr = np.zeros(arrays["lengths"].size + 1, dtype=np.int64)
        np.cumsum(arrays["lengths"], dtype=np.int64, out=indptr[1:])
        active = np.cumsum(arrays["gaps"], dtype=np.int64)
    indices = arrays["indices"].astype(np.int32, copy=False)
    rows = Rows(indptr, indices, arrays["data"], indptr.size - 1, meta["n_features"], True, False, active)
    columns = [arrays[f"target.{k}"] for k in range(sum(name.startswith("target.") for name in arrays))]
    weight, row, part = (arrays.get(name) for name in ("weight", "row", "part"))
    sums = TargetSums(
        tuple(column.astype(np.float64, copy=False) for column in columns),
        None if weight is None else weight.astype(np.float64, copy=False), arrays["squares"], arrays["logs"],
        arrays.get("classes"), meta["form"],
    )
    names = None
    if meta["feature_names"] is not None:
        names = np.empty(len(meta["feature_names"]), dtype=object)
        names[:] = meta["feature_names"]
    return Entries(
        rows, None if row is None else row.astype(np.int32, copy=False),
        None if part is None else part.astype(np.int32, copy=False), arrays.get("folds"), sums, arrays["n_weighted"],
        meta["n_samples"], names, arrays.get("offset"),
    )


def _tight(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Give whole numbers from 0 on in the fewest bytes, where these are fewer; anything else as it is."""
    if values.size == 0 or values.min() < 0 or not _are_whole(values):
        return values
    dtype = np.min_scalar_type(int(values.max()))
    return values.astype(dtype) if dtype.itemsize < values.dtype.itemsize else values


def _are_whole(values: npt.NDArray[Any]) -> bool:
    if values.dtype.kind != "f":
        return True
    if values.max() > MAX_WHOLE:
        return False
    parts = (values[start : start + CALL_IDS] for start in range(0, values.size, CALL_IDS))
    return all(bool((part == np.floor(part)).all()) for part in parts)
