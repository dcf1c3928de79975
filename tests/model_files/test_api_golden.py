"""Model files that an older version wrote, frozen by golden/make_models.py, load and predict what they did."""

import json
from pathlib import Path

import pytest
from golden import make_models
from golden.frozen import X, Y, check_same

import sparsereg as sr

FOLDER = Path(make_models.__file__).parent / "models"
EXPECTED = json.loads((FOLDER / "expected.json").read_text())
NAMES = sorted(path.stem for path in FOLDER.glob("*.npz"))


def test_every_file_is_described():
    assert {*NAMES} == EXPECTED.keys() - {"written_by"}
    assert EXPECTED["written_by"] == "sparsereg 0.1.0"
    assert len(NAMES) == 12


@pytest.mark.parametrize("name", NAMES)
def test_a_file_gives_what_it_gave(name):
    found = make_models.describe(sr.load_model(FOLDER / f"{name}.npz"))
    check_same(json.loads(json.dumps(found)), EXPECTED[name], name, 1e-13, 1e-15)


@pytest.mark.parametrize(("name", "kind"), [("stream_state", "three"), ("counts_state", "counts")])
def test_a_state_learns_on(name, kind):
    model = sr.load_model(FOLDER / f"{name}.npz")
    t = model.t_
    assert model.partial_fit(X, Y[kind]).t_ == t + X.shape[0]
