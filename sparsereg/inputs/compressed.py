"""Compressed sparse rows (CSR, CSC, BSR) of unknown origin: what makes them safe to read."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from sparsereg._core import compact


def check_compressed(
    indptr: npt.NDArray[Any], indices: npt.NDArray[Any], data: npt.NDArray[Any], shape: tuple[int, int], *,
    major: str = "row", minor: str = "column", name: str = "X",
) -> tuple[bool, bool, bool, int]:
    """Check the three arrays of a compressed sparse matrix; nothing is read before it is known to exist.

    Parameters
    ----------
    indptr : ndarray of int32 or int64
    indices : ndarray of int32 or int64
        May be longer than `indptr[-1]`: unused room is not looked at.
    data : ndarray of float32 or float64
        As long as `indices`, or of length 0: every value is 1.
    shape : tuple of int
        Number of compressed slices, and bound of the ids in `indices`.
    major, minor : str
        What a slice is, and what an id in `indices` names.
    name : str, default="X"

    Returns
    -------
    is_sorted, has_zeros, binary : bool
        Ids are strictly ascending in every slice; some stored value is 0; every stored value that is not 0 is 1.
    longest : int
        Most entries of a slice.
    """
    n_major, n_minor = shape
    if indptr.shape != (n_major + 1,):
        raise ValueError(
            f"{name}: indptr has shape {indptr.shape}, expected ({n_major + 1},), one more than the {n_major} {major}s"
        )
    if data.size and data.size != indices.size:
        raise ValueError(f"{name}: indices has {indices.size} entries and data {data.size}, expected as many")
    code, slice_, position, is_sorted, has_zeros, binary, longest = compact.validate(indptr, indices, data, n_minor)
    if code == compact.VALID:
        return is_sorted, has_zeros, binary, longest
    where = f"at position {position} ({major} {slice_})"
    if code == compact.BAD_START:
        raise ValueError(f"{name}: indptr[0] is {indptr[0]}, expected 0")
    if code == compact.DECREASING:
        raise ValueError(
            f"{name}: indptr falls from {indptr[slice_]} to {indptr[slice_ + 1]} at {major} {slice_}, "
            "expected it never to decrease"
        )
    if code == compact.TOO_LONG:
        raise ValueError(
            f"{name}: indptr reaches {indptr[slice_ + 1]} at {major} {slice_}, "
            f"beyond the {indices.size} entries of indices"
        )
    if code == compact.BAD_ID:
        raise ValueError(f"{name}: {minor} id {indices[position]} {where} is outside [0, {n_minor})")
    raise_not_finite(data[position], data.dtype, where, name)


def raise_not_finite(value: Any, dtype: np.dtype[Any], where: str, name: str) -> NoReturn:
    """Raise the ValueError for a NaN or an infinity.

    Parameters
    ----------
    value : float
        What was found.
    dtype : numpy.dtype
    where : str
        Its place, in words.
    name : str
    """
    if np.isnan(value):
        raise ValueError(f"Input {name} contains NaN. ({value} {where}; expected finite numbers)")
    raise ValueError(
        f"Input {name} contains infinity or a value too large for {dtype!r}. ({value} {where}; expected finite numbers)"
    )
