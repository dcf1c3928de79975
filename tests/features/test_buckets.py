"""Widths as fractions, blocks and the search for a column's block."""

from fractions import Fraction

import numpy as np
import pytest

from sparsereg.features.buckets import block_of, index_dtype, layout, make_level


@pytest.mark.parametrize(
    ("minutes", "exact"), [(1, 1), (0.1, Fraction(1, 10)), (1 / 3, Fraction(1, 3)), (2.5, Fraction(5, 2))]
)
def test_a_width_is_read_as_the_fraction_it_was_meant_to_be(minutes, exact):
    level = make_level(minutes)
    assert Fraction(level.numerator, level.denominator) == Fraction(exact) / 60


@pytest.mark.parametrize("minutes", [1e-4, 1.00000001e-4, np.pi, 10_799.999999999998, np.float32(0.3)])
def test_operands_of_an_edge_are_exact_doubles(minutes):
    level = make_level(minutes)
    assert level.numerator * (level.n_lon + 1) + 360 * level.denominator < 2**53
    assert level.n_cells < 2**62


def test_edges_start_at_the_south_pole_and_date_line_and_end_at_them():
    level = make_level(7)
    ends = np.array([0, 10**6])
    assert level.lat_edges(ends).tolist() == [-90, 90]
    assert level.lon_edges(ends).tolist() == [-180, 180]


def test_blocks_follow_each_other_and_are_found_again():
    blocks = layout([("a", 3), ("b", 1), ("c", 5)])
    assert [block.start for block in blocks] == [0, 3, 4]
    ids, position = block_of(np.arange(9, dtype=np.uint8), blocks)
    assert ids.dtype == np.int64
    assert position.tolist() == [0, 0, 0, 1, 2, 2, 2, 2, 2]


def test_too_many_columns():
    assert layout([("a", 2**62)])[0].count == 2**62
    with pytest.raises(ValueError, match=r"4611686018427387905 columns in all, more than the limit 2\*\*62"):
        layout([("a", 2**62), ("b", 1)])


def test_index_type_is_wide_when_ids_or_positions_need_it():
    assert index_dtype(2**31 - 1, 10) == np.int32
    assert index_dtype(2**31, 10) == np.int64
    assert index_dtype(10, 2**31) == np.int64
