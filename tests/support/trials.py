"""Binomial and multinomial data: counts of trials, and the same trials one by one."""

import numpy as np


def count_trials(n_classes=2, seed=0, n=60, p=5):
    """Return columns, counts of the classes of up to four trials a row, and a weight of each row."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) * (rng.random((n, p)) < 0.7)
    odds = np.exp(X @ rng.standard_normal((p, n_classes)))
    totals = rng.integers(0, 5, n)
    counts = np.array([rng.multinomial(total, of_row / of_row.sum()) for total, of_row in zip(totals, odds)])
    return X, counts, rng.uniform(0.5, 2.0, n)


def one_by_one(counts, *columns):
    """Return the label of every trial, and its row's entry of other columns."""
    row, label = np.nonzero(counts)
    times = counts[row, label]
    return np.repeat(label, times), *(np.repeat(np.asarray(column)[row], times, axis=0) for column in columns)
