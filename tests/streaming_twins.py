"""Streaming optimisers as their papers write them, one coordinate at a time in plain Python."""

from collections import defaultdict
from math import copysign, exp, log1p, sqrt

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
