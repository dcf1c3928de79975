"""The parser of svmlight text: every number as Python reads it, every fault where it is."""

import random
import struct
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support import svmlight_twin

from sparsereg._core import svmlight

WIDEST = 2**63 - 1
LARGEST = "1.7976931348623157e308"


def run(text, *, max_rows=1000, capacity=100_000, n_features=WIDEST, zero_based=False, dtype=np.float64, begin=0):
    labels, indptr = np.full(max_rows, np.nan), np.zeros(max_rows + 1, dtype=np.int64)
    indices, data = np.full(capacity, -1, dtype=np.int64), np.full(capacity, np.nan, dtype=dtype)
    *stop, n_rows, nnz = svmlight.parse(text, begin, zero_based, n_features, 0, 0, labels, indptr, indices, data)
    return stop, labels[:n_rows], indptr[: n_rows + 1], indices[:nnz], data[:nnz]


def read(text, **settings):
    """Parse text without faults; return labels and rows as the twin does."""
    stop, labels, indptr, indices, data = run(text, **settings)
    assert stop == [svmlight.END, len(text), len(text), text.count(b"\n")]
    pairs = list(zip(indices.tolist(), data.tolist()))
    return labels.tolist(), [pairs[a:b] for a, b in pairwise(indptr)]


def bits(numbers):
    return np.asarray(numbers, dtype=np.float64).view(np.int64).tolist()


def check_numbers(words):
    """Compare with Python's own reading, bit by bit, as values and as labels."""
    _, _, _, _, data = run(("0 " + " ".join(f"1:{word}" for word in words) + "\n").encode(), capacity=len(words))
    assert dict(zip(words, bits(data))) == dict(zip(words, bits([float(word) for word in words])))
    _, labels, _, _, _ = run("".join(f"{word}\n" for word in words).encode(), max_rows=len(words))
    assert bits(labels) == bits(data)


# Numbers.

digits = st.text("0123456789", max_size=30)
numbers = (
    st.builds("{}{}.{}{}".format, st.sampled_from(["", "+", "-"]), digits, digits, st.sampled_from(["", "e{}", "E{}"]))
    .filter(lambda word: any(letter.isdigit() for letter in word.partition("{}")[0]))
    .flatmap(lambda word: st.builds(word.format, st.integers(-400, 400)) if "{}" in word else st.just(word))
    .filter(lambda word: abs(float(word)) < float("inf"))
)


@given(st.lists(numbers, min_size=1, max_size=20))
def test_any_decimal_number(words):
    check_numbers(words)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_what_python_prints_comes_back(values):
    check_numbers([repr(value) for value in values])
    check_numbers([f"{value:.25e}" for value in values])


@pytest.mark.parametrize("n_digits", range(1, 40))
def test_numbers_of_any_length_wherever_in_the_text_they_are(n_digits):
    word = ("1234567890" * 4)[:n_digits]
    words = [word, "0" * 17 + word, "0." + word, word + ".5", "-" + word + "." + word, "1e-" + str(n_digits)]
    for k in (0, 3, 16, 33):
        check_numbers(["1"] * k + words + ["2"] * (33 - k))
    ids = [str(int(word[:18]) + 1), "0" * n_digits + "7"]
    for text in (" ".join(f"{id_}:1" for id_ in ids), " ".join(f"{id_}:{word}" for id_ in ids * 3)):
        _, rows = read(f"1 {text}\n-1\n".encode())
        assert rows == svmlight_twin.parse(f"1 {text}\n-1\n".encode())[1]


@pytest.mark.parametrize("letter", [chr(k) for k in range(1, 128) if chr(k) not in "0123456789\n#\t \r"])
def test_no_other_letter_is_a_digit(letter):
    padding = "5:1 " * 8
    for before in ("", padding):
        (code, _, position, _), *_ = run(f"1 {before}12{letter}4:1 {padding}\n".encode())
        expected = svmlight.BAD_VALUE if letter == ":" else svmlight.BAD_ID
        assert (code, position) == (expected, 2 + len(before) + 3 * (letter == ":"))


@pytest.mark.parametrize("n_features", [5, 2**31 - 1])
def test_ids_may_be_narrow(n_features):
    indices, labels, indptr = np.full(2, -1, dtype=np.int32), np.empty(1), np.zeros(2, dtype=np.int64)
    text = f"1 1:1 {n_features}:2\n".encode()
    svmlight.parse(text, 0, False, n_features, 0, 0, labels, indptr, indices, np.empty(2))
    assert indices.tolist() == [0, n_features - 1]


def test_random_doubles_and_random_decimals():
    rng = random.Random(0)
    doubles = (struct.unpack("d", rng.randbytes(8))[0] for _ in range(20_000))
    check_numbers([repr(double) for double in doubles if abs(double) < float("inf")])
    powers = (rng.randint(-345, 289) for _ in range(20_000))
    check_numbers([f"{rng.getrandbits(rng.randint(1, 64))}e{power}" for power in powers])


def test_ties_and_what_is_next_to_them():
    """Halfway between two doubles, and one digit to each side: in 19 digits and in many."""
    rng = random.Random(1)
    words = []
    for _ in range(3000):
        tie = (2 * (rng.getrandbits(52) | 1 << 52) + 1) << rng.randint(0, 9)
        words += [str(tie - 1), str(tie), str(tie + 1), f"{tie}.{'0' * 30}1", f"{tie}e0", f"{tie}0e-1"]
        power = rng.randint(1, 12)
        words.append(f"{(2 * (rng.getrandbits(20) | 1 << 52) + 1) * 5**power}e-{power}")
    check_numbers(words)


def test_the_ends_of_the_range():
    check_numbers([LARGEST, f"-{LARGEST}", "4.9e-324", "2.4703282292062327e-324", "2.4703282292062328e-324", "1e-400"])
    check_numbers(["2.2250738585072014e-308", "2.2250738585072011e-308", "9" * 19 + "e289", "1e-307", "1e-308"])
    check_numbers(["0", "-0", "0.0e999999999999999999999", "0e-5", "1e-999999999999999999999", "1e308"])
    check_numbers(["18446744073709551615", "18446744073709551616", "9999999999999999999", "5.", ".5"])
    check_numbers(["1e-18446744073709551617", "1" * 310 + "e-300", "0." + "0" * 400 + "1e401"])


@pytest.mark.parametrize(
    "word",
    ["1e400", "-1e309", "9999999999999999999e290", "9999999999999999999e300", "1e18446744073709551616", "1" * 310]
    + ["nan", "inf", "-Infinity", "1e", "1e+", ".", "+", "--1", "0x1", "1_0", "1e5.", "1.2.3"],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_no_finite_number(word, dtype):
    text = f"1 1:1\n2 1:3 7:{word} 8:1\n3\n".encode()
    stop, labels, _, indices, _ = run(text, dtype=dtype)
    assert stop == [svmlight.BAD_VALUE, 6, text.index(b"7:") + 2, 1]
    assert (labels.tolist(), indices.tolist()) == ([1.0], [0])
    assert run(f"{word} 1:1\n".encode())[0] == [svmlight.BAD_LABEL, 0, 0, 0]


def test_single_precision():
    _, _, _, _, data = run(b"1 1:0.1 2:3.4e38 3:16777217 4:1e-60\n", dtype=np.float32)
    np.testing.assert_array_equal(data, np.array([0.1, 3.4e38, 16777216.0, 0.0], dtype=np.float32))
    assert run(b"1 1:1e39\n", dtype=np.float32)[0] == [svmlight.BAD_VALUE, 0, 4, 0]


# Lines.

blanks = st.text(" \t", min_size=1, max_size=3)
entries = st.builds("{}:{}".format, st.integers(1, WIDEST), numbers)


@st.composite
def texts(draw):
    lines = []
    for _ in range(draw(st.integers(0, 6))):
        words = [draw(numbers), *(["qid:7"] if draw(st.booleans()) else []), *draw(st.lists(entries, max_size=5))]
        line = draw(st.sampled_from(["", " ", "\t "])) + "".join(word + draw(blanks) for word in words).rstrip(" \t")
        line = draw(st.sampled_from([line, "", "  ", "# 1 1:1"]))
        lines.append(line + draw(st.sampled_from(["", " ", "#", " # 5 x:y #", "\r"])) + "\n")
    return "".join(lines).encode()


@given(texts())
@example(b"1\n")
@example(b"1 2:3\r\n\r\n# no row\r\n 4\t5:6 \r\n")
@example(b"1 qid:12 # nothing\n0 1:1#2:2\n")
@example(b"0 7:1 7:2 3:1\n")
def test_text_means_what_the_twin_says(text):
    labels, rows = read(text)
    expected_labels, expected_rows = svmlight_twin.parse(text)
    assert (bits(labels), rows) == (bits(expected_labels), expected_rows)


@given(texts(), st.integers(0, 4), st.integers(1, 6))
def test_full_arrays_lose_nothing(text, max_rows, capacity):
    """Whatever the room, the rows that are read are the first ones, whole, and reading goes on where it stopped."""
    labels, rows = [], []
    begin = 0
    while True:
        (code, begin, position, _), found, indptr, indices, data = run(
            text, max_rows=max_rows, capacity=capacity, begin=begin
        )
        pairs = list(zip(indices.tolist(), data.tolist()))
        labels += found.tolist()
        rows += [pairs[a:b] for a, b in pairwise(indptr)]
        if code == svmlight.END:
            break
        if code == svmlight.ROWS_FULL:
            assert len(found) == max_rows
            max_rows += 1
        else:
            assert code == svmlight.ENTRIES_FULL
            capacity += 1
        assert begin == 0 or text[begin - 1 : begin] == b"\n"
    assert (begin, position) == (len(text), len(text))
    expected_labels, expected_rows = svmlight_twin.parse(text)
    assert (bits(labels), rows) == (bits(expected_labels), expected_rows)


def test_rows_are_added_behind_those_that_are_there():
    labels, indptr = np.array([5.0, 0.0, 0.0]), np.array([0, 2, 0, 0])
    indices, data = np.array([3, 4, 0, 0]), np.array([1.0, 2.0, 0.0, 0.0])
    done = svmlight.parse(b"6 1:9\n7\n", 0, False, 10, 1, 2, labels, indptr, indices, data)
    assert done == (svmlight.END, 8, 8, 2, 3, 3)
    assert (labels.tolist(), indptr.tolist()) == ([5.0, 6.0, 7.0], [0, 2, 3, 3])
    assert (indices[:3].tolist(), data[:3].tolist()) == ([3, 4, 0], [1.0, 2.0, 9.0])


def test_no_text():
    assert run(b"")[0] == [svmlight.END, 0, 0, 0]
    assert run(b"1\n", begin=2)[0] == [svmlight.END, 2, 2, 0]


# Faults: code and where it begins.


@pytest.mark.parametrize(
    ("line", "code", "position"),
    [
        ("1,2 3:1", svmlight.SEVERAL_LABELS, 0),
        ("3:1 4:1", svmlight.NO_LABEL, 0),
        ("  yes 3:1", svmlight.BAD_LABEL, 2),
        ("1x 3:1", svmlight.BAD_LABEL, 0),
        ("\0", svmlight.BAD_LABEL, 0),
        ("1 qid: 3:1", svmlight.BAD_QID, 2),
        ("1 qid:x", svmlight.BAD_QID, 2),
        ("1 qid:1.5", svmlight.BAD_QID, 2),
        ("1 3:1 qid:4", svmlight.BAD_ID, 6),
        ("1 qi", svmlight.BAD_ID, 2),
        ("1 3", svmlight.BAD_ID, 2),
        ("1 3 :1", svmlight.BAD_ID, 2),
        ("1 :1", svmlight.BAD_ID, 2),
        ("1 a:1", svmlight.BAD_ID, 2),
        ("1 +3:1", svmlight.BAD_ID, 2),
        ("1 -:1", svmlight.BAD_ID, 2),
        ("1 1.5:1", svmlight.BAD_ID, 2),
        ("1 2:1 -3:1", svmlight.ID_BELOW, 6),
        ("1 0:1", svmlight.ID_BELOW, 2),
        ("1 000:1", svmlight.ID_BELOW, 2),
        ("1 9223372036854775808:1", svmlight.ID_ABOVE, 2),
        ("1 18446744073709551616:1", svmlight.ID_ABOVE, 2),
        ("1 18446744073709551617:1", svmlight.ID_ABOVE, 2),
        ("1 36893488147419103233:1", svmlight.ID_ABOVE, 2),
        ("1 3:", svmlight.BAD_VALUE, 4),
        ("1 3: 1", svmlight.BAD_VALUE, 4),
        ("1 3:# 1", svmlight.BAD_VALUE, 4),
        ("1 3:1x", svmlight.BAD_VALUE, 4),
        ("1 3:1:2", svmlight.BAD_VALUE, 4),
        ("1 3:1,4:1", svmlight.BAD_VALUE, 4),
    ],
)
def test_faults(line, code, position):
    before = "7 1:1\n# comment\n"
    stop, labels, indptr, _, _ = run(f"{before}{line}\n8 1:1\n".encode())
    assert stop == [code, len(before), len(before) + position, 2]
    assert (labels.tolist(), indptr.tolist()) == ([7.0], [0, 1])


def test_the_width_bounds_ids():
    for zero_based, most in ((False, 10), (True, 9)):
        settings = {"n_features": 10, "zero_based": zero_based}
        assert read(f"1 {most}:1\n".encode(), **settings) == ([1.0], [[(9, 1.0)]])
        assert run(f"1 {most + 1}:1\n".encode(), **settings)[0][0] == svmlight.ID_ABOVE
    assert read(b"1 0:1 00:2\n", zero_based=True) == ([1.0], [[(0, 1.0), (0, 2.0)]])
    assert run(b"1 -1:1\n", zero_based=True)[0][0] == svmlight.ID_BELOW
    most = 2**63 - 2
    assert read(f"1 000{most}:1\n".encode(), zero_based=True) == ([1.0], [[(most, 1.0)]])
    assert run(f"1 {most + 1}:1\n".encode(), zero_based=True)[0][0] == svmlight.ID_ABOVE
    assert read(f"1 {most + 1}:1\n".encode()) == ([1.0], [[(most, 1.0)]])


@given(st.binary(max_size=60), st.sampled_from([b"1 2:3 ", b"", b"1 qid:"]))
def test_any_bytes_end_in_an_answer(noise, start):
    text = start + noise + b"\n"
    (code, begin, position, _), labels, indptr, indices, data = run(text)
    assert 0 <= begin <= position <= len(text)
    assert (code == svmlight.END) == (begin == len(text))
    assert np.isfinite(labels).all() and np.isfinite(data).all() and (indices >= 0).all()
    assert indptr[-1] == len(data)
