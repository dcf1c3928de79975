"""Learners against the runs of Vowpal Wabbit's --ftrl that tests/golden/make_vw.py froze."""

import json
from pathlib import Path

import numpy as np
import pytest
from support.learner_twins import learner

from sparsereg.inputs.rows import Rows
from sparsereg.streaming.batch import Batch

GOLDEN = json.loads((Path(__file__).parent / "golden" / "vw_ftrl.json").read_text())
CASES = [
    pytest.param(case, id=f"{case['loss']}-constant={case['constant']}-weighted={case['weighted']}-l1={case['l1']}")
    for case in GOLDEN["cases"]
]


def block_of(case):
    """Return the rows, targets and weights of a case; the constant is a feature like any other, behind all others."""
    rows = GOLDEN["rows"]
    more = ([GOLDEN["constant_id"]], [1.0]) if case["constant"] else ([], [])
    ids, data = ([one + other for one in rows[name]] for name, other in zip(("ids", "values"), more, strict=True))
    indptr = np.append(0, np.cumsum([len(one) for one in ids]))
    ids, data = np.concatenate(ids).astype(np.int64), np.concatenate(data).astype(float)
    y = np.array(rows["y"][case["loss"]], dtype=float)[:, None]
    y = (y > 0.0).astype(float) if case["loss"] == "logistic" else y
    weight = np.array(rows["weight"], dtype=float) if case["weighted"] else np.ones(len(y))
    return Rows(indptr.astype(np.int64), ids, data, len(y), 2**63 - 1, True, False), y, weight


def learner_of(case, total_weight):
    """Make the learner of a case: its loss has no half, which doubles what ours is to be multiplied with."""
    half = 0.5 if case["loss"] == "squared" else 1.0
    alpha = half * (case["l1"] + case["l2"]) / total_weight
    l1_ratio = case["l1"] / (case["l1"] + case["l2"]) if alpha > 0.0 else 1.0
    return learner(
        "ftrl", case["loss"], alpha=alpha, l1_ratio=l1_ratio, eta0=case["ftrl_alpha"], beta=half * case["ftrl_beta"],
        total_weight=total_weight, fit_intercept=False,
    )


def test_several_kinds_of_runs_are_frozen():
    assert {case["loss"] for case in GOLDEN["cases"]} == {"logistic", "squared"}
    assert {case["weighted"] for case in GOLDEN["cases"]} == {case["constant"] for case in GOLDEN["cases"]} == {0, 1}


@pytest.mark.parametrize("case", CASES)
def test_the_same_weights_and_losses(case):
    rows, y, weight = block_of(case)
    model = learner_of(case, weight.sum())
    model.learn(Batch(rows, y, weight))
    half = 0.5 if case["loss"] == "squared" else 1.0
    assert model.totals[1] / model.totals[0] == pytest.approx(half * case["average_loss"], rel=3e-6)
    assert model.n_touched == len(case["ids"])
    ids, w = model.coefficients()
    theirs = {id_: value for id_, value in zip(case["ids"], case["weights"], strict=True) if value != 0.0}
    assert ids.tolist() == sorted(theirs)
    # Theirs and ours have seven digits, of sums of large weights.
    np.testing.assert_allclose(w[:, 0], [theirs[id_] for id_ in ids.tolist()], rtol=5e-5, atol=1e-5)
