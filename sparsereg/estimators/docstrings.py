"""What the documentation of streaming estimators has in common."""

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
    alpha : float, default=1e-4
        Strength, >= 0.
    l1_ratio : float in [0, 1], default=1.0
        Share of L1; the rest is L2.
    gamma : float or None, default=None
        Of MCP, above 1, or SCAD, above 2: they level off at |w_j| = gamma alpha l1_ratio. A stream does not know the
        curvature of a column, by which the batch solvers divide. None: 3 or 3.7, further out where the loss is less
        curved than squared loss.
    fit_intercept : bool, default=True
        The intercept is never penalised.
    eta0 : float or None, default=None
        Step, > 0: about how far a coefficient may move at first. None: 0.1; `fit` to numbers by "ftrl" or "adagrad"
        measures it, and `beta`, in standard deviations of y, and starts the intercept at the mean. A stream does not
        know them: give about a tenth of the standard deviation where it is not near 1.
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
    certify : bool, default=True
        Of `fit`: compute `objective_` and `dual_gap_`, which takes about as long as some passes. False: they are NaN.
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
        of the first, and there is nothing to do for more.
    lock_free : bool, default=False
        Let all threads write to the same coefficients at the same time: different in every run.
    verbose : int, default=0
        1 tells of rows, loss, non-zeros and memory on the way: a bar where tqdm is installed and the standard error is
        a terminal, lines of the logger "sparsereg" at level INFO elsewhere.
"""

STREAM_ATTRIBUTES = """n_iter_ : int
        Passes over the data.
    t_ : int
        Rows learned from over all passes, and one.
    objective_ : float
        F(w, b) on the data of `fit`, dropout and decay left out. NaN after `partial_fit` and `fit_stream`.
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
        (coefficients), `nbytes` (state) and, where rows are held out, `validation_loss`.
    n_active_ : int
        Coefficients touched.
    training_ : Training
        The run, which `partial_fit` goes on from: learner, history and settings.
    n_features_in_ : int
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Only after a fit on a data frame with string column names.
    """
