"""Sizes of memory: what is read, what is refused, what is shown."""

import numpy as np
import pytest

from sparsereg.inputs.sizes import check_bytes, shown_bytes


@pytest.mark.parametrize(
    ("given", "n_bytes"),
    [
        (1, 1), (np.int64(2**40), 2**40), ("2GiB", 2**31), ("2 gib", 2**31), ("500 MB", 500_000_000), ("1.5kB", 1500),
        (" .5 KiB ", 512), ("7b", 7), ("3.TB", 3 * 10**12),
    ],
)  # fmt: skip
def test_sizes_are_bytes_or_have_a_unit(given, n_bytes):
    assert check_bytes(given, "limit") == n_bytes


@pytest.mark.parametrize("given", [0, -5, "0 MB", "0.1 B", "2", "GiB", "2 GiBs", "-1 GB", "1e9", "", "1,5 GB"])
def test_other_sizes(given):
    with pytest.raises(ValueError, match=r"^limit: .* is not allowed, expected None, a whole number of bytes"):
        check_bytes(given, "limit")


@pytest.mark.parametrize("given", [1.5, True, b"2GiB", [1], None])
def test_other_types(given):
    with pytest.raises(TypeError, match=r"^limit: .* is not allowed"):
        check_bytes(given, "limit")


def test_what_is_shown():
    shown = [shown_bytes(size) for size in (1, 999, 1000, 12_345, 999_600, 2**31, 4 * 10**15)]
    assert shown == ["1 B", "999 B", "1 kB", "12.3 kB", "1 MB", "2.15 GB", "4e+03 TB"]
