"""Streaming models in files: they predict; and where their state is kept, they learn on with the same bits."""

import copy
import re

import numpy as np
import pytest
from support import model_zoo
from support.model_zoo import STREAMS, X, Y, blocks, classes_of

import sparsereg as sr
from sparsereg.archive import load_archive, save_archive
from sparsereg.model_files.api import FORMAT
from sparsereg.streaming.training import Training
from sparsereg.streaming.training_result import TrainingResult


def learned(name, n_parts=3):
    model, kind = STREAMS[name]
    model = copy.deepcopy(model.set_params(random_state=1))
    vars(model).pop("training_", None)
    return learn(model, kind, n_parts)


def learn(model, kind, n_parts=3):
    classes = {} if classes_of(kind) is None else {"classes": classes_of(kind)}
    for part, _ in zip(blocks(kind), range(n_parts)):
        model.partial_fit(*part, **classes)
    return model


def there_and_back(model, tmp_path, **how):
    sr.save_model(model, tmp_path / "model.npz", **how)
    return sr.load_model(tmp_path / "model.npz")


def bits(model):
    found = {**model.history_, "w": model.sparse_coef_.data, "ids": model.sparse_coef_.indices, "b": model.intercept_}
    found |= {"t": model.t_, "n_active": model.n_active_, **model_zoo.predictions(model)}
    return {name: np.asarray(value).tobytes() for name, value in found.items() if name != "seconds"}


@pytest.mark.parametrize("name", STREAMS)
def test_with_its_state_a_model_learns_on_with_the_same_bits(name, tmp_path):
    kind = STREAMS[name][1]
    whole, part = learned(name), learned(name)
    loaded = there_and_back(part, tmp_path, state=True)
    assert isinstance(loaded.training_, Training)
    assert bits(loaded) == bits(whole)
    for model in (whole, loaded, part):
        learn(model, kind)
    expected = bits(whole)
    assert bits(part) == expected
    loss = {"loss"}  # its sums begin anew, as they do where a checkpoint is resumed
    assert {k: v for k, v in bits(loaded).items() if k not in loss} == {
        k: v for k, v in expected.items() if k not in loss
    }


@pytest.mark.parametrize("name", STREAMS)
def test_predictions_do_not_depend_on_what_was_asked_before(name, tmp_path):
    """Coefficients are read once, and then predictions come from them: with the bits of those from the state."""
    model = learned(name)
    before = model_zoo.predictions(model)
    assert model.training_._known is None
    _ = model.sparse_coef_
    assert model.training_._known is not None
    for found in (model_zoo.predictions(model), model_zoo.predictions(there_and_back(model, tmp_path))):
        assert {k: v.tobytes() for k, v in found.items()} == {k: v.tobytes() for k, v in before.items()}


def test_without_its_state_a_model_does_not_learn_on(tmp_path):
    model = learned("ftrl, two")
    loaded = there_and_back(model, tmp_path)
    assert isinstance(loaded.training_, TrainingResult)
    with pytest.raises(ValueError, match=r"partial_fit: .*state=True.*coef_init=model"):
        loaded.partial_fit(X, Y["two"])
    assert bits(loaded) == bits(model)
    with pytest.raises(ValueError, match="state: True is not allowed for model, which was loaded from a file without"):
        sr.save_model(loaded, tmp_path / "again.npz", state=True)
    # What starts from its coefficients does as ever.
    begun = {"max_iter": 2, "tol": None, "random_state": 0}
    fits = [sr.SGDClassifier(**begun).fit(X, Y["two"], coef_init=m) for m in (model, loaded)]
    assert bits(fits[0]) == bits(fits[1])
    warm = [m.set_params(warm_start=True, max_iter=2, tol=None).fit(X, Y["two"]) for m in (model, loaded)]
    assert bits(warm[0]) == bits(warm[1])
    loaded = there_and_back(warm[0], tmp_path)
    assert bits(loaded.fit_stream(blocks("two"), classes=["no", "yes"]))["t"] == np.asarray(61).tobytes()


def test_a_loaded_model_becomes_a_batch_model(tmp_path):
    model = learned("counts")
    batch, loaded = (m.to_batch() for m in (model, there_and_back(model, tmp_path)))
    assert repr(batch) == repr(loaded)
    assert (batch.sparse_coef_ != loaded.sparse_coef_).nnz == 0


def test_settings_of_the_run_are_not_those_set_since(tmp_path):
    model = learned("ftrl, two").set_params(alpha=7.0, loss="squared_hinge")
    loaded = there_and_back(model, tmp_path, state=True)
    assert loaded.get_params() == model.get_params()
    assert loaded.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()
    with pytest.raises(ValueError, match=r"alpha: 7\.0 is not allowed in a fit that was begun with 0\.001|loss: "):
        loaded.partial_fit(X, Y["two"])


def test_a_fit_in_memory_keeps_the_steps_that_it_has_chosen(tmp_path):
    model = sr.SGDRegressor(random_state=0, max_iter=3, tol=None, alpha=1e-3, certify=True).fit(X, 100.0 * Y["numbers"])
    assert model.training_.settings.optimizer["eta0"] > 1.0
    loaded = there_and_back(model, tmp_path, state=True)
    assert loaded.training_.settings.optimizer == model.training_.settings.optimizer
    assert loaded.dual_gap_ == model.dual_gap_


def test_what_is_compressed_predicts_nearly_the_same(tmp_path):
    model = learned("adagrad")
    for compress, size in (("float32", 1e-6), ("float16", 1e-2)):
        loaded = there_and_back(model, tmp_path, compress=compress)
        np.testing.assert_allclose(loaded.decision_function(X), model.decision_function(X), rtol=size, atol=size)
    assert there_and_back(loaded, tmp_path, compress="float16").sparse_coef_.data.tobytes() == (
        loaded.sparse_coef_.data.tobytes()
    )


def test_a_state_has_one_order(tmp_path):
    model = learned("ftrl, three")
    loaded = there_and_back(model, tmp_path, state=True)
    assert sr.save_model(loaded, tmp_path / "model.npz", state=True).n_nonzero == model.sparse_coef_.nnz
    content = (tmp_path / "model.npz").read_bytes()
    there_and_back(loaded, tmp_path, state=True)
    assert (tmp_path / "model.npz").read_bytes() == content


def of(part, name, value):
    def change(arrays, training):
        entry = training["learner"] if part == "learner" else training
        keys = [item for item in entry.get("items", []) if item[0] == name] if part == "learner" else None
        if keys:
            arrays[keys[0][1]["name"]] = value
        else:
            entry[name] = value

    return change


@pytest.mark.parametrize(("change", "message"), [
    (of("learner", "ids", np.zeros(3, dtype=np.int64)), "now.states: float64 of shape"),
    (of("learner", "clock", np.array([np.nan])), "now.clock: nan"),
    (of("learner", "touched", np.zeros(3, dtype=np.uint8)), "'touched' has shape"),
    (of("learner", "counts", np.zeros(5, dtype=np.uint8)), "'counts' has shape"),
    (of("training", "seed", -1), "seed: -1 is not allowed"),
    (of("training", "n_iter", 2.5), "n_iter: 2.5 is not allowed"),
    (of("training", "weights_seen", [1.0]), "weights_seen"),
    (of("training", "history", 3), "history: 3 is not allowed"),
    (of("training", "learner", [1]), "learner: .* is not allowed"),
    (of("training", "steps", None), "steps: None is not allowed"),
    (of("training", "settings", {"type": "dict", "items": [["alpha", "x"]]}), "alpha: 'x' is not allowed"),
    (of("training", "settings", {"type": "dict", "items": [["fit", 1]]}), "settings: .* is not allowed"),
])
def test_resealed_states_are_refused(change, message, tmp_path):
    path = tmp_path / "model.npz"
    sr.save_model(learned("adagrad"), path, state=True)
    arrays, meta = load_archive(path, FORMAT)
    change(arrays, meta["model"]["state"]["training"])
    save_archive(path, arrays, meta, FORMAT)
    with pytest.raises(ValueError, match=f"{re.escape(str(path))}.*{message}"):
        sr.load_model(path)


def test_many_classes_make_no_large_table(tmp_path):
    """A table of states has room for a thousand of every class, before anything is learned."""
    path = tmp_path / "model.npz"
    sr.save_model(learned("ftrl, three"), path, state=True)
    arrays, meta = load_archive(path, FORMAT)
    arrays[meta["model"]["state"]["fitted"]["classes_"]["name"]] = np.arange(2**16)
    save_archive(path, arrays, meta, FORMAT)
    with pytest.raises(ValueError, match="classes_: 65536 are not allowed beside a state, expected at most"):
        sr.load_model(path)


def test_what_has_seen_no_row_is_kept(tmp_path):
    model = sr.SGDClassifier().partial_fit(X[:0], Y["two"][:0], classes=sorted(set(Y["two"])))
    loaded = there_and_back(model, tmp_path, state=True)
    assert bits(loaded.partial_fit(X, Y["two"])) == bits(model.partial_fit(X, Y["two"]))
