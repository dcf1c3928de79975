"""The hash as its page tells it: programs in two languages against the compiled one."""

import json
import math

import numpy as np
import pytest
from support.exported import HASHING, blocks, javascript

from sparsereg import FeatureCross

(PYTHON,) = blocks(HASHING, "python")
LETTERS = "aZ09._-+ é\u00df\u4e2d\u05d0\U0001f600\U00010348\x00\n\"\\\u2028"
COMMON = ["", "7", "7.0", "-0.0", "-0", "0.0", "007", "007.0", "-7.0", "7.00", "True", "False", "true", "TRUE", "nan"]
SPECIAL = [math.inf, -math.inf, math.nan, -0.0, 1e-05, 1e-4, 9.999e-5, 5e-324, 1e22, 0.1, 123456.789]
N_ROWS = 4_000
CROSSES = ["a", ("a", "b"), ("c", "b", "a")]


def twin():
    """Return what the Python of the page defines."""
    defined = {}
    exec(compile(PYTHON, "hashing.md", "exec"), defined)
    return defined


def values(rng, n):
    """Return texts, integers, floats, truth values and missing ones."""
    draws = {
        0: lambda: None,
        1: lambda: COMMON[rng.integers(len(COMMON))],
        2: lambda: "".join(rng.choice(list(LETTERS), rng.integers(0, 40))),
        3: lambda: int(rng.integers(-50, 50)),
        4: lambda: int(rng.integers(-(2**63), 2**63 - 1)),
        5: lambda: float(rng.normal() * 10.0 ** rng.integers(-320, 25)),
        6: lambda: float(rng.integers(-50, 50)),
        7: lambda: bool(rng.integers(2)),
        8: lambda: SPECIAL[rng.integers(len(SPECIAL))],
    }
    return [draws[kind]() for kind in rng.integers(0, len(draws), n).tolist()]


def table():
    """Return rows of three columns, 12,000 values in all."""
    rng = np.random.default_rng(0)
    rows = np.empty((N_ROWS, 3), dtype=object)
    for j in range(3):
        rows[:, j] = values(rng, N_ROWS)
    return rows


def ids_of(rows, bits, hash_block):
    """Return the ids of each row by a twin, those of a collision twice."""
    out = []
    for row in rows.tolist():
        found = [hash_block(name, [row["abc".index(c)] for c in name.split(" x ")], bits) for name in BLOCKS]
        out.append(sorted(k for k in found if k is not None))
    return out


BLOCKS = ["a", "b", "c", "a x b", "c x b x a"]


def compiled(rows, bits):
    import pandas as pd

    X = FeatureCross(CROSSES, hashed=bits).fit_transform(pd.DataFrame(rows, columns=list("abc"), dtype=object))
    return [np.repeat(ids, data.astype(int)).tolist() for ids, data in zip(*(
        np.split(array, X.indptr[1:-1]) for array in (X.indices, X.data)
    ))]  # fmt: skip


@pytest.mark.parametrize("bits", [1, 10, 62])
def test_the_python_of_the_page_makes_the_same_ids(bits):
    rows = table()
    assert ids_of(rows, bits, twin()["hashed_id"]) == compiled(rows, bits)


@pytest.mark.parametrize("bits", [10, 62])
def test_the_javascript_of_the_page_makes_the_same_ids(bits):
    rows = table()
    # A double holds no integer beyond 2**53, and JSON no NaN and no infinity.
    special = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}

    def script(value):
        if isinstance(value, float) and not math.isfinite(value):
            return special[repr(value)]
        return f"{value}n" if isinstance(value, int) and abs(value) > 2**53 else json.dumps(value)

    written = "[" + ",".join(f"[{','.join(map(script, row))}]" for row in rows.tolist()) + "]"
    found = javascript(
        f"() => JSON.stringify({written}.map((row) => {json.dumps(BLOCKS)}.map((name) => String(hashedId(name, "
        f'name.split(" x ").map((c) => row["abc".indexOf(c)]), {bits})))))'
    )
    ids = [sorted(int(k) for k in row if k != "null") for row in json.loads(found)]
    assert ids == compiled(rows, bits)


def test_the_programs_are_short():
    (script,) = blocks(HASHING, "javascript")
    assert len([line for line in PYTHON.splitlines() if line]) <= 30
    assert len([line for line in script.splitlines() if line]) <= 45


def test_lone_surrogates_are_no_texts_anywhere():
    with pytest.raises(UnicodeEncodeError):
        twin()["hashed_id"]("a", ["\ud800"], 20)
    with pytest.raises(Exception, match="URIError"):
        javascript('() => String(hashedId("a", ["\\ud800"], 20))')
    with pytest.raises(ValueError, match="lone surrogate"):
        FeatureCross(hashed=20).fit_transform(np.array([["\ud800"]], dtype=object))
