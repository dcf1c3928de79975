"""Sparse coefficients in model files: ids and values of the non-zeros, in double precision or rounded to floats.

Whole numbers are of the smallest of uint8, uint16, uint32 and int64 that holds them all.

=============  =========================================================================================================
``n_features`` width of the vectors
``ids``        (n_ids,), whole, strictly ascending: columns at which some vector is not zero
``values``     (n_nonzero,) float64, float32 or float16: the non-zeros, vector by vector
``rows``       (n_nonzero,), whole: positions among the ids, ascending in each vector; null of a single vector, whose
               values are those of the ids
``starts``     (n_vectors + 1,), whole: where among the values the vectors begin and end; null of a single vector
``exponents``  (n_vectors,) int32: values are to be multiplied by 2 to that power; null: by 1
=============  =========================================================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sparsereg.coef import Nonzeros, SparseCoef
from sparsereg.inputs.contents import array_of, check_finite, check_ids, whole_of
from sparsereg.model_files.values import Kind, Packer, Unpacker

Vector = npt.NDArray[np.float64]

WHOLE = tuple(map(np.dtype, ("uint8", "uint16", "uint32", "int64")))
FLOATS = ("float64", "float32", "float16")
MAX_INT = 2**63 - 1
# Positions among ids are int32.
MAX_IDS = 2**31 - 1
# Exponents of float64 are in [-1074, 1023]; those of float16 come on top.
MAX_EXPONENT = 1200


@dataclass
class Saving:
    """How models are to be saved, and what has been found out while they were.

    Attributes
    ----------
    compress : None, "float32" or "float16"
        What coefficients are rounded to.
    state : bool
        Streaming models keep the state of their optimiser.
    n_nonzero, n_dropped : int
        Coefficients that are kept, and those that would be rounded to zero.
    absolute, relative : float
        Largest change of a coefficient; relative of those that are kept.
    memory : int
        Bytes of what predictions need.
    n_states : int
        Streaming models whose state is kept.
    """

    compress: str | None = None
    state: bool = False
    n_nonzero: int = 0
    n_dropped: int = 0
    absolute: float = 0.0
    relative: float = 0.0
    memory: int = 0
    n_states: int = 0


class ModelPacker(Packer):
    """A `Packer` that knows how models are to be saved.

    Parameters
    ----------
    kinds : iterable of Kind
    saving : Saving
    """

    def __init__(self, kinds: Iterable[Kind], saving: Saving):
        super().__init__(kinds)
        self.saving = saving


def saving_of(packer: Packer) -> Saving:
    """Return how a packer is to save models; one that does not know saves them as they are.

    Parameters
    ----------
    packer : Packer

    Returns
    -------
    saving : Saving
    """
    return packer.saving if isinstance(packer, ModelPacker) else Saving()


def memory_of(coef: SparseCoef) -> int:
    """Return the bytes that predictions need of coefficients: them, and the hash table that finds them.

    Parameters
    ----------
    coef : SparseCoef

    Returns
    -------
    n_bytes : int
    """
    return coef.nbytes + sum(column.nbytes for column in coef._table)


def _narrow(numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return whole numbers, none negative, in the smallest type that holds them."""
    largest = int(numbers.max(initial=0))
    return numbers.astype(next(dtype for dtype in WHOLE if largest <= np.iinfo(dtype).max), copy=False)


def _wide(array: Any, name: str, length: int | None = None) -> npt.NDArray[np.int64]:
    """Return what `_narrow` was given."""
    if not isinstance(array, np.ndarray) or array.dtype not in WHOLE:
        raise ValueError(f"{name}: {getattr(array, 'dtype', array)} is not allowed, expected an array of whole numbers")
    return array_of({name: array}, name, array.dtype, (length,)).astype(np.int64)


def _columns_of(coef: SparseCoef) -> npt.NDArray[np.int64]:
    """Return the vector of each value."""
    return np.repeat(np.arange(coef.n_columns), np.diff(coef.values.indptr))


def _exponents(coef: SparseCoef, dtype: Any) -> npt.NDArray[np.int32]:
    """Return a power of two for each vector: 0 where floats of a type hold it well, else one that fills their range."""
    info = np.finfo(dtype)
    sizes, indptr = np.abs(coef.values.data), coef.values.indptr
    used = np.flatnonzero(np.diff(indptr))
    exponents = np.zeros(coef.n_columns, dtype=np.int32)
    if used.size:
        largest, smallest = (extreme.reduceat(sizes, indptr[used]) for extreme in (np.maximum, np.minimum))
        holds = (largest <= info.max) & (smallest >= info.smallest_normal)
        # The largest is then below half the end of the range, and not rounded up to infinity.
        exponents[used] = np.where(holds, 0, np.frexp(largest)[1] - (info.maxexp - 1))
    return exponents


def _rounded(coef: SparseCoef, saving: Saving) -> tuple[SparseCoef, npt.NDArray[Any], npt.NDArray[np.int32] | None]:
    """Round coefficients; return those that are left, their values as they are to be stored, and powers of two."""
    data = coef.values.data
    exponents, columns = _exponents(coef, saving.compress), _columns_of(coef)
    stored = np.ldexp(data, -exponents[columns]).astype(saving.compress)
    restored = np.ldexp(stored.astype(np.float64), exponents[columns])
    stays = stored != 0
    change = np.abs(restored - data)
    saving.n_dropped += int(np.count_nonzero(~stays))
    saving.absolute = max(saving.absolute, float(change.max(initial=0.0)))
    saving.relative = max(saving.relative, float((change[stays] / np.abs(data[stays])).max(initial=0.0)))
    values = sparse.csc_array((restored, coef.values.indices, coef.values.indptr), shape=coef.values.shape)
    left = SparseCoef.from_active(coef.ids, values, coef.n_features)
    return left, stored[stays], exponents if exponents.any() else None


def pack_coefficients(coef: SparseCoef, packer: Packer, where: str) -> dict[str, Any]:
    """Return what stands for coefficients in a file.

    Parameters
    ----------
    coef : SparseCoef
    packer : Packer
    where : str

    Returns
    -------
    state : dict
    """
    saving = saving_of(packer)
    stored, exponents = coef.values.data, None
    if saving.compress is not None:
        coef, stored, exponents = _rounded(coef, saving)
    saving.n_nonzero += stored.size
    is_single = coef.n_columns == 1
    arrays = {
        "ids": _narrow(coef.ids), "values": stored,
        "rows": None if is_single else _narrow(coef.values.indices),
        "starts": None if is_single else _narrow(coef.values.indptr),
        "exponents": exponents,
    }
    return {"n_features": int(coef.n_features), **packer.pack_all(arrays, where)}


def unpack_coefficients(state: Mapping[str, Any], unpacker: Unpacker, where: str) -> SparseCoef:
    """Return the coefficients that a file stands for, after checks of all that predictions rely on.

    Parameters
    ----------
    state : mapping
    unpacker : Unpacker
    where : str

    Returns
    -------
    coef : SparseCoef
    """
    names = ("n_features", "ids", "values", "rows", "starts", "exponents")
    given = unpacker.unpack_all(state, where, names)
    n_features = whole_of(given, "n_features", 1, MAX_INT)
    ids = _wide(given["ids"], "ids")
    if ids.size > MAX_IDS:
        raise ValueError(f"ids: {ids.size} of them are not allowed, expected at most {MAX_IDS}")
    check_ids(ids, n_features, "ids")
    if (ids[1:] < ids[:-1]).any():
        raise ValueError("ids: not in ascending order")
    stored = given["values"]
    if not isinstance(stored, np.ndarray) or stored.dtype.name not in FLOATS or stored.ndim != 1:
        raise ValueError(f"values: not allowed, expected a row of {', '.join(FLOATS)}")
    rows, starts = _places(given, ids.size, stored.size)
    values = _restored(stored, given["exponents"], starts)
    starts = starts.astype(np.int32 if stored.size <= MAX_IDS else np.int64)
    return SparseCoef(ids, Nonzeros(values, rows.astype(np.int32), starts, ids.size), n_features)


def _places(given: Mapping[str, Any], n_ids: int, n_values: int) -> tuple[Any, Any]:
    """Return the position among the ids of each value, and where vectors begin and end."""
    if given["rows"] is None and given["starts"] is None:
        if n_values != n_ids:
            raise ValueError(f"values: {n_values} are not allowed for {n_ids} ids of a single vector")
        return np.arange(n_ids), np.array([0, n_ids])
    rows, starts = _wide(given["rows"], "rows", n_values), _wide(given["starts"], "starts")
    if starts.size < 2 or starts[0] != 0 or starts[-1] != n_values or (starts[1:] < starts[:-1]).any():
        raise ValueError(f"starts: not allowed, expected 0 ascending to {n_values}")
    if n_values and not 0 <= rows.min() <= rows.max() < n_ids:
        raise ValueError(f"rows: {rows.min()} to {rows.max()} are not allowed, expected positions among {n_ids} ids")
    falls = np.flatnonzero(rows[1:] <= rows[:-1]) + 1
    begins = np.zeros(n_values + 1, dtype=bool)
    begins[starts] = True
    if not begins[falls].all():
        raise ValueError("rows: not in ascending order in each vector")
    is_used = np.zeros(n_ids, dtype=bool)
    is_used[rows] = True
    if not is_used.all():
        raise ValueError(f"ids: no vector has a value at position {int(np.argmin(is_used))}")
    return rows, starts


def _restored(stored: npt.NDArray[Any], exponents: Any, starts: npt.NDArray[np.int64]) -> Vector:
    """Return values in double precision."""
    values = stored.astype(np.float64)
    if exponents is not None:
        powers = array_of({"exponents": exponents}, "exponents", np.int32, (starts.size - 1,))
        if (np.abs(powers.astype(np.int64)) > MAX_EXPONENT).any():
            raise ValueError(f"exponents: not allowed, expected at most {MAX_EXPONENT} in size")
        with np.errstate(over="ignore"):
            values = np.ldexp(values, np.repeat(powers, np.diff(starts)))
    check_finite(values, "values")
    if not values.all():
        raise ValueError(f"values: 0 at position {int(np.argmin(values != 0.0))} is not allowed, expected non-zeros")
    return values


COEFFICIENTS: tuple[Kind, ...] = (
    Kind("sparsereg.SparseCoef", lambda: SparseCoef, pack_coefficients, unpack_coefficients),
)
