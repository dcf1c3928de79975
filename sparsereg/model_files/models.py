"""Estimators, cross-validated models and paths in model files: parameters, and what their fits have found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import partial
from typing import Any

import numpy as np

from sparsereg._core.losses import LOSSES
from sparsereg._core.penalties import PENALTIES
from sparsereg.coef import SparseCoef
from sparsereg.estimators import classifiers, cv, regressors
from sparsereg.estimators.base import SparseClassifier
from sparsereg.estimators.calibration import METHODS, Calibration, CalibrationMixin
from sparsereg.estimators.glm_cv import CrossValidatedModel
from sparsereg.inputs.contents import (
    array_of,
    check_entries,
    check_finite,
    check_ids,
    flag_of,
    number_of,
    whole_of,
    within,
)
from sparsereg.inputs.parameters import check_alphas
from sparsereg.inputs.rows import shown
from sparsereg.model_files.attributes import names_of, pack_attributes, unpack_attributes
from sparsereg.model_files.coefficients import MAX_INT, memory_of, saving_of
from sparsereg.model_files.values import Kind, Packer, Unpacker
from sparsereg.path.result import RegularizationPath
from sparsereg.solvers.forms import FORMS

COLUMNS = ("n_features_in_", "feature_names_in_")
FITTED = (
    *COLUMNS, "_coef", "intercept_", "dual_gap_", "violation_", "objective_", "n_iter_", "n_active_", "_has_offset",
    "_gives_sparse",
)
# Of models of classes, of those with probabilities, and of those that are chosen by cross-validation.
CLASSES = ("classes_",)
CALIBRATION = ("calibration_",)
CHOSEN = (
    "alpha_", "l1_ratio_", "alphas_", "alpha_min_", "alpha_1se_", "path_", "cv_results_", "best_index_", "measure_",
)
# What there is of every row of the training data does not travel: files are as large as models.
BY_ROW = ("cv_folds_", "cv_predictions_")
# Parameters that go on from a state of their own.
RANDOM = (np.random.Generator, np.random.RandomState)
# Models that another made by `to_batch` do without.
OPTIONAL = {"feature_names_in_", "_has_offset", "_gives_sparse", "calibration_"}

_VECTORS = ("dual_gaps", "objectives", "dev_ratio", "deviances")


def parameter_names(cls: type) -> list[str]:
    """Return the names of the parameters of an estimator.

    Parameters
    ----------
    cls : type

    Returns
    -------
    names : list of str
    """
    return list(cls._get_param_names())  # type: ignore[attr-defined]


def check_parameters(model: Any, where: str) -> None:
    """Refuse parameters that are code, or go on from a state of their own, and requests of metadata.

    Parameters
    ----------
    model : estimator
    where : str

    Raises
    ------
    TypeError
    """
    if "_metadata_request" in vars(model):
        raise TypeError(
            f"{where}: what set_fit_request and the like have asked for cannot be saved; delete the attribute "
            "_metadata_request before, and ask for it again after loading"
        )
    for name, value in model.get_params(deep=False).items():
        if (callable(value) and not isinstance(value, type)) or isinstance(value, RANDOM):
            raise TypeError(
                f"{where}.{name}: {shown(value)} cannot be saved, for no code is in a file, nor run by what reads it; "
                f"set_params({name}=None) before, and set it again after loading"
            )


def fitted_names(cls: type) -> tuple[str, ...]:
    """Return the names of the attributes that a fit of a batch estimator sets.

    Parameters
    ----------
    cls : type

    Returns
    -------
    names : tuple of str
    """
    return (*FITTED, *class_names(cls), *(CHOSEN if issubclass(cls, CrossValidatedModel) else ()))


def class_names(cls: type) -> tuple[str, ...]:
    """Return the names of the attributes that only models of classes have.

    Parameters
    ----------
    cls : type

    Returns
    -------
    names : tuple of str
    """
    classes = CLASSES if issubclass(cls, SparseClassifier) else ()
    return (*classes, *(CALIBRATION if issubclass(cls, CalibrationMixin) else ()))


def pack_model(model: Any, packer: Packer, where: str) -> dict[str, Any]:
    """Return what stands for a batch estimator in a file.

    Parameters
    ----------
    model : estimator
    packer : Packer
    where : str

    Returns
    -------
    state : dict
    """
    check_parameters(model, where)
    saving, cls = saving_of(packer), type(model)
    memory = saving.memory
    state = pack_attributes(model, parameter_names(cls), fitted_names(cls), packer, where, BY_ROW)
    if state["fitted"]:
        # A path that it was chosen from takes no part in its predictions.
        saving.memory = memory + memory_of(model._coef) + np.asarray(model.intercept_).nbytes
    return state


def unpack_model(cls: Any, state: Mapping[str, Any], unpacker: Unpacker, where: str) -> Any:
    """Return the batch estimator that a file stands for, after checks of all that predictions rely on.

    Parameters
    ----------
    cls : type
    state : mapping
    unpacker : Unpacker
    where : str

    Returns
    -------
    model : estimator
    """
    names = fitted_names(cls)
    parameters, fitted, output = unpack_attributes(state, parameter_names(cls), names, unpacker, where)
    if parameters.get("callback") is not None:
        raise ValueError(f"{where}.callback: {shown(parameters['callback'])} is not allowed, expected None")
    model = cls(**parameters)
    if fitted:
        with within(where):
            check_there(fitted, {*names} - OPTIONAL)
            _check_fitted(cls, fitted)
        if issubclass(cls, CrossValidatedModel):
            fitted |= dict.fromkeys(BY_ROW)
    vars(model).update(fitted | output)
    return model


def check_there(values: Mapping[str, Any], needed: set[str]) -> None:
    """Check that values are there.

    Parameters
    ----------
    values : mapping
    needed : set of str
    """
    if missing := sorted(needed - set(values)):
        raise ValueError(f"{missing[0]!r} is missing")


def check_columns(fitted: Mapping[str, Any], n_features: int) -> None:
    """Check the number of columns, and their names, against those of coefficients.

    Parameters
    ----------
    fitted : mapping
    n_features : int
    """
    whole_of(fitted, "n_features_in_", n_features, n_features)
    if "feature_names_in_" in fitted:
        names_of(fitted, "feature_names_in_", n_features)


def check_labels(classes: Any, name: str, n_outputs: int | None = None) -> int:
    """Check labels of classes: distinct, in order, and as many as linear predictors need.

    Parameters
    ----------
    classes : ndarray
    name : str
    n_outputs : int or None
        None: any number.

    Returns
    -------
    n_outputs : int
    """
    if not isinstance(classes, np.ndarray) or classes.ndim != 1 or classes.size < 2:
        raise ValueError(f"{name}: {shown(classes)} is not allowed, expected a row of at least two labels")
    needed = 1 if classes.size == 2 else classes.size
    if n_outputs not in (None, needed):
        raise ValueError(f"{name}: {classes.size} labels are not allowed for {n_outputs} linear predictors")
    try:
        is_right = np.array_equal(np.unique(classes), classes)
    except TypeError:  # labels that cannot be compared
        is_right = False
    if not is_right:
        raise ValueError(f"{name}: {shown(classes)} is not allowed, expected distinct labels in order")
    return needed


def _check_fitted(cls: type, fitted: Mapping[str, Any]) -> None:
    """Check what a fit has set."""
    coef = fitted["_coef"]
    if not isinstance(coef, SparseCoef):
        raise ValueError(f"_coef: {shown(coef)} is not allowed, expected coefficients")
    check_columns(fitted, coef.n_features)
    if issubclass(cls, SparseClassifier):
        n_outputs = check_labels(fitted["classes_"], "classes_", coef.n_columns)
        check_finite(array_of(fitted, "intercept_", np.float64, (n_outputs,)), "intercept_")
        check_calibration(fitted, n_outputs)
    else:
        if coef.n_columns != 1:
            raise ValueError(f"_coef: {coef.n_columns} vectors are not allowed, expected one")
        number_of(fitted, "intercept_")
    _check_facts(fitted)
    if issubclass(cls, CrossValidatedModel):
        _check_chosen(fitted)


def check_calibration(fitted: Mapping[str, Any], n_outputs: int) -> None:
    """Check that a calibration, if there is one, is of so many linear predictors.

    Parameters
    ----------
    fitted : mapping
    n_outputs : int
    """
    calibration = fitted.get("calibration_")
    if "calibration_" in fitted and not (isinstance(calibration, Calibration) and calibration.shift.size == n_outputs):
        raise ValueError(
            f"calibration_: {shown(calibration)} is not allowed, expected one for {n_outputs} linear "
            f"predictor{'' if n_outputs == 1 else 's'}"
        )


def _pack_calibration(calibration: Calibration, packer: Packer, where: str) -> dict[str, Any]:
    return packer.pack_all({field.name: getattr(calibration, field.name) for field in fields(calibration)}, where)


def _unpack_calibration(state: Mapping[str, Any], unpacker: Unpacker, where: str) -> Calibration:
    given = unpacker.unpack_all(state, where, [field.name for field in fields(Calibration)])
    with within(where):
        if not isinstance(given["method"], str) or given["method"] not in METHODS:
            raise ValueError(f"method: {shown(given['method'])} is not allowed, expected one of {', '.join(METHODS)}")
        slope, shift = number_of(given, "slope"), array_of(given, "shift", np.float64, (None,))
        check_finite(shift, "shift")
    return Calibration(given["method"], slope, shift)


def _check_facts(fitted: Mapping[str, Any]) -> None:
    """Check what describes a fit."""
    for name in ("n_iter_", "n_active_"):
        whole_of(fitted, name, 0, MAX_INT)
    for name in ("dual_gap_", "violation_", "objective_"):
        check_number_or_nan(fitted, name)
    for name in ("_has_offset", "_gives_sparse"):
        if name in fitted:
            flag_of(fitted, name)


def check_number_or_nan(values: Mapping[str, Any], name: str) -> None:
    """Check a number that may be infinite or not known.

    Parameters
    ----------
    values : mapping
    name : str
    """
    if not isinstance(values[name], float):
        raise ValueError(f"{name}: {shown(values[name])} is not allowed, expected a number")


def _check_chosen(fitted: Mapping[str, Any]) -> None:
    """Check what a cross-validation has found."""
    path, table, coef = fitted["path_"], fitted["cv_results_"], fitted["_coef"]
    if not isinstance(path, RegularizationPath):
        raise ValueError(f"path_: {shown(path)} is not allowed, expected a path")
    if (path.n_features, path.n_outputs) != (coef.n_features, coef.n_columns):
        raise ValueError("path_: not of as many columns and linear predictors as the model")
    for name in ("alpha_", "alpha_min_", "l1_ratio_"):
        number_of(fitted, name, 0.0)
    check_number_or_nan(fitted, "alpha_1se_")
    _check_table(table, fitted["measure_"])
    _check_grids(fitted["alphas_"], table["alpha"])
    best = whole_of(fitted, "best_index_", 0, table["alpha"].size - 1)
    own = table["l1_ratio"] == fitted["l1_ratio_"]
    if not np.array_equal(table["alpha"][own], path.alphas):
        raise ValueError("path_: its alphas are not those of the table at l1_ratio_")
    for name in ("alpha_", "alpha_min_", "alpha_1se_"):
        if not np.isnan(fitted[name]) and fitted[name] not in path.alphas:
            raise ValueError(f"{name}: {fitted[name]!r} is not allowed, expected one of the path's alphas")
    if (table["alpha"][best], table["l1_ratio"][best]) != (fitted["alpha_"], fitted["l1_ratio_"]):
        raise ValueError(f"best_index_: {best!r} is not allowed, the table has another alpha or l1_ratio there")


def _check_table(table: Any, measure: Any) -> None:
    """Check a table of scores: for every metric there is all that is said of it, a row for each fit."""
    if not isinstance(table, dict) or not {"alpha", "l1_ratio"} <= set(table):
        raise ValueError(f"cv_results_: {shown(table)} is not allowed, expected a table with alpha and l1_ratio")
    if not isinstance(measure, str) or f"mean_{measure}" not in table:
        raise ValueError(f"measure_: {shown(measure)} is not allowed, expected one of the table")
    metrics = [name.removeprefix("mean_") for name in table if isinstance(name, str) and name.startswith("mean_")]
    numbers = [f"{what}_{metric}" for what in ("mean", "std", "se") for metric in metrics]
    with within("cv_results_"):
        folds = [f"fold_{metric}" for metric in metrics]
        check_entries(table, ("alpha", "l1_ratio", "n_nonzero", *numbers, *folds))
        n_fits = array_of(table, "alpha", np.float64, (None,)).size
        for name in ("l1_ratio", "n_nonzero", *numbers):
            array_of(table, name, np.float64, (n_fits,))
        n_folds = array_of(table, folds[0], np.float64, (n_fits, None)).shape[1]
        for name in folds:
            array_of(table, name, np.float64, (n_fits, n_folds))


def _check_grids(alphas: Any, tried: Any) -> None:
    """Check alphas, in a row for each l1_ratio where there are several, against those of the table."""
    if not isinstance(alphas, np.ndarray) or alphas.dtype != np.float64 or alphas.ndim not in (1, 2):
        raise ValueError(f"alphas_: {shown(alphas)} is not allowed, expected a grid, or one for each l1_ratio")
    if not np.array_equal(alphas[~np.isnan(alphas)], tried):
        raise ValueError("alphas_: not those of the table")


def _pack_path(path: RegularizationPath, packer: Packer, where: str) -> dict[str, Any]:
    names = [field.name for field in fields(path)]
    saving = saving_of(packer)
    saving.memory += memory_of(path.sparse_coef) + path.intercepts.nbytes
    return packer.pack_all({name: getattr(path, name) for name in names}, where)


def _unpack_path(state: Mapping[str, Any], unpacker: Unpacker, where: str) -> RegularizationPath:
    required = [field.name for field in fields(RegularizationPath) if field.default is MISSING]
    optional = [field.name for field in fields(RegularizationPath) if field.default is not MISSING]
    given = unpacker.unpack_all(state, where, required, optional)
    with within(where):
        _check_grid(given)
        path = RegularizationPath(**given)
        _check_path(path)
    return path


def _check_grid(given: Mapping[str, Any]) -> None:
    """Check arrays with an entry for each alpha."""
    alphas = array_of(given, "alphas", np.float64, (None,))
    if not np.array_equal(check_alphas(alphas), alphas):
        raise ValueError("alphas: not in descending order")
    for name in _VECTORS:
        array_of(given, name, np.float64, alphas.shape)
    if given.get("violations") is not None:
        array_of(given, "violations", np.float64, alphas.shape)
    for name in ("n_iters", "df"):
        array_of(given, name, np.int64, alphas.shape)
    intercepts, coef = given["intercepts"], given["sparse_coef"]
    several = isinstance(intercepts, np.ndarray) and intercepts.ndim == 2
    shape = (alphas.size, max(intercepts.shape[1], 2)) if several else alphas.shape
    check_finite(array_of(given, "intercepts", np.float64, shape), "intercepts")
    if not isinstance(coef, SparseCoef) or coef.n_columns != intercepts.size:
        raise ValueError(f"sparse_coef: {shown(coef)} is not allowed, expected {intercepts.size} vectors")


def _check_path(path: RegularizationPath) -> None:
    """Check what is not by alpha."""
    values = vars(path)
    for name, registry in (("loss", LOSSES), ("penalty", PENALTIES)):
        if not isinstance(values[name], str) or values[name] not in registry:
            raise ValueError(f"{name}: {shown(values[name])} is not allowed, expected one of {', '.join(registry)}")
    for name in ("n_active", "n_samples"):
        whole_of(values, name, 0, MAX_INT)
    for name in ("relaxed", "has_offset"):
        flag_of(values, name)
    for name in ("fit_intercept", "standardize"):
        if values.get(name) is not None:
            flag_of(values, name)
    if not isinstance(values.get("bounds"), str | None):
        raise ValueError(f"bounds: {shown(values['bounds'])} is not allowed, expected text")
    if values.get("form") not in (None, *FORMS):
        raise ValueError(f"form: {shown(values['form'])} is not allowed, expected one of {', '.join(FORMS)}")
    if values.get("penalty_factors") is not None:
        _check_factors(values["penalty_factors"], path.n_features)
    number_of(values, "delta", 0.0)
    if number_of(values, "l1_ratio", 0.0) > 1.0:
        raise ValueError(f"l1_ratio: {path.l1_ratio!r} is not allowed, expected a number in [0, 1]")
    if path.total_weight is not None:
        number_of(values, "total_weight", 0.0)
    if path.feature_names is not None:
        names_of(values, "feature_names", path.n_features)
    if path.classes is not None:
        check_labels(path.classes, "classes", path.n_outputs)


def _check_factors(factors: Any, n_features: int) -> None:
    """Check penalty factors: ids and a number for each."""
    if not isinstance(factors, tuple) or len(factors) != 2:
        raise ValueError(f"penalty_factors: {shown(factors)} is not allowed, expected ids and numbers")
    named = dict(zip(("ids", "numbers"), factors))
    ids = array_of(named, "ids", np.int64, (None,))
    check_ids(ids, n_features, "penalty_factors")
    numbers = array_of(named, "numbers", np.float64, ids.shape)
    if not (numbers >= 0.0).all():
        raise ValueError("penalty_factors: not allowed, expected numbers from 0 on")


def _kind(cls: type) -> Kind:
    return Kind(f"sparsereg.{cls.__name__}", lambda: cls, pack_model, partial(unpack_model, cls))


BATCH: tuple[type, ...] = (
    regressors.ElasticNet, regressors.HuberRegressor, regressors.Lasso, regressors.PoissonRegressor, regressors.Ridge,
    classifiers.LinearSVC, classifiers.LogisticRegression,
    cv.ElasticNetCV, cv.LassoCV, cv.LogisticRegressionCV, cv.PoissonRegressorCV, cv.RidgeCV,
)
MODELS: tuple[Kind, ...] = (
    *map(_kind, BATCH),
    Kind("sparsereg.RegularizationPath", lambda: RegularizationPath, _pack_path, _unpack_path),
    Kind("sparsereg.Calibration", lambda: Calibration, _pack_calibration, _unpack_calibration),
)
