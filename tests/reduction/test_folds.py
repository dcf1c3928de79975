"""Folds and held-out rows that are drawn block by block."""

import numpy as np
import pytest

from sparsereg.reduction.folds import FoldDraw


def test_folds_are_of_one_size_within_every_block_and_over_all():
    draw, drawn = FoldDraw(3, None, 0), []
    for size in (7, 1, 0, 10, 3):
        fold, held = draw.draw(size)
        assert held is None
        assert np.ptp(np.bincount(fold, minlength=3)) <= 1
        drawn.append(fold)
    assert np.ptp(np.bincount(np.concatenate(drawn), minlength=3)) <= 1


def test_held_out_rows_are_that_share_of_all_rows_and_have_no_part_in_folds():
    draw, counts, n_held = FoldDraw(2, 0.3, 1), np.zeros(2), 0
    for size in [3] * 50:
        fold, held = draw.draw(size)
        counts += np.bincount(fold[~held], minlength=2)
        n_held += held.sum()
    assert n_held == 45
    assert counts.tolist() == [53, 52]


def test_the_same_seed_draws_the_same():
    for state in (0, 5):
        a, b = (FoldDraw(4, 0.2, state) for _ in range(2))
        for size in (20, 30):
            for one, other in zip(a.draw(size), b.draw(size), strict=True):
                np.testing.assert_array_equal(one, other)
    assert not np.array_equal(FoldDraw(4, None, 0).draw(50)[0], FoldDraw(4, None, 5).draw(50)[0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ((1, None), r"n_folds: 1 is outside \[2, inf\)"), ((0, None), r"n_folds: 0 is outside"),
        ((None, 1.0), r"holdout: 1.0 is outside \(0, 1\)"), ((None, 0), r"holdout: 0 is outside"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(ValueError, match=message):
        FoldDraw(*settings, 0)
