"""Docstring fragments that several estimators share."""

from sparsereg.metrics import METRICS, STEPPED

REGRESSOR_ALPHA = """
    Parameters
    ----------
    alpha : float, default=1.0
        Strength, >= 0."""

L1_SHARE = """
    l1_ratio : float in [0, 1], default=1.0
        Share of L1; the rest is L2."""

COLUMN_PARAMETERS = """\
    positive : bool, default=False
        Keep every coefficient at 0 or above.
    bounds : None or pair (lower, upper), default=None
        Each None, a number, an array of length n_features, or a mapping from column id, or from column name where X is
        a data frame; lower <= 0 <= upper.
    penalty_factor : None, number, array-like of shape (n_features,) or mapping from column id or name, default=None
        p_j; 0 leaves a column unpenalised, inf excludes it. Not rescaled. Columns that a mapping leaves out have 1.
        Data frames and Arrow tables have names; arrays and SciPy matrices have ids alone.
"""

LABEL_SMOOTHING = """
    label_smoothing : float in [0, 1), default=0.0
        eps: the target y_ik, 0 or 1 or a probability, becomes (1 - eps) y_ik + eps / n_classes. The weight of a row is
        that of its label before."""

COMMON_PARAMETERS = """
    fit_intercept : bool, default=True
        The intercept is never penalised.
    standardize : bool, default=False
        Penalise sd_j w_j in place of w_j; coefficients stay on the scale of X. A constant column, of no use beside an
        intercept, is left out; without one it pays nothing, as its sd_j is 0.
""" + COLUMN_PARAMETERS + """\
    penalty : {"elastic_net", "mcp", "scad", "l0"}, default="elastic_net"
        What stands in the place of |w_j|. "mcp" and "scad" level off, "l0" counts; these are not convex, and the fit is
        a minimum along each coordinate. See `regularization_path`. Where l1_ratio can be set, scikit-learn's words will
        do: "elasticnet", and "l1" and "l2" for l1_ratio 1 and 0, which must then be left at its default.
    gamma : float or None, default=None
        Where MCP (> 1) and SCAD (> 2) level off, in thresholds of the column, alpha l1_ratio p_j / c_j with c_j its
        curvature; None: 3 and 3.7. See `regularization_path`.
    max_iter : int, default=10_000
        Passes after which to stop, with a ConvergenceWarning.
    tol : float, default=1e-6
        Duality gap to reach, relative to F of the model with intercept only; violation to reach where the penalty is
        not convex.
    warm_start : bool, default=False
        Start from the coefficients of the last fit.
    n_threads : int or None, default=None
        Threads for passes over all columns; None is 1, -1 all, -2 all but one. Results are the same for any number.
    verbose : int, default=0
        1 prints a line when the fit is done.
    callback : callable or None, default=None
        Called with a `sparsereg.Progress` after every look at the duality gap; whatever it raises ends the fit and
        leaves the estimator as it was.
"""

CLASSIFIER_PARAMETERS = """
    Parameters
    ----------
    alpha : float, default=0.01
        Strength, >= 0. On standardised columns and with L1, 0.5 and more leave no column in.""" + L1_SHARE + """
    class_weight : None, "balanced" or mapping from label to float, default=None
        c_k; the weight of a row is multiplied by sum_k y_ik c_k, which is c_k for a row of class k. "balanced": the sum
        of all weights over n_classes times that of class k. Labels that a mapping leaves out have c_k = 1; one with
        c_k = 0 is no class, as if its rows had weight 0. Of counts it is each trial that weighs c_k.""" + (
    LABEL_SMOOTHING + COMMON_PARAMETERS
)

REGRESSOR_COEFFICIENTS = """
    Attributes
    ----------
    sparse_coef_ : scipy.sparse.csr_matrix of shape (1, n_features)
        Non-zero coefficients only.
    coef_ : ndarray of float64 of shape (n_features,)
        All coefficients; made anew each time it is asked for, as wide as X.
    intercept_ : float"""

CLASSIFIER_COEFFICIENTS = """
    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, ascending; 0, 1, ... after a fit to probabilities or counts.
    sparse_coef_ : scipy.sparse.csr_matrix of shape (1, n_features), (n_classes, n_features) beyond two classes
        Non-zero coefficients only.
    coef_ : ndarray of float64 of shape (1, n_features), (n_classes, n_features) beyond two classes
        All coefficients; made anew each time it is asked for, as wide as X.
    intercept_ : ndarray of float64 of shape (1,), (n_classes,) beyond two classes"""

CALIBRATION = """
    calibration_ : Calibration
        Only after `calibrate`: the `slope` and the `shift`, an ndarray of the shape of intercept_, that every linear
        predictor is multiplied by and moved by."""

NAME_ATTRIBUTES = """\
    n_features_in_ : int
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Only after a fit on a data frame with string column names.
"""

DATA_ATTRIBUTES = """\
    n_active_ : int
        Columns of X with a non-zero in some row of positive weight.
""" + NAME_ATTRIBUTES

COMMON_ATTRIBUTES = """
    dual_gap_ : float
        Certified distance of the objective from its minimum, relative to F of the model with intercept only. NaN where
        the penalty is not convex.
    violation_ : float
        The most by which minimising over one coefficient alone would move its gradient, relative to the largest
        gradient entry of the model with intercept only. NaN where the duality gap says more.
    objective_ : float
        F(w, b).
    n_iter_ : int
        Passes over the working set plus passes over all columns.
""" + DATA_ATTRIBUTES

REGRESSOR_ATTRIBUTES = REGRESSOR_COEFFICIENTS + COMMON_ATTRIBUTES
CLASSIFIER_ATTRIBUTES = CLASSIFIER_COEFFICIENTS + COMMON_ATTRIBUTES
PROBABILITY_ATTRIBUTES = CLASSIFIER_COEFFICIENTS + CALIBRATION + COMMON_ATTRIBUTES

CV_PARAMETERS = """
    alphas : None, int or array-like, default=None
        Grid of distinct strengths, in any order; None: geometric from the smallest at which every penalised coefficient
        is zero on all data, or from 1 where no column has anything to explain; a whole number: the same, of that many.
        Folds share it.
    n_alphas : int, default=100
    eps : float in (0, 1) or None, default=None
        Smallest over largest alpha of a grid that is not given. None: {eps}, and the grid goes on below, in the same
        ratio, while its smallest alpha is the best: until the loss on all data has stopped falling, there are as many
        non-zeros as rows (without L2 part), or alpha has come to {min_ratio} of the largest. A number, as `alphas`, is
        kept, with a warning where the best alpha is the smallest and that loss still falls.
    cv : None, int, array-like of int of shape (n_samples,), splitter or iterable, default=None
        Number of folds, None is 5: consecutive rows{folds}. Or the number of its fold for every row, any whole numbers,
        as glmnet's `foldid`; rows of number -1 are never tested, as in scikit-learn's `PredefinedSplit`. Or a splitter
        of scikit-learn, or pairs (train, test) of positions or masks; one pair is a validation set. Every class needs
        rows in every train part.
    random_state : None, int, RandomState or Generator, default=None
        Shuffles the rows before they are cut into a number of folds{shuffled}; the same number gives the same folds,
        with and without scikit-learn. None: as they are. Of no use where cv says which rows are in which fold.
    scoring : None, str, sequence of str or callable, default=None
        What decides, measured on the unseen rows of every fold. None: {first}. Or other names among {names}: of several
        the first decides, the others are reported. Or a scikit-learn scorer or its name, where greater is better. A
        fold in which it is undefined (NaN) at every alpha has no part in the choice, as one row with "r2" or one class
        with "auc"; nor has an alpha at which some other fold leaves it undefined. ValueError if no alpha is left.
        With an offset "r2" and "deviance_explained" are of the deviance of intercept plus offset, as `evaluate` has it.
    rule : {{"min", "1se"}}, default="min"
        "min": the alpha of best mean score, of equals the largest. "1se": the largest whose mean is within a standard
        error of it. Either way `alpha_min_` and `alpha_1se_` are both there after the fit.
    relax : bool, default=False
        Refit every support without penalty, in the folds and on all data.
    keep_predictions : bool, default=False
        Keep `cv_predictions_`, what the folds predict of rows that they have not seen, as glmnet's `keep`. Takes 8
        bytes for every row and alpha (and class, beyond two), and during the fit 12 for every non-zero of every fit.
    fit_intercept : bool, default=True
        The intercept is never penalised.
    standardize : bool, default=False
        Penalise sd_j w_j in place of w_j, sd_j that of the training part; coefficients stay on the scale of X.
{column}{penalty}    max_iter : int, default=10_000
        Passes at one alpha after which to stop, with a ConvergenceWarning.
    tol : float, default=1e-8
        Duality gap to reach on all data and in every fold, relative to F of the model with intercept only. Folds are
        solved to 1e-10 or better where supports are refitted (relax) or scores jump with the order of predictions or at
        a threshold: {stepped}scorers that are callables or scikit-learn's.
    n_jobs : int or None, default=None
        Threads to share the folds; None is 1, -1 all, -2 all but one. Results are the same for any number.
    verbose : int, default=0
        1 prints a line when a fold is done.
    callback : callable or None, default=None
        Called with a `sparsereg.CVProgress` after every fit, from one thread at a time; whatever it raises ends the fit
        and leaves the estimator as it was.
"""

CV_PENALTY = """    penalty : {"elastic_net", "mcp", "scad", "l0"}, default="elastic_net"
        Form of the sparse part of the penalty; the last three are not convex, see `regularization_path`. Where l1_ratio
        can be set, scikit-learn's words will do: "elasticnet", and "l1" and "l2" for l1_ratio 1 and 0, which must then
        be left at its default.
    gamma : float or None, default=None
        Where MCP (> 1) and SCAD (> 2) level off; see `regularization_path`.
"""

CV_ATTRIBUTES = """
    alpha_ : float
        The strength chosen.
    alpha_min_, alpha_1se_ : float
        What the rules "min" and "1se" choose, the latter at the l1_ratio of the former. `alpha_1se_` is NaN where the
        best mean has no standard error, as with one fold. Fits at both are in `path_`.
    l1_ratio_ : float
        The share of L1 chosen.
    alphas_ : ndarray of float64 of shape (n_alphas,), of (n_l1_ratios, n_alphas) for several l1_ratio
        Of several l1_ratio each grid goes on as far as it should: NaN where one is shorter than the longest.
    path_ : RegularizationPath
        The fits on all data at l1_ratio_. `print` of the estimator shows the two alphas with their "index" there, from
        0, mean score, standard error and non-zeros.
    cv_results_ : dict of ndarray
        One entry for each l1_ratio and alpha: "alpha", "l1_ratio", "n_nonzero" (mean over folds); for every metric
        "mean_", "std_", "se_" and its name, and "fold_" and its name of shape (n_entries, n_folds). Means over folds
        are weighted by the weight of their unseen rows; the standard error is the root of the weighted variance over
        the number of folds less one, as in glmnet.
    best_index_ : int
        Entry of cv_results_ that was chosen.
    measure_ : str
        The metric that decided; "mean_" and this name is its column of cv_results_. "score" for a callable.
    cv_folds_ : ndarray of int of shape (n_samples,) or None
        Fold that each row was held out in, the column of "fold_" scores, -1 where in none; may be given as `cv` again.
        None where folds share unseen rows.
    cv_predictions_ : ndarray of float64 of shape (n_samples, n_alphas), or None without keep_predictions
        Beyond two classes (n_samples, n_alphas, n_classes). Out-of-fold predictions of every row, those of weight 0
        too, along `path_.alphas`, as `path_.predict` gives them: numbers, expected counts, probabilities of the second
        class or of each. Where several folds hold a row out their mean, where none does NaN. The column of alpha_ is
        ``np.flatnonzero(path_.alphas == alpha_)``: `cv_results_` and `best_index_` count the alphas of every l1_ratio.
    dual_gap_ : float
        Certified distance of the objective of the fit on all data from its minimum, relative to F of the model with
        intercept only. NaN where the penalty is not convex.
    violation_ : float
        As that of a single fit: says how far a penalty that is not convex is from its minimum along every coordinate.
    objective_ : float
        F(w, b) at alpha_; for relaxed fits the loss alone.
    n_iter_ : int
        Passes over the working set plus passes over all columns at alpha_ on all data.
""" + DATA_ATTRIBUTES

REGRESSOR_CV_ATTRIBUTES = REGRESSOR_COEFFICIENTS + CV_ATTRIBUTES
CLASSIFIER_CV_ATTRIBUTES = CLASSIFIER_COEFFICIENTS + CALIBRATION + CV_ATTRIBUTES

CV_MSE_PATH = """    mse_path_ : ndarray of shape (n_alphas, n_folds), of (n_l1_ratios, n_alphas, n_folds) for several
        Mean squared error of the unseen rows of each fold, as scikit-learn keeps it; padded as `alphas_` is. Not there
        where `scoring` is a list without "mse".
"""

CV_L1_RATIO = """
    Parameters
    ----------
    l1_ratio : float in [0, 1] or list of float, default={default}
        Share of L1; the rest is L2. Of several the folds choose one."""

STREAM_OBJECTIVE = """

    Minimises F(w, b) = sum_i s_i loss_i / sum_i s_i + alpha * sum_j (l1_ratio |w_j| + (1 - l1_ratio) / 2 w_j^2) over
    the rows of a stream, s_i their weights; `alpha` means what it means to the batch estimators. Memory and time follow
    the coefficients touched, never the width of X, and zeros are exact. See `fit` for data in memory, `partial_fit` for
    data that come in parts and `fit_stream` for streams with a history, checkpoints and reading ahead.

    F does not change when all weights are multiplied, and neither do steps: the weight of a row is measured in the mean
    weight of the rows up to it (in `fit`, which visits rows by their weight, see `shuffle`). Equal weights are none.

    Fits of one estimator in several threads wait for each other. Predictions meanwhile are those of some moment of
    `partial_fit` and `fit_stream`, and of the fit before until `fit` ends.
"""

STREAM_ALGORITHM = """
    algorithm : {"ftrl", "prox_sgd", "adagrad"}, default="ftrl"
        "ftrl": follow the regularised leader, proximally (McMahan et al. 2013); a step for each coefficient, the
        sparsest models. "prox_sgd": proximal stochastic gradient descent with one step for all coefficients, the same
        iterates as if every coefficient were shrunk after every row. "adagrad": the same with a step for each
        coefficient, 24 bytes of state in place of 8.
    penalty : {"elastic_net", "mcp", "scad", "l0"}, default="elastic_net"
        What stands in the place of |w_j|; all but the elastic net only with algorithm="ftrl". scikit-learn's words will
        do: "elasticnet", and "l1" and "l2" for l1_ratio 1 and 0, which must then be left at its default.
    alpha : float or sequence of float, default=1e-4
        Strength, >= 0. Several, each once, in any order, with "ftrl": fits side by side, for which ids are looked up
        once; each is, bit for bit, the fit at that alpha alone, and ends at a pass of its own. The model is that of
        `alpha_`; ``at(alpha)`` gives the others. A list of one is a list.""" + L1_SHARE + """
    gamma : float or None, default=None
        Of MCP, above 1, or SCAD, above 2: they level off at |w_j| = gamma alpha l1_ratio. A stream does not know the
        curvature of a column, by which the batch solvers divide. None: 3 or 3.7, further out where the loss is less
        curved than squared loss.
    fit_intercept : bool, default=True
        The intercept is never penalised.
    eta0 : float, "auto" or None, default=None
        Step, > 0: about how far a coefficient may move at first. None: 0.1; `fit` to numbers by "ftrl" or "adagrad"
        measures it, and `beta`, in standard deviations of y, and starts the intercept at the mean. A stream does not
        know them: give about a tenth of the standard deviation where it is not near 1, or "auto".

        "auto", with "ftrl": steps that need no tuning. A bettor for each coefficient stakes at most half of what it
        has on the sign of the next slope (coin betting: Kempka, Kotlowski and Warmuth 2019); coefficients go with the
        scale of y and of every column, whatever they are, and zeros are exact, as FTRL's are. What is reported is the
        mean of a coefficient over the rows that touched it, of late ones above all, which rows in order of time need.
        48 bytes a coefficient in place of 8; `beta` is not used. `history_` judges the iterates, not their means.
    beta : float, default=1.0
        Of "ftrl" and "adagrad", whose step is eta0 / (beta + root of the sum of squared slopes), >= 0.
    learning_rate : {"invscaling", "constant"}, default="invscaling"
        Of "prox_sgd": the step is eta0 / (1 + weight so far)^power_t, or eta0; weight in units of its mean.
    power_t : float, default=0.5
        How fast steps fall, >= 0.
    weight_decay : float, default=0.0
        Of "prox_sgd" and "adagrad": every coefficient is multiplied by exp(-step * weight_decay) for each unit of
        weight, besides the penalty; step is eta0 for "adagrad". This is decoupled from the slopes: with steps that
        differ from coefficient to coefficient L2 shrinks less where they are short, decay shrinks all alike. With one
        step for all the two are nearly the same, but decay is not part of F, and `objective_` leaves it out.
    average : bool or int, default=False
        Of "prox_sgd", on one thread: report the mean of the coefficients after each row in place of the last; a number
        is how much weight goes before the first row that counts. Means converge faster, but have few zeros, and a step
        takes several times as long.
    max_iter : int, default=1000
        Of `fit`: passes over the data, at most.
    tol : float or None, default=1e-4
        Of `fit`: stop when the loss does not get better by `tol` in `n_iter_no_change` passes in a row: the progressive
        loss, each row's measured before the row is learned from; with early_stopping that of the held-out part. None:
        never.
    n_iter_no_change : int, default=5
    early_stopping : bool, default=False
        Hold a part of the data out of `fit`, stop by its loss, and keep the coefficients that were best on it.
        `fit_stream` goes by its `validation`, pass by pass.
    certify : "auto", True or False, default="auto"
        Of `fit`: compute `objective_` and `dual_gap_`, which takes about as long as two to four passes. "auto": where
        passes ended by `tol`, where there were five or more, and with `finish_tol`. Elsewhere, and with False, they are
        NaN: few passes end where `max_iter` says, not near a minimum, and `history_` tells how good the fit is.
    finish_tol : float or None, default=None
        Of `fit`, for the elastic net, one linear predictor a loss and losses with a bounded second derivative: after
        the last pass sparse proximal SAGA, which converges, brings the fit to a duality gap of at most this (dropout,
        decay and the rounding of states aside). None: where the passes end.
    validation_fraction : float in (0, 1), default=0.1
        The part to hold out.
    shuffle : bool, default=True
        `fit` goes over the rows in a new order in each pass, and more often over those of larger weight: a weight of 2
        is a row that is there twice (up to 65,536 rows with the same bits). Of whole numbers a factor that all have in
        common does not count; others are taken relative to their mean. False: the rows as they are, in their order, a
        step of weight s for each; then one pass is exactly one `partial_fit`.
    random_state : None, int, RandomState or Generator, default=None
        Of held-out parts, order and dropout. None: different every time."""

STREAM_SAMPLING = """
    dropout : float in [0, 1), default=0.0
        Each value of X is left out of a step with this probability, and divided by 1 - dropout otherwise, so that
        means stay. The mean of the loss over this noise is close to the loss and an L2 penalty on w_j that adapts: of
        strength dropout / (1 - dropout) times the mean of x_ij^2 times the curvature of loss i, and so weak for rare
        columns and for rows that are predicted with confidence (Wager, Wang and Liang 2013).
    min_count : int in [1, 255], default=1
        A coefficient is kept from the `min_count`-th time on that its id is seen, or a little earlier where ids share
        a counter.
    drop_stale : int, default=0
        Every so many rows, forget coefficients that are 0 and were not touched since the last time, which takes a look
        at all of them; 0: never.
    total_weight : float or None, default=None
        Of "ftrl": weight that the stream will have in all, if known. The penalty has its full strength from the start
        then, and the model is sparser on the way. None: the strength grows with the stream.
    warm_start : bool, default=False
        `fit` and `fit_stream` start from the coefficients of the last fit.
    n_threads : int or None, default=None
        None is 1, -1 all, -2 all but one. Any number gives the same bits: a second thread looks coefficients up ahead
        of the first, and there is nothing to do for more. Of several alphas each thread takes its share.
    lock_free : bool, default=False
        Let all threads write to the same coefficients at the same time: different in every run.
    verbose : int, default=0
        1 tells of rows, loss, non-zeros and memory on the way: a bar where tqdm is installed and the standard error is
        a terminal, lines of the logger "sparsereg" at level INFO elsewhere.
"""

STREAM_ATTRIBUTES = """
    alphas_ : ndarray of float64 of shape (n_alphas,)
        Strengths of the penalty, in the order that they were given in.
    alpha_ : float
        The best of them: of the smallest loss of held-out rows, where there are some (`validation`, or early_stopping);
        else of the smallest progressive loss, after several passes that of the first, when all rows were new. Of equal
        losses the largest alpha. What predicts, and all else below, is the model of this alpha.
    n_iter_ : int
        Passes over the data.
    t_ : int
        Rows learned from over all passes, and one.
    objective_ : float
        F(w, b) on the data of `fit`, dropout and decay left out. NaN after `partial_fit` and `fit_stream`, and where
        `certify` says so.
    dual_gap_ : float
        Certified distance of the objective from its minimum, relative to F of the model with intercept only. NaN where
        `objective_` is, and where the penalty is not convex.
    violation_ : float
        The most by which minimising over one coefficient alone would move its gradient, relative to the largest
        gradient entry of the model with intercept only. NaN where the duality gap says more.
    history_ : dict of ndarray
        Learning curves, an entry at the end of each pass and at most every 65,536 rows (of `partial_fit` fewer, where
        calls are small): `n_rows`, `weight` and `seconds` so far, `loss` since the entry before and `progressive_loss`
        since the start (means of losses that were measured before the row was learned from), `n_nonzero`, `n_touched`
        (coefficients), `nbytes` (state) and, where rows are held out, `validation_loss`. Of several alphas losses and
        `n_nonzero` have a column for each, and `alpha` says which. Each row is judged by a model
        of the rows before it: in random order that is the loss of unseen rows. In order of time neighbours are alike,
        and drift is followed, so that it is the loss of predicting the next rows with a model that goes on learning; a
        model that stops does worse. Judge that on rows of a later time, by `evaluate_stream` or `validation`.
    n_active_ : int
        Coefficients touched.
    training_ : Training or TrainingResult
        The run, which `partial_fit` goes on from: learner, history and settings. Of a model that was loaded from a file
        without them only what it has found.
""" + NAME_ATTRIBUTES


def cv_parameters(
    loss: str, scoring: str, *, eps: str = "1e-3", min_ratio: str = "1e-6", folds: str = "", shuffled: str = "",
    penalty: str = CV_PENALTY,
) -> str:
    """Describe the parameters of a cross-validated estimator.

    Parameters
    ----------
    loss : str
    scoring, eps, min_ratio, folds, shuffled : str
        Of its loss: the metric that decides by default, the default ratio of the ends of the grid, how far down the
        grid goes on, and what folds have beyond consecutive rows, and beyond shuffled ones.
    penalty : str
        The entries of `penalty` and `gamma`.

    Returns
    -------
    text : str
    """
    names = METRICS[loss]
    return CV_PARAMETERS.format(
        first=scoring, eps=eps, min_ratio=min_ratio, folds=folds, shuffled=shuffled, column=COLUMN_PARAMETERS,
        penalty=penalty, names=", ".join(names), stepped="".join(f"{name}, " for name in names if name in STEPPED),
    )
