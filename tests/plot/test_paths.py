"""Curves of a path: what is drawn is what was fitted."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.text import Text

from sparsereg import lasso_path, logistic_path, ridge_path
from sparsereg.plot import plot_path


def test_every_coefficient_is_a_line(path, ax):
    assert plot_path(path, ax) is ax
    (lines,) = ax.collections
    drawn = np.stack(lines.get_segments())
    assert np.array_equal(drawn[0, :, 0], path.alphas)
    dense = path.coefs.toarray()
    by_size = dense[np.argsort(-np.abs(dense).max(axis=1), kind="stable")]
    assert np.array_equal(drawn[:, :, 1], by_size[: len(drawn)])
    assert ax.get_xscale() == "log"
    assert ax.get_ylabel() == "weight"


def test_largest_coefficients_only(path, ax):
    plot_path(path, ax, most=2)
    (lines,) = ax.collections
    drawn = np.stack(lines.get_segments())[:, :, 1]
    assert np.array_equal(np.abs(drawn).max(axis=1), np.sort(np.abs(path.coefs.toarray()).max(axis=1))[::-1][:2])
    assert f"largest 2 of {np.count_nonzero(path.coefs.getnnz(axis=1))}" in ax.get_ylabel()


def test_counts_on_top(path, ax):
    plot_path(path, ax)
    ax.figure.draw_without_rendering()
    (top,) = ax.child_axes
    labels = {tick.get_text() for tick in top.get_xticklabels()}
    assert str(path.df[0]) in labels
    assert str(path.df[-1]) in labels


def test_path_with_nothing_in_it(ax):
    path = lasso_path(np.eye(4), np.ones(4), n_alphas=3)
    assert plot_path(path, ax) is ax


def test_path_of_one_alpha(data, ax):
    assert plot_path(lasso_path(*data, alphas=[0.1]), ax) is ax


def test_method_of_the_path(path):
    import matplotlib.pyplot as plt

    try:
        assert len(path.plot(most=3).collections[0].get_segments()) == 3
    finally:
        plt.close("all")


def labels_of(ax):
    """The labels beside the curves, from top to bottom, with the curve's end and where they were put."""
    ax.figure.draw_without_rendering()
    # The box of an annotation has its line in it; that of its text has not.
    boxes = [Text.get_window_extent(text) for text in ax.texts]
    order = sorted(range(len(boxes)), key=lambda k: -boxes[k].y0)
    return [(ax.texts[k].get_text(), tuple(map(float, ax.texts[k].xy)), boxes[k]) for k in order]


def test_the_largest_curves_are_named(path, ax):
    names = [f"column {k}" for k in range(12)]
    plot_path(path, ax, names=names, labels=4)
    dense = path.coefs.toarray()[:, -1]
    largest = np.argsort(-np.abs(dense), kind="stable")[:4]
    found = labels_of(ax)
    assert {text for text, _, _ in found} == {names[k] for k in largest}
    for text, end, _ in found:
        assert end == (path.alphas[-1], dense[names.index(text)])
    assert [end[1] for _, end, _ in found] == sorted((dense[k] for k in largest), reverse=True)
    left, right = ax.get_xlim()
    assert left > path.alphas[0] > path.alphas[-1] > right
    assert sum(width > 1.0 for width in ax.collections[0].get_linewidths()) == 4


def test_labels_do_not_overlap(ax):
    """Curves that end at nearly the same height, at the upper end of the picture."""
    X = np.eye(40)[:, :30]
    path = ridge_path(X, np.r_[np.linspace(9.99, 10.0, 29), -3.0, np.zeros(10)], n_alphas=5)
    plot_path(path, ax, names=lambda ids: [f"column {k}" for k in ids], labels=12)
    boxes = [box for _, _, box in labels_of(ax)]
    assert len(boxes) == 12
    for above, below in pairwise(boxes):
        assert above.y0 >= below.y1
    picture, inside = ax.figure.bbox, ax.get_window_extent()
    assert boxes[0].y1 <= inside.y1 + boxes[0].height
    assert boxes[-1].y0 >= inside.y0 - boxes[0].height
    assert max(box.x1 for box in boxes) <= picture.x1
    assert min(box.x0 for box in boxes) >= ax.get_window_extent().x1


def test_without_names_nothing_is_labelled_or_turned(path, ax):
    plot_path(path, ax)
    assert not ax.texts
    assert ax.get_xlim()[0] < ax.get_xlim()[1]


def test_names_of_a_frame_and_of_classes(data, ax):
    pandas = pytest.importorskip("pandas")
    X, y = data
    frame = pandas.DataFrame(X, columns=[f"a column with a very long name, number {k}" for k in range(12)])
    labels = np.array(["low", "mid", "top"])[np.digitize(y, [-2.0, 2.0])]
    three = logistic_path(frame, labels, n_alphas=5)
    plot_path(three, ax, labels=3)
    texts = [text for text, _, _ in labels_of(ax)]
    assert len(texts) == 3
    assert all(len(text) <= 40 for text in texts)
    plot_path(three, ax, names=[*"abcdefghijkl"], labels=1)
    coef, _ = three.at(three.alphas[-1])
    row, output = divmod(int(np.abs(coef.values.toarray()).argmax()), 3)
    assert ax.texts[-1].get_text() == f"{'abcdefghijkl'[coef.ids[row]]} ({three.classes[output]})"


def test_labels_at_an_alpha_of_zero_and_of_nothing(data, ax):
    plot_path(lasso_path(*data, alphas=[0.1, 0.01, 0.0]), ax, names=[*"abcdefghijkl"], labels=2)
    assert [end[0] for _, end, _ in labels_of(ax)] == [0.001, 0.001]
    plot_path(lasso_path(np.eye(4), np.ones(4), n_alphas=3), ax, names=[*"abcd"])
    plot_path(lasso_path(*data, n_alphas=3), ax, names=[*"abcdefghijkl"], labels=0)
    assert len(ax.texts) == 2


def test_bad_labels(path, ax):
    with pytest.raises(ValueError, match="labels: -1 is outside"):
        plot_path(path, ax, labels=-1)
    with pytest.raises(TypeError, match=r"labels: 2\.5 is not allowed"):
        plot_path(path, ax, labels=2.5)
    with pytest.raises(ValueError, match="names: this list is of 1 columns, expected 12"):
        plot_path(path, ax, names=["a"])
