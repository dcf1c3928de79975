"""Weights of Vowpal Wabbit's --ftrl, frozen by tests/golden/make_vw.py."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from streaming_twins import FollowTheLeader

from sparsereg._core.losses import LOSSES
from sparsereg._core.penalties import PENALTIES
from sparsereg._formats import as_rows
from sparsereg.solvers.streaming import Learner, make_optimiser

GOLDEN = json.loads((Path(__file__).parent / "golden" / "vw_ftrl.json").read_text())
CASES = [
    pytest.param(case, id=f"{case['loss']}-constant={case['constant']}-weighted={case['weighted']}-l1={case['l1']}")
    for case in GOLDEN["cases"]
]


def rows_of(case):
    """Ids, values, target and weight of each row; Vowpal Wabbit's constant is a feature like any other."""
    rows = GOLDEN["rows"]
    more = ([GOLDEN["constant_id"]], [1.0]) if case["constant"] else ([], [])
    weights = rows["weight"] if case["weighted"] else [1.0] * len(rows["ids"])
    for ids, values, y, weight in zip(rows["ids"], rows["values"], rows["y"][case["loss"]], weights):
        yield ids + more[0], values + more[1], y, weight


def settings_of(case):
    """Our settings for the same weights: our squared loss has a half, which halves beta and the penalties."""
    half = 0.5 if case["loss"] == "squared" else 1.0
    return case["loss"], case["ftrl_alpha"], half * case["ftrl_beta"], half * case["l1"], half * case["l2"]


def test_the_version_is_stated():
    assert GOLDEN["made_by"] == "vowpalwabbit 9.11.9"


@pytest.mark.parametrize("case", CASES)
def test_the_textbook_algorithm(case):
    """The frozen runs are those of the algorithm that the golden file describes; float32 is the difference."""
    learner = FollowTheLeader(*settings_of(case))
    predicted = [learner.learn(*row) for row in rows_of(case)]
    half = 0.5 if case["loss"] == "squared" else 1.0
    np.testing.assert_allclose(predicted, case["predictions"], rtol=1e-5, atol=1e-5)
    assert learner.loss_sum / learner.weight == pytest.approx(half * case["average_loss"], rel=3e-6)
    assert sorted(learner.w) == case["ids"]
    weights = [learner.w[j] for j in case["ids"]]
    np.testing.assert_allclose(weights, case["weights"], rtol=1e-5, atol=1e-5)
    assert [w == 0.0 for w in weights] == [w == 0.0 for w in case["weights"]]


def learner_of(case, n_units):
    """A learner whose penalty on the sum is fixed to that of the case from the first row; no intercept."""
    loss, eta0, beta, l1, l2 = settings_of(case)
    penalty = PENALTIES["elastic_net"]((l1 + l2) / n_units, l1 / (l1 + l2))
    optimiser = make_optimiser("ftrl", penalty, eta0=eta0, beta=beta, total_weight=n_units)
    return Learner(LOSSES[loss](), penalty, optimiser, fit_intercept=False)


@pytest.mark.parametrize("case", CASES)
def test_our_learner(case):
    """Weights, zeros and progressive loss; both sides keep states in float32, rounded at other places."""
    ids, values, y, weight = zip(*rows_of(case))
    order = np.argsort(ids, axis=1)
    indices, data = (np.take_along_axis(np.array(part), order, axis=1).ravel() for part in (ids, values))
    indptr = np.arange(0, indices.size + 1, len(ids[0]))
    rows = as_rows(sparse.csr_array((data, indices, indptr), shape=(len(ids), 2 ** GOLDEN["n_bits"])))
    target = np.array(y)[:, None]
    if case["loss"] == "logistic":
        target = (target + 1.0) / 2.0
    learner = learner_of(case, float(np.sum(weight)))
    learner.learn(rows, target, np.array(weight))

    half = 0.5 if case["loss"] == "squared" else 1.0
    assert learner.totals[1] / learner.totals[0] == pytest.approx(half * case["average_loss"], rel=1e-5)
    assert learner.n_touched == len(case["ids"])
    found, w = learner.coefficients()
    expected = {j: weight for j, weight in zip(case["ids"], case["weights"]) if weight != 0.0}
    assert found.tolist() == sorted(expected)
    np.testing.assert_allclose(w[:, 0], [expected[j] for j in found.tolist()], rtol=2e-5, atol=2e-5)
