"""Kernels of texts against slow twins."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.category_twins import canonical, key

from sparsereg._core.texts import distinct_texts, find_texts, fixed_texts, hash_texts, integer_texts, object_texts

WORDS = st.one_of(
    st.text(max_size=20),
    st.integers(-(10**20), 10**20).map(lambda number: f"{number}.0"),
    st.sampled_from(["", "7", "7.0", "007.0", "-0.0", "-0", ".0", "-.0", "7.00", "True", "False", "true", "a" * 8]),
)


def texts(words):
    """Return data, offsets and a key for each word."""
    encoded = [word.encode() for word in words]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    data, keys = np.frombuffer(b"".join(encoded), dtype=np.uint8), np.empty(len(words), dtype=np.uint64)
    hash_texts(data, offsets, keys)
    return data, offsets, keys


def split(data, offsets):
    data = bytes(data)
    return [data[begin:end].decode() for begin, end in pairwise(offsets)]


def decimals(values):
    data, offsets = np.empty(20 * len(values) + 8, dtype=np.uint8), np.empty(len(values) + 1, dtype=np.int64)
    integer_texts(values, data, offsets)
    return split(data, offsets)


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_integers_in_decimal(values):
    assert decimals(np.array(values, dtype=np.int64)) == [str(value) for value in values]


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_integers_around_every_power_of_ten(dtype):
    values = [sign * 10**power + step for power in range(20) for step in (-1, 0, 1) for sign in (1, -1)]
    limits = np.iinfo(dtype)
    values = [value for value in [*values, limits.min, limits.max] if limits.min <= value <= limits.max]
    assert decimals(np.array(values, dtype=dtype)) == [str(value) for value in values]


@given(st.lists(WORDS, max_size=30))
def test_keys_are_the_documented_ones(words):
    assert texts(words)[2].tolist() == [key(word) for word in words]


def test_keys_of_some_texts_for_good():
    """What models keep rests on these."""
    known = {
        "": 0x0,
        "7": 0xBC46B610E9D3F375,
        "Oslo": 0xF237B031FACEA173,
        "a longer text than a word": 0xF2BD36462F38A93F,
    }
    assert texts([*known])[2].tolist() == [*known.values()]
    assert [key(text) for text in known] == [*known.values()]


@given(st.lists(st.text(max_size=9).map(lambda word: word.rstrip("\0"))))
def test_strings_of_fixed_width(words):
    letters = np.array([[*map(ord, word.ljust(9, "\0"))] for word in words], dtype=np.uint32).reshape(-1, 9)
    data, offsets = np.empty(4 * letters.size, dtype=np.uint8), np.empty(len(words) + 1, dtype=np.int64)
    assert fixed_texts(letters, data, offsets) == len(words)
    assert split(data, offsets) == words


@pytest.mark.parametrize("letter", [0xD800, 0xDFFF, 0x110000, 0xFFFFFFFF])
def test_strings_of_fixed_width_stop_at_the_first_that_is_no_text(letter):
    letters = np.array([[97, 0], [0x10FFFF, 0xD7FF], [97, letter], [letter, 0]], dtype=np.uint32)
    data, offsets = np.empty(32, dtype=np.uint8), np.empty(5, dtype=np.int64)
    assert fixed_texts(letters, data, offsets) == 2
    assert split(data, offsets[:3]) == ["a", "\U0010ffff\ud7ff"]


def test_objects():
    class Other:
        pass

    asked = []

    def other(value):
        asked.append(value)
        return None if isinstance(value, Other) else "other"

    odd = Other()
    values = ["ü", None, 7, -(2**63), 2**63, float("nan"), 0.5, True, odd, np.str_("s"), "x" * 1000]
    offsets, missing = np.empty(12, dtype=np.int64), np.empty(11, dtype=np.uint8)
    data, stop = object_texts(values, other, offsets, missing)
    assert stop == 11
    assert split(data, offsets) == [
        "ü", "", "7", str(-(2**63)), "other", "", "other", "other", "", "s", "x" * 1000,
    ]  # fmt: skip
    assert missing.tolist() == [0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0]
    assert asked == [2**63, 0.5, True, odd]


def test_objects_stop_at_the_first_without_a_text():
    def other(value):
        raise ValueError(value)

    for values, row in ((["a", "\ud800", "b"], 1), ([None, 2, 0.5, "\ud800"], 2), ([], 0)):
        offsets, missing = np.empty(len(values) + 1, dtype=np.int64), np.empty(len(values), dtype=np.uint8)
        assert object_texts(values, other, offsets, missing)[1] == row


@given(st.lists(st.tuples(WORDS, st.booleans()), max_size=60))
def test_first_rows_of_distinct_texts(rows):
    words, left_out = [word for word, _ in rows], np.array([out for _, out in rows], dtype=np.uint8)
    firsts = np.empty(len(rows), dtype=np.int64)
    n_distinct = distinct_texts(*texts(words)[:2], left_out, texts(words)[2], firsts)
    expected = {}
    for row, (word, out) in enumerate(rows):
        if not out:
            expected.setdefault(canonical(word), row)
    assert firsts[:n_distinct].tolist() == sorted(expected.values())


def test_many_distinct_texts():
    words = [str(number % 5000) for number in range(20_000)]
    data, offsets, keys = texts(words)
    firsts = np.empty(len(words), dtype=np.int64)
    assert distinct_texts(data, offsets, np.zeros(len(words), dtype=np.uint8), keys, firsts) == 5000
    assert firsts[:5000].tolist() == list(range(5000))


@given(st.lists(st.tuples(WORDS, st.booleans()), max_size=60), st.sets(WORDS.map(canonical), max_size=20))
def test_positions_among_known_texts(rows, known):
    words, left_out = [word for word, _ in rows], np.array([out for _, out in rows], dtype=np.uint8)
    known = sorted(known)
    codes = np.empty(len(rows), dtype=np.int64)
    data, offsets, keys = texts(words)
    find_texts(data, offsets, left_out, keys, *texts(known), codes)
    position = {word: at for at, word in enumerate(known)}
    assert codes.tolist() == [-1 if out else position.get(canonical(word), -1) for word, out in rows]


def test_equal_keys_are_not_equal_texts():
    data, offsets, keys = texts(["a", "b", "a"])
    keys[:] = 5
    firsts, left_out = np.empty(3, dtype=np.int64), np.zeros(3, dtype=np.uint8)
    assert distinct_texts(data, offsets, left_out, keys, firsts) == 2
    assert firsts[:2].tolist() == [0, 1]
    codes = np.empty(3, dtype=np.int64)
    find_texts(data, offsets, left_out, keys, *texts(["b"])[:2], np.array([5], dtype=np.uint64), codes)
    assert codes.tolist() == [-1, 0, -1]
