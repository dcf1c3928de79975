"""Folds as tasks: what is made once, what is told of them, how large they are."""

import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from support.distributed_data import matrix

from sparsereg import ElasticNetCV, Reduced
from sparsereg.dask.cluster import Cluster, make_check
from sparsereg.dask.folds import ClusterFolds, facts_of_folds, fit_one_fold, fit_whole, prepare_folds, told
from sparsereg.dask.parts import Part
from sparsereg.model_selection.stretches import Stretch

MODEL = ElasticNetCV(l1_ratio=[0.5, 1.0], n_alphas=3, eps=0.2)
ALPHAS = np.geomspace(0.1, 0.01, 3)
FIRST_IS_FETCHED, RUNS, HAS_ENDED = (threading.Event() for _ in range(3))


@pytest.fixture(scope="module")
def prepared(frame):
    reduced = Reduced.of(matrix(frame), frame["y"], loss="squared", fold=np.arange(len(frame)) % 4 - 1)
    return prepare_folds(MODEL, Part(reduced, "part 0", 7, 3 * reduced.nbytes, ""))


def test_what_is_prepared_says_what_it_costs_to_move(prepared):
    arrays = (prepared.data.design.indices, prepared.data.design.data, prepared.data.targets.fit)
    assert sum(array.nbytes for array in arrays) < sys.getsizeof(prepared) < 10 * sum(array.nbytes for array in arrays)
    facts = facts_of_folds(prepared)
    assert facts.fold_numbers.tolist() == [0, 1, 2]
    assert facts.fold_weight.tolist() == [500.0, 500.0, 500.0]
    assert (facts.found.n_parts, facts.found.n_samples, facts.caught) == (7, 2_000, [])


def test_what_is_told_leaves_the_coefficients_of_folds_where_they_are(prepared):
    fold = fit_one_fold(prepared, 1.0, ALPHAS, 2, None)
    assert fold.paused.last.coefs.nnz > 0
    assert told(fold).paused.last.coefs.nnz == 0
    assert told(fold).scores is fold.scores
    whole = fit_whole(prepared, 1.0, ALPHAS[:2], None)
    further = fit_whole(prepared, 1.0, ALPHAS[2:], whole)
    assert told(further).path.df[-1] == further.paused.n_nonzero > 0
    assert [done.blurred.tolist() for done in (whole, further)] == [[], []]


def test_all_folds_of_all_l1_ratios_are_on_the_cluster_at_once(client, prepared):
    heard = []
    with Cluster(client) as cluster:
        folds = ClusterFolds(cluster, cluster.scatter(prepared), 3, heard.append)
        submitted = []
        original = cluster.as_completed
        cluster.as_completed = lambda futures: submitted.append(len(futures)) or original(futures)
        grid = SimpleNamespace(first=lambda largest: ALPHAS)
        settings = [prepared.settings.at(l1_ratio) for l1_ratio in MODEL.l1_ratio]
        asked = {k: Stretch(each, grid, None if k else ALPHAS[:2], None, [None] * 3) for k, each in enumerate(settings)}
        fits = folds.run(asked)
        # The first goes on, from states that have stayed on workers.
        on = Stretch(settings[0], grid, ALPHAS[2:], None, [None] * 3)
        further = folds.run({0: on})[0]
    assert submitted == [8, 4]
    assert [fits[k].path.alphas.tolist() for k in (0, 1)] == [ALPHAS[:2].tolist(), ALPHAS.tolist()]
    assert len(heard) == 4 * 2 + 4 * 3 + 4
    for number, (scores, paused) in enumerate(further.folds):
        unbroken = fit_one_fold(prepared, 0.5, ALPHAS[:2], number, None)
        expected = fit_one_fold(prepared, 0.5, ALPHAS[2:], number, unbroken)
        assert scores.scores == expected.scores.scores
        assert paused.alphas == expected.paused.alphas == tuple(ALPHAS.tolist())


def run_until_cancelled(number):
    check, end = make_check(), time.monotonic() + 60.0
    RUNS.set()
    try:
        while time.monotonic() < end:
            check(None)
            time.sleep(0.01)
    except Exception:
        HAS_ENDED.set()
        raise


def test_a_task_ends_when_nobody_waits_for_it_any_more(client):
    make_check()(None)
    with pytest.raises(KeyboardInterrupt), Cluster(client) as cluster:
        cluster.map(run_until_cancelled, [0], label="run")
        assert RUNS.wait(timeout=60)
        raise KeyboardInterrupt
    assert HAS_ENDED.wait(timeout=60)


def wait_for_first(number):
    return number == 1 or FIRST_IS_FETCHED.wait(timeout=60)


def test_results_come_as_they_are_finished(client):
    with Cluster(client) as cluster:
        results = cluster.as_completed(cluster.map(wait_for_first, [0, 1], label="wait"))
        assert next(results) == (1, True)
        FIRST_IS_FETCHED.set()
        assert list(results) == [(0, True)]
        assert list(cluster.as_completed([])) == []
