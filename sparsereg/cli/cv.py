"""``sparsereg cv``: the alpha that predicts unseen rows best, by cross-validation."""

from __future__ import annotations

import argparse
from typing import Any

from sparsereg.cli.arguments import count
from sparsereg.cli.objective import add_objective_options, add_solver_options, make_model
from sparsereg.cli.output import add_output_options
from sparsereg.cli.path import add_grid_options, grid
from sparsereg.cli.progress import Bar, add_progress_options
from sparsereg.cli.reading import add_holdout_options, add_memory_option, reduce_input
from sparsereg.cli.results import add_result_options, check_places, report_fit
from sparsereg.cli.sources import add_source_options, open_input

NAME = "cv"
HELP = "choose alpha by cross-validation and fit at it"
DESCRIPTION = """\
Fit a path of alphas to all rows and to the training rows of every fold, and
keep the fit at the alpha that predicts the unseen rows best, or at the largest
within one standard error of it."""
EXAMPLES = (
    "sparsereg cv houses.csv --target median_house_value --lat latitude --lon longitude --levels 60 10 "
    "--categorical ocean_proximity --cv 5 --rule 1se --save houses-cv.npz",
    "sparsereg cv words.svm --loss logistic --n-alphas 30 --scoring auc",
)

FOLDS = 5
# What the command fit leaves at its default where it cross-validates.
DEFAULTS: dict[str, Any] = {"rule": "min", "scoring": None, "alphas": None, "n_alphas": None, "eps": None}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command.

    Parameters
    ----------
    parser : ArgumentParser
    """
    add_source_options(parser)
    group = add_objective_options(parser)
    add_grid_options(group)
    group.add_argument("--cv", type=count(2), default=FOLDS, metavar="K", help="how many folds")
    group.add_argument(
        "--rule", choices=("min", "1se"), default="min",
        help="the best alpha, or the largest within a standard error of it",
    )
    group.add_argument("--scoring", metavar="MEASURE", help="what is best, like mse, r2, log_loss, auc or deviance")
    add_solver_options(group)
    add_holdout_options(parser)
    add_memory_option(parser)
    add_result_options(parser)
    add_progress_options(parser)
    add_output_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Cross-validate, print, save.

    Parameters
    ----------
    arguments : argparse.Namespace

    Returns
    -------
    code : int
    """
    check_places(arguments)
    further = {"rule": arguments.rule, "scoring": arguments.scoring, **grid(arguments)}
    if arguments.threads is not None:
        further["n_jobs"] = arguments.threads
    model = make_model(arguments, with_cv=True, **further)
    given = open_input(arguments)
    reduced = reduce_input(arguments, given, n_folds=arguments.cv)
    with Bar(arguments, "fitting", unit=" fits") as bar:
        done = [0]

        def show(progress: Any) -> None:
            done[0] += 1
            part = "all data" if progress.fold < 0 else f"fold {progress.fold + 1}"
            total = (progress.n_folds + 1) * progress.n_alphas
            bar.reach(done[0], total, f"{part}, {progress.n_nonzero:,} non-zeros")

        model.callback = show
        model.fit(reduced)
    model.callback = None
    what = {"Model": f"{type(model).__name__} at alpha = {model.alpha_:g}"}
    table = model.cv_results_
    entries = [k for k, share in enumerate(table["l1_ratio"]) if share == model.l1_ratio_]
    curve = {name: column[entries] for name, column in table.items()}
    further = {
        "alpha_min": model.alpha_min_, "alpha_1se": model.alpha_1se_, "rule": arguments.rule, "measure": model.measure_,
        "folds": arguments.cv, "curve": curve,
    }
    report_fit(arguments, given, reduced, model, what, (str(model),), further)
    return 0
