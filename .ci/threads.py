"""Fits in several threads, for a build that looks for data races: `.ci/sanitize threads` runs it.

`lock_free` is left out: its races are what it is for.
"""

import threading

import numpy as np
from scipy import sparse

from sparsereg import LassoCV, LogisticRegression, SGDClassifier, SGDRegressor, lasso_path

RNG = np.random.default_rng(0)
X = sparse.random_array((4000, 600), density=0.02, format="csr", rng=RNG)
Y = X @ RNG.standard_normal(600) + 0.1 * RNG.standard_normal(4000)
LABELS = (Y > 0.0).astype(int)
BLOCKS = [(X[a : a + 400], LABELS[a : a + 400]) for a in range(0, 4000, 400)]


def together(*calls):
    """Make calls, each in a thread, all at the same moment."""
    gate = threading.Barrier(len(calls))
    failed = []

    def run(call):
        gate.wait()
        try:
            call()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def batch():
    """Two fits of their own on the same data."""
    together(lambda: lasso_path(X, Y, n_alphas=10), lambda: LogisticRegression(1e-3).fit(X, LABELS))


def folds():
    """Cross-validation with two jobs."""
    LassoCV(cv=4, n_jobs=2, n_alphas=10).fit(X, Y)


def streams():
    """Two learners, each with a thread that reads ahead and one that finds slots ahead."""
    models = [SGDClassifier(n_threads=2, random_state=0), SGDClassifier(algorithm="adagrad", n_threads=2)]
    together(*(lambda model=model: model.fit_stream(BLOCKS * 3, classes=[0, 1]) for model in models))
    together(*(lambda: SGDRegressor(n_threads=2, max_iter=3, tol=None).fit(X, Y) for _ in range(2)))


def one_model():
    """One learner in four threads, two of which only predict."""
    model = SGDClassifier(n_threads=2).partial_fit(*BLOCKS[0], classes=[0, 1])

    def learn():
        for block in BLOCKS * 2:
            model.partial_fit(*block)

    def predict():
        for _ in range(20):
            model.predict_proba(X)
            assert np.isfinite(model.coef_).all()

    together(learn, learn, predict, predict)


for fits in (batch, folds, streams, one_model):
    fits()
    print(fits.__name__, "done", flush=True)
