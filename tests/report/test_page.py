"""Pages: what is shown of texts that come from data."""

import pytest
from support.html_pages import Page

from sparsereg.report.page import LONGEST, page, printable, table


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"), ("\u6771\u4eac", "\u6771\u4eac"), ("a\u200db", "a\u200db"), ("a\nb\tc", "a\\nb\\tc"),
        ("\x00\x1b", "\\x00\\x1b"), ("\u202eabc", "\\u202eabc"), ("\ud800", "\\ud800"), ("\u2028", "\\u2028"), (3, "3"),
    ],
)  # fmt: skip
def test_signs_that_are_not_seen_are_spelled_out(text, shown):
    assert printable(text) == shown
    printable(text).encode()


def test_long_texts_keep_both_ends():
    text = printable("a" * 200 + "b" * 200)
    assert len(text) <= LONGEST
    assert text.startswith("aaa")
    assert text.endswith("bbb")
    assert "..." in text
    assert printable("c" * LONGEST) == "c" * LONGEST


def test_texts_are_escaped_wherever_they_stand():
    bad = '<img src=x onerror="a()">&'
    whole = page(bad, bad, [("one", bad, table(bad, (bad, bad), [(bad, bad)]))])
    parsed = Page(whole)
    assert "img" not in parsed.tags
    assert whole.count("&lt;img src=x onerror=&quot;a()&quot;&gt;&amp;") == 11


def test_a_table_says_which_cells_are_heads():
    parsed = Page(table("what", ("name", "value"), [("a", 1), ("b", 2)]))
    scopes = [attributes["scope"] for tag, attributes in parsed.attributes if tag == "th"]
    assert scopes == ["col", "col", "row", "row"]
    assert parsed.text.split() == ["what", "namevalue", "a1", "b2"]
