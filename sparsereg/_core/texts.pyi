"""Columns of texts: made from integers and Python objects, hashed, told apart and looked up."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

def integer_texts(
    values: NDArray[np.int64] | NDArray[np.uint64], data: NDArray[np.uint8], offsets: NDArray[np.int64]
) -> None:
    """Write integers in decimal."""

def fixed_texts(letters: NDArray[np.uint32], data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> int:
    """Write strings of fixed width in UTF-8."""

def object_texts(
    values: list[Any], other: Callable[[Any], str | None], offsets: NDArray[np.int64], missing: NDArray[np.uint8]
) -> tuple[bytearray, int]:
    """Write Python objects as texts: strings as they are, integers in decimal, None and NaN as missing ones."""

def hash_texts(data: NDArray[np.uint8], offsets: NDArray[np.int64], keys: NDArray[np.uint64]) -> None:
    """Compute the key of each text: its length in bytes, into which each word of 8 bytes is mixed."""

def distinct_texts(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], left_out: NDArray[np.uint8], keys: NDArray[np.uint64],
    firsts: NDArray[np.int64]
) -> int:
    """Find the first row of each distinct text."""

def find_texts(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], left_out: NDArray[np.uint8], keys: NDArray[np.uint64],
    known_data: NDArray[np.uint8], known_offsets: NDArray[np.int64], known_keys: NDArray[np.uint64],
    codes: NDArray[np.int64]
) -> None:
    """Find the position of each text among known ones."""
