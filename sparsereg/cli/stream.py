"""``sparsereg stream``: stochastic proximal steps on rows as they are read, with memory by the touched coefficients."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import Any

import numpy as np

from sparsereg._core.losses import LOSSES
from sparsereg._core.optimizers import OPTIMIZERS
from sparsereg.cli.arguments import count, nonnegative, positive
from sparsereg.cli.objective import add_objective_options, loss_of, settings
from sparsereg.cli.output import add_output_options, emit, facts, number, table
from sparsereg.cli.progress import add_progress_options
from sparsereg.cli.reading import explained, learn_categories
from sparsereg.cli.results import add_result_options, check_places, largest, of_all, save, saved_line, weights_table
from sparsereg.cli.sources import Input, add_source_options, like, open_input

NAME = "stream"
HELP = "learn from files row by row, in memory that follows the touched coefficients"
DESCRIPTION = """\
Learn from rows in their order, once or several times, with exact zeros. The
learning curve shows the loss of rows before they were learned from. With
--validation other rows judge what was learned."""
EXAMPLES = (
    "sparsereg stream clicks.parquet --target clicked --loss logistic --categorical device hour --cross device:hour "
    "--hash-bits 20 --alpha 1e-5 --passes 2 --save clicks.npz",
    "sparsereg stream words.svm --loss logistic --validation words.svm --passes 3",
)

ALGORITHMS = tuple(name for name, cls in OPTIMIZERS.items() if not cls.tunes_itself)
# Entries of the learning curve that are printed.
SHOWN = 10


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command.

    Parameters
    ----------
    parser : ArgumentParser
    """
    add_source_options(parser)
    group = add_objective_options(parser)
    group.add_argument(
        "--alpha", type=nonnegative, nargs="+", default=[1e-4], metavar="A",
        help="strength of the penalty; several are learned at once, and the best of them is kept"
    )
    group.add_argument("--algorithm", choices=ALGORITHMS, default="ftrl", help="how steps are made")
    group.add_argument(
        "--eta0", type=_step, metavar="STEP", help="length of the first steps, or auto: steps that need none"
    )
    group.add_argument("--passes", type=count(1), default=1, metavar="N", help="over all rows")
    group.add_argument("--dropout", type=float, metavar="SHARE", help="of the entries of each row to leave out")
    group.add_argument("--weight-decay", type=nonnegative, metavar="D", help="of all weights in every step")
    group.add_argument(
        "--min-count", type=count(1), metavar="N", help="rows that a column is in before it gets a weight"
    )
    group.add_argument("--threads", type=count(1), metavar="N", help="threads that learn")
    group.add_argument("--seed", type=count(0), default=0, help="of the dropout")
    parser.add_argument("--classes", nargs="+", metavar="LABEL", help="all labels, to spare the pass that learns them")
    parser.add_argument("--validation", nargs="+", metavar="DATA", help="files of rows that judge what was learned")
    parser.add_argument("--checkpoint", metavar="FILE", help="a file for the state of the fit, to go on from")
    parser.add_argument(
        "--checkpoint-every", type=count(1), default=1_000_000, metavar="ROWS", help="rows between two checkpoints"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint, if there is one")
    add_result_options(parser)
    add_progress_options(parser)
    add_output_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Learn, print, save.

    Parameters
    ----------
    arguments : argparse.Namespace

    Returns
    -------
    code : int
    """
    if arguments.resume and arguments.checkpoint is None:
        arguments.parser.error("argument --resume: needs --checkpoint")
    check_places(arguments)
    model = _make(arguments)
    given = open_input(arguments)
    options: dict[str, Any] = {"classes": _labels(arguments.classes)} if arguments.classes else {}
    with explained(arguments, given):
        learn_categories(arguments, given)
        validation = None if arguments.validation is None else like(given, arguments.validation, arguments)
        model.fit_stream(
            given.reader, n_passes=arguments.passes, validation=validation, checkpoint=arguments.checkpoint,
            checkpoint_every=arguments.checkpoint_every, resume=arguments.resume,
            progress=False if arguments.quiet else "auto", **options,
        )
    held_out = None if validation is None else model.evaluate_stream(validation)
    training = model.training_
    n_samples = int(training.n_rows // max(training.n_iter, 1))
    saved = save(arguments, given, model, n_samples or None, None)
    _print(arguments, given, model, held_out, saved)
    return 0


def _make(arguments: argparse.Namespace) -> Any:
    """Make the estimator that learns."""
    from sparsereg.estimators.sgd import SGDClassifier, SGDRegressor

    loss = loss_of(arguments)
    kind: Any = SGDClassifier if LOSSES[loss].is_classification else SGDRegressor
    known = {field.name for field in fields(kind)}
    given = settings(arguments) | {"loss": loss, "alpha": _alpha(arguments), "algorithm": arguments.algorithm}
    further = {name: getattr(arguments, name) for name in ("eta0", "dropout", "weight_decay", "min_count")}
    given |= {name: value for name, value in further.items() if value is not None}
    given |= {"random_state": arguments.seed, "n_threads": arguments.threads}
    strange = [name for name in given if name not in known]
    if strange:
        raise ValueError(f"--{strange[0].replace('_', '-')}: not for --loss {loss}")
    return kind(**given)


def _alpha(arguments: argparse.Namespace) -> Any:
    """Return one alpha as a number, several as a list."""
    return arguments.alpha[0] if len(arguments.alpha) == 1 else arguments.alpha


def _step(text: str) -> float | str:
    """Read a number above 0, or the word for steps that need none."""
    return text if text == "auto" else positive(text)


def _labels(texts: list[str]) -> list[Any]:
    """Read labels as numbers if they all are."""
    try:
        return [int(text) for text in texts]
    except ValueError:
        return texts


def _print(arguments: argparse.Namespace, given: Input, model: Any, held_out: Any, saved: Any) -> None:
    training, history = model.training_, model.history_
    coef, alpha = model._coef, getattr(model, "alpha_", model.alpha)
    classes = None if coef.n_columns == 1 else model.classes_.tolist()
    rows, n_nonzero = largest(coef, given, arguments.top, classes), int(coef.ids.size)
    files = ", ".join(given.names)
    what = [
        ("Data", files), ("Rows", f"{number(training.n_rows)} learned from, in {arguments.passes} pass"
         + "es" * (arguments.passes > 1)),
        ("Columns", f"{number(training.n_touched)} touched{of_all(training.n_features)}"),
        *([("Features", given.described)] if given.described else []),
        ("Model", f"{type(model).__name__}, {model.loss} loss, {model.algorithm}, alpha = {alpha:g}"
         + (f", the best of {len(arguments.alpha)}" if len(arguments.alpha) > 1 else "")),
    ]
    data = {
        "command": NAME, "files": list(given.names), "n_rows": training.n_rows, "n_touched": training.n_touched,
        "n_features": training.n_features, "model": type(model).__name__, "alpha": alpha,
        "alphas": arguments.alpha,
        "n_nonzero": n_nonzero, "intercept": model.intercept_, "history": history, "validation": held_out,
        "largest": rows, "saved": saved,
    }
    text = [facts(what), _curve(model._best_history)]
    if len(arguments.alpha) > 1:
        text.append(_alphas_table(model, history))
    if held_out is not None:
        cells = [(name, number(float(value))) for name, value in held_out.items() if name != "n_nonzero"]
        text.append(table(("measure", "validation rows"), cells))
    emit(arguments, "\n\n".join([*text, weights_table(rows, n_nonzero), saved_line(saved)]), data)


def _alphas_table(model: Any, history: dict[str, Any]) -> str:
    """Lay out what has come of each alpha."""
    named = {"progressive_loss": "progressive loss", "validation_loss": "validation", "n_nonzero": "non-zeros"}
    named = {name: title for name, title in named.items() if name in history}
    rows = [
        [number(float(alpha)), *(number(history[name][-1, k]) for name in named)]
        for k, alpha in enumerate(model.alphas_)
    ]
    return table(["alpha", *named.values()], rows)


def _curve(history: dict[str, Any]) -> str:
    """Lay out the learning curve."""
    columns = {
        "n_rows": "rows", "progressive_loss": "progressive loss", "loss": "latest loss",
        "validation_loss": "validation", "n_nonzero": "non-zeros", "nbytes": "MB",
    }
    named = {name: title for name, title in columns.items() if name in history}
    n = len(history["n_rows"])
    shown = np.unique(np.linspace(0, n - 1, min(n, SHOWN)).round().astype(int)) if n else []
    rows = []
    for k in shown:
        cells = {name: history[name][k] for name in named}
        cells["nbytes"] = float(cells["nbytes"]) / 1e6
        rows.append([number(value if name != "nbytes" else float(value)) for name, value in cells.items()])
    return table([*named.values()], rows)
