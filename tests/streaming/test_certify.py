"""Certificates of fits by stochastic steps."""

import numpy as np
import pytest

from sparsereg import SGDClassifier


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("other", ["copy", "opposite"])
def test_columns_that_another_one_could_stand_for_keep_their_part(classes, other):
    """Steps share the weight of such columns out among them; F is the same, and so is the bound."""
    rng = np.random.default_rng(0)
    level, z = (rng.random(500) < 0.5).astype(float), rng.standard_normal(500)
    y = np.digitize(3.0 * level + z + 0.1 * rng.standard_normal(500), [1.5] if classes == 2 else [0.5, 2.0])
    found = []
    for X in (np.c_[level, z], np.c_[level, level if other == "copy" else 1.0 - level, z]):
        model = SGDClassifier(alpha=1e-2, l1_ratio=1.0, max_iter=200, tol=None, eta0=0.5, random_state=0).fit(X, y)
        assert np.all(model.coef_.any(axis=0))
        found.append((model.objective_, model.dual_gap_))
    assert found[1][0] == pytest.approx(found[0][0], rel=1e-3)
    assert max(gap for _, gap in found) < 0.05
