"""The penalties as the documentation writes them, in plain NumPy, by registered name."""

import itertools

import numpy as np

from sparsereg._core.penalties import PENALTIES

CONVEX = {"elastic_net"}
GAMMAS = {"mcp": 3.0, "scad": 3.7}


def build(name, alpha, l1_ratio, gamma=None):
    """Build a registered penalty, with the usual gamma where it has one."""
    more = (gamma or GAMMAS[name],) if name in GAMMAS else ()
    return PENALTIES[name](alpha, l1_ratio, *more)


def twin(name, alpha, l1_ratio, factor=1.0, gamma=None, unit=1.0):
    """Return the penalty as a function of an array or a number."""
    m, gamma = alpha * l1_ratio, gamma or GAMMAS.get(name)
    k = m * unit

    def shape(u):
        size = np.abs(u)
        if name == "elastic_net":
            return m * size
        if name == "l0":
            return m * (size > 0.0)
        if name == "mcp":
            return np.where(size <= gamma * k, m * size - size**2 / (2 * gamma * unit), gamma * k * m / 2)
        middle = (2 * gamma * k * size - size**2 - k**2) / (2 * (gamma - 1) * unit)
        return np.where(size <= k, m * size, np.where(size <= gamma * k, middle, k * m * (gamma + 1) / 2))

    return lambda u: factor * (shape(u) + alpha * (1.0 - l1_ratio) / 2 * np.square(u))


def units(raw, slope=1.0):
    """p_j / c_j of `oracles.Raw`, whose loss has this curvature in the mean: where penalties measure where they end."""
    centred = raw.X - (raw.s @ raw.X if raw.fit_intercept else 0.0)
    paying = raw.free & (raw.scale > 0.0)
    curvature = slope * (raw.s @ centred**2) / np.where(paying, raw.scale, 1.0) ** 2
    known = paying & (raw.factor > 0.0) & (curvature > 0.0)
    return np.where(known, np.where(raw.free, raw.factor, 1.0) / np.where(known, curvature, 1.0), 1.0)


def objective(raw, name, w, b, gamma=None):
    """F(w, b) of `oracles.Raw` with another penalty."""
    pay = twin(name, raw.alpha, raw.l1_ratio, 1.0, gamma, units(raw))
    return raw.loss(w, b) + np.where(raw.free, raw.factor, 0.0)[raw.free] @ pay(raw.scale * w)[raw.free]


def best_fall(raw, name, w, gamma=None, n=401, rounds=6):
    """How far F can fall by moving one coefficient, the intercept following; by a grid around the best of the last."""
    residual = raw.target - raw.X @ w
    lower, upper = raw.bounds
    unit, worst = units(raw), 0.0
    for j in np.flatnonzero(raw.free):
        pay = twin(name, raw.alpha, raw.l1_ratio, 1.0, gamma, unit[j])
        x = raw.X[:, j] - (raw.s @ raw.X[:, j] if raw.fit_intercept else 0.0)
        curvature = raw.s @ x**2
        if curvature <= 1e-20 * (raw.s @ raw.X[:, j] ** 2):
            continue
        v = raw.s @ (x * residual)

        def rise(u):
            smooth = curvature * (u - w[j]) ** 2 / 2 - v * (u - w[j])  # noqa: B023
            return smooth + raw.factor[j] * (pay(raw.scale[j] * u) - pay(raw.scale[j] * w[j]))  # noqa: B023

        reach = 2.0 * (abs(w[j]) + abs(v) / curvature)
        low, high = max(-reach, lower[j]), min(reach, upper[j])
        worst = min(worst, float(rise(0.0)))
        for _ in range(rounds):
            grid = np.linspace(low, high, n)
            values = rise(grid)
            k = int(np.argmin(values))
            worst = min(worst, float(values[k]))
            low, high = grid[max(k - 1, 0)], grid[min(k + 1, n - 1)]
    return -worst


def best_subset(raw):
    """Minimise F with the L0 penalty by trying every support, signs and bounds aside."""
    free = np.flatnonzero(raw.free)
    X = raw.X - (raw.s @ raw.X if raw.fit_intercept else 0.0)
    y = raw.target - raw.null_intercept()
    gram, correlation = (X.T * raw.s) @ X, X.T @ (raw.s * y)
    best = 0.5 * (raw.s @ y**2)
    for size in range(1, free.size + 1):
        for support in itertools.combinations(free, size):
            columns = list(support)
            own = gram[np.ix_(columns, columns)] + np.diag(raw.l2[columns])
            w = np.linalg.lstsq(own, correlation[columns], rcond=None)[0]
            value = 0.5 * (raw.s @ y**2) - correlation[columns] @ w + 0.5 * w @ own @ w
            best = min(best, value + raw.alpha * raw.l1_ratio * raw.factor[columns].sum())
    return best
