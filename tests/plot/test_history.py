"""Learning curves."""


import numpy as np

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


# Names of curves.
