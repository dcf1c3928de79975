"""The penalties as the documentation writes them, in plain NumPy, by registered name."""

import numpy as np

from sparsereg._core.penalties import PENALTIES

CONVEX = {"elastic_net"}
GAMMAS = {"mcp": 3.0, "scad": 3.7}


def build(name, alpha, l1_ratio, gamma=None):
    """Build a registered penalty, with the usual gamma where it has one."""
    more = (gamma or GAMMAS[name],) if name in GAMMAS else ()
    return PENALTIES[name](alpha, l1_ratio, *more)


def twin(name, alpha, l1_ratio, factor=1.0, gamma=None):
    """Return the penalty as a function of an array or a number."""
    m, gamma = alpha * l1_ratio, gamma or GAMMAS.get(name)

    def shape(u):
        size = np.abs(u)
        if name == "elastic_net":
            return m * size
        if name == "l0":
            return m * (size > 0.0)
        if name == "mcp":
            return np.where(size <= gamma * m, m * size - size**2 / (2 * gamma), gamma * m**2 / 2)
        middle = (2 * gamma * m * size - size**2 - m**2) / (2 * (gamma - 1))
        return np.where(size <= m, m * size, np.where(size <= gamma * m, middle, m**2 * (gamma + 1) / 2))

    return lambda u: factor * (shape(u) + alpha * (1.0 - l1_ratio) / 2 * np.square(u))
