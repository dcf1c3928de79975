"""Streaming models in model files: what they have found, and where that is asked for the state of their optimiser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from sparsereg.coef import SparseCoef
from sparsereg.estimators.sgd import SGDClassifier, SGDRegressor
from sparsereg.inputs.contents import array_of, check_finite, flag_of, number_of, whole_of, within
from sparsereg.inputs.rows import shown
from sparsereg.model_files.attributes import pack_attributes, unpack_attributes
from sparsereg.model_files.coefficients import MAX_INT, memory_of, saving_of
from sparsereg.model_files.models import (
    COLUMNS,
    OPTIONAL,
    check_calibration,
    check_columns,
    check_labels,
    check_number_or_nan,
    check_parameters,
    check_there,
    class_names,
    parameter_names,
)
from sparsereg.model_files.values import Kind, Packer, Unpacker
from sparsereg.solvers.evaluate import Evaluation
from sparsereg.streaming.alpha_training import make_training
from sparsereg.streaming.checkpoint_contents import check_history, check_saved_meta, check_saved_state
from sparsereg.streaming.locking import synchronized
from sparsereg.streaming.options import FIXED_WHILE_TRAINING, StreamSettings
from sparsereg.streaming.training import History, Training
from sparsereg.streaming.training_result import AlphaTrainingResult, TrainingResult

FITTED = (*COLUMNS, "_gives_sparse")
# Attributes that are objects of their own, and travel in parts.
PARTS = ("training_", "_evaluated")
RESULT = ("settings", "history", "n_iter", "n_rows", "n_touched", "coef", "intercepts")
FOUND = ("n_iter", "n_rows", "n_touched", "coef", "intercepts")
# Of several alphas, each with what it has found.
RESULTS = ("settings", "history", "n_iter", "best", "runs")
STATE = ("settings", "history", "n_iter", "seed", "seconds", "n_entries", "weights_seen", "steps", "learner")
# A table of states begins with room for a thousand, of each class.
MAX_CLASSES = 1 << 15


@synchronized
def _pack_stream(model: Any, packer: Packer, where: str) -> dict[str, Any]:
    """Return what stands for a streaming estimator in a file; nothing is learned meanwhile."""
    check_parameters(model, where)
    cls = type(model)
    state = pack_attributes(model, parameter_names(cls), _fitted_names(cls), packer, where, PARTS)
    if not model.__sklearn_is_fitted__():
        return state
    n_rows, evaluation = model._evaluated
    found = {name: getattr(evaluation, name) for name in ("objective", "dual_gap", "violation")}
    state["evaluation"] = packer.pack_all({"n_rows": int(n_rows), **found}, f"{where}.evaluation")
    training, saving = model.training_, saving_of(packer)
    facts = {
        "settings": training.settings.fixed_while_training, "history": training.history.arrays(),
        "n_iter": training.n_iter,
    }
    saving.memory += memory_of(training.coef) + training.intercept.nbytes
    if saving.state:
        saving.n_states += 1
        saving.n_nonzero += training.coef.values.nnz
        facts |= _state_of(training, where)
    elif training.settings.alphas is None:
        facts |= _found(training)
    else:
        runs = {str(k): _found(training.at(k)) for k in range(len(training.settings.alphas))}
        facts |= {"best": training.best, "runs": runs}
    state["training"] = packer.pack_all(facts, f"{where}.training")
    return state


def _found(training: Any) -> dict[str, Any]:
    """Return what a run has found, its history left out."""
    return {
        "n_iter": training.n_iter, "n_rows": training.n_rows, "n_touched": training.n_touched, "coef": training.coef,
        "intercepts": training.intercept,
    }


def _state_of(training: Any, where: str) -> dict[str, Any]:
    """Return all that a run goes on from."""
    if not isinstance(training, Training):
        raise ValueError(
            f"state: True is not allowed for {where}, which was loaded from a file without the state of its optimiser; "
            "expected False"
        )
    learner = training.learner.state()
    # In one order, whenever they came.
    order = np.argsort(learner["ids"])
    sorted_ = {name: learner[name][order] for name in ("ids", "states", "touched") if learner[name].size}
    return {
        "seed": training.seed, "seconds": training.seconds, "n_entries": training.n_entries,
        "weights_seen": training.units.seen.tolist(),
        "steps": {name: training.settings.optimizer[name] for name in ("eta0", "beta")},
        "learner": {**learner, **sorted_},
    }


def _unpack_stream(cls: Any, packed: Mapping[str, Any], unpacker: Unpacker, where: str) -> Any:
    """Return the streaming estimator that a file stands for, after checks of all that predictions rely on."""
    parts = {name: packed.get(name) for name in ("training", "evaluation")}
    rest = {name: value for name, value in packed.items() if name not in parts}
    parameters, fitted, output = unpack_attributes(rest, parameter_names(cls), _fitted_names(cls), unpacker, where)
    model = cls(**parameters)
    if fitted or parts["training"] is not None:
        with within(where):
            check_there(fitted, {*_fitted_names(cls)} - OPTIONAL | {"_gives_sparse"})
            flag_of(fitted, "_gives_sparse")
            n_outputs = check_labels(fitted["classes_"], "classes_") if "classes_" in fitted else 1
            check_calibration(fitted, n_outputs)
        training = _unpack_training(cls, parts["training"], fitted, n_outputs, unpacker, f"{where}.training")
        evaluated = _unpack_evaluation(parts["evaluation"], unpacker, f"{where}.evaluation")
        vars(model).update(training_=training, _evaluated=evaluated)
    vars(model).update(fitted | output)
    return model


def _fitted_names(cls: type) -> tuple[str, ...]:
    return (*FITTED, *class_names(cls))


def _unpack_evaluation(packed: Any, unpacker: Unpacker, where: str) -> tuple[int, Evaluation]:
    """Return what is known of a fit, and after how many rows."""
    names = ("objective", "dual_gap", "violation")
    given = unpacker.unpack_all(packed, where, ("n_rows", *names))
    with within(where):
        for name in names:
            check_number_or_nan(given, name)
        return whole_of(given, "n_rows", 0, MAX_INT), Evaluation(*(given[name] for name in names))


def _unpack_training(
    cls: Any, packed: Any, fitted: Mapping[str, Any], n_outputs: int, unpacker: Unpacker, where: str
) -> Training | TrainingResult:
    """Return the run of a model, or what is left of it."""
    has_state = isinstance(packed, dict) and "learner" in packed
    has_runs = isinstance(packed, dict) and "runs" in packed
    given = unpacker.unpack_all(packed, where, STATE if has_state else RESULTS if has_runs else RESULT)
    with within(where):
        settings = _settings(cls, given["settings"])
        check_history(_arrays_of(given, "history"), None if settings.alphas is None else len(settings.alphas))
        whole_of(given, "n_iter", 0, MAX_INT)
        if has_state:
            n_features = whole_of(fitted, "n_features_in_", 1, MAX_INT)
            training: Any = _resumed(given, settings, n_features, n_outputs)
        elif has_runs:
            training = _results(given, settings, n_outputs)
        else:
            training = _result(given, settings, n_outputs, History.from_arrays(given["history"]))
        check_columns(fitted, training.n_features)
    return training


def _arrays_of(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return arrays with names."""
    arrays = given[name]
    if not isinstance(arrays, dict) or not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise ValueError(f"{name}: {shown(arrays)} is not allowed, expected arrays with names")
    return arrays


def _settings(cls: Any, fixed: Any) -> StreamSettings:
    """Return the settings of a run, checked as those of a fit are; what may change under way is as by default."""
    allowed = {*FIXED_WHILE_TRAINING} & {*parameter_names(cls)}
    if not isinstance(fixed, dict) or not {*fixed} <= allowed:
        raise ValueError(f"settings: {shown(fixed)} is not allowed, expected {', '.join(sorted(allowed))}")
    try:
        return cls(**fixed)._settings()
    except TypeError as error:
        raise ValueError(f"settings: {error}") from error


def _results(given: Mapping[str, Any], settings: StreamSettings, n_outputs: int) -> AlphaTrainingResult:
    """Return what is left of a run at several alphas."""
    runs, n_alphas = given["runs"], len(settings.alphas or ())
    names = [str(k) for k in range(n_alphas)]
    if n_alphas == 0 or not isinstance(runs, dict) or sorted(runs) != sorted(names):
        raise ValueError(f"runs: {shown(runs)} is not allowed, expected one for each of {n_alphas} alphas")
    history, found = History.from_arrays(given["history"]), []
    for k, name in enumerate(names):
        if not isinstance(runs[name], dict) or {*runs[name]} != {*FOUND}:
            raise ValueError(f"runs: {shown(runs[name])} is not allowed, expected {', '.join(FOUND)}")
        with within(f"runs[{name!r}]"):
            found.append(_result(runs[name], settings.at(k), n_outputs, history.at(k)))
    return AlphaTrainingResult.of_runs(settings, history, whole_of(given, "best", 0, n_alphas - 1), tuple(found))


def _result(
    given: Mapping[str, Any], settings: StreamSettings, n_outputs: int, history: History
) -> TrainingResult:
    """Return what is left of a run."""
    coef = given["coef"]
    if not isinstance(coef, SparseCoef) or coef.n_columns != n_outputs:
        raise ValueError(f"coef: {shown(coef)} is not allowed, expected coefficients of {n_outputs} linear predictors")
    intercepts = array_of(given, "intercepts", np.float64, (n_outputs,))
    check_finite(intercepts, "intercepts")
    n_iter, n_rows, n_touched = (whole_of(given, name, 0, MAX_INT) for name in ("n_iter", "n_rows", "n_touched"))
    return TrainingResult(settings, coef, intercepts, history, n_iter, n_rows, n_touched)


def _resumed(given: Mapping[str, Any], settings: StreamSettings, n_features: int, n_outputs: int) -> Training:
    """Return a run that goes on where it was saved; checked as checkpoints are."""
    steps, learner = given["steps"], _arrays_of(given, "learner")
    if not isinstance(steps, dict):
        raise ValueError(f"steps: {shown(steps)} is not allowed, expected eta0 and beta")
    if n_outputs > MAX_CLASSES:
        raise ValueError(f"classes_: {n_outputs} are not allowed beside a state, expected at most {MAX_CLASSES}")
    eta0, beta = (number_of(steps, name, 0.0) for name in ("eta0", "beta"))
    settings = replace(settings, optimizer={**settings.optimizer, "eta0": eta0, "beta": beta})
    meta = {
        **{name: given[name] for name in ("seed", "seconds", "n_entries", "weights_seen")},
        "n_features": n_features, "n_passes": given["n_iter"], "n_rows": 0, "is_over": False,
        "patience": None,
    }
    check_saved_meta(meta)
    training = make_training(settings, n_features, n_outputs, meta["seed"])
    check_saved_state({"now": learner, "history": given["history"], "best": {}}, meta, training.learner)
    # Of several alphas each has its own, which is in the state.
    training.n_iter = given["n_iter"]
    training.resume(learner, History.from_arrays(given["history"]), meta["seconds"], meta["seed"])
    training.n_entries = meta["n_entries"]
    training.units.seen[:] = meta["weights_seen"]
    return training


STREAMS: tuple[Kind, ...] = tuple(
    Kind(f"sparsereg.{cls.__name__}", lambda cls=cls: cls, _pack_stream, partial(_unpack_stream, cls))
    for cls in (SGDClassifier, SGDRegressor)
)
