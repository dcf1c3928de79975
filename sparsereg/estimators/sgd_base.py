"""What streaming estimators share: fits to data in memory, in parts and in streams, and models read off on request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from sparsereg._core.losses import LOSSES
from sparsereg.coef import SparseCoef
from sparsereg.design import make_design
from sparsereg.estimators.base import SparseLinearModel
from sparsereg.inputs.rows import as_rows, check_width
from sparsereg.inputs.sklearn import check_feature_names, check_is_fitted, compare_feature_names, feature_names
from sparsereg.inputs.weights import check_sample_weight
from sparsereg.readers.blocks import Block, as_blocks
from sparsereg.solvers.evaluate import Evaluation
from sparsereg.streaming.batch import Chunk, rows_of_block
from sparsereg.streaming.certify import appraise_course, finish_course
from sparsereg.streaming.memory_fit import fit_in_memory
from sparsereg.streaming.options import SAME_LOSS, StreamSettings, check_settings, draw_seed, make_generator
from sparsereg.streaming.progress import Reporter
from sparsereg.streaming.stream_fit import StreamFit, make_plan
from sparsereg.streaming.training import Training
from sparsereg.streaming.turns import in_turn
from sparsereg.streaming.warm_start import start_from

__all__ = ["StreamModel", "to_batch_estimator"]

Vector = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

UNKNOWN = Evaluation(np.nan, np.nan, np.nan)


class StreamModel(SparseLinearModel):
    """A fit that can go on; each estimator says which losses it takes and what targets are."""

    _losses: tuple[str, ...]
    _training: Training
    n_features_in_: int

    def __init__(
        self,
        loss: str,
        *,
        algorithm: str = "ftrl",
        penalty: str = "elastic_net",
        alpha: float = 1e-4,
        l1_ratio: float = 1.0,
        gamma: float | None = None,
        fit_intercept: bool = True,
        eta0: float | None = None,
        beta: float = 1.0,
        learning_rate: str = "invscaling",
        power_t: float = 0.5,
        weight_decay: float = 0.0,
        average: bool | int = False,
        max_iter: int = 1000,
        tol: float | None = 1e-4,
        n_iter_no_change: int = 5,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        certify: bool = True,
        finish_tol: float | None = None,
        shuffle: bool = True,
        random_state: Any = None,
        dropout: float = 0.0,
        min_count: int = 1,
        drop_stale: int = 0,
        total_weight: float | None = None,
        warm_start: bool = False,
        n_threads: int | None = None,
        lock_free: bool = False,
        verbose: int = 0,
    ):
        self.loss = loss
        self.algorithm = algorithm
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.gamma = gamma
        self.fit_intercept = fit_intercept
        self.eta0 = eta0
        self.beta = beta
        self.learning_rate = learning_rate
        self.power_t = power_t
        self.weight_decay = weight_decay
        self.average = average
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.certify = certify
        self.finish_tol = finish_tol
        self.shuffle = shuffle
        self.random_state = random_state
        self.dropout = dropout
        self.min_count = min_count
        self.drop_stale = drop_stale
        self.total_weight = total_weight
        self.warm_start = warm_start
        self.n_threads = n_threads
        self.lock_free = lock_free
        self.verbose = verbose

    # What the estimators say.

    def _encode(
        self, settings: StreamSettings, y: Any, sample_weight: Any, n_samples: int, classes: Any
    ) -> tuple[Vector, Vector | None, npt.NDArray[Any] | None]:
        """Return targets of shape (n_samples, n_outputs), weights, and the classes if there are any.

        `classes` are those that are known beforehand; None: those of `y`.
        """
        raise NotImplementedError

    def _read_targets(self, source: Iterable[Any], classes: Any) -> tuple[Iterable[Any], npt.NDArray[Any] | None]:
        """Check labels that are given before the data, or learn them, and have the source give what targets are."""
        raise NotImplementedError

    def _set_classes(self, classes: npt.NDArray[Any] | None) -> None:
        """Take over the classes of a fit."""

    def _has_classes(self, classes: npt.NDArray[Any] | None) -> bool:
        """Say whether the last fit was to these classes."""
        return True

    @property
    def _loss_class(self) -> Any:
        """Registered loss: that of the fit, if there is one; the default one where another is not allowed."""
        if "_training" in vars(self):
            return type(self._training.settings.objective)
        name = SAME_LOSS.get(self.loss, self.loss)
        return LOSSES[name if name in self._losses else self._losses[0]]

    # What was learned, read off on request.

    def __sklearn_is_fitted__(self) -> bool:
        """Say whether anything has been learned."""
        return "_training" in vars(self)

    @property
    def _coef(self) -> SparseCoef:
        return self._training.coef

    @property
    def intercept_(self) -> Any:
        """Intercepts."""
        return self._training.intercept

    def _predictor(self, X: Any) -> Vector:
        """Compute X w + b; nothing but what the rows hold is looked at."""
        rows = as_rows(X)
        check_width(rows.n_features, self._training.n_features)
        out = self._training.decide(rows)
        return out[:, 0] if out.shape[1] == 1 else out

    @property
    def history_(self) -> dict[str, npt.NDArray[Any]]:
        """Learning curves."""
        return self._training.history.arrays()

    @property
    def n_iter_(self) -> int:
        """Passes over the data."""
        return self._training.n_iter

    @property
    def t_(self) -> int:
        """Rows learned from, and one."""
        return self._training.learner.n_rows + 1

    @property
    def n_active_(self) -> int:
        """Coefficients touched."""
        return self._training.learner.n_touched

    @property
    def objective_(self) -> float:
        """F(w, b)."""
        return self._appraisal.objective

    @property
    def dual_gap_(self) -> float:
        """Distance of F from its minimum, at most."""
        return self._appraisal.dual_gap

    @property
    def violation_(self) -> float:
        """Distance from a minimum along every coordinate."""
        return self._appraisal.violation

    @property
    def _appraisal(self) -> Evaluation:
        n_rows, appraisal = self._appraised
        return appraisal if n_rows == self._training.learner.n_rows else UNKNOWN

    # Fits.

    @in_turn
    def fit(self, X: Any, y: Any, sample_weight: Any = None, coef_init: Any = None, intercept_init: Any = None) -> Any:
        """Learn from data in memory, pass after pass, until passes bring no more.

        Parameters
        ----------
        X : SciPy sparse matrix or array, ndarray or DataFrame of shape (n_samples, n_features)
            int32 or int64 ids; never changed.
        y : array-like of shape (n_samples,) or, for probabilities of classes, (n_samples, n_classes)
            Numbers; of a classifier labels of any kind that can be sorted, or probabilities, as `LogisticRegression`
            takes them.
        sample_weight : None, float or array-like of shape (n_samples,)
        coef_init : None, array-like or SciPy sparse matrix of shape (1 or n_classes, n_features), or a fitted model
            Where to start; a model of this package brings its intercept too. What ``path.at(alpha)`` returns will do.
        intercept_init : None, or float or array-like of shape (1 or n_classes,)

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For malformed data or parameters, and less than two classes; a previous fit stays as it was.
        DivergenceError
            Where a step is not finite, and with "prox_sgd" where the loss is a thousand times that of predicting 0; a
            previous fit stays as it was.

        Warns
        -----
        ConvergenceWarning
            Where `max_iter` passes were not enough, and where passes until `tol` ended far from the minimum: where
            `dual_gap_` is above 0.1, and coordinate descent lowers the objective by more than 0.1 at once.
        """
        settings, rng = self._settings(), make_generator(self.random_state)
        feature_names(X)  # refuses mixed names before any work
        rows = as_rows(X)
        y, weight, classes = self._encode(settings, y, sample_weight, rows.n_samples, None)
        check_sample_weight(weight, rows.n_samples)
        chunk = Chunk(rows, y, weight)
        training = Training(settings.in_units_of(y, weight), rows.n_features, y.shape[1], draw_seed(rng))
        training.learner.intercept[:1] = settings.null_intercept(y, weight)
        self._start(training, coef_init, intercept_init, classes)
        try:
            fit_in_memory(training, chunk, rng, Reporter("auto" if self.verbose else False, bool(self.verbose)))
            appraisal = self._look_back(training, chunk, rng)
        except KeyboardInterrupt:
            training.learner.forget_places()
            if training.learner.n_rows > 0:
                self._adopt(training, X, classes)
            raise
        self._adopt(training, X, classes, appraisal)
        return self

    @in_turn
    def fit_stream(
        self,
        source: Iterable[Any],
        *,
        classes: Any = None,
        n_passes: int = 1,
        validation: Any = None,
        checkpoint: Any = None,
        checkpoint_every: int = 1_000_000,
        resume: bool = False,
        progress: Any = "auto",
    ) -> Any:
        """Learn from blocks of rows in their order, read ahead in a thread; begin anew.

        Parameters
        ----------
        source : iterable of Block, (X, y) or (X, y, sample_weight)
            A reader, a list, a generator.
        classes : array-like of shape (n_classes,), None of a regressor
            All labels that there will be. None: a reader of what can be read more than once learns them in a first pass
            over the targets alone, up to 1,000; for text that takes about as long as any pass. Readers of tables find
            labels whatever type a file has: where classes are text, 7 and 7.0 are "7"; where they are numbers or
            booleans, "7.0" is 7 and true is 1.
        n_passes : int, default=1
            More than one takes a source that can be iterated over again: a reader, a list.
        validation : None, tuple (X, y), tuple (X, y, sample_weight) or Block, default=None
            Held-out rows, whose mean loss enters `history_`.
        checkpoint : None or path, default=None
            A file that the state is written to, atomically.
        checkpoint_every : int, default=1_000_000
            Rows between two checkpoints, up to the end of a block; there is one after each pass too.
        resume : bool, default=False
            Go on from the checkpoint, if there is one, with the same bits as if nothing had happened. The source is
            read from its start, and rows that were learned from are passed over.
        progress : "auto", True or False, default="auto"
            A bar of tqdm, where that is installed, or lines of the logger "sparsereg", level INFO. "auto": a bar on a
            terminal, lines elsewhere if `verbose`.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For malformed blocks, of which nothing is learned; what was learned from those before stays. The message
            says which block it is. Blocks without rows and rows of weight 0 are passed over.
        DivergenceError
            Where a step is not finite, and with "prox_sgd" where the loss is a thousand times that of predicting 0.

        Warns
        -----
        ConvergenceWarning
            Where at the end the loss is a thousand times that of predicting 0.
        """
        settings = self._settings()
        source, known = self._read_targets(source, classes)

        def encode(block: Block) -> Chunk:
            rows = rows_of_block(block.X)
            y, weight, _ = self._encode(settings, block.y, block.sample_weight, rows.n_samples, known)
            return Chunk(rows, y, weight)

        held = None if validation is None else _as_block(validation)
        unseen = None if held is None else encode(held)
        if unseen is not None and (unseen.n_rows == 0 or not (unseen.weight is None or unseen.weight.any())):
            raise ValueError("validation: no row of it has a weight, expected some")
        plan = make_plan(
            source, unseen, n_passes=n_passes, checkpoint=checkpoint,
            checkpoint_every=checkpoint_every, resume=resume, progress=progress, verbose=self.verbose,
            early_stopping=settings.early_stopping,
        )
        seed = draw_seed(make_generator(self.random_state))

        def begin(block: Block, chunk: Chunk) -> Training:
            if held is not None:
                _check_columns(held, block)
            training = Training(settings, chunk.rows.n_features, chunk.y.shape[1], seed)
            self._start(training, None, None, known)
            self._adopt(training, block.X, known)
            return training

        def compare(block: Block) -> None:
            check_feature_names(self, block.X, reset=False)

        StreamFit(source, encode, begin, compare, plan, self._identity(settings, known)).run()
        return self

    def _look_back(self, training: Training, chunk: Chunk, rng: np.random.Generator) -> Evaluation:
        """Bring passes over data in memory to their end, and certify them, as far as is asked."""
        settings = training.settings
        if not settings.certify and settings.finish_tol is None:
            return UNKNOWN
        design = make_design(chunk.rows, chunk.weight)
        if settings.finish_tol is not None:
            finish_course(training, chunk, design, draw_seed(rng))
        return appraise_course(training, chunk, design) if settings.certify else UNKNOWN

    def _settings(self) -> StreamSettings:
        """Check what can be checked without data."""
        return check_settings({**vars(self), **self._spelled_penalty()}, self._losses)

    def _adopt(
        self, training: Training, X: Any, classes: npt.NDArray[Any] | None, appraisal: Evaluation = UNKNOWN
    ) -> None:
        """Take over a fit, or the beginning of one."""
        check_feature_names(self, X, reset=True)
        self._set_classes(classes)
        self._training, self._gives_sparse = training, False
        self._appraised = (training.learner.n_rows, appraisal)

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: npt.NDArray[Any] | None) -> None:
        settings = self._settings()
        is_first = not self.__sklearn_is_fitted__()
        if is_first:
            feature_names(X)
        else:
            check_feature_names(self, X, reset=False)
            _check_lasting(settings, self._training.settings)
        rows = rows_of_block(X)
        y, weight, classes = self._encode(settings, y, sample_weight, rows.n_samples, classes)
        # All that is refused has been refused by now.
        if is_first:
            seed = draw_seed(make_generator(self.random_state))
            self._adopt(Training(settings, rows.n_features, y.shape[1], seed), X, classes)
        training = self._training
        # What may change under way, such as the number of threads.
        training.settings = settings
        training.n_iter = 1
        training.learn(Chunk(rows, y, weight))
        if training.is_due_at_end:
            training.record()

    def _identity(self, settings: StreamSettings, classes: npt.NDArray[Any] | None) -> dict[str, Any]:
        """Describe a fit, for its checkpoints."""
        mine = {name: vars(self).get(name) for name in ("class_weight", "label_smoothing")}
        given = {**settings.fixed_while_training, **mine}
        # A number is the same number whether it is NumPy's or not.
        described = {name: repr(v.item() if isinstance(v, np.generic) else v) for name, v in given.items()}
        described["estimator"] = type(self).__name__
        described["classes"] = "None" if classes is None else repr(classes.tolist())
        return described

    # Where a fit starts.

    def _start(
        self, training: Training, coef_init: Any, intercept_init: Any, classes: npt.NDArray[Any] | None
    ) -> None:
        """Give a learner the coefficients of another fit, of the last one, or none."""
        if coef_init is None and intercept_init is None:
            if not (training.settings.warm_start and self._can_go_on(training, classes)):
                return
            coef_init = self
        if isinstance(coef_init, SparseLinearModel):
            if not coef_init.__sklearn_is_fitted__():
                raise ValueError(f"coef_init: this {type(coef_init).__name__} is not fitted, expected a fitted model")
            theirs = getattr(coef_init, "classes_", None)
            if theirs is not None and not np.array_equal(theirs, classes):
                raise ValueError(
                    f"coef_init: a model of the classes {theirs.tolist()} is not allowed, expected those of y"
                )
            if intercept_init is None:
                intercept_init = coef_init.intercept_
            coef_init = coef_init._coef
        start_from(training, coef_init, intercept_init)

    def _can_go_on(self, training: Training, classes: npt.NDArray[Any] | None) -> bool:
        """Say whether the last fit was of as many columns and outputs."""
        if not self.__sklearn_is_fitted__():
            return False
        last = self._training
        alike = (last.n_features, last.learner.n_outputs) == (training.n_features, training.learner.n_outputs)
        return alike and self._has_classes(classes)


def to_batch_estimator(fitted: StreamModel, model: Any) -> Any:
    """Give a batch model the settings that its streaming fit had, and what that has found.

    Parameters
    ----------
    fitted : StreamModel
    model : GLMEstimator
        Unfitted; fitted on return.

    Returns
    -------
    model : GLMEstimator
    """
    check_is_fitted(fitted)
    # Parameters may have been set since, for the next fit.
    begun = fitted._training.settings.fixed_while_training
    shared = ("alpha", "l1_ratio", "penalty", "gamma", "fit_intercept", "delta")
    model.set_params(**{name: begun[name] for name in shared if name in model.get_params()})
    names = (
        "_coef", "intercept_", "objective_", "dual_gap_", "violation_", "n_iter_", "n_active_", "n_features_in_",
        "feature_names_in_",
    )
    for name in names:
        if hasattr(fitted, name):
            setattr(model, name, getattr(fitted, name))
    return model


def _as_block(validation: Any) -> Block:
    """Read held-out rows, in any form that blocks have."""
    try:
        return next(as_blocks([validation]))
    except TypeError as error:
        raise TypeError(
            f"validation: {type(validation).__name__} is not allowed, expected a Block, (X, y) or (X, y, sample_weight)"
        ) from error


def _check_columns(held: Block, block: Block) -> None:
    """Refuse held-out rows whose columns have other names than those of the stream."""
    try:
        compare_feature_names("the stream", feature_names(block.X), held.X)
    except ValueError as error:
        raise ValueError(f"validation: {error}") from error


def _check_lasting(settings: StreamSettings, begun: StreamSettings) -> None:
    """Refuse settings that have changed since the first part of the data: the state is made for the old ones."""
    for name, value in settings.fixed_while_training.items():
        if value != begun.fixed_while_training[name]:
            raise ValueError(
                f"{name}: {value!r} is not allowed in a fit that was begun with "
                f"{begun.fixed_while_training[name]!r}, expected "
                "that; fit(..., coef_init=) of a clone starts from these coefficients"
            )
