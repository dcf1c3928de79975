"""Base class of the SGD estimators: fits to data in memory, in parts and in streams; attributes made on request."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from sparsereg._core.losses import LOSSES
from sparsereg.coef import SparseCoef
from sparsereg.design import make_design
from sparsereg.estimators.base import SparseLinearModel
from sparsereg.inputs.dense_rows import read_rows
from sparsereg.inputs.parameters import check_alpha, make_generator
from sparsereg.inputs.rows import check_width
from sparsereg.inputs.sklearn import check_feature_names, check_is_fitted, feature_names
from sparsereg.inputs.weights import check_sample_weight
from sparsereg.readers.blocks import check_source
from sparsereg.solvers.evaluate import Evaluation
from sparsereg.streaming.alpha_stream_fit import AlphaStreamFit
from sparsereg.streaming.alpha_training import make_training
from sparsereg.streaming.batch import Batch
from sparsereg.streaming.certify import certify_fit, finish_fit
from sparsereg.streaming.encode import Encoder, read_ahead
from sparsereg.streaming.locking import synchronized
from sparsereg.streaming.memory_fit import Passes, fit_in_memory
from sparsereg.streaming.options import SAME_LOSS, StreamSettings, check_settings, draw_seed
from sparsereg.streaming.progress import Reporter
from sparsereg.streaming.stream_fit import StreamFit, first_of, load_run, make_stream_options
from sparsereg.streaming.training import Training
from sparsereg.streaming.training_result import TrainingResult
from sparsereg.streaming.validation import Validation
from sparsereg.streaming.warm_start import start_from

Vector = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

UNKNOWN = Evaluation(np.nan, np.nan, np.nan)


@dataclass(kw_only=True, eq=False, repr=False, match_args=False)
class SGDEstimator(SparseLinearModel):
    """A fit that can go on; each estimator says which losses it takes and what targets are."""

    _losses: ClassVar[tuple[str, ...]]

    loss: str = field(kw_only=False)
    algorithm: str = "ftrl"
    penalty: str = "elastic_net"
    alpha: Any = 1e-4
    l1_ratio: float = 1.0
    gamma: float | None = None
    fit_intercept: bool = True
    eta0: float | str | None = None
    beta: float = 1.0
    learning_rate: str = "invscaling"
    power_t: float = 0.5
    weight_decay: float = 0.0
    average: bool | int = False
    max_iter: int = 1000
    tol: float | None = 1e-4
    n_iter_no_change: int = 5
    early_stopping: bool = False
    validation_fraction: float = 0.1
    certify: bool | str = "auto"
    finish_tol: float | None = None
    shuffle: bool = True
    random_state: Any = None
    dropout: float = 0.0
    min_count: int = 1
    drop_stale: int = 0
    total_weight: float | None = None
    warm_start: bool = False
    n_threads: int | None = None
    lock_free: bool = False
    verbose: int = 0

    def _encoder(self, settings: StreamSettings, classes: npt.NDArray[Any] | None) -> Encoder:
        """Make what encodes blocks; `classes` are those that are known beforehand."""
        raise NotImplementedError

    @property
    def _loss_class(self) -> Any:
        """Registered loss: that of the fit, if there is one; the default one where another is not allowed."""
        if "training_" in vars(self):
            return type(self.training_.settings.objective)
        name = SAME_LOSS.get(self.loss, self.loss)
        return LOSSES[name if name in self._losses else self._losses[0]]

    def _make_loss(self) -> Any:
        return self.training_.settings.objective

    # What was learned, read off on request.

    def __sklearn_is_fitted__(self) -> bool:
        """Say whether anything has been learned."""
        return "training_" in vars(self)

    @property
    def _coef(self) -> SparseCoef:
        return self.training_.coef

    @property
    def intercept_(self) -> Any:
        """Intercepts."""
        return self.training_.intercept

    def _predictor(self, X: Any) -> Vector:
        """Compute X w + b; nothing but what the rows hold is looked at."""
        rows = read_rows(X)
        check_width(rows.n_features, self.training_.n_features)
        out = self.training_.decision(rows)
        return out[:, 0] if out.shape[1] == 1 else out

    @property
    def history_(self) -> dict[str, npt.NDArray[Any]]:
        """Learning curves."""
        arrays = self.training_.history.arrays()
        return arrays if self.training_.settings.alphas is None else {"alpha": self.alphas_, **arrays}

    @property
    def _best_history(self) -> dict[str, npt.NDArray[Any]]:
        """Learning curves of the best alpha alone."""
        history = self.training_.history
        return (history if self.training_.settings.alphas is None else history.at(self.training_.best)).arrays()

    @property
    def alphas_(self) -> Vector:
        """Strengths of the penalty, in the order that they were given in, where there are several."""
        alphas = self.training_.settings.alphas
        if alphas is None:
            raise AttributeError("alphas_: there is one alpha, expected a fit at several")
        return np.array(alphas)

    @property
    def alpha_(self) -> float:
        """The best of several strengths."""
        return float(self.alphas_[self.training_.best])

    def at(self, alpha: float) -> Any:
        """Return the model of one alpha: the same bits as of a fit at it alone, which can go on.

        Parameters
        ----------
        alpha : float
            One of `alphas_`, or the one of a fit at one.

        Returns
        -------
        model : SGDClassifier or SGDRegressor
            Of this one alpha, a copy. Objective and gap are those of `alpha_`, and so is its calibration; the models of
            other alphas have none.
        """
        check_is_fitted(self)
        alpha = check_alpha(alpha)
        settings = self.training_.settings
        alphas = settings.alphas or (settings.penalty.alpha,)
        found = [k for k, one in enumerate(alphas) if one == alpha]
        if not found:
            raise ValueError(f"alpha: {alpha!r} is not allowed, expected one of {', '.join(map(repr, alphas))}")
        k = found[0]
        model = type(self)(**{**self.get_params(deep=False), "alpha": alpha})
        kept = {name: value for name, value in vars(self).items() if name not in vars(model)}
        vars(model).update({**kept, "training_": self.training_.at(k)})
        if k != self.training_.best:
            vars(model).pop("calibration_", None)
            model._evaluated = (model.training_.n_rows, UNKNOWN)
        return model

    @property
    def n_iter_(self) -> int:
        """Passes over the data."""
        return self.training_.n_iter

    @property
    def t_(self) -> int:
        """Rows learned from, and one."""
        return self.training_.n_rows + 1

    @property
    def n_active_(self) -> int:
        """Coefficients touched."""
        return self.training_.n_touched

    @property
    def objective_(self) -> float:
        """F(w, b)."""
        return self._evaluation.objective

    @property
    def dual_gap_(self) -> float:
        """Distance of F from its minimum, at most."""
        return self._evaluation.dual_gap

    @property
    def violation_(self) -> float:
        """Distance from a minimum along every coordinate."""
        return self._evaluation.violation

    @property
    def _evaluation(self) -> Evaluation:
        n_rows, evaluation = self._evaluated
        return evaluation if n_rows == self.training_.n_rows else UNKNOWN

    # Fits.

    @synchronized
    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, coef_init: Any = None, intercept_init: Any = None
    ) -> Any:
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
            `dual_gap_` is above 0.1, and coordinate descent lowers the objective by more than 0.1 at once. The latter
            takes a certificate, so never with certify=False.
        """
        settings, rng = self._settings(), make_generator(self.random_state)
        feature_names(X)  # refuses mixed names before any work
        rows = read_rows(X)
        encoder = self._encoder(settings, None)
        y, weight = encoder.targets(y, sample_weight, rows.n_samples)
        check_sample_weight(weight, rows.n_samples)
        batch = Batch(rows, y, weight)
        training = make_training(settings.in_units_of(y, weight), rows.n_features, y.shape[1], draw_seed(rng))
        for one in training.learner.lanes():
            one.intercept[:1] = settings.null_intercept(y, weight)
        self._start(training, coef_init, intercept_init, encoder.classes)
        try:
            reporter = Reporter("auto" if self.verbose else False, bool(self.verbose))
            passes = fit_in_memory(training, batch, rng, reporter)
            evaluation = training.finish(lambda one, generator: self._certify(one, passes, generator), rng)
        except KeyboardInterrupt:
            if training.learner.n_rows > 0:
                self._adopt(training, X, encoder.classes)
            raise
        self._adopt(training, X, encoder.classes, evaluation)
        return self

    @synchronized
    def fit_stream(
        self, source: Iterable[Any], *, classes: Any = None, n_passes: int = 1, validation: Any = None,
        checkpoint: Any = None, checkpoint_every: int = 1_000_000, resume: bool = False, progress: Any = "auto",
    ) -> Any:
        """Learn from blocks of rows in their order, read ahead in a thread; begin anew.

        A model that is to predict rows of a later time is judged on such rows, by `validation` or `evaluate_stream`:
        where blocks come in order of time the progressive loss of `history_` is that of the next few rows.

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
        validation : None, tuple (X, y), tuple (X, y, sample_weight) or Block, or iterable of these, default=None
            Held-out rows, whose mean loss enters `history_`. A reader or a list is gone over for every entry there,
            block by block, and never held as a whole; what can be iterated over only once will not do.
        checkpoint : None or path, default=None
            A file that the state is written to, atomically; the state before it is in the file of that name with
            ".previous" behind it. A former checkpoint is replaced, any other file that is not empty is an error.
        checkpoint_every : int, default=1_000_000
            Rows between two checkpoints, up to the end of a block; there is one after each pass too.
        resume : bool, default=False
            Go on from the checkpoint, if there is one, with the same bits as if nothing had happened. The source is
            the same stream: it is read from its start, and rows that were learned from are passed over; one that ends
            before them is an error. Where all passes are over nothing more is read or learned, whatever the source
            holds: to go on with new data is what `partial_fit` is for.
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
        encoder = self._encoder(settings, None)
        check_source(source)
        source = encoder.read(source, classes)
        held_out = Validation.of(validation, encoder)
        options = make_stream_options(
            source, held_out, n_passes=n_passes, checkpoint=checkpoint,
            checkpoint_every=checkpoint_every, resume=resume, progress=progress, verbose=self.verbose,
            early_stopping=settings.early_stopping,
        )
        seed = draw_seed(make_generator(self.random_state))
        identity = self._identity(settings, encoder.classes)
        saved = load_run(options, identity)
        with closing(options.reporter), closing(read_ahead(source, encoder)) as pairs:
            block, batch = first_of(pairs)
            if held_out is not None:
                held_out.check(block, batch)
            training = make_training(settings, batch.rows.n_features, batch.y.shape[1], seed)
            self._start(training, None, None, encoder.classes)
            self._adopt(training, block.X, encoder.classes)
            first_pass = chain([(block, batch)], pairs)
            # Not to be kept alive while the others are learned from.
            del block, batch
            kind = StreamFit if settings.alphas is None else AlphaStreamFit
            run = kind(self, training, source, encoder, options, identity)
            run.run(first_pass, saved)
        run.end()
        return self

    def _certify(self, training: Training, passes: Passes, rng: np.random.Generator) -> Evaluation:
        """Bring passes over data in memory to their end, and certify them, as far as is asked."""
        settings, batch = training.settings, passes.batch
        is_certified = settings.certifies(training.n_iter, passes.has_settled)
        if not is_certified and settings.finish_tol is None:
            return UNKNOWN
        design = make_design(batch.rows, batch.weight)
        if settings.finish_tol is not None:
            finish_fit(training, batch, design, draw_seed(rng))
        return certify_fit(training, batch, design) if is_certified else UNKNOWN

    def _settings(self) -> StreamSettings:
        """Check what can be checked without data."""
        return check_settings(self, self._losses, **self._spelled_penalty())

    def _adopt(
        self, training: Training, X: Any, classes: npt.NDArray[Any] | None, evaluation: Evaluation = UNKNOWN
    ) -> None:
        """Take over a fit, or the beginning of one."""
        check_feature_names(self, X, reset=True)
        if classes is not None:
            self.classes_ = classes
        self.training_, self._gives_sparse = training, False
        vars(self).pop("calibration_", None)
        self._evaluated = (training.n_rows, evaluation)

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: npt.NDArray[Any] | None) -> None:
        settings = self._settings()
        is_first = not self.__sklearn_is_fitted__()
        if is_first:
            feature_names(X)
        else:
            _check_can_go_on(self.training_)
            check_feature_names(self, X, reset=False)
            _check_unchanged(settings, self.training_.settings)
        batch = self._encoder(settings, classes).encode(X, y, sample_weight)
        # All that is refused has been refused by now.
        if is_first:
            seed = draw_seed(make_generator(self.random_state))
            self._adopt(make_training(settings, batch.rows.n_features, batch.y.shape[1], seed), X, classes)
        training = self.training_
        # What may change under way, such as the number of threads.
        training.settings = settings
        training.take_up()
        training.n_iter = 1
        training.learn(batch)
        if training.is_due_at_end:
            training.record()

    def _identity(self, settings: StreamSettings, classes: npt.NDArray[Any] | None) -> dict[str, Any]:
        """Describe a fit, for its checkpoints."""
        weights = {name: vars(self).get(name) for name in ("class_weight", "label_smoothing")}
        given = {**settings.fixed_while_training, **weights}
        # A number is the same number whether it is NumPy's or not.
        described = {name: repr(v.item() if isinstance(v, np.generic) else v) for name, v in given.items()}
        described["estimator"] = type(self).__name__
        described["classes"] = "None" if classes is None else repr(classes.tolist())
        return described

    # Where a fit starts.

    def _start(self, training: Training, coef_init: Any, intercept_init: Any, classes: npt.NDArray[Any] | None) -> None:
        """Give a learner the coefficients of another fit, of the last one, or none."""
        if coef_init is None and intercept_init is None:
            if not (training.settings.warm_start and self._matches_last_fit(training, classes)):
                return
            coef_init = self
        if isinstance(coef_init, SparseLinearModel):
            if not coef_init.__sklearn_is_fitted__():
                raise ValueError(f"coef_init: this {type(coef_init).__name__} is not fitted, expected a fitted model")
            others = getattr(coef_init, "classes_", None)
            if others is not None and not np.array_equal(others, classes):
                others = others.tolist()
                raise ValueError(f"coef_init: a model of the classes {others} is not allowed, expected those of y")
            if intercept_init is None:
                intercept_init = coef_init.intercept_
            coef_init = coef_init._coef
        start_from(training, coef_init, intercept_init)

    def _matches_last_fit(self, training: Training, classes: npt.NDArray[Any] | None) -> bool:
        """Say whether the last fit was of as many columns and outputs."""
        if not self.__sklearn_is_fitted__():
            return False
        last = self.training_
        alike = (last.n_features, last.n_outputs) == (training.n_features, training.n_outputs)
        return alike and (classes is None or np.array_equal(self.classes_, classes))


def to_batch_estimator(fitted: SGDEstimator, model: Any) -> Any:
    """Give a batch model the settings that its streaming fit had, and what that has found.

    Parameters
    ----------
    fitted : SGDEstimator
    model : GLMEstimator
        Unfitted; fitted on return.

    Returns
    -------
    model : GLMEstimator
    """
    check_is_fitted(fitted)
    # Parameters may have been set since, for the next fit.
    begun = fitted.training_.settings.fixed_while_training
    shared = ("alpha", "l1_ratio", "penalty", "gamma", "fit_intercept", "delta")
    begun = {**begun, "alpha": getattr(fitted, "alpha_", begun["alpha"])}
    model.set_params(**{name: begun[name] for name in shared if name in model.get_params()})
    names = ("_coef", "intercept_", "objective_", "dual_gap_", "violation_", "n_iter_", "n_active_", "n_features_in_")
    for name in (*names, "feature_names_in_", "calibration_"):
        if hasattr(fitted, name):
            setattr(model, name, getattr(fitted, name))
    return model


def _check_can_go_on(training: Training | TrainingResult) -> None:
    """Refuse a model that is all that is left of its fit."""
    if isinstance(training, TrainingResult):
        raise ValueError(
            "partial_fit: this model was loaded from a file without the state of the optimiser, which it would go on "
            "from; save_model(..., state=True) keeps that, and fit(..., coef_init=model) starts from the coefficients"
        )


def _check_unchanged(settings: StreamSettings, begun: StreamSettings) -> None:
    """Refuse settings that have changed since the first part of the data: the state is made for the old ones."""
    for name, value in settings.fixed_while_training.items():
        if value != begun.fixed_while_training[name]:
            raise ValueError(
                f"{name}: {value!r} is not allowed in a fit that was begun with {begun.fixed_while_training[name]!r}, "
                "expected that; fit(..., coef_init=) of a clone starts from these coefficients"
            )
