"""What commands print: widths, alignment, JSON without numbers that are none."""

import argparse
import json

import numpy as np
import pytest

from sparsereg.cli.output import emit, facts, number, table


def test_numbers_stand_right_and_texts_left():
    assert table(("name", "weight"), [("a", "1.5"), ("long", "-20")]) == "name  weight\na        1.5\nlong     -20"


def test_long_texts_lose_their_middle():
    text = table(("name", "weight"), [("a" * 60 + "b" * 60, "1,000"), ("c", "2")])
    lines = text.splitlines()
    assert max(map(len, lines)) == 80
    assert lines[1].startswith("aaa")
    assert "a...b" in lines[1]
    assert lines[1].endswith("b   1,000")


def test_names_cannot_break_lines():
    assert table(("name",), [("a\nb\x1b[31m",)]).splitlines()[1] == "a\\nb\\x1b[31m"


def test_facts_fill_lines_of_80():
    text = facts([("Data", "file.csv"), ("Features", "word " * 40)])
    lines = text.splitlines()
    assert lines[0] == "Data      file.csv"
    assert max(map(len, lines)) <= 80
    assert all(line.startswith("          word") for line in lines[2:])


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234, "1,234"), (np.int64(7), "7"), (0.123456, "0.1235"), (452600.0, "452,600"), (4.526e9, "4.526e+09"),
     (float("nan"), "-"), (1e-9, "1e-09")],
)
def test_number(value, text):
    assert number(value) == text


def test_json_has_null_for_no_number(capsys):
    arguments = argparse.Namespace(json=True, warnings=["careful"])
    emit(arguments, "text", {"a": np.array([1.0, np.nan, np.inf]), 2: np.int64(3), "c": (np.True_, None)})
    out = capsys.readouterr().out
    assert json.loads(out) == {"a": [1.0, None, None], "2": 3, "c": [True, None], "warnings": ["careful"]}
    assert out.count("\n") == 1
