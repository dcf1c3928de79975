"""A worker that is killed while it reduces: its parts are made again, and the fit is the same."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.distributed_data import matrix

from sparsereg import Lasso

TESTS = Path(__file__).parent.parent


def test_a_killed_worker_changes_nothing(frame, files, tmp_path):
    script = TESTS / "support" / "killed_workers.py"
    places = os.pathsep.join([str(TESTS), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, script, tmp_path, *files], capture_output=True, text=True, timeout=300,
        env={**os.environ, "PYTHONPATH": places}, check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    plain = Lasso(alpha=0.02).fit(matrix(frame), frame["y"])
    assert found["left"] == 1
    assert found["samples"] == [2_000, 2_000]
    # More calls than parts: what was lost was made again.
    assert len([*tmp_path.glob("call-*")]) > 2 * len(files)
    assert found["objectives"][0] == found["objectives"][1] == pytest.approx(plain.objective_, rel=1e-12)
