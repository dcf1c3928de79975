"""Kernels against slow twins in exact arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsereg._core.crosses import hashed_ids, lat_long_ids, mixed_radix_ids
from sparsereg.features.buckets import make_level

WORD = 2**64
WIDTHS = [1, 0.5, 2.5, 60, 7, 0.1, 1 / 3, 10_800, 1e-4, np.pi]


def exact_bucket(x, origin, level):
    """Largest k whose edge, rounded once from exact arithmetic, is at or below x."""
    width = Fraction(level.numerator, level.denominator)
    k = int((Fraction(x) - origin) / width)
    while float(origin + (k + 1) * width) <= x:
        k += 1
    while float(origin + k * width) > x:
        k -= 1
    return k


def kernel_buckets(points, level):
    ids = np.empty((len(points), 3), dtype=np.int64)
    widths = np.array([[level.numerator, level.denominator, level.denominator / level.numerator]], dtype=np.float64)
    shapes = np.array([[level.n_lat, level.n_lon, level.n_lat + level.n_lon]], dtype=np.int64)
    assert lat_long_ids(np.asarray(points, dtype=np.float64), widths, shapes, True, ids) == -1
    assert np.array_equal(ids[:, 2] - level.n_lat - level.n_lon, ids[:, 0] * level.n_lon + ids[:, 1] - level.n_lat)
    return ids[:, 0], ids[:, 1] - level.n_lat


@pytest.mark.parametrize("minutes", WIDTHS)
@given(latitude=st.floats(-90, 90), longitude=st.floats(-180, 360, exclude_max=True))
def test_bucket_is_the_exact_one(minutes, latitude, longitude):
    level = make_level(minutes)
    origin = 180 if longitude >= 180 else -180
    row, column = kernel_buckets([[latitude, longitude]], level)
    assert row[0] == min(exact_bucket(latitude, -90, level), level.n_lat - 1)
    assert column[0] == exact_bucket(longitude, origin, level)
    assert 0 <= column[0] < level.n_lon


@pytest.mark.parametrize("minutes", WIDTHS)
def test_nearest_double_to_an_edge_starts_its_bucket_and_the_double_below_ends_the_one_before(minutes):
    level = make_level(minutes)
    rng = np.random.default_rng(0)
    k = np.unique(rng.integers(0, level.n_lat, 3000))
    width = Fraction(level.numerator, level.denominator)
    edges = np.array([float(-90 + int(i) * width) for i in k])
    at, _ = kernel_buckets(np.c_[edges, np.zeros_like(edges)], level)
    assert np.array_equal(at, k)
    below = np.nextafter(edges[k > 0], -np.inf)
    before, _ = kernel_buckets(np.c_[below, np.zeros_like(below)], level)
    assert np.array_equal(before, k[k > 0] - 1)


@pytest.mark.parametrize("minutes", WIDTHS)
def test_near_an_edge_the_edge_itself_decides(minutes):
    level = make_level(minutes)
    rng = np.random.default_rng(1)
    width = Fraction(level.numerator, level.denominator)
    k = rng.integers(0, level.n_lat, 200)
    # From far below to well above the distance from which on a guess will do.
    share = rng.choice([-1.0, 1.0], 200) * 10.0 ** rng.uniform(-9, -4, 200)
    points = np.clip([float(-90 + (Fraction(s) + int(i)) * width) for i, s in zip(k, share)], -90.0, 90.0)
    row, _ = kernel_buckets(np.c_[points, np.zeros_like(points)], level)
    assert row.tolist() == [min(exact_bucket(x, -90, level), level.n_lat - 1) for x in points]


def test_longitude_edges_hold_in_both_conventions():
    level = make_level(1)
    k = np.arange(level.n_lon)
    west = np.array([float(Fraction(int(i), 60) - 180) for i in k])
    _, column = kernel_buckets(np.c_[np.zeros_like(west), west], level)
    assert np.array_equal(column, k)
    east = np.array([float(Fraction(int(i), 60) + 180) for i in k[:10_800]])
    _, column = kernel_buckets(np.c_[np.zeros_like(east), east], level)
    assert np.array_equal(column, k[:10_800])


@pytest.mark.parametrize("bad", [(90.1, 0), (-91, 0), (0, -180.5), (0, 360), (np.nan, 0), (0, np.nan), (0, np.inf)])
def test_first_bad_row_is_returned(bad):
    points = np.array([(0, 0), (1, 1), bad, (2, 2), bad], dtype=np.float64)
    ids = np.empty((5, 1), dtype=np.int32)
    assert lat_long_ids(points, np.array([[1.0, 1.0, 1.0]]), np.array([[180, 360, 0]]), False, ids) == 2


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_read_only_points_and_both_index_types(index):
    points = np.array([(0.5, 0.5)])
    points.flags.writeable = False
    ids = np.empty((1, 3), dtype=index)
    assert lat_long_ids(points, np.array([[1.0, 1.0, 1.0]]), np.array([[180, 360, 540]]), True, ids) == -1
    assert ids.tolist() == [[90, 180 + 180, 540 + 90 * 360 + 180]]


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_mixed_radix_against_a_slow_twin(index):
    rng = np.random.default_rng(1)
    sizes = np.array([3, 5, 4])
    codes = np.array([rng.integers(-1, size, 200) for size in sizes])
    blocks = [(0,), (1,), (2, 0), (1, 0, 2)]
    starts = np.cumsum([0, 3, 5, 12])
    indptr, indices = np.empty(201, dtype=index), np.empty(800, dtype=index)
    flat = np.array([j for block in blocks for j in block])
    mixed_radix_ids(codes, sizes, flat, np.cumsum([0, 1, 1, 2, 3]), starts, indptr, indices)
    for i in range(200):
        expected = []
        for block, start in zip(blocks, starts):
            value = 0
            for j in block:
                value = value * sizes[j] + codes[j, i]
            if all(codes[j, i] >= 0 for j in block):
                expected.append(start + value)
        assert indices[indptr[i] : indptr[i + 1]].tolist() == expected


def mix(z):
    z = (z + 0x9E3779B97F4A7C15) % WORD
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % WORD
    return z ^ (z >> 31)


@pytest.mark.parametrize("bits", [1, 3, 20, 62])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_hash_against_a_slow_twin(bits, dtype):
    rng = np.random.default_rng(2)
    keys = rng.integers(0, WORD, (3, 100), dtype=np.uint64)
    missing = (rng.random((3, 100)) < 0.2).astype(np.uint8)
    blocks = [(0,), (1,), (2,), (0, 1), (2, 1, 0)]
    seeds = np.arange(5, dtype=np.uint64) * np.uint64(3**39)
    indptr, indices, data = np.empty(101, np.int64), np.empty(500, np.int64), np.empty(500, dtype)
    flat = np.array([j for block in blocks for j in block])
    hashed_ids(keys, missing, flat, np.cumsum([0, 1, 1, 1, 2, 3]), seeds, bits, indptr, indices, data)
    for i in range(100):
        expected = {}
        for block, seed in zip(blocks, seeds.tolist()):
            if not any(missing[j, i] for j in block):
                h = seed
                for j in block:
                    h = mix(h ^ mix(int(keys[j, i])))
                expected[h >> (64 - bits)] = expected.get(h >> (64 - bits), 0) + 1
        row = slice(indptr[i], indptr[i + 1])
        assert list(zip(indices[row].tolist(), data[row].tolist())) == sorted(expected.items())


def test_mix_gives_the_published_sequence_of_splitmix64():
    # first outputs of the reference implementation (Vigna, splitmix64.c) for seed 0
    golden = 0x9E3779B97F4A7C15
    assert [mix(k * golden % WORD) for k in range(3)] == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
