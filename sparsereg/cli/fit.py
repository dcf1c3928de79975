"""``sparsereg fit``: one model of the rows of files, at one alpha or at the one that cross-validation chooses."""

from __future__ import annotations

import argparse
from typing import Any

from sparsereg.cli.arguments import check_target, count, nonnegative
from sparsereg.cli.objective import add_objective_options, add_solver_options, make_model
from sparsereg.cli.output import add_output_options, emit, facts
from sparsereg.cli.progress import Bar, add_progress_options
from sparsereg.cli.reading import add_holdout_options, reduce_input
from sparsereg.cli.results import (
    add_result_options,
    largest,
    measures,
    reading_data,
    reading_facts,
    save,
    saved_line,
    weights_table,
)
from sparsereg.cli.sources import Input, add_source_options, open_input

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
    check_target(arguments.save)
    model = make_model(arguments, with_cv=False, alpha=arguments.alpha)
    given = open_input(arguments)
    reduced = reduce_input(arguments, given)
    with Bar(arguments, "fitting", unit=" looks") as bar:
        model.callback = lambda progress: bar.advance()
        if arguments.threads is not None:
            model.n_threads = arguments.threads
        model.fit(reduced)
    model.callback = None
    report(arguments, given, reduced, model, {"Model": f"{type(model).__name__} at alpha = {arguments.alpha:g}"})
    return 0


def report(
    arguments: argparse.Namespace, given: Input, reduced: Any, model: Any, what: dict[str, str],
    parts: tuple[str, ...] = (), further: dict[str, Any] | None = None,
) -> None:
    """Save a fitted model, and print all that there is to say of it.

    Parameters
    ----------
    arguments : argparse.Namespace
    given : Input
    reduced : Reduced
    model : fitted estimator
    what : dict of str
        Further facts for people.
    parts : tuple of str
        Further parts of the text.
    further : dict or None
        Further data for programs.
    """
    train, held_out = model.evaluate(reduced), None
    if reduced.held_out is not None:
        held_out = {**model.evaluate(reduced.held_out), "n_samples": reduced.held_out.n_samples}
    saved = save(arguments, given, model, reduced.n_samples, held_out)
    classes = None if model._coef.n_columns == 1 else model.classes_.tolist()
    rows, n_nonzero = largest(model._coef, given, arguments.top, classes), int(train["n_nonzero"])
    text = [
        facts([*reading_facts(given, reduced), *what.items(), ("Certified", certificate(model))]), *parts,
        measures(train, held_out), weights_table(rows, n_nonzero), saved_line(saved),
    ]
    data = {
        "command": arguments.command, "data": reading_data(given, reduced), "model": type(model).__name__,
        "alpha": float(model.alpha_ if hasattr(model, "alpha_") else model.alpha),
        "n_nonzero": n_nonzero, "intercept": model.intercept_, "dual_gap": model.dual_gap_,
        "objective": model.objective_, "train": train, "held_out": held_out, "largest": rows, "saved": saved,
        **(further or {}),
    }
    emit(arguments, "\n\n".join(text), data)


def certificate(model: Any) -> str:
    """Say how far a fit can be from the best.

    Parameters
    ----------
    model : fitted estimator

    Returns
    -------
    text : str
    """
    if model.dual_gap_ == model.dual_gap_:
        return f"at most {model.dual_gap_:.0e} above the least objective, relative to the model without features"
    return f"no coefficient alone can be better than by {model.violation_:.0e} (the penalty is not convex)"
