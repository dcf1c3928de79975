"""Curves of a path: what is drawn is what was fitted."""

import re
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from sparsereg import Lasso, LassoCV, lasso_path, logistic_path, ridge_path
from sparsereg.coef import Nonzeros, SparseCoef
from sparsereg.inputs.sklearn import NotFittedError
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


def test_few_alphas_are_marked(data, ax):
    """The line of a path of one alpha is no line to be seen."""
    one = lasso_path(*data, alphas=[0.1])
    assert plot_path(one, ax) is ax
    _, marks = ax.collections
    values = np.sort(one.sparse_coef.values.data)
    np.testing.assert_array_equal(np.sort(marks.get_offsets(), axis=0), np.c_[np.full(values.size, 0.1), values])
    ax.figure.draw_without_rendering()
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0.1"]
    ax.clear()
    plot_path(lasso_path(*data, n_alphas=13), ax)
    assert len(ax.collections) == 1


@pytest.mark.parametrize(("x", "label"), [("norm", "L1 norm"), ("deviance", "share of deviance")])
def test_curves_against_the_norm_and_what_is_explained(path, x, label, ax):
    plot_path(path, ax, x=x, names=[*"abcdefghijkl"], labels=3, most=4)
    expected = {"norm": np.abs(path.coefs.toarray()).sum(axis=0), "deviance": path.dev_ratio}[x]
    drawn = np.stack(ax.collections[0].get_segments())
    assert drawn.shape == (4, 30, 2)
    for curve in drawn:
        np.testing.assert_allclose(curve[:, 0], expected, rtol=1e-12)
    assert ax.get_xlabel().startswith(label)
    assert ax.get_xscale() == "linear"
    # The fit with the most weights, at whose end names are, is on the right already.
    left, right = ax.get_xlim()
    assert left < right
    assert {text.xy[0] for text in ax.texts} == {drawn[0, -1, 0]}


def test_curves_of_classes_are_those_of_dense_weights(data, ax):
    X, y = data
    three = logistic_path(X, np.digitize(y, [-2.0, 2.0]), n_alphas=15)
    dense = three.coefs.toarray().reshape(12, 15, 3).transpose(2, 0, 1).reshape(36, 15)
    dense = dense[np.abs(dense).max(axis=1) > 0.0]
    by_size = dense[np.argsort(-np.abs(dense).max(axis=1), kind="stable")]
    for most in (5, 500):
        ax.clear()
        plot_path(three, ax, most=most, x="norm")
        drawn = np.stack(ax.collections[0].get_segments())
        np.testing.assert_array_equal(drawn[:, :, 1], by_size[:most])
        np.testing.assert_allclose(drawn[0, :, 0], np.abs(dense).sum(axis=0))
    assert ax.get_ylabel() == "weight"


def test_of_equally_large_coefficients_the_first_are_drawn(ax):
    path = ridge_path(np.eye(6), np.ones(6), n_alphas=4, fit_intercept=False)
    values = path.sparse_coef.values.copy()
    values.data[:] = np.tile([1.0, 2.0, 1.0, 1.0, 1.0, 3.0], 4)
    tied = replace(path, sparse_coef=SparseCoef(path.sparse_coef.ids, Nonzeros.of(values), 6))
    plot_path(tied, ax, most=4, names=[*"abcdef"], labels=4)
    assert sorted(text.get_text() for text in ax.texts) == ["a", "b", "c", "f"]


def test_many_points_are_an_image_in_drawings_of_lines(ax):
    plot_path(ridge_path(np.eye(30), np.arange(30.0), n_alphas=100), ax)
    assert not ax.collections[0].get_rasterized()
    rng = np.random.default_rng(0)
    plot_path(ridge_path(rng.normal(size=(5, 2100)), rng.normal(size=5), n_alphas=100), ax, most=2100)
    assert ax.collections[1].get_rasterized()


def test_the_path_of_a_cross_validated_model(data, ax):
    model = LassoCV(cv=3, n_alphas=20).fit(*data)
    plot_path(model, ax)
    np.testing.assert_array_equal(ax.collections[0].get_segments()[0][:, 0], model.path_.alphas)
    with pytest.raises(TypeError, match="path: Lasso is not allowed, expected a RegularizationPath, or an estimator"):
        plot_path(Lasso().fit(*data), ax)
    with pytest.raises(NotFittedError):
        plot_path(LassoCV(), ax)


def test_method_of_the_path(path):
    import matplotlib.pyplot as plt

    try:
        ax = path.plot(most=3, x="deviance")
        assert len(ax.collections[0].get_segments()) == 3
        assert "deviance" in ax.get_xlabel()
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
    # What tells names of one kind apart is at their ends.
    assert all(re.fullmatch(r"a column with a .*\.\.\..* \d+ \((low|mid|top)\)", text) for text in texts)
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


def test_letters_that_no_picture_can_hold_are_spelled_out(data, ax, tmp_path):
    plot_path(lasso_path(data[0][:, :2], data[1], n_alphas=4), ax, names=["a\x00b\tc", "\x1b[2J"])
    texts = {text.get_text() for text in ax.texts}
    assert texts == {r"a\x00b\tc", r"\x1b[2J"}
    ax.figure.savefig(tmp_path / "path.svg")
    assert ElementTree.parse(tmp_path / "path.svg").getroot().tag.endswith("svg")


def test_names_on_low_and_narrow_axes_are_fewer_and_shorter(path, ax):
    names = [f"a column with a long name, number {k}" for k in range(12)]
    ax.figure.set_size_inches(2.4, 1.8)
    plot_path(path, ax, names=names, labels=12)
    found = labels_of(ax)
    assert 1 <= len(found) < 12
    assert all(above.y0 >= below.y1 - 1.0 for (_, _, above), (_, _, below) in pairwise(found))
    assert max(len(text) for text, _, _ in found) < 25
    dense = path.coefs.toarray()[:, -1]
    ends = sorted((abs(end[1]) for _, end, _ in found), reverse=True)
    assert ends == sorted(np.abs(dense), reverse=True)[: len(ends)]
    assert max(box.x1 for _, _, box in found) <= ax.figure.bbox.x1


def test_names_have_room_without_a_layout(path):
    ax = Figure().subplots()
    plot_path(path, ax, names=[f"a column with a long name, number {k}" for k in range(12)])
    assert max(box.x1 for _, _, box in labels_of(ax)) <= ax.figure.bbox.x1


def test_drawn_twice_alpha_falls_all_the_same(path, ax):
    for _ in range(2):
        plot_path(path, ax, names=[*"abcdefghijkl"])
        assert ax.get_xlim()[0] > ax.get_xlim()[1]
    plot_path(path, ax)
    assert ax.get_xlim()[0] < ax.get_xlim()[1]
    assert len(ax.child_axes) == 1


def test_bad_arguments(path, ax):
    with pytest.raises(ValueError, match=r"x: 'lambda' is not allowed, expected one of \['alpha', 'dev"):
        plot_path(path, ax, x="lambda")
    with pytest.raises(ValueError, match="most: 0 is outside"):
        plot_path(path, ax, most=0)
    with pytest.raises(ValueError, match="labels: -1 is outside"):
        plot_path(path, ax, labels=-1)
    with pytest.raises(TypeError, match=r"labels: 2\.5 is not allowed"):
        plot_path(path, ax, labels=2.5)
    with pytest.raises(ValueError, match="names: this list is of 1 columns, expected 12"):
        plot_path(path, ax, names=["a"])
