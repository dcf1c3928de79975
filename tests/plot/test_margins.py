"""Things beside axes: spread so that they do not touch, and with room of their own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from sparsereg.plot.margins import LEGEND_SIZES, legend_below, make_room, spread

ONE = st.tuples(st.floats(-1, 2), st.floats(0.001, 0.1))


@given(st.lists(ONE, min_size=1, max_size=10))
def test_things_do_not_touch_and_keep_their_order(things):
    places, sizes = np.array(sorted(things)).T
    found = spread(places, sizes, 0.0, 1.0)
    assert np.all(np.diff(found) >= 0.5 * (sizes[1:] + sizes[:-1]) - 1e-12)
    assert found[0] >= 0.5 * sizes[0] - 1e-12
    assert found[-1] <= 1.0 - 0.5 * sizes[-1] + 1e-12


def test_what_does_not_touch_stays_and_what_does_moves_as_little_as_it_can():
    apart = np.array([0.1, 0.4, 0.9])
    np.testing.assert_allclose(spread(apart, np.full(3, 0.2), 0.0, 1.0), apart)
    np.testing.assert_allclose(spread(np.array([0.5, 0.5]), np.array([0.2, 0.4]), 0.0, 1.0), [0.35, 0.65])


def test_what_is_longer_than_the_line_overlaps_evenly():
    np.testing.assert_allclose(spread(np.zeros(4), np.full(4, 0.5), 0.0, 1.0), [0.125, 0.375, 0.625, 0.875])


def handles_of(ax, n, text):
    return [ax.plot([0, 1], [k, k + 1], label=f"{text} {k}")[0] for k in range(n)]


@pytest.mark.parametrize("layout", [None, "constrained", "tight"])
@pytest.mark.parametrize("n", [1, 4, 9])
def test_legends_are_in_the_figure_below_the_axes_and_not_on_each_other(layout, n):
    figure = Figure(layout=layout)
    ax = figure.subplots()
    groups = [handles_of(ax, n, "curve"), handles_of(ax, 2, "a line that is said much of, and then some more")]
    ax.set(xlabel="alpha")
    legend_below(ax, groups)
    make_room(ax)
    figure.draw_without_rendering()
    first = next(artist for artist in ax.artists if hasattr(artist, "get_texts"))
    second = ax.get_legend()
    assert [text.get_text() for text in second.get_texts()] == [handle.get_label() for handle in groups[1]]
    above, below = first.get_window_extent(), second.get_window_extent()
    assert ax.xaxis.label.get_window_extent().y0 >= above.y1
    # Frames touch, texts do not.
    assert above.y0 >= below.y1 - 1.0
    assert below.y0 >= 0.0
    assert min(above.x0, below.x0) >= 0.0
    assert max(above.x1, below.x1) <= figure.bbox.x1
    assert ax.bbox.height > 0.3 * figure.bbox.height


def test_a_legend_that_leaves_no_room_stands_inside():
    figure = Figure(figsize=(2.0, 1.6), layout="constrained")
    ax = figure.subplots()
    handles = handles_of(ax, 20, "curve")
    legend_below(ax, [handles[:5], [], handles[5:]])
    assert len(ax.get_legend().get_texts()) == 20
    assert ax.get_legend().get_texts()[0].get_fontsize() == LEGEND_SIZES[-1]
    assert not ax.artists
    figure.draw_without_rendering()
    assert ax.bbox.height > 0.5 * figure.bbox.height


def test_axes_without_a_layout_keep_to_their_own_part_of_the_figure():
    figure = Figure(figsize=(8.0, 8.0))
    axes = figure.subplots(2, 2)
    for ax in axes.ravel():
        legend_below(ax, [handles_of(ax, 6, "curve")])
        ax.set(xlabel="x", ylabel="y")
        make_room(ax)
    figure.draw_without_rendering()
    boxes = [[ax.get_tightbbox() for ax in row] for row in axes]
    for k in range(2):
        assert boxes[k][0].x1 <= boxes[k][1].x0
        assert boxes[0][k].y0 >= boxes[1][k].y1


def test_a_part_of_a_figure_has_the_layout_of_the_whole():
    figure = Figure(layout="constrained")
    ax = figure.subfigures(1, 2)[1].subplots()
    before = ax.get_position().extents
    make_room(ax)
    now = ax.get_position().extents
    assert (now != before).any()
    figure.draw_without_rendering()
    np.testing.assert_allclose(ax.get_position().extents, now)


def test_axes_that_have_room_stay_as_they_are():
    ax = Figure().subplots()
    before = ax.get_position().extents
    make_room(ax)
    assert (ax.get_position().extents == before).all()


def test_long_labels_of_axes_become_smaller():
    ax = Figure(figsize=(2.0, 2.0), layout="constrained").subplots()
    ax.set(xlabel="alpha (strength of the penalty)", ylabel="short")
    size = ax.yaxis.label.get_fontsize()
    make_room(ax)
    assert ax.xaxis.label.get_window_extent().width <= 1.01 * ax.bbox.width
    assert ax.yaxis.label.get_fontsize() == size
