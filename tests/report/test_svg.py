"""Pictures in pages: unique ids, the page's colours and fonts, and places with a tooltip that lie on what is drawn."""

import re

import numpy as np

from sparsereg.plot import COLOURS
from sparsereg.report.svg import Marks, draw_svg

X = np.array([1.0, 2.0, 4.0])
Y = np.array([0.0, 1.0, np.nan])


def line(ax):
    ax.plot(X, X, color=COLOURS[0], label="a <curve> & more")
    ax.text(1.0, 2.0, "named", color=COLOURS[1])
    ax.plot([1.0, 2.0], [1.0, 3.0], color="0.5")
    ax.legend()
    return [Marks(X, X, ["first <b>", "second", "third"])]


def test_a_picture_fits_the_page():
    svg = draw_svg("one", 'a "label" & <more>', line)
    assert svg.startswith('<svg role="img" aria-label="a &quot;label&quot; &amp; &lt;more&gt;" viewBox="0 0 ')
    assert "<style" not in svg
    assert "xmlns" not in svg
    assert "DejaVu" not in svg
    assert "sans-serif" not in svg
    assert "font-size: 9px" in svg
    assert "stroke: var(--curve0)" in svg
    assert "fill: var(--text1)" in svg
    assert "stroke: var(--grey5)" in svg
    assert "currentColor" in svg
    assert "#000000" not in svg
    assert "a &lt;curve&gt; &amp; more" in svg
    assert "<title>first &lt;b&gt;</title>" in svg


def test_ids_begin_with_the_key():
    ids = re.findall(r' id="([^"]+)"', draw_svg("one", "", line))
    assert ids
    assert all(name.startswith("one-") for name in ids)
    assert not {*ids} & {*re.findall(r' id="([^"]+)"', draw_svg("two", "", line))}


def test_tooltips_lie_on_the_curve():
    """The line through the points with tooltips is the line that is drawn."""
    svg = draw_svg("one", "", line)
    drawn = re.search(r'd="([^"]+)"[^>]*style="fill: none; stroke: var\(--curve0\)', svg)[1]
    corners = np.array(re.findall(r"[ML] ?([\d.]+) ([\d.]+)", drawn), dtype=float)
    hits = svg[svg.index('class="hits"') :]
    lines = re.findall(r'd="([^"]+)"', hits)
    parts = [np.array(re.findall(r"[ML]([\d.]+) ([\d.]+)", line), dtype=float) for line in lines]
    assert len(parts) == 3
    np.testing.assert_allclose([part[1] for part in parts], corners, atol=0.1)
    np.testing.assert_allclose(parts[0][2], parts[1][0])
    np.testing.assert_allclose(parts[0][2], 0.5 * (corners[0] + corners[1]), atol=0.1)


def test_points_that_are_not_there_have_no_tooltip():
    def draw(ax):
        ax.plot(X, Y)
        return [Marks(X, Y, ["first", "second", "missing"])]

    svg = draw_svg("one", "", draw)
    assert "second" in svg
    assert "missing" not in svg


def test_a_single_point_can_be_pointed_at():
    def draw(ax):
        ax.plot([1.0], [1.0], "o")
        return [Marks(np.array([1.0]), np.array([1.0]), ["only"])]

    svg = draw_svg("one", "", draw)
    start, stop = re.findall(r"[ML]([\d.]+) [\d.]+", re.search(r'd="([^"]+)"><title>only', svg)[1])
    assert float(stop) - float(start) > 5.0


def test_numbers_beside_ticks_are_powers():
    def draw(ax):
        ax.set(xscale="log", xlim=(1e-3, 1e3))
        return []

    svg = draw_svg("one", "", draw)
    assert "mathdefault" not in svg
    assert "$" not in svg
