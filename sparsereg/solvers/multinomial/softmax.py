"""The softmax cross-entropy, sum_i s_i (log sum_k exp(t_ki) - sum_k y_ki t_ki), on arrays with a row for each class."""

from __future__ import annotations

import numpy as np
from scipy import special

from sparsereg.solvers.base import Vector, inner

# Beyond this step of an intercept Newton's method gives way to iterative scaling, which never overshoots.
LONG_STEP = 0.5
MAX_STEPS = 200
# A share below 0 by no more than this is 0 but for rounding.
ROUNDING = 1e-12


def softmax(t: Vector) -> tuple[Vector, Vector]:
    """Return exp(t) over its sum, and the logarithm of that sum, without overflow.

    Parameters
    ----------
    t : ndarray of float64 of shape (n_classes, n)

    Returns
    -------
    p : ndarray of float64 of shape (n_classes, n)
    log_sum : ndarray of float64 of shape (n,)
    """
    largest = t.max(axis=0)
    p = np.exp(t - largest)
    total = p.sum(axis=0)
    p /= total
    return p, largest + np.log(total)


def loss(y: Vector, s: Vector, t: Vector, log_sum: Vector) -> float:
    """Sum the weighted cross-entropy, every term of it 0 or more.

    Parameters
    ----------
    y, t : ndarray of float64 of shape (n_classes, n)
    s, log_sum : ndarray of float64 of shape (n,)
    """
    return inner(s, np.sum(y * (log_sum - t), axis=0))


def entropy(s: Vector, q: Vector) -> float:
    """Sum s_i q_ki log q_ki; infinite where a q is below 0 by more than rounding.

    Parameters
    ----------
    s : ndarray of float64 of shape (n,)
    q : ndarray of float64 of shape (n_classes, n)
    """
    if q.min() < -ROUNDING:
        return np.inf
    q = np.maximum(q, 0.0)
    return inner(s, special.xlogy(q, q).sum(axis=0))


def jacobian_product(p: Vector, e: Vector) -> Vector:
    """Return the derivative of the softmax along a change e of its arguments.

    Parameters
    ----------
    p : ndarray of float64 of shape (n_classes, n)
    e : ndarray of float64 of shape (n_classes, n) or (n_classes, 1)
    """
    return p * (e - np.sum(p * e, axis=0))


def best_shift(p: Vector, s: Vector, z: Vector) -> Vector:
    """Return the change of the intercepts that takes minus the derivative z to sums of zero, to first order.

    Parameters
    ----------
    p, z : ndarray of float64 of shape (n_classes, n)
        `z` of sum zero over the classes.
    s : ndarray of float64 of shape (n,)

    Returns
    -------
    shift : ndarray of float64 of shape (n_classes,)
        Of mean zero: a shift of all classes alike changes nothing.
    """
    weighted = p * s
    matrix = np.diag(weighted.sum(axis=1)) - np.einsum("ki,li->kl", weighted, p)
    # Regular along the shift of all.
    matrix += max(float(np.trace(matrix)), np.finfo(float).tiny) / len(p) ** 2
    return np.linalg.lstsq(matrix, z.sum(axis=1), rcond=None)[0]


def balance(y: Vector, s: Vector, t: Vector, precision: float) -> Vector:
    """Find the intercepts that minimise the loss, by Newton's method, by iterative scaling from afar.

    Parameters
    ----------
    y, t : ndarray of float64 of shape (n_classes, n)
        Every class has a positive share in some y.
    s : ndarray of float64 of shape (n,)
    precision : float
        End at a step of no intercept by more than this.

    Returns
    -------
    b : ndarray of float64 of shape (n_classes,)
        Of mean zero.
    """
    b, wanted = np.zeros(len(y)), np.einsum("ki,i->k", y, s)
    p, log_sum = softmax(t)
    value = loss(y, s, t, log_sum)
    for _ in range(MAX_STEPS):
        found = np.maximum(np.einsum("ki,i->k", p, s), np.finfo(float).tiny)
        scaling = np.log(wanted / found)
        newton = best_shift(p, s, s * (y - p))
        close = np.abs(scaling).max() <= LONG_STEP and np.abs(newton).max() <= LONG_STEP
        for step in (newton, scaling) if close else (scaling,):
            shifted = t + (b + step)[:, None]
            p, log_sum = softmax(shifted)
            new = loss(y, s, shifted, log_sum)
            if new <= value + 1e-14 * (1.0 + value):
                break
        b, value = b + step, new
        if np.abs(step).max() <= precision:
            break
    return b - b.mean()
