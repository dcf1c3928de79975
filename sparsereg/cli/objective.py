"""Objectives: the options of losses and penalties, and the models of this package that minimise them."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import Any

from sparsereg._core.losses import LOSSES
from sparsereg._core.penalties import PENALTIES
from sparsereg.cli.arguments import count, positive, ratio
from sparsereg.estimators import classifiers, cv, regressors

DEFAULT_LOSS = "squared"
# The model of each loss, and the one that chooses alpha by cross-validation where there is one.
MODELS = {
    model._loss: model
    for model in (
        regressors.ElasticNet, regressors.HuberRegressor, regressors.PoissonRegressor, classifiers.LogisticRegression,
        classifiers.LinearSVC,
    )
}
WITH_CV = {model._loss: model for model in (cv.ElasticNetCV, cv.LogisticRegressionCV, cv.PoissonRegressorCV)}
# Of squared loss the models of L1 and of L2 alone have names of their own.
_PURE = {"l1": (regressors.Lasso, cv.LassoCV), "l2": (regressors.Ridge, cv.RidgeCV)}
# What the words for penalties mean: the form of the sparse part, and its share unless --l1-ratio says another.
_CONVEX = next(name for name, kind in PENALTIES.items() if kind.is_convex)
WORDS = {
    "l1": (_CONVEX, 1.0), "l2": (_CONVEX, 0.0), _CONVEX: (_CONVEX, 0.5),
    **{name: (name, 1.0) for name, kind in PENALTIES.items() if not kind.is_convex},
}


def add_objective_options(parser: argparse.ArgumentParser, smoothing: bool = True) -> Any:
    """Add losses, penalties and what else the objective has.

    Parameters
    ----------
    parser : ArgumentParser
    smoothing : bool, default=True
        Whether labels may be smoothed.

    Returns
    -------
    group : argument group
        For further options of the model.
    """
    group = parser.add_argument_group("model")
    group.add_argument(
        "--loss", choices=tuple(LOSSES),
        help="squared for numbers (the default), logistic for classes, poisson for counts"
    )
    group.add_argument("--delta", type=positive, metavar="D", help="of the huber loss, in units of the target")
    group.add_argument("--penalty", choices=tuple(WORDS), default="l1", help="on the weights")
    group.add_argument("--l1-ratio", type=ratio, metavar="RATIO", help="share of L1 in the penalty (elastic_net: 0.5)")
    group.add_argument("--gamma", type=positive, metavar="G", help="where mcp and scad level off")
    group.add_argument("--no-intercept", dest="fit_intercept", action="store_false", help="fit no intercept")
    if smoothing:
        group.add_argument(
            "--label-smoothing", type=float, metavar="SHARE", help="share of each label that goes to all classes alike"
        )
    return group


def add_solver_options(group: Any) -> None:
    """Add what only fits of rows in memory have.

    Parameters
    ----------
    group : argument group
    """
    group.add_argument(
        "--standardize", action="store_true", help="penalise weights in units of the columns' standard deviations"
    )
    group.add_argument("--positive", action="store_true", help="allow no weight below 0")
    group.add_argument("--tol", type=positive, metavar="GAP", help="duality gap to reach")
    group.add_argument("--max-iter", type=count(1), metavar="N", help="passes after which to stop, with a warning")
    group.add_argument("--threads", type=count(1), metavar="N", help="threads that compute")


def loss_of(arguments: argparse.Namespace) -> str:
    """Return the loss that is asked for, or the default one.

    Parameters
    ----------
    arguments : argparse.Namespace

    Returns
    -------
    loss : str
    """
    return DEFAULT_LOSS if arguments.loss is None else str(arguments.loss)


def settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what the options say of the objective and the solver, as the library calls it.

    Parameters
    ----------
    arguments : argparse.Namespace

    Returns
    -------
    settings : dict
        Without what is not asked for.
    """
    form, share = WORDS[arguments.penalty]
    if arguments.l1_ratio is not None:
        if arguments.penalty in _PURE:
            arguments.parser.error(f"argument --l1-ratio: not for --penalty {arguments.penalty}; elastic_net has one")
        share = arguments.l1_ratio
    found = {"penalty": form, "l1_ratio": share}
    for name in (
        "gamma", "delta", "fit_intercept", "standardize", "positive", "tol", "max_iter", "label_smoothing",
    ):
        value = getattr(arguments, name, None)
        if value is not None:
            found[name] = value
    return found


def make_model(arguments: argparse.Namespace, with_cv: bool, **further: Any) -> Any:
    """Make the model, unfitted, that minimises the objective.

    Parameters
    ----------
    arguments : argparse.Namespace
    with_cv : bool
        The one that chooses alpha by cross-validation.
    **further : object
        Settings of that model.

    Returns
    -------
    model : estimator

    Raises
    ------
    ValueError
        For what the model does not have.
    """
    loss = loss_of(arguments)
    if with_cv and loss not in WITH_CV:
        raise ValueError(f"--loss: {loss} is not allowed with cross-validation, expected {', '.join(WITH_CV)}")
    kind = (WITH_CV if with_cv else MODELS)[loss]
    if loss == DEFAULT_LOSS and arguments.penalty in _PURE:
        kind = _PURE[arguments.penalty][with_cv]
    known = {field.name for field in fields(kind)}
    given = settings(arguments) | further
    for option, implied in (("l1_ratio", True), ("penalty", True), ("standardize", False), ("positive", False)):
        if option not in known and (implied or not given.get(option)):
            given.pop(option, None)
    strange = [option for option in given if option not in known]
    if strange:
        raise ValueError(f"--{strange[0].replace('_', '-')}: not for {kind.__name__}")
    return kind(**given)
