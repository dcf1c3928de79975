"""``sparsereg fit``: one model of the rows of files, at one alpha or at the one that cross-validation chooses."""

from __future__ import annotations

import argparse

from sparsereg.cli.arguments import count, nonnegative
from sparsereg.cli.objective import add_objective_options, add_solver_options, make_model
from sparsereg.cli.output import add_output_options
from sparsereg.cli.progress import Bar, add_progress_options
from sparsereg.cli.reading import add_holdout_options, add_memory_option, reduce_input
from sparsereg.cli.results import add_result_options, check_places, report_fit
from sparsereg.cli.sources import add_source_options, open_input

NAME = "fit"
HELP = "fit a model to files at one alpha"
DESCRIPTION = """\
Read files block by block, fit a sparse linear model with a certificate of how
far it can be from the best, print how good it is and its largest weights, and
save it. Without an option that names columns every column of a table but the
target is a feature: numbers as numbers, texts as categories."""
EXAMPLES = (
    "sparsereg fit houses.csv --target median_house_value --lat latitude --lon longitude --numeric median_income "
    "--categorical ocean_proximity --alpha 300 --holdout 0.25 --save houses.npz",
    "sparsereg fit clicks.parquet --target clicked --loss logistic --lat lat --lon lon --cross device:hour "
    "--alpha 0.001",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command.

    Parameters
    ----------
    parser : ArgumentParser
    """
    add_source_options(parser)
    group = add_objective_options(parser)
    strength = group.add_mutually_exclusive_group(required=True)
    strength.add_argument("--alpha", type=nonnegative, metavar="A", help="strength of the penalty")
    strength.add_argument("--cv", type=count(2), metavar="K", help="choose alpha by so many folds, as the command cv")
    add_solver_options(group)
    add_holdout_options(parser)
    add_memory_option(parser)
    add_result_options(parser)
    add_progress_options(parser)
    add_output_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Fit, print, save.

    Parameters
    ----------
    arguments : argparse.Namespace

    Returns
    -------
    code : int
    """
    if arguments.cv is not None:
        from sparsereg.cli import cv

        return cv.run(argparse.Namespace(**cv.DEFAULTS, **vars(arguments)))
    check_places(arguments)
    model = make_model(arguments, with_cv=False, alpha=arguments.alpha)
    given = open_input(arguments)
    reduced = reduce_input(arguments, given)
    with Bar(arguments, "fitting", unit=" looks") as bar:
        model.callback = lambda progress: bar.advance()
        if arguments.threads is not None:
            model.n_threads = arguments.threads
        model.fit(reduced)
    model.callback = None
    report_fit(arguments, given, reduced, model, {"Model": f"{type(model).__name__} at alpha = {arguments.alpha:g}"})
    return 0
