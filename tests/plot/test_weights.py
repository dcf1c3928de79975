"""Histograms of weights."""


import numpy as np
import pytest

from sparsereg import Lasso, Ridge
from sparsereg.plot import plot_weights


def test_weights_and_exact_zeros(data, ax):
    lasso, ridge = Lasso(alpha=0.3).fit(*data), Ridge(alpha=0.3).fit(*data)
    plot_weights({"L1": lasso.sparse_coef_, "L2": ridge.coef_}, ax)
    n_zero = int(np.sum(lasso.coef_ == 0.0))
    assert n_zero > 0
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == [f"L1: {12 - n_zero:,} weights, {n_zero:,} exactly zero", "L2: 12 weights, 0 exactly zero"]
    steps = [patch.get_data().values.sum() for patch in ax.patches]
    assert steps == [12 - n_zero, 12]
    (spike,) = (line for line in ax.lines if line.get_marker() == "o")
    assert spike.get_xydata().tolist() == [[0.0, n_zero]]
    assert ax.get_yscale() == "log"


def test_zeros_among_occupied_columns(path, ax):
    coef, _ = path.at(path.alphas[5])
    plot_weights({"L1": coef}, ax, n_active=1000)
    assert f"{1000 - coef.ids.size:,} exactly zero" in ax.get_legend().get_texts()[0].get_text()


def test_weights_that_are_all_zero(ax):
    plot_weights({"nothing": np.zeros(5)}, ax)
    assert ax.get_legend().get_texts()[0].get_text() == "nothing: 0 weights, 5 exactly zero"


def test_spikes_stand_side_by_side(path, ax):
    weights = {name: path.at(path.alphas[k])[0] for name, k in (("a", 3), ("b", 6), ("c", 9))}
    plot_weights(weights, ax, n_active=100)
    spikes = [line.get_xydata()[0] for line in ax.lines if line.get_marker() == "o"]
    assert len({place for place, _ in spikes}) == 3
    assert sum(place for place, _ in spikes) == pytest.approx(0.0)
    assert [n for _, n in spikes] == [100 - coef.ids.size for coef in weights.values()]


def test_fewer_columns_than_weights(path, ax):
    with pytest.raises(ValueError, match="n_active: 1 is not allowed, expected at least"):
        plot_weights({"a": path.at(path.alphas[9])[0]}, ax, n_active=1)


def test_what_comes_without_labels_is_refused(ax):
    for alone in (None, [1.0, 2.0]):
        with pytest.raises(TypeError, match=r"^weights: .* is not allowed, expected a mapping from label"):
            plot_weights(alone, ax)
