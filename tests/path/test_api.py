"""Paths as users meet them: grids, extremes, warnings, interruptions and refusals."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import lsq_linear
from support.oracles import Raw
from support.regressions import ROUNDING, Regression, check_certificate, random_regression

import sparsereg
from sparsereg import ConvergenceWarning, enet_path, lasso_path, regularization_path, ridge_path

RNG = np.random.default_rng(0)
X = RNG.standard_normal((30, 8)) * (RNG.random((30, 8)) < 0.5)
Y = X @ RNG.standard_normal(8) + RNG.standard_normal(30)
RATIOS = [0.0, 0.3, 1.0]


def test_wrappers():
    for wrapper, l1_ratio in ((lasso_path, 1.0), (enet_path, 0.5), (ridge_path, 0.0)):
        ours = wrapper(X, Y, n_alphas=4)
        path = regularization_path(X, Y, l1_ratio=l1_ratio, n_alphas=4)
        assert ours.l1_ratio == l1_ratio
        np.testing.assert_array_equal(ours.coefs.toarray(), path.coefs.toarray())
    assert enet_path(X, Y, l1_ratio=0.2, n_alphas=2).l1_ratio == 0.2


def test_automatic_grid():
    path = regularization_path(X, Y, n_alphas=7, eps=0.02)
    np.testing.assert_allclose(path.alphas, path.alphas[0] * np.geomspace(1, 0.02, 7), rtol=1e-12)
    assert regularization_path(X, Y).alphas.shape == (100,)
    single = regularization_path(X, Y, n_alphas=1)
    assert single.alphas[0] == path.alphas[0]
    assert single.df.tolist() == [0]
    # Pure L2 has no largest useful alpha; the grid starts where l1_ratio 0.001 would.
    np.testing.assert_allclose(ridge_path(X, Y, n_alphas=2).alphas[0], 1000 * path.alphas[0], rtol=1e-12)


@pytest.mark.parametrize("kind", ["cross", "gaussian", "private", "repeated"])
@pytest.mark.parametrize("l1_ratio", [0.01, 0.3, 0.9, 1.0])
def test_the_largest_alpha_is_the_smallest_that_leaves_nothing(kind, l1_ratio):
    for seed in range(25):
        regression = random_regression(seed, kind, l1_ratio)
        penalized = np.broadcast_to(regression.settings.get("penalty_factor", 1.0), regression.X.shape[1]) > 0
        path = regression.path(tol=1e-14)
        if path.alphas[0] == 1.0 or path.alphas[0] < 1e-12 * np.sqrt(regression.raw().null_objective()):
            # No column explains anything, or the unpenalised ones leave rounding to explain.
            continue
        null = regression.raw().null_objective()
        for alpha in (path.alphas[0], 1.5 * path.alphas[0], 1e6 * path.alphas[0]):
            at = regression.path(alphas=[alpha], tol=1e-14)
            assert not at.coefs.toarray()[penalized].any()
        below = regression.path(alphas=[0.99 * path.alphas[0]], tol=1e-14)
        if null > 0.0:
            assert below.coefs.toarray()[penalized].any()


@pytest.mark.parametrize("l1_ratio", RATIOS)
@pytest.mark.parametrize("kind", ["cross", "gaussian", "private", "repeated"])
def test_alpha_zero_is_least_squares(kind, l1_ratio):
    for seed in range(10):
        regression = random_regression(seed, kind, l1_ratio)
        regression = regression.having(lower=-np.inf, upper=np.inf, penalty_factor=1.0, standardize=False)
        path = regression.path(alphas=[1.0, 0.0], tol=1e-12)
        raw = regression.raw(0.0)
        root = np.sqrt(raw.s)
        design = regression.X
        if raw.fit_intercept:
            design = np.c_[design, np.ones(raw.y.size)]
        solution = np.linalg.lstsq(root[:, None] * design, root * raw.target)[0]
        best = 0.5 * np.sum((root * (raw.target - design @ solution)) ** 2)
        null = raw.null_objective()
        assert path.objectives[1] == pytest.approx(best, abs=1e-10 * null)
        assert path.dual_gaps[1] <= 1e-12 + ROUNDING
        check_certificate(path, regression)


@pytest.mark.parametrize("l1_ratio", RATIOS)
@pytest.mark.parametrize(
    "settings", [{}, {"positive": True}, {"standardize": True}, {"penalty_factor": np.arange(8.0)}]
)
def test_a_constant_target(settings, l1_ratio):
    for value in (0.0, 3.0, 1e8):
        path = regularization_path(X, np.full(30, value), l1_ratio=l1_ratio, n_alphas=3, **settings)
        np.testing.assert_allclose(path.intercepts, value, rtol=1e-15)
        assert path.dual_gaps.tolist() == [0.0] * 3
        np.testing.assert_allclose(path.coefs.toarray(), 0.0, atol=1e-7)


@pytest.mark.parametrize("l1_ratio", RATIOS)
def test_empty_constant_and_duplicate_columns(l1_ratio):
    blemished = np.c_[np.zeros(30), X, np.ones(30), X[:, 0], 2 * X[:, 1], np.zeros(30)]
    for settings in ({}, {"standardize": True}, {"fit_intercept": False}, {"lower": 0.0}):
        regression = Regression(blemished, Y, {"l1_ratio": l1_ratio, **settings})
        path = regression.path()
        check_certificate(path, regression)
        assert path.dual_gaps.max() <= 1e-10 + ROUNDING
        assert not path.coefs.toarray()[[0, -1]].any()


@pytest.mark.parametrize("l1_ratio", RATIOS)
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_one_row_and_one_column(l1_ratio, fit_intercept):
    settings = {"l1_ratio": l1_ratio, "fit_intercept": fit_intercept}
    for data, target in ((X[:1], Y[:1]), (X[:, :1], Y), (np.array([[2.0]]), np.array([3.0])), (np.eye(5), Y[:5])):
        regression = Regression(data, target, settings)
        path = regression.path()
        check_certificate(path, regression)
        assert path.dual_gaps.max() <= 1e-10 + ROUNDING
    assert regularization_path(np.zeros((4, 3)), Y[:4], n_alphas=3).df.tolist() == [0, 0, 0]


@pytest.mark.parametrize("l1_ratio", RATIOS)
def test_collinear_unpenalised_groups(l1_ratio):
    """Two full sets of dummies and the intercept span a space of two dimensions fewer than there are columns."""
    rng = np.random.default_rng(5)
    first, second = rng.integers(0, 6, 200), rng.integers(0, 5, 200)
    dummies = np.hstack([np.eye(6)[first], np.eye(5)[second]])
    data = np.hstack([dummies, rng.standard_normal((200, 4))])
    y = rng.standard_normal(200) + first - 2.0 * second + data[:, -1]
    for fit_intercept in (True, False):
        settings = {"l1_ratio": l1_ratio, "penalty_factor": np.repeat([0.0, 1.0], [11, 4])}
        regression = Regression(data, y, {**settings, "fit_intercept": fit_intercept})
        path = regression.path()
        check_certificate(path, regression)
        assert path.dual_gaps.max() <= 1e-10 + ROUNDING
        # The dummies projected out by hand leave the same problem.
        basis = np.linalg.svd(np.c_[dummies, np.ones(200)], full_matrices=False)[0][:, :10]
        rest = [part - basis @ (basis.T @ part) for part in (data[:, 11:], y)]
        reduced = Regression(*rest, {"l1_ratio": l1_ratio, "fit_intercept": False}).path(alphas=path.alphas)
        np.testing.assert_allclose(reduced.objectives, path.objectives, rtol=1e-8)
        np.testing.assert_allclose(reduced.coefs.toarray(), path.coefs.toarray()[11:], atol=1e-4)


@pytest.mark.parametrize("kind", ["cross", "gaussian", "private"])
@pytest.mark.parametrize("l1_ratio", RATIOS)
def test_a_target_far_from_zero(kind, l1_ratio):
    for seed in range(5):
        data = random_regression(seed, kind).X
        y = np.random.default_rng(seed).standard_normal(data.shape[0])
        regression = Regression(data, y, {"l1_ratio": l1_ratio})
        path = regression.path(tol=1e-6)
        far = Regression(regression.X, regression.y + 1e8, regression.settings).path(alphas=path.alphas, tol=1e-6)
        # The target has eight digits left, and a gap that small is put down to them.
        assert far.dual_gaps.max() <= 1e-6 + 1e-7 * 3
        np.testing.assert_allclose(far.objectives, path.objectives, atol=3e-6)


@pytest.mark.parametrize("scale", [1e-100, 1e-30, 1e30, 1e100])
@pytest.mark.parametrize("l1_ratio", RATIOS)
@pytest.mark.parametrize(
    "settings", [{}, {"standardize": True}, {"penalty_factor": np.arange(8.0)}, {"positive": True}]
)
def test_tiny_and_huge_targets(settings, l1_ratio, scale):
    path = regularization_path(X, Y, l1_ratio=l1_ratio, n_alphas=4, eps=0.1, **settings)
    # The same ridge path has the same alphas; a lasso path scales with y; a mixture changes its nature.
    alphas = path.alphas if l1_ratio == 0.0 else None
    scaled = regularization_path(X, Y * scale, l1_ratio=l1_ratio, alphas=alphas, n_alphas=4, eps=0.1, **settings)
    assert scaled.dual_gaps.max() <= 1e-6
    assert np.isfinite(scaled.coefs.data).all()
    if l1_ratio != 0.0:
        np.testing.assert_allclose(scaled.alphas, path.alphas * scale, rtol=1e-9)
    if l1_ratio in (0.0, 1.0):
        np.testing.assert_allclose(scaled.coefs.toarray() / scale, path.coefs.toarray(), atol=1e-2)
        np.testing.assert_allclose(scaled.objectives / scale**2, path.objectives, rtol=1e-5)


def test_columns_of_very_different_size():
    for l1_ratio in RATIOS:
        size = 10.0 ** np.array([-30, -10, -3, 0, 0, 3, 10, 30])
        regression = Regression(X * size, Y, {"l1_ratio": l1_ratio, "standardize": True})
        path = regression.path()
        assert path.dual_gaps.max() <= 1e-10 + ROUNDING
        check_certificate(path, regression)
        size = 10.0 ** np.array([-8, -5, -3, 0, 0, 3, 5, 8])
        plain = Regression(X * size, Y, {"l1_ratio": l1_ratio})
        path = plain.path(tol=1e-6)
        check_certificate(path, plain)
        assert path.dual_gaps.max() <= 1e-6 + ROUNDING


def test_excluded_columns_and_fixed_bounds_are_zero():
    factor = np.ones(8)
    factor[2] = np.inf
    path = regularization_path(X, Y, penalty_factor=factor, bounds=({3: 0.0}, {3: 0.0}), n_alphas=10)
    assert path.coefs.toarray()[2:4].any() == np.False_
    assert path.df[-1] == 6
    assert regularization_path(X, Y, penalty_factor=np.inf, n_alphas=2).df.tolist() == [0, 0]


def test_bounds_given_in_every_way_are_the_same():
    expected = regularization_path(X, Y, bounds=(-0.2, 0.3), n_alphas=5)
    assert np.abs(expected.coefs.toarray()).max() <= 0.3
    for lower in (-0.2, np.full(8, -0.2), dict.fromkeys(range(8), -0.2)):
        for upper in (0.3, [0.3] * 8):
            path = regularization_path(X, Y, bounds=(lower, upper), n_alphas=5)
            np.testing.assert_array_equal(path.coefs.toarray(), expected.coefs.toarray())
    positive = regularization_path(X, Y, positive=True, n_alphas=5)
    np.testing.assert_array_equal(
        positive.coefs.toarray(), regularization_path(X, Y, bounds=(0, None), n_alphas=5).coefs.toarray()
    )


def test_too_few_passes_are_warned_about():
    with pytest.warns(
        ConvergenceWarning, match=r"4 of 5 fits stopped before the duality gap reached tol=1e-06"
    ) as seen:
        path = regularization_path(X, Y, n_alphas=5, max_iter=1)
    worst = int(np.argmax(path.dual_gaps))
    message = str(seen[0].message)
    assert f"alpha={path.alphas[worst]:.4g}, has a gap of {path.dual_gaps[worst]:.2g} after 1 passes" in message
    assert "max_iter (now 1)" in message
    assert seen[0].filename == __file__
    check_certificate(path, Regression(X, Y))


def test_callback_is_told_of_every_look():
    seen = []
    path = regularization_path(X, Y, n_alphas=5, callback=seen.append)
    assert {p.alpha for p in seen} >= set(path.alphas)
    # Strengths in between are passed through on the way down, never beyond the ends.
    assert max(p.alpha for p in seen) == path.alphas[0]
    assert min(p.alpha for p in seen) == path.alphas[-1]
    last = {p.alpha: p for p in seen}
    for k, alpha in enumerate(path.alphas):
        assert last[alpha].n_iter <= path.n_iters[k]
        assert last[alpha].n_nonzero == path.df[k]
        assert last[alpha].dual_gap == pytest.approx(path.dual_gaps[k], abs=1e-14)
    assert isinstance(seen[0], sparsereg.Progress)
    told = []
    regularization_path(X, Y, n_alphas=2, callback=told.append, penalty_factor=np.arange(8.0))
    assert max(p.alpha for p in told) < 1e10


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, StopIteration])
@pytest.mark.parametrize("l1_ratio", RATIOS)
def test_what_a_callback_raises_ends_the_fit(error, l1_ratio):
    def stop(progress):
        raise error("enough")

    with pytest.raises(error, match="enough"):
        regularization_path(X, Y, l1_ratio=l1_ratio, n_alphas=5, callback=stop)


def test_verbose_prints_a_line_for_each_alpha(capsys):
    regularization_path(X, Y, n_alphas=3)
    assert capsys.readouterr().out == ""
    regularization_path(X, Y, n_alphas=3, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("alpha ") and " gap " in line for line in lines)


ENDLESS = """
import itertools, os, signal, threading, time
import numpy as np
from scipy import sparse
from sparsereg import regularization_path
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background inherits to ignore it
rng = np.random.default_rng(0)
X = sparse.random_array((20_000, 3000), density=0.05, rng=rng, format="csr")
y = rng.standard_normal(20_000)
sent = []
def interrupt():
    sent.append(time.process_time())
    os.kill(os.getpid(), signal.SIGINT)
threading.Timer(1.0, interrupt).start()
try:
    for _ in itertools.count():
        regularization_path(X, y, l1_ratio={l1_ratio}, alphas=[{alpha}], tol=0.0, max_iter=10**8)
except KeyboardInterrupt:
    print(time.process_time() - sent[0])
"""


@pytest.mark.parametrize(("l1_ratio", "alpha"), [(1.0, 1e-7), (0.0, 1e-9)])
def test_an_interrupt_stops_a_fit_within_a_second(l1_ratio, alpha):
    """Of its own time: a machine may be busy with something else."""
    code = ENDLESS.format(l1_ratio=l1_ratio, alpha=alpha)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert 0.0 <= float(done.stdout) < 1.0


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"alphas": [1.0, -0.5]}, ValueError, r"alphas: -0.5 at position 1 is outside \[0, inf\)"),
        ({"alphas": [np.nan]}, ValueError, "alphas: nan at position 0"),
        ({"alphas": [np.inf, 1.0]}, ValueError, "alphas: inf at position 0"),
        ({"alphas": []}, ValueError, r"alphas: shape \(0,\)"),
        ({"alphas": [0.1, 0.1]}, ValueError, "alphas: 0.1 at position 1 follows 0.1"),
        ({"alphas": [[0.2, 0.1]]}, ValueError, r"alphas: shape \(1, 2\)"),
        ({"alphas": 0.2}, ValueError, r"alphas: shape \(\)"),
        ({"alphas": ["a"]}, ValueError, "alphas: .*'a'"),
        ({"n_alphas": 0}, ValueError, "n_alphas: 0 is outside"),
        ({"n_alphas": 2.5}, TypeError, "n_alphas: 2.5"),
        ({"eps": 0.0}, ValueError, "eps: 0.0 is outside"),
        ({"eps": 1.0}, ValueError, "eps: 1.0 is outside"),
        ({"l1_ratio": 1.1}, ValueError, "l1_ratio: 1.1 is outside"),
        ({"l1_ratio": np.nan}, ValueError, "l1_ratio: nan is outside"),
        ({"l1_ratio": "1"}, TypeError, "l1_ratio: '1'"),
        ({"penalty_factor": -1.0}, ValueError, "penalty_factor: -1.0 for column 0 is outside"),
        ({"penalty_factor": [1.0] * 7 + [np.nan]}, ValueError, "penalty_factor: nan for column 7"),
        ({"penalty_factor": [1.0] * 7}, ValueError, r"penalty_factor: shape \(7,\).*expected \(8,\)"),
        ({"penalty_factor": {8: 1.0}}, ValueError, r"penalty_factor: column id 8 is outside \[0, 8\)"),
        ({"penalty_factor": {-1: 1.0}}, ValueError, "penalty_factor: column id -1"),
        ({"penalty_factor": {3: -2.0}}, ValueError, "penalty_factor: -2.0 for column 3"),
        ({"penalty_factor": {"a": 1.0}}, TypeError, "penalty_factor: key .a. is not allowed"),
        ({"penalty_factor": ["a"] * 8}, TypeError, "penalty_factor: dtype"),
        ({"bounds": 3.0}, ValueError, "bounds: 3.0"),
        ({"bounds": (1, 2, 3)}, ValueError, r"bounds: \(1, 2, 3\)"),
        ({"bounds": (0.1, None)}, ValueError, r"bounds \(lower\): 0.1 for column 0 is outside \[-inf, 0\]"),
        ({"bounds": (None, [-1.0] * 8)}, ValueError, r"bounds \(upper\): -1.0 for column 0 is outside \[0, inf\]"),
        ({"bounds": (None, np.nan)}, ValueError, r"bounds \(upper\): nan"),
        ({"bounds": ({9: 0.0}, None)}, ValueError, r"bounds \(lower\): column id 9"),
        ({"positive": 1}, TypeError, "positive: 1"),
        ({"standardize": "yes"}, TypeError, "standardize: 'yes'"),
        ({"fit_intercept": None}, TypeError, "fit_intercept: None"),
        ({"sample_weight": np.r_[np.ones(29), -1.0]}, ValueError, "sample_weight: -1.0 at position 29"),
        ({"sample_weight": np.zeros(30)}, ValueError, "sample_weight: all 30 weights are zero"),
        ({"sample_weight": np.ones(3)}, ValueError, "sample_weight: length 3"),
        ({"sample_weight": np.full(30, np.nan)}, ValueError, "sample_weight contains NaN"),
        ({"offset": np.ones(3)}, ValueError, "offset: length 3"),
        ({"offset": np.full(30, np.inf)}, ValueError, "offset contains infinity"),
        ({"tol": -1e-6}, ValueError, "tol: -1e-06 is outside"),
        ({"tol": np.nan}, ValueError, "tol: nan is outside"),
        ({"tol": None}, TypeError, "tol: None"),
        ({"max_iter": 0}, ValueError, "max_iter: 0 is outside"),
        ({"max_iter": 10.0}, TypeError, "max_iter: 10.0"),
        ({"n_threads": 0}, ValueError, "n_threads: 0 is outside"),
        ({"n_threads": True}, TypeError, "n_threads: True"),
        ({"callback": 3}, TypeError, "callback: 3 is not callable"),
        ({"loss": "absolute"}, ValueError, r"loss: 'absolute' is not allowed, expected one of \['huber', 'logistic', "),
        ({"penalty": "l2"}, ValueError, r"penalty: 'l2' is not allowed, expected one of \['elastic_net', 'l0', "),
        ({"penalty": "l0", "l1_ratio": 0.0}, ValueError, r"l1_ratio: 0 leaves nothing of penalty='l0'"),
        ({"gamma": 3.0}, ValueError, r"gamma: 3.0 is not allowed with penalty='elastic_net', expected None"),
        ({"penalty": "l0", "gamma": 3.0}, ValueError, r"gamma: 3.0 is not allowed with penalty='l0', expected None"),
        ({"penalty": "mcp", "gamma": 1.0}, ValueError, r"gamma: 1.0 is outside \(1, inf\)"),
        ({"penalty": "scad", "gamma": 2.0}, ValueError, r"gamma: 2.0 is outside \(2, inf\)"),
        ({"penalty": "mcp", "gamma": np.nan}, ValueError, r"gamma: nan is outside \(1, inf\)"),
        ({"penalty": "mcp", "gamma": "3"}, TypeError, r"gamma: '3' is not allowed, expected a number"),
        ({"penalty": "l0", "bounds": (-1.0, None)}, ValueError, r"bounds \(lower\): -1.0 for column 0 .* \{0, -inf\}"),
        ({"penalty": "mcp", "bounds": (0.0, {2: 0.5})}, ValueError, r"bounds \(upper\): 0.5 for column 2 .* \{0, "),
        ({"penalty": None}, ValueError, "penalty: None"),
    ],
)
def test_refused_settings(settings, error, message):
    def never(progress):
        raise AssertionError("work began")

    with pytest.raises(error, match=message):
        regularization_path(X, Y, **{"callback": never, **settings})


@pytest.mark.parametrize(
    ("data", "y", "error", "message"),
    [
        (X, np.where(np.arange(30) == 4, np.nan, Y), ValueError, "Input y contains NaN"),
        (X, np.where(np.arange(30) == 4, np.inf, Y), ValueError, "Input y contains infinity"),
        (X, Y[:-1], ValueError, "y: length 29 does not match the 30 rows"),
        (X, np.c_[Y, Y], ValueError, "y should be a 1d array"),
        (X, None, ValueError, "y"),
        (X, ["a"] * 30, ValueError, "y"),
        (np.where(X[0, 0] == X, np.nan, X), Y, ValueError, "X contains NaN"),
        (X[0], Y, ValueError, "Expected 2D array"),
        (sparse.csr_array((0, 5)), [], ValueError, "0 sample"),
    ],
)
def test_refused_data(data, y, error, message):
    with pytest.raises(error, match=message):
        regularization_path(data, y)


def test_inputs_are_never_changed():
    data, y, weight, factor = sparse.csr_array(X), Y.copy(), np.arange(30.0), np.arange(8.0)
    for array in (data.data, data.indices, data.indptr, y, weight, factor):
        array.flags.writeable = False
    regularization_path(data, y, sample_weight=weight, penalty_factor=factor, n_alphas=3)
    assert Raw(X, Y).null_objective() == Raw(X, y).null_objective()


@pytest.mark.parametrize("l1_ratio", RATIOS)
@pytest.mark.parametrize("far", [1e3, 1e6, 1e8])
def test_columns_far_from_zero_are_as_good_as_centred_ones(far, l1_ratio):
    """Time stamps and the like: with an intercept a column may be moved without changing the fit."""
    rng = np.random.default_rng(6)
    moving = rng.uniform(0.0, 3600.0, 30)
    y = 2e-3 * moving + 0.1 * rng.standard_normal(30)
    expected = regularization_path(np.c_[X, moving], y, l1_ratio=l1_ratio, n_alphas=4)
    path = regularization_path(np.c_[X, moving + far], y, l1_ratio=l1_ratio, alphas=expected.alphas)
    null = np.var(y) / 2.0
    np.testing.assert_allclose(path.objectives, expected.objectives, atol=3e-6 * null, rtol=0.0)
    assert path.dev_ratio[-1] > 0.9


def test_values_and_weights_beyond_float64_are_refused():
    for size in (1e-200, 1e160):
        with pytest.raises(ValueError, match=r"X: the squares of column 2 .* leave the range of float64"):
            regularization_path(np.c_[X[:, :2], size * X[:, 2]], Y)
    weight = np.where(np.arange(30) % 2, 1e-300, 1e30)
    with pytest.raises(ValueError, match="sample_weight: weights differ by more than the range of float64"):
        regularization_path(X, Y, sample_weight=weight)
    path = regularization_path(X, Y, n_alphas=3, sample_weight=np.full(30, 1e308))
    np.testing.assert_allclose(path.objectives, regularization_path(X, Y, n_alphas=3).objectives, rtol=1e-12)


@given(seed=st.integers(0, 2**32 - 1))
def test_certificates_of_unpenalised_bounded_columns(seed):
    """Nearly collinear, unpenalised, bounded on some sides: what is certified must be true (SciPy's BVLS is exact)."""
    rng = np.random.default_rng(seed)
    n, q = int(rng.integers(8, 40)), int(rng.integers(1, 5))
    factors = rng.standard_normal((n, q))
    data = factors @ rng.standard_normal((q, q + 2)) + 10.0 ** -rng.integers(1, 5) * rng.standard_normal((n, q + 2))
    y = data @ rng.standard_normal(q + 2) + rng.standard_normal(n)
    lower = np.where(rng.random(q + 2) < 0.4, -rng.choice([0.0, 1.0], q + 2), -np.inf)
    upper = np.where(rng.random(q + 2) < 0.2, 1.0, np.inf)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        path = regularization_path(data, y, alphas=[0.0], bounds=(lower, upper), max_iter=500)
    full = np.c_[data, np.ones(n)]
    sides = np.r_[lower, -np.inf], np.r_[upper, np.inf]
    best = lsq_linear(full, y, bounds=sides, method="bvls", tol=1e-15, max_iter=5000)
    null = np.var(y) / 2.0
    assert (path.objectives[0] - best.cost / n) / null <= path.dual_gaps[0] * (1 + 1e-6) + 1e-10
