"""Options of streaming fits: each checked, and all of them with each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core.optimizers import OPTIMIZERS
from sparsereg._core.penalties import PENALTIES
from sparsereg.inputs.parameters import (
    check_alpha,
    check_alphas,
    check_choice,
    check_count,
    check_flag,
    check_l1_ratio,
    check_number,
    check_penalty,
)
from sparsereg.inputs.rows import shown
from sparsereg.inputs.versions import current_state
from sparsereg.solvers.assemble import make_loss, make_penalty, make_solver_options
from sparsereg.streaming.alpha_learner import AlphaLearner
from sparsereg.streaming.batch import Sampling
from sparsereg.streaming.learner import Learner
from sparsereg.streaming.optimizer import make_optimizer

Vector = npt.NDArray[np.float64]

DEFAULT_ETA0 = 0.1
# Steps that need no first length.
AUTO = "auto"
# scikit-learn's names of losses.
SAME_LOSS = {"log_loss": "logistic", "squared_error": "squared"}
# Counters of ids are bytes.
MAX_COUNT = 255
# Beyond it float64 has no longer every whole number.
MAX_WEIGHT = 2**53
# A certificate takes as long as two to four passes (measured: 500,000 rows of two streams, five ones a row, and 20,000
# dense rows of 500 values).
CERTIFIED_PASSES = 5
# What shapes the state of a fit that goes on.
FIXED_WHILE_TRAINING = (
    "loss", "algorithm", "penalty", "alpha", "l1_ratio", "gamma", "fit_intercept", "eta0", "beta", "learning_rate",
    "power_t", "weight_decay", "average", "dropout", "min_count", "drop_stale", "total_weight", "delta",
)

_check_not_negative = partial(check_number, interval="[0, inf)")
_check_positive = partial(check_number, interval="(0, inf)")


@dataclass(frozen=True, eq=False)
class StreamSettings:
    """Checked settings.

    Attributes
    ----------
    algorithm : str
        Registered name of the optimizer, which eta0="auto" may have chosen.
    objective : registered loss
    penalty : registered penalty
    optimizer : dict of float
        What `make_optimizer` takes.
    sampling : Sampling
        Its seed is drawn when a fit begins.
    fit_intercept, shuffle, early_stopping, warm_start, lock_free : bool
    max_iter, n_iter_no_change, n_threads : int
    tol : float
        -inf: never stop early.
    validation_fraction : float
    certify : bool or "auto"
    finish_tol : float or None
        Duality gap that SAGA brings a fit in memory to.
    alphas : tuple of float or None
        Several, as they were given, with a penalty for each; None: one.
    penalties : tuple of registered penalty
        Of several alphas, of which `penalty` is the first.
    fixed_while_training : dict
        What must stay as it is while a fit goes on, as the user set it.
    """

    algorithm: str
    objective: Any
    penalty: Any
    optimizer: dict[str, float]
    sampling: Sampling
    fit_intercept: bool
    shuffle: bool
    early_stopping: bool
    warm_start: bool
    lock_free: bool
    max_iter: int
    n_iter_no_change: int
    n_threads: int
    tol: float
    validation_fraction: float
    certify: bool | str
    finish_tol: float | None
    fixed_while_training: dict[str, Any]
    alphas: tuple[float, ...] | None = None
    penalties: tuple[Any, ...] = ()

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """Take attributes over, as any version called them."""
        vars(self).update(current_state(self, state))

    @property
    def seeks_minimum(self) -> bool:
        """Say whether passes go on as long as they lower F, and lower nothing else."""
        shrinks = self.sampling.dropout > 0.0 or self.optimizer["weight_decay"] > 0.0
        return self.tol > -np.inf and not self.early_stopping and not shrinks

    @property
    def may_certify(self) -> bool:
        """Say whether a fit in memory may come to be certified, so that its rows are worth getting ready for that."""
        longest = self.max_iter, self.tol > -np.inf and self.max_iter > self.n_iter_no_change
        return self.finish_tol is not None or self.certifies(*longest)

    def certifies(self, n_iter: int, has_settled: bool) -> bool:
        """Say whether a fit in memory is to be certified.

        Parameters
        ----------
        n_iter : int
            Passes that it took.
        has_settled : bool
            They ended because they brought no more.

        Returns
        -------
        certifies : bool
        """
        if self.certify != "auto":
            return bool(self.certify)
        # A fit that takes itself for done says how far that is true, however few passes it took.
        return has_settled or n_iter >= CERTIFIED_PASSES or self.finish_tol is not None

    def in_units_of(self, y: Vector, weight: Vector | None) -> StreamSettings:
        """Measure steps that are not given in the standard deviation of y, where they would not follow it themselves.

        Parameters
        ----------
        y : ndarray of float64 of shape (n_rows, n_outputs)
        weight : ndarray of float64 of shape (n_rows,) or None

        Returns
        -------
        settings : StreamSettings
        """
        follows = self.fixed_while_training["eta0"] is None and OPTIMIZERS[self.algorithm].is_adaptive
        if not (follows and self.objective.location):
            return self
        y = y[:, 0]
        scale = float(np.sqrt(np.average((y - np.average(y, weights=weight)) ** 2, weights=weight)))
        if not 0.0 < scale < np.inf:
            return self
        scaled = {name: scale * self.optimizer[name] for name in ("eta0", "beta")}
        return replace(self, optimizer={**self.optimizer, **scaled})

    def null_intercept(self, y: Vector, weight: Vector | None) -> float:
        """Return the intercept to start from where steps are not given: of numbers and counts their mean's.

        Parameters
        ----------
        y : ndarray of float64 of shape (n_rows, n_outputs)
        weight : ndarray of float64 of shape (n_rows,) or None

        Returns
        -------
        intercept : float
        """
        is_given = self.fixed_while_training["eta0"] not in (None, AUTO)
        if is_given or not (self.objective.location or self.objective.log_link):
            return 0.0
        mean = float(np.average(y[:, 0], weights=weight))
        if self.objective.location:
            return mean
        return float(np.log(mean)) if mean > 0.0 else 0.0

    def at(self, k: int) -> StreamSettings:
        """Return the settings of one of several alphas.

        Parameters
        ----------
        k : int
            Its position.

        Returns
        -------
        settings : StreamSettings
        """
        alphas = self.alphas or ()
        fixed = {**self.fixed_while_training, "alpha": alphas[k]}
        return replace(self, alphas=None, penalties=(), penalty=self.penalties[k], fixed_while_training=fixed)

    def make_learner(self, n_outputs: int, seed: int, n_features: int) -> Learner:
        """Begin a fit.

        Parameters
        ----------
        n_outputs : int
        seed : int
            Of the dropout.
        n_features : int

        Returns
        -------
        learner : Learner
        """
        shared = {
            "n_outputs": n_outputs, "fit_intercept": self.fit_intercept, "n_features": n_features,
            "softmax": n_outputs > 1 and bool(self.objective.softmax), "sampling": replace(self.sampling, seed=seed),
        }
        penalties = self.penalties if self.alphas is not None else (self.penalty,)
        optimizers = [make_optimizer(self.algorithm, penalty, **self.optimizer) for penalty in penalties]
        if self.alphas is None:
            return Learner(self.objective, self.penalty, optimizers[0], **shared)
        return AlphaLearner(self.objective, penalties, optimizers, **shared)


def check_settings(given: Any, losses: tuple[str, ...], penalty: Any, l1_ratio: Any) -> StreamSettings:
    """Check the parameters of a streaming estimator.

    Parameters
    ----------
    given : estimator
        Its parameters, as the user set them.
    losses : tuple of str
        Registered names that the estimator takes.
    penalty, l1_ratio
        In place of its own: scikit-learn's words put into ours.

    Returns
    -------
    settings : StreamSettings

    Raises
    ------
    ValueError, TypeError
        Naming the parameter, its value and what is allowed.
    """
    known = {name: same for name, same in SAME_LOSS.items() if same in losses}
    loss = check_choice(given.loss, "loss", {*losses, *known})
    parameters = {**vars(given), "penalty": penalty, "l1_ratio": l1_ratio}
    objective = make_loss(known.get(loss, loss), parameters.get("delta", 1.35))
    options = make_solver_options(0.0, given.max_iter, given.n_threads, None)
    alphas = _check_alphas(given.alpha) if np.iterable(given.alpha) and not isinstance(given.alpha, str) else None
    penalties = [
        _make_penalty(penalty, alpha, check_l1_ratio(l1_ratio), given.gamma, objective)
        for alpha in (alphas or (check_alpha(given.alpha),))
    ]
    parameters["alpha"] = given.alpha if alphas is None else alphas
    flags = ("fit_intercept", "shuffle", "early_stopping", "warm_start", "lock_free")
    settings = StreamSettings(
        algorithm=_check_algorithm(given), objective=objective,
        penalty=penalties[0], alphas=alphas, penalties=() if alphas is None else tuple(penalties),
        # Predictors of numbers are in the unit of the target, others have one of their own.
        optimizer=_check_steps(given) | {"predictor_unit": 0.0 if objective.location else 1.0},
        sampling=_check_sampling(given),
        max_iter=options.max_iter, n_threads=options.n_threads,
        n_iter_no_change=check_count(given.n_iter_no_change, "n_iter_no_change"),
        tol=-np.inf if given.tol is None else _check_not_negative(given.tol, "tol"),
        validation_fraction=check_number(given.validation_fraction, "validation_fraction", "(0, 1)"),
        certify=_check_certify(given.certify),
        finish_tol=None if given.finish_tol is None else _check_positive(given.finish_tol, "finish_tol"),
        fixed_while_training={name: parameters[name] for name in FIXED_WHILE_TRAINING if name in parameters},
        **{name: check_flag(getattr(given, name), name) for name in flags},
    )
    _check_together(settings, given)
    return settings


def draw_seed(generator: np.random.Generator) -> int:
    """Draw a seed for what is counted on from there, in [0, 2**63)."""
    return int(generator.integers(2**63))


def _make_penalty(name: Any, alpha: float, l1_ratio: float, gamma: Any, objective: Any) -> Any:
    """Check and build the penalty."""
    gamma = check_penalty(name, l1_ratio, gamma)
    gamma_min, usual = PENALTIES[name].gamma_min, PENALTIES[name].gamma_default
    if gamma is None and gamma_min is not None and usual is not None:
        # Further out where the loss is less curved than squared loss; columns are taken to have curvature 1.
        gamma = gamma_min - 1.0 + (usual - (gamma_min - 1.0)) / min(objective.lipschitz, 1.0)
    return make_penalty(name, alpha, l1_ratio, gamma)


def _check_algorithm(given: Any) -> str:
    """Return the name of the optimizer: that of the algorithm, or of what stands in for it where steps are its own."""
    named = [name for name, cls in OPTIMIZERS.items() if not cls.tunes_itself]
    algorithm = check_choice(given.algorithm, "algorithm", named)
    if not _is_auto(given.eta0):
        return algorithm
    automatic = OPTIMIZERS[algorithm].automatic
    if not automatic:
        others = " or ".join(f"algorithm={name!r}" for name in named if OPTIMIZERS[name].automatic)
        raise ValueError(
            f"eta0: {given.eta0!r} is not allowed with algorithm={algorithm!r}, expected None or a number, or {others}"
        )
    if given.beta != type(given).beta:
        raise ValueError(
            f"beta: {given.beta!r} is not allowed with eta0={given.eta0!r}, expected {type(given).beta!r}: steps "
            "follow from the slopes seen alone"
        )
    return automatic


def _is_auto(eta0: Any) -> bool:
    """Say whether steps need no first length; other words are refused."""
    if not isinstance(eta0, str):
        return False
    if eta0 != AUTO:
        raise ValueError(f"eta0: {eta0!r} is not allowed, expected {AUTO!r}, None or a number in (0, inf)")
    return True


def _check_steps(given: Any) -> dict[str, float]:
    """Check what says how far steps go."""
    is_own = given.eta0 is None or _is_auto(given.eta0)
    learning_rate = check_choice(given.learning_rate, "learning_rate", ("constant", "invscaling"))
    power_t = _check_not_negative(given.power_t, "power_t")
    total_weight = 0.0 if given.total_weight is None else _check_positive(given.total_weight, "total_weight")
    return {
        "eta0": DEFAULT_ETA0 if is_own else _check_positive(given.eta0, "eta0"),
        "beta": _check_not_negative(given.beta, "beta"),
        "power_t": 0.0 if learning_rate == "constant" else power_t,
        "weight_decay": _check_not_negative(given.weight_decay, "weight_decay"),
        "total_weight": total_weight,
        "average": _check_average(given.average),
    }


def _check_certify(certify: Any) -> bool | str:
    """Return whether fits are to be certified; "auto": where passes outweigh it."""
    if isinstance(certify, (bool, np.bool_)):
        return bool(certify)
    if isinstance(certify, str) and certify == "auto":
        return certify
    error = ValueError if isinstance(certify, str) else TypeError
    raise error(f"certify: {shown(certify)} is not allowed, expected 'auto', True or False")


def _check_average(average: Any) -> float:
    """Return the weight that goes before the average, -1 for none."""
    if isinstance(average, (bool, np.bool_)):
        return 0.0 if average else -1.0
    return float(check_count(average, "average", MAX_WEIGHT))


def _check_sampling(given: Any) -> Sampling:
    """Check what says which entries and coefficients take part."""
    drop_stale = given.drop_stale
    return Sampling(
        dropout=check_number(given.dropout, "dropout", "[0, 1)"),
        min_count=check_count(given.min_count, "min_count", MAX_COUNT),
        # 0, and not False, is never.
        drop_stale=0 if drop_stale == 0 and drop_stale is not False else check_count(drop_stale, "drop_stale"),
    )


def _check_together(settings: StreamSettings, given: Any) -> None:
    """Refuse settings that an algorithm has no use for, or that contradict each other."""
    algorithm, name = settings.algorithm, settings.fixed_while_training["penalty"]
    if not settings.penalty.is_convex and not OPTIMIZERS[algorithm].any_penalty:
        raise ValueError(
            f"penalty: {name!r} is not allowed with algorithm={given.algorithm!r}, expected 'elastic_net', whose steps "
            "add up in closed form, or algorithm='ftrl'"
        )
    # The default, and the parameter of those optimisers that take it.
    optional = {
        "weight_decay": (0.0, "weight_decay", ": FTRL keeps sums of slopes, and no coefficients to decay"),
        "learning_rate": ("invscaling", "power_t", ": the steps of the others follow from the slopes seen"),
        "total_weight": (None, "total_weight", ""),
        "average": (False, "average", ": the steps of the others fall of themselves"),
    }
    for parameter, (default, needed, why) in optional.items():
        value = getattr(given, parameter)
        if value != default and needed not in OPTIMIZERS[algorithm].parameters:
            algorithms = [
                name for name, cls in OPTIMIZERS.items() if needed in cls.parameters and not cls.tunes_itself
            ]
            raise ValueError(
                f"{parameter}: {value!r} is not allowed with algorithm={given.algorithm!r}, expected {default!r}, "
                f"or algorithm={' or '.join(map(repr, algorithms))}{why}"
            )
    if settings.finish_tol is not None:
        _check_finishable(settings, given)
    if settings.alphas is not None:
        _check_several(settings)
    if settings.lock_free and OPTIMIZERS[algorithm].tunes_itself:
        raise ValueError(
            f"lock_free: True is not allowed with eta0={given.eta0!r}, expected False: threads do not share the "
            "largest slope"
        )
    if settings.n_threads > 1:
        for parameter, alone, why in (("min_count", 1, "counts"), ("average", False, "averages")):
            value = getattr(given, parameter)
            if value != alone:
                raise ValueError(
                    f"{parameter}: {value!r} is not allowed with n_threads={settings.n_threads}, expected "
                    f"{alone!r}: threads do not share {why}"
                )


def _check_alphas(alphas: Any) -> tuple[float, ...]:
    """Check several strengths of the penalty, each of them once; their order stays."""
    if not isinstance(alphas, (list, tuple, np.ndarray)):
        raise TypeError(
            f"alpha: {type(alphas).__name__} is not allowed, expected a number, or a list, tuple or array of numbers"
        )
    # One by one as one alone, which takes no text that could be read as a number.
    found = tuple(check_alpha(alpha, f"alpha[{k}]") for k, alpha in enumerate(alphas))
    check_alphas(found, "alpha")
    return found


def _check_several(settings: StreamSettings) -> None:
    """Refuse what fits at several alphas do not do together."""
    if OPTIMIZERS[settings.algorithm].tunes_itself:
        raise ValueError(
            f"alpha: {len(settings.alphas or ())} alphas are not allowed with eta0='auto', expected one, or a number "
            "as eta0"
        )
    if not OPTIMIZERS[settings.algorithm].any_penalty:
        raise ValueError(
            f"alpha: {len(settings.alphas or ())} alphas are not allowed with algorithm={settings.algorithm!r}, whose "
            "state depends on the penalty, expected one, or algorithm='ftrl'"
        )
    if settings.lock_free:
        raise ValueError("lock_free: True is not allowed with several alphas, expected False or one alpha")


def _check_finishable(settings: StreamSettings, given: Any) -> None:
    """Refuse what SAGA, or a learner that takes its solution over, cannot do."""
    has_steps = given.beta > 0.0 or not OPTIMIZERS[settings.algorithm].is_adaptive
    for parameter, value, is_fine, expected in (
        ("penalty", settings.fixed_while_training["penalty"], settings.penalty.is_convex, "'elastic_net'"),
        ("loss", given.loss, np.isfinite(settings.objective.lipschitz), "a loss whose second derivative is bounded"),
        ("average", given.average, given.average is False, "False"),
        ("early_stopping", True, not settings.early_stopping, "False"),
        ("beta", given.beta, has_steps, "a number above 0"),
    ):
        if not is_fine:
            raise ValueError(f"{parameter}: {value!r} is not allowed with finish_tol, expected {expected}")
