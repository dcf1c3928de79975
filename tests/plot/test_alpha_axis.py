"""Axes of alpha: where alphas stand, and ticks that can be read at any width."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from sparsereg.plot.alpha_axis import choose_ticks, count_on_top, count_text, format_alpha, place_alphas, scale_alphas


@pytest.mark.parametrize(
    ("alphas", "x"),
    [
        ([1.0, 0.1, 0.05], [1.0, 0.1, 0.05]),
        ([1.0, 0.1, 0.05, 0.0], [1.0, 0.1, 0.05, 0.025]),
        ([1.0, 1e-3, 0.0], [1.0, 1e-3, 1e-4]),
        ([0.5, 0.0], [0.5, 0.05]),
        ([0.0], [1.0]),
    ],
)
def test_an_alpha_of_zero_stands_a_step_below_the_others(alphas, x):
    np.testing.assert_allclose(place_alphas(np.array(alphas)), x, rtol=1e-12)


@given(st.floats(-300, 290), st.floats(0.001, 18), st.integers(1, 12))
def test_ticks_are_within_the_ends_and_as_many_as_there_is_room_for(power, n_decades, most):
    low, high = 10.0**power, 10.0 ** (power + n_decades)
    ticks = choose_ticks(low, high, most)
    assert len(ticks) <= most
    assert all(low <= tick <= high for tick in ticks)
    assert all(left < right for left, right in pairwise(ticks))
    if most >= 5:
        assert len(ticks) >= 2


def test_ticks_of_many_decades_are_powers_of_ten():
    assert choose_ticks(3e-6, 0.2, 8) == [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]
    assert choose_ticks(3e-6, 0.2, 3) == [1e-4, 1e-2]
    assert choose_ticks(0.03, 0.6, 8) == [0.05, 0.1, 0.2, 0.5]
    assert choose_ticks(0.0101, 0.0109, 4) == [0.0102, 0.0104, 0.0106, 0.0108]


def test_alphas_are_written_as_powers_or_plainly():
    assert format_alpha(1e-5, 4.0) == "$10^{-5}$"
    assert format_alpha(1e-5, 1.0) == "1e-05"
    assert format_alpha(0.02, 4.0) == "0.02"


def test_counts_in_words():
    assert [count_text(n) for n in (0, 1, 5167)] == ["0 non-zeros", "1 non-zero", "5,167 non-zeros"]


GRIDS = {
    "even": np.geomspace(1.0, 1e-4, 100),
    "few": np.array([1.0, 0.3, 1e-5]),
    "crowded": np.r_[1.0, np.geomspace(1e-4, 0.99e-4, 40)],
    "one": np.array([0.1]),
    "zero": np.array([1.0, 0.1, 0.05, 0.01, 0.0]),
    "zero beside many": np.r_[np.geomspace(1.0, 1e-3, 100), 0.0],
    "zero alone": np.array([0.0]),
    "zero beside one": np.array([0.25, 0.0]),
    "decade": np.geomspace(0.03, 0.02, 30),
}


@pytest.mark.parametrize("width", [2.0, 6.4, 14.0])
@pytest.mark.parametrize("name", GRIDS)
def test_labels_of_ticks_do_not_touch(name, width):
    alphas, figure = GRIDS[name], Figure(figsize=(width, 3.0), layout="constrained")
    ax = figure.subplots()
    x = scale_alphas(ax, alphas)
    ax.plot(x, np.arange(x.size), "o")
    counts = 123_456 * np.arange(x.size) + 1
    count_on_top(ax, x, counts)
    figure.draw_without_rendering()
    (top,) = ax.child_axes
    for axis in (ax.xaxis, top.xaxis):
        labels = [label for label in axis.get_majorticklabels() if label.get_text()]
        boxes = sorted((label.get_window_extent() for label in labels), key=lambda box: box.x0)
        assert boxes
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
        assert all(not label.get_text() for label in axis.get_minorticklabels())
    shown = {label.get_text() for label in top.get_xticklabels()}
    assert f"{counts[0]:,}" in shown
    assert shown <= {f"{n:,}" for n in counts}
    if 0.0 in alphas:
        assert "0" in {label.get_text() for label in ax.get_xticklabels()}


def test_counts_stand_at_their_fits_and_replace_earlier_ones():
    ax = Figure().subplots()
    x = scale_alphas(ax, GRIDS["even"])
    ax.plot(x, x)
    for factor in (1, 3):
        count_on_top(ax, x, factor * np.arange(100), "columns")
    ax.figure.draw_without_rendering()
    (top,) = ax.child_axes
    assert top.get_xlabel() == "columns"
    found = {label.get_text(): at for label, at in zip(top.get_xticklabels(), top.get_xticks(), strict=True)}
    assert {"0", "297"} <= {*found}
    for text, at in found.items():
        assert at == x[int(text) // 3]


@pytest.mark.parametrize("largest", [3e10, -2e-7, 1.5])
def test_no_factor_stands_where_the_counts_are(largest, ax):
    x = scale_alphas(ax, np.array([1.0, 0.1, 0.01]))
    ax.plot(x, [0.0, 0.4 * largest, largest])
    count_on_top(ax, x, np.array([0, 10, 3000]))
    ax.figure.draw_without_rendering()
    assert ax.yaxis.get_offset_text().get_text() == ""
    texts = [text.get_text().replace("\N{MINUS SIGN}", "-") for text in ax.get_yticklabels()]
    ticks = ax.get_yticks()
    np.testing.assert_allclose([float(text) for text in texts], ticks, rtol=1e-5, atol=1e-12)
