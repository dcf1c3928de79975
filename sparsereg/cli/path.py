"""``sparsereg path``: fits along a grid of alphas, and which of them predicts rows that were held out best."""

from __future__ import annotations

import argparse
import math
from typing import Any

import numpy as np

from sparsereg.cli.arguments import count, nonnegative, share
from sparsereg.cli.objective import add_objective_options, add_solver_options, loss_of, settings
from sparsereg.cli.output import add_output_options, emit, facts, number, table
from sparsereg.cli.progress import Bar, add_progress_options
from sparsereg.cli.reading import add_holdout_options, add_memory_option, reduce_input
from sparsereg.cli.results import (
    add_result_options,
    check_places,
    largest,
    measures,
    reading_data,
    reading_facts,
    save,
    saved_line,
    weights_table,
)
from sparsereg.cli.saved import best_position
from sparsereg.cli.sources import Input, add_source_options, open_input
from sparsereg.metrics import METRICS

NAME = "path"
HELP = "fit a path of alphas to files"
DESCRIPTION = """\
Fit models from the alpha at which every weight is zero down to a small one,
each with its certificate. With --holdout every fit is judged on rows that were
not fitted, and the best is shown."""
EXAMPLES = (
    "sparsereg path houses.csv --target median_house_value --lat latitude --lon longitude --numeric median_income "
    "--holdout 0.25 --n-alphas 40 --save houses-path.npz",
    "sparsereg path words.svm --loss logistic --n-alphas 20",
)

N_ALPHAS, EPS = 100, 1e-3
# Fits that a table shows, beside the best.
SHOWN = 12


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command.

    Parameters
    ----------
    parser : ArgumentParser
    """
    add_source_options(parser)
    group = add_objective_options(parser, smoothing=False)
    add_grid_options(group)
    add_solver_options(group)
    add_holdout_options(parser)
    add_memory_option(parser)
    add_result_options(parser)
    add_progress_options(parser)
    add_output_options(parser)


def add_grid_options(group: Any) -> None:
    """Add what says which alphas are tried.

    Parameters
    ----------
    group : argument group
    """
    group.add_argument("--alphas", type=nonnegative, nargs="+", metavar="A", help="the grid, in any order")
    group.add_argument(
        "--n-alphas", type=count(1), metavar="N", help=f"alphas of an automatic grid (default: {N_ALPHAS})"
    )
    group.add_argument("--eps", type=share, metavar="E", help="smallest over largest alpha of an automatic grid")


def grid(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of the grid that are asked for.

    Parameters
    ----------
    arguments : argparse.Namespace

    Returns
    -------
    settings : dict
    """
    if arguments.alphas is not None and (arguments.n_alphas is not None or arguments.eps is not None):
        arguments.parser.error("argument --alphas: not allowed with --n-alphas and --eps")
    given = {name: getattr(arguments, name) for name in ("alphas", "n_alphas", "eps")}
    return {name: value for name, value in given.items() if value is not None}


def run(arguments: argparse.Namespace) -> int:
    """Fit, print, save.

    Parameters
    ----------
    arguments : argparse.Namespace

    Returns
    -------
    code : int
    """
    from sparsereg.path.api import regularization_path

    check_places(arguments)
    chosen = {**settings(arguments), **grid(arguments)}
    if arguments.threads is not None:
        chosen["n_threads"] = arguments.threads
    given = open_input(arguments)
    reduced = reduce_input(arguments, given)
    with Bar(arguments, "fitting", unit=" alphas") as bar:
        path = regularization_path(reduced, loss=loss_of(arguments), callback=_Steps(arguments, bar), **chosen)
    train, held_out, best = path.evaluate(reduced), None, None
    if reduced.held_out is not None:
        held_out = {**path.evaluate(reduced.held_out), "n_samples": reduced.held_out.n_samples}
        measure = METRICS[path.loss][0]
        best = best_position(measure, held_out[measure])
    saved = save(arguments, given, path, reduced.n_samples, held_out)
    text = [facts(reading_facts(given, reduced)), str(path)]
    data = {
        "command": NAME, "data": reading_data(given, reduced), "alphas": path.alphas, "n_nonzero": path.df,
        "intercepts": path.intercepts, "dual_gaps": path.dual_gaps, "violations": path.violations,
        "dev_ratio": path.dev_ratio, "train": train, "held_out": held_out, "best": best, "saved": saved,
    }
    if held_out is not None and best is not None:
        further, data["largest"] = _of_best(arguments, given, path, train, held_out, best)
        text += further
    emit(arguments, "\n\n".join([*text, saved_line(saved)]), data)
    return 0


class _Steps:
    """Counts the alphas of a path by where on its grid a fit is."""

    def __init__(self, arguments: argparse.Namespace, bar: Bar) -> None:
        self._bar, self._first = bar, 0.0
        self._alphas = sorted(arguments.alphas or (), reverse=True)
        self._n, self._eps = arguments.n_alphas or N_ALPHAS, arguments.eps or EPS

    def __call__(self, progress: Any) -> None:
        """Take note of a fit that is on its way."""
        self._first = self._first or progress.alpha
        if self._alphas:
            done, total = sum(alpha >= progress.alpha for alpha in self._alphas), len(self._alphas)
        else:
            fallen = math.log(self._first / progress.alpha) / math.log(1.0 / self._eps) if progress.alpha > 0.0 else 1.0
            done, total = 1 + round((self._n - 1) * fallen), self._n
        self._bar.reach(min(done, total), total, f"{progress.n_nonzero:,} non-zeros")


def _of_best(
    arguments: argparse.Namespace, given: Input, path: Any, train: Any, held_out: Any, best: int
) -> tuple[list[str], list[dict[str, Any]]]:
    """Lay out how fits do on rows that were held out, and what the best of them is made of."""
    measure = METRICS[path.loss][0]
    shown = sorted({*np.linspace(0, path.alphas.size - 1, SHOWN).round().astype(int).tolist(), best})
    rows = [
        (
            f"{k}", f"{path.alphas[k]:.4g}", number(int(path.df[k])), number(float(train[measure][k])),
            number(float(held_out[measure][k])), "best" if k == best else "",
        )
        for k in shown
    ]
    coef, _ = path.at(float(path.alphas[best]))
    classes = None if coef.n_columns == 1 else path._labels
    weights = largest(coef, given, arguments.top, classes)
    one = [{name: values[best] for name, values in which.items() if name != "n_samples"} for which in (train, held_out)]
    return [
        table(("", "alpha", "non-zeros", f"{measure} training", f"{measure} held out", ""), rows),
        measures(*one), weights_table(weights, int(path.df[best])),
    ], weights
