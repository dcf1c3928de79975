"""Memory follows the non-zeros: 233 million columns are fitted in little more than X itself takes."""

import subprocess
import sys
from pathlib import Path

import pytest

FIT = """
import resource, sys
sys.path.insert(0, {tests!r})
import numpy as np
from sparsereg import Lasso, Ridge
from support.wide_matrices import CROSS_WIDTH, lat_long_cross
small = lat_long_cross(100)
for Model in (Lasso, Ridge):
    Model(alpha=0.1).fit(small, np.arange(100.0)).predict(small)
X = lat_long_cross(200_000, n_places=300)
y = np.sin(X.indices[::3] / 50.0) + np.random.default_rng(0).standard_normal(200_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model = {model}.fit(X, y)
prediction = model.predict(X)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert X.shape == (200_000, CROSS_WIDTH) and prediction.shape == y.shape
assert model.score(X, y) > 0.1
assert 0 < model.sparse_coef_.nnz <= model.n_active_
print(after - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the unit of ru_maxrss is that of Linux")
@pytest.mark.parametrize("model", ["Lasso(alpha=1e-4)", "Ridge(alpha=1e-4)"])
def test_peak_memory_of_a_wide_fit(model):
    code = FIT.format(tests=str(Path(__file__).parent), model=model)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # A dense vector of this width is 1.9 GB, and the bitmap and its ranks are 44 MB.
    assert int(done.stdout) < 200 * 1024
