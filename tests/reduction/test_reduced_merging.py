"""Merging of reductions: associative and commutative, whatever the parts are."""

import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.reductions import LOSSES, assert_same, equal_rows, parts_of, target

from sparsereg import Reduced, regularization_path

N = 80


@st.composite
def data_in_parts(draw, loss):
    """Draw rows with all that a reduction may have, and where to cut them."""
    seed = draw(st.integers(0, 99))
    rng = np.random.default_rng(seed)
    X, effect, weight = equal_rows(N, seed=seed, with_values=draw(st.booleans()))
    y, several = target(loss, effect), loss in ("squared", "poisson", "huber") and draw(st.booleans())
    if several:
        y = np.column_stack([y, target(loss, effect[::-1])])
    by_row = {
        "weight": weight if draw(st.booleans()) else None,
        "fold": rng.integers(-1, 3, N) if draw(st.booleans()) else None,
        "offset": rng.integers(-1, 2, N) / 2.0 if draw(st.booleans()) else None,
    }
    # Equal cuts make parts without rows, close ones parts of one class.
    cuts = draw(st.lists(st.integers(0, N), max_size=6))
    return X, y, by_row, cuts, several


def objective(reduced, several):
    """Return the certified objectives of a short path."""
    reduced = reduced.response(1) if several else reduced
    path = regularization_path(reduced, loss=reduced.loss, alphas=[0.1, 0.02], tol=1e-11)
    assert np.all(path.dual_gaps <= 1e-10 * np.maximum(path.objectives, 1.0))
    return path.objectives


@pytest.mark.parametrize("loss", LOSSES)
@settings(max_examples=25)
@given(data=st.data())
def test_any_split_and_any_tree_give_the_same(loss, data):
    X, y, by_row, cuts, several = data.draw(data_in_parts(loss))
    by_name = {{"weight": "sample_weight"}.get(name, name): values for name, values in by_row.items()}
    whole = Reduced.of(X, y, loss=loss, **by_name)
    parts = data.draw(st.permutations(parts_of(X, y, cuts=cuts, loss=loss, **by_row)))
    assert_same(whole, Reduced.merge_all(iter(parts)))
    while len(parts) > 1:
        k, j = (data.draw(st.integers(0, len(parts) - 1 - less)) for less in (0, 1))
        one, other = parts.pop(k), parts.pop(j)
        parts.append(one.merge(other))
    assert_same(whole, parts[0])
    np.testing.assert_allclose(objective(parts[0], several), objective(whole, several), rtol=1e-9)


@pytest.mark.parametrize("loss", LOSSES)
def test_parts_without_rows_and_without_weight_change_nothing(loss):
    X, effect, weight = equal_rows(60)
    y = target(loss, effect)
    part, none = Reduced.of(X, y, weight, loss=loss), Reduced.of(X[:0], y[:0], loss=loss)
    assert (none.n_samples, none.n_rows, none.n_features) == (0, 0, part.n_features)
    for merged in (none.merge(part), part.merge(none), Reduced.merge_all([none, part, none])):
        assert_same(merged, part)
    weightless = Reduced.of(X, y, np.zeros(60), loss=loss)
    merged = weightless.merge(part)
    assert (merged.n_samples, merged.n_rows) == (120, part.n_rows)
    np.testing.assert_array_equal(merged.entries.n_weighted, part.entries.n_weighted)
    assert_same(none.merge(none), none)


def test_parts_of_one_class_each():
    X, _, weight = equal_rows(90)
    y = np.repeat(["dog", "ant", "cat"], 30)
    parts = parts_of(X, y, weight, (30, 60), loss="logistic")
    assert [part.classes.tolist() for part in parts] == [["dog"], ["ant"], ["cat"]]
    for order in ((0, 1, 2), (2, 0, 1)):
        assert_same(Reduced.merge_all(parts[k] for k in order), Reduced.of(X, y, weight, loss="logistic"))


def test_no_part_is_kept_alive():
    X, effect, _ = equal_rows(60)
    alive, most = [], 0

    def parts():
        nonlocal most
        for _ in range(4):
            most = max(most, sum(part() is not None for part in alive))
            part = Reduced.of_blocks([(X, effect)], loss="squared", holdout=0.5)
            alive.append(weakref.ref(part))
            yield part
            del part

    merged = Reduced.merge_all(parts())
    assert merged.n_samples == merged.held_out.n_samples == 120
    assert most == 0


def test_messages_name_the_part():
    X, effect, _ = equal_rows(30)
    good = Reduced.of(X, effect, loss="squared", offset=effect)
    others = {
        "offsets are in some parts": Reduced.of(X, effect, loss="squared"),
        "X has 7 features": Reduced.of(np.eye(3, 7), [1.0, 2.0, 3.0], offset=0.5, loss="squared"),
        "y: 2 responses, where the rows before had 1": Reduced.of(X, np.ones((30, 2)), offset=1.0, loss="squared"),
        "for loss='huber', where those before are for 'squared'": Reduced.of(X, effect, offset=1.0, loss="huber"),
    }
    for message, bad in others.items():
        with pytest.raises(ValueError, match=rf"parts: part 2 \(the first is 0\): .*{message}"):
            Reduced.merge_all([good, good, bad])
    apart = [Reduced("squared", good.entries, Reduced.of(X, effect, loss="squared")), *[good] * 2]
    apart[2] = Reduced("squared", good.entries, Reduced.of(np.eye(3, 7), [1.0, 2.0, 3.0], loss="squared"))
    with pytest.raises(ValueError, match=r"part 2 .*held-out rows: X has 7 features"):
        Reduced.merge_all(apart)
