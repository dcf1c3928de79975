"""Weights of Vowpal Wabbit's --ftrl, frozen by tests/golden/make_vw.py."""

import json
from collections import defaultdict
from math import copysign, exp, log1p, sqrt
from pathlib import Path

import numpy as np
import pytest

GOLDEN = json.loads((Path(__file__).parent / "golden" / "vw_ftrl.json").read_text())
CASES = [
    pytest.param(case, id=f"{case['loss']}-constant={case['constant']}-weighted={case['weighted']}-l1={case['l1']}")
    for case in GOLDEN["cases"]
]

DERIVATIVES = {"logistic": lambda y, t: -y / (1.0 + exp(y * t)), "squared": lambda y, t: t - y}
VALUES = {"logistic": lambda y, t: log1p(exp(-y * t)), "squared": lambda y, t: (t - y) ** 2 / 2.0}


class FollowTheLeader:
    """FTRL-Proximal with fixed penalties (McMahan et al. 2013, algorithm 1); logistic labels are -1 and 1."""

    def __init__(self, loss, eta, beta, l1, l2):
        self.derivative, self.value = DERIVATIVES[loss], VALUES[loss]
        self.eta, self.beta, self.l1, self.l2 = eta, beta, l1, l2
        self.w, self.z, self.n = defaultdict(float), defaultdict(float), defaultdict(float)
        self.loss_sum = self.weight = 0.0

    def learn(self, ids, values, y, weight=1.0):
        """Learn one row; return what was predicted before it."""
        t = sum(self.w[j] * x for j, x in zip(ids, values))
        self.loss_sum += weight * self.value(y, t)
        self.weight += weight
        slope = weight * self.derivative(y, t)
        for j, x in zip(ids, values):
            self.step(j, slope * x)
        return t

    def step(self, j, gradient):
        """Move coordinate `j`."""
        n = self.n[j] + gradient**2
        self.z[j] += gradient - (sqrt(n) - sqrt(self.n[j])) / self.eta * self.w[j]
        self.n[j] = n
        excess = abs(self.z[j]) - self.l1
        curvature = (self.beta + sqrt(n)) / self.eta + self.l2
        self.w[j] = -copysign(excess, self.z[j]) / curvature if excess > 0.0 else 0.0


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
