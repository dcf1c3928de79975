"""Paths over shards are those of all shards merged: objectives, gaps, supports, facts, whatever the split."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from support.reductions import WIDE, equal_rows, parts_of, target

from sparsereg import ConstantColumnWarning, ConvergenceWarning, Reduced, load_model, regularization_path, save_model
from sparsereg.shards import LocalPool, staying_path

CUTS = (50, 120, 130, 240)
LOSSES = ("squared", "logistic", "poisson")
SETTINGS = {
    "plain": {},
    "elastic net": {"l1_ratio": 0.5},
    "no intercept": {"fit_intercept": False},
    "standardized": {"standardize": True, "l1_ratio": 0.9},
    "standardized, no intercept": {"standardize": True, "fit_intercept": False},
    "positive": {"positive": True},
    "box": {"bounds": (-0.3, 0.2)},
    "factors": {"penalty_factor": {0: 0.0, 10**8: 2.0, 10**8 + 1: np.inf}},
    "unpenalized and standardized": {"penalty_factor": {0: 0.0}, "l1_ratio": 0.3, "standardize": True},
    "unpenalized and positive": {"penalty_factor": {0: 0.0, 10**6: 0.0}, "positive": True},
    "given alphas": {"alphas": [0.001, 0.1, 0.03], "penalty_factor": {0: 0.0}},
}


def shards(loss, cuts=CUTS, weighted=False, seed=0, n=300, with_values=True):
    X, effect, weight = equal_rows(n, seed, with_values=with_values)
    return parts_of(X, target(loss, effect), weight if weighted else None, cuts, loss=loss)


def same(path, local, tol):
    np.testing.assert_allclose(path.alphas, local.alphas, rtol=1e-5)
    np.testing.assert_allclose(path.objectives, local.objectives, rtol=2.0 * tol)
    assert path.dual_gaps.max() <= tol
    for name in ("n_active", "n_samples", "n_features", "bounds", "fit_intercept", "standardize", "l1_ratio", "loss"):
        assert getattr(path, name) == getattr(local, name), name
    assert path.total_weight == pytest.approx(local.total_weight)
    for one, other in zip(path.penalty_factors or (), local.penalty_factors or (), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("loss", LOSSES)
def test_they_are_those_of_all_shards_merged(loss, name):
    parts = shards(loss, weighted=True)
    tight = {"n_alphas": 4, "eps": 0.05, "tol": 1e-10, "loss": loss, **SETTINGS[name]}
    pool = LocalPool(parts)
    path, whole = staying_path(pool, **tight), Reduced.merge_all(parts)
    if "alphas" not in tight:
        start = regularization_path(whole, **{**tight, "n_alphas": 1}).alphas[0]
        np.testing.assert_allclose(path.alphas, start * 0.05 ** np.linspace(0, 1, 4), rtol=1e-5)
    local = regularization_path(whole, **{**tight, "alphas": path.alphas})
    same(path, local, 1e-10)
    # The objective is exact to the gap, its loss alone to the root of it.
    np.testing.assert_allclose(path.dev_ratio, local.dev_ratio, atol=np.sqrt(1e-10))
    if tight.get("l1_ratio", 1.0) < 1.0:
        # Strictly convex in the coefficients: they are unique.
        np.testing.assert_array_equal(path.df, local.df)
        np.testing.assert_array_equal(path.sparse_coef.ids, local.sparse_coef.ids)
        np.testing.assert_allclose(*(each.sparse_coef.values.toarray() for each in (path, local)), atol=1e-4)


@given(
    st.lists(st.integers(1, 119), max_size=6, unique=True), st.sampled_from(LOSSES), st.booleans(), st.integers(0, 9)
)
@settings(max_examples=6, deadline=None, derandomize=True)
def test_whatever_the_split(cuts, loss, weighted, seed):
    parts = shards(loss, cuts, weighted, seed, n=120)
    one = {"n_alphas": 3, "eps": 0.1, "tol": 1e-8, "loss": loss}
    same(staying_path(LocalPool(parts), **one), regularization_path(Reduced.merge_all(parts), **one), 1e-8)


@pytest.mark.parametrize("loss", LOSSES)
def test_gaps_bound_the_distance_from_the_optimum_of_all_rows(loss):
    """Rough fits are further from it than precise ones, and never further than they say."""
    parts = shards(loss)
    alphas = regularization_path(Reduced.merge_all(parts), loss=loss, n_alphas=6, eps=0.01).alphas[1:]
    best = regularization_path(Reduced.merge_all(parts), loss=loss, alphas=alphas, tol=1e-12)
    rough = staying_path(LocalPool(parts), loss=loss, alphas=alphas, tol=3e-2)
    reference = 0.5 * best.deviances[0] / (1.0 - best.dev_ratio[0])
    distance = (rough.objectives - best.objectives) / reference
    assert distance.max() > 1e-7
    assert np.all(distance <= rough.dual_gaps + 1e-12)
    assert rough.dual_gaps.max() <= 3e-2


def test_paths_do_what_paths_do(tmp_path):
    X, effect, weight = equal_rows(300)
    y = np.where(target("logistic", effect) > 0, "yes", "no")
    parts = parts_of(X, y, weight, CUTS, loss="logistic")
    path = staying_path(LocalPool(parts), loss="logistic", n_alphas=5, eps=0.05)
    assert path.classes.tolist() == ["no", "yes"]
    assert path.predict(X).shape == (300, 5)
    assert set(path.predict_classes(X, path.alphas[-1])) <= {"no", "yes"}
    on_rows, on_parts = path.evaluate(X, y, weight), path.evaluate(Reduced.merge_all(parts))
    np.testing.assert_allclose(on_rows["log_loss"], on_parts["log_loss"], rtol=1e-10)
    save_model(path, tmp_path / "path.npz")
    np.testing.assert_array_equal(load_model(tmp_path / "path.npz").objectives, path.objectives)
    assert "logistic loss" in str(path)


def test_shards_may_lack_a_class_rows_columns_and_weight():
    X, effect, weight = equal_rows(300)
    y = np.where(target("logistic", effect) > 0, "yes", "no")
    order = np.argsort(y, kind="stable")
    parts = parts_of(X[order], y[order], weight[order], (100, 250), loss="logistic")
    parts.insert(1, Reduced.of(X[:9], y[:9], np.zeros(9), loss="logistic"))
    parts.append(Reduced.of(sparse.csr_array((4, WIDE)), y[:4], loss="logistic"))
    assert parts[0].classes.tolist() == ["no"]
    path = staying_path(LocalPool(parts), loss="logistic", n_alphas=4, eps=0.1, tol=1e-9)
    same(path, regularization_path(Reduced.merge_all(parts), loss="logistic", n_alphas=4, eps=0.1, tol=1e-9), 1e-9)


def test_folds_are_passed_over():
    X, effect, _ = equal_rows(300)
    y, fold = target("squared", effect), np.arange(300) % 3
    parts = parts_of(X, y, None, CUTS, loss="squared", fold=fold)
    path = staying_path(LocalPool(parts), n_alphas=4, eps=0.1, penalty_factor={0: 0.0}, tol=1e-9)
    same(path, regularization_path(X, y, n_alphas=4, eps=0.1, penalty_factor={0: 0.0}, tol=1e-9), 1e-9)


def test_targets_that_are_all_the_same_have_a_path_of_intercepts():
    X, _, _ = equal_rows(300)
    path = staying_path(LocalPool(parts_of(X, np.full(300, 3.0), None, CUTS, loss="squared")), n_alphas=3)
    assert path.df.tolist() == [0, 0, 0]
    np.testing.assert_array_equal(path.alphas, regularization_path(X, np.full(300, 3.0), n_alphas=3).alphas)
    np.testing.assert_allclose(path.intercepts, 3.0)
    assert path.dual_gaps.max() == 0.0
    counts = parts_of(X, np.full(300, 3.0), None, CUTS, loss="poisson")
    path = staying_path(LocalPool(counts), loss="poisson", alphas=[0.1])
    np.testing.assert_allclose(path.intercepts, np.log(3.0))
    assert path.dual_gaps.max() == 0.0


def test_columns_far_from_zero_and_constant_ones():
    rng = np.random.default_rng(0)
    dense = np.column_stack([1e3 + rng.standard_normal(90), np.full(90, 7.0), 1e13 + np.arange(90) % 2, rng.random(90)])
    y = dense[:, 0] - 1e3 + dense[:, 3]
    parts = parts_of(dense, y, None, (30, 31), loss="squared")
    with pytest.warns(ConstantColumnWarning, match="1 columns, the first of them 2"):
        path = staying_path(LocalPool(parts), n_alphas=4, eps=0.01, standardize=True, tol=1e-8)
    with pytest.warns(ConstantColumnWarning, match="1 columns, the first of them 2"):
        local = regularization_path(dense, y, n_alphas=4, eps=0.01, standardize=True, tol=1e-8)
    same(path, local, 1e-8)


def test_names_of_columns_name_their_rules():
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.integers(0, 3, (60, 3)).astype(float), columns=["a", "b", "c"])
    y = frame["a"] - frame["c"] + rng.standard_normal(60)
    parts = parts_of(frame.to_numpy(), y.to_numpy(), None, (), loss="squared")
    parts = [Reduced.of(frame[:25], y[:25], loss="squared"), Reduced.of(frame[25:], y[25:], loss="squared")]
    rules = {"penalty_factor": {"b": 0.0}, "bounds": ({"c": -0.5}, None), "n_alphas": 4, "tol": 1e-9}
    path = staying_path(LocalPool(parts), **rules)
    same(path, regularization_path(frame, y, **rules), 1e-9)
    assert path.feature_names.tolist() == ["a", "b", "c"]
    with pytest.raises(ValueError, match="'d'"):
        staying_path(LocalPool(parts), penalty_factor={"d": 2.0})


@pytest.mark.parametrize(
    ("given_settings", "error", "said"),
    [
        ({"loss": "huber"}, ValueError, "loss: 'huber' is not allowed for rows that stay where they are"),
        ({"loss": "absolute"}, ValueError, "loss: 'absolute'"),
        ({"penalty": "l0"}, ValueError, "penalty: 'l0' is not allowed for rows that stay"),
        ({"l1_ratio": 0}, ValueError, "l1_ratio: 0 is not allowed for rows that stay"),
        ({"l1_ratio": 1.5}, ValueError, "l1_ratio: 1.5"),
        ({"alphas": [0.1, 0.0]}, ValueError, "alphas: 0 is not allowed for rows that stay"),
        ({"alphas": [-1.0]}, ValueError, "alphas"),
        ({"loss": "poisson"}, ValueError, "shards: they are for loss='squared', expected such for loss='poisson'"),
        ({"tol": -1.0}, ValueError, "tol"),
        ({"penalty_factor": {0: -1.0}}, ValueError, "penalty_factor: -1.0 for column 0"),
        ({"bounds": (1.0, None)}, ValueError, "bounds"),
        ({"positive": "yes"}, TypeError, "positive"),
    ],
)
def test_bad_settings_are_refused(given_settings, error, said):
    with pytest.raises(error, match=said):
        staying_path(LocalPool(shards("squared", n=90, cuts=(30,))), **given_settings)


def test_shards_that_do_not_go_together_are_refused():
    X, effect, _ = equal_rows(90)
    y = target("squared", effect)
    one, narrow = Reduced.of(X, y, loss="squared"), Reduced.of(X[:, :10], y, loss="squared")
    with pytest.raises(ValueError, match="10 features"):
        staying_path(LocalPool([one, narrow]))
    with pytest.raises(ValueError, match="offset: not allowed for rows that stay"):
        staying_path(LocalPool([Reduced.of(X, y, offset=np.ones(90), loss="squared")]))
    with pytest.raises(ValueError, match="2 responses, expected one"):
        staying_path(LocalPool([Reduced.of(X, np.column_stack([y, y]), loss="squared")]))
    colours = np.array(["r", "g", "b"])[np.arange(90) % 3]
    with pytest.raises(ValueError, match="3 classes are not allowed for rows that stay"):
        staying_path(LocalPool([Reduced.of(X, colours, loss="logistic")]), loss="logistic")
    with pytest.raises(ValueError, match="no finite intercept"):
        staying_path(LocalPool([Reduced.of(X, np.zeros(90), loss="poisson")]), loss="poisson")
    with pytest.raises(ValueError, match="no row of positive weight"):
        staying_path(LocalPool([Reduced.of(X, y, np.zeros(90), loss="squared")]))


def test_fits_that_stop_short_say_so():
    with pytest.warns(ConvergenceWarning, match="3 of 4 fits stopped|2 of 4 fits stopped|1 of 4 fits stopped"):
        path = staying_path(LocalPool(shards("logistic")), loss="logistic", n_alphas=4, tol=1e-10, max_iter=2)
    assert path.dual_gaps.max() > 1e-10


def test_a_line_for_each_alpha(capsys):
    staying_path(LocalPool(shards("squared")), n_alphas=3, eps=0.1, verbose=1)
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["alpha"] * 3
