"""Learning curves."""


import numpy as np
import pytest

from sparsereg.plot import plot_history


def test_learning_curves_are_those_of_the_history(ax):
    rows, losses, counts = np.array([10, 20, 40]), np.array([0.7, 0.6, 0.5]), np.array([3, 30, 20])
    histories = {
        name: {"n_rows": rows, "progressive_loss": factor * losses, "n_nonzero": counts}
        for name, factor in (("a", 1.0), ("b", 2.0))
    }
    assert plot_history(histories, ax) is ax
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    for line, factor in zip(ax.get_lines(), (1.0, 2.0), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), rows)
        np.testing.assert_array_equal(line.get_ydata(), factor * losses)
    (right,) = (other for other in ax.figure.axes if other is not ax)
    assert all(np.array_equal(line.get_ydata(), counts) for line in right.get_lines())


def history(counts):
    counts = np.asarray(counts)
    rows = np.arange(1, counts.size + 1) * 1000
    return {"n_rows": rows, "progressive_loss": 1.0 / (1.0 + counts), "n_nonzero": counts}


@pytest.mark.parametrize("counts", [[1200, 1300, 1900], [5, 5, 5], [0, 0, 0], [0, 3, 7], [10, 900], [0, 40, 3_000_000]])
def test_counts_have_ticks_that_can_be_read(counts, ax):
    plot_history({"a": history(counts)}, ax)
    ax.figure.draw_without_rendering()
    (right,) = (other for other in ax.figure.axes if other is not ax)
    low, high = right.get_ylim()
    ticks = [(text.get_position()[1], text.get_text()) for text in right.get_yticklabels()]
    shown = [text for place, text in ticks if low <= place <= high]
    assert 2 <= len(shown) <= 12
    assert all(text.replace(",", "").replace("-", "").isdigit() for text in shown), shown
    assert len({*shown}) == len(shown)


def test_legend_is_below_the_curves(ax):
    plot_history({name: history([3, 4, 5]) for name in "abc"}, ax)
    assert ax.get_legend().get_window_extent().y1 <= ax.bbox.y0


def test_what_comes_without_labels_is_refused(ax):
    for alone in (None, [1.0, 2.0]):
        with pytest.raises(TypeError, match=r"^histories: .* is not allowed, expected a mapping from label"):
            plot_history(alone, ax)
