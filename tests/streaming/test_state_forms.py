"""States that an earlier version kept, ids beside states in cells: from checkpoints, pickles and arrays."""

import json
import pickle
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from golden import make_cells
from support.learner_twins import learner

from sparsereg.streaming.state_forms import current_form

FOLDER = Path(make_cells.__file__).parent / "cells"
EXPECTED = json.loads((FOLDER / "expected.json").read_text())
each = pytest.mark.parametrize("name", make_cells.SETTINGS)


@each
def test_a_checkpoint_of_cells_goes_on_with_the_same_bits(name, tmp_path):
    path = tmp_path / "fit.npz"
    shutil.copy(FOLDER / f"{name}.npz", path)
    model = make_cells.fit(name, path, resume=True)
    assert model.t_ == 401
    assert make_cells.checksum(model) == EXPECTED[name]["stream"]


@each
def test_a_pickle_of_cells_goes_on_with_the_same_bits(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = pickle.loads((FOLDER / f"{name}.pickle").read_bytes())
    model.partial_fit(make_cells.X[200:], make_cells.Y[200:])
    assert make_cells.checksum(model) == EXPECTED[name]["pickle"]


def test_marks_were_the_signs_of_ids():
    cells = np.array([[5, 1], [-(2**63) + 7, 2], [-(2**63), 3]])
    state = {"cells": cells, "by_id": np.array(True), "totals": np.ones(2)}
    for is_marked, touched in ((True, [0, 1, 1]), (False, [])):
        found = current_form(state, is_marked)
        assert [*found] == ["ids", "states", "touched", "totals"]
        assert found["ids"].tolist() == [5, 7, 0]
        assert found["states"].view(np.int64).tolist() == [[1], [2], [3]]
        assert found["touched"].tolist() == touched
        assert found["touched"].dtype == np.uint8
    now = {"ids": np.arange(2), "totals": np.ones(2)}
    assert current_form(now, True) == now


@pytest.mark.parametrize("cells", [np.ones((2, 2)), np.ones(3, dtype=np.int64), np.ones((2, 1), dtype=np.int64)])
def test_cells_of_another_form_are_refused(cells):
    with pytest.raises(ValueError, match=r"cells: \w+ of shape .* is not allowed, expected int64 of shape"):
        current_form({"cells": cells, "by_id": np.array(True)}, False)


@pytest.mark.parametrize(("name", "value", "message"), [
    ("ids", np.array([3, 3]), "an id is there twice"),
    ("ids", np.array([3, -1]), "id -1 is not allowed, expected 0 to 99"),
    ("ids", np.array([3, 100]), "id 100 is not allowed, expected 0 to 99"),
    ("ids", np.array([3]), "'states' has shape"),
    ("states", np.ones((2, 2)), "'states' has shape"),
    ("touched", np.ones(1, dtype=np.uint8), "'touched' has shape"),
])
def test_states_that_a_learner_cannot_have_are_refused(name, value, message):
    model = learner(sampling={"drop_stale": 5}, n_features=100)
    model.start_from(np.array([1, 2]), np.ones((2, 1)))
    state = model.state()
    with pytest.raises(ValueError, match=f"state: .*{message}"):
        model.restore({**state, name: value})
    assert model.state()["ids"].tolist() == [1, 2]
    model.restore(state)
