"""``sparsereg plot``: a picture of a saved model, of the kind that tells most of it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparsereg.archive import replace_file
from sparsereg.cli.arguments import nonnegative, width
from sparsereg.cli.output import add_output_options, emit
from sparsereg.cli.predict import as_text, plain_labels, predictor
from sparsereg.cli.rows import add_data_options, n_columns, rows_with_target
from sparsereg.cli.saved import Saved, classes_of, load_saved
from sparsereg.cli.targets import OF_PICTURES, check_place, file_name
from sparsereg.estimators.sgd_base import SGDEstimator
from sparsereg.features.names import name_columns
from sparsereg.path.result import RegularizationPath
from sparsereg.plot import import_figure
from sparsereg.readers.labels import with_labels

NAME = "plot"
HELP = "draw a saved model: its cross-validation, path, map, weights and more"
DESCRIPTION = """\
Draw a saved model. Kinds of pictures:
  cv           a measure of unseen rows against alpha, of a cross-validation
  path         every coefficient against alpha
  scores       training and held-out rows against alpha: too small, right, too large
  history      how a stream was learned
  map          predictions or weights of the cells of latitude and longitude
  calibration  how often what was predicted came true; needs --data
  weights      how the weights are spread, and how many are zero
  contours     the loss and the penalty over two columns; needs --data
Without --kind it is the one that tells most: cv, history or path where there is
one, scores or calibration with --data, else the map or the weights. Several
models are compared in pictures of weights, history and calibration."""
EXAMPLES = ("sparsereg plot houses.npz -o houses.png", "sparsereg plot houses.npz --kind weights -o weights.svg")

# Inches; of paths wide enough for names beside them.
SIZE, WIDE = (6.4, 4.8), (8.0, 5.0)
DPI = 100
# Weights of which names are asked to see whether some are of cells.
MOST_ASKED = 100_000


@dataclass(frozen=True)
class Picture:
    """A kind of picture.

    Attributes
    ----------
    draw : callable
        Takes the models, the arguments and axes.
    lacks : callable
        Takes a model and the arguments; says what the picture would need, None where all is there.
    takes_several : bool
        Whether models are compared in it.
    size : tuple of float
        Width and height in inches.
    """

    draw: Callable[[Sequence[Saved], argparse.Namespace, Any], None]
    lacks: Callable[[Saved, argparse.Namespace], str | None]
    takes_several: bool = False
    size: tuple[float, float] = SIZE


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command.

    Parameters
    ----------
    parser : ArgumentParser
    """
    parser.add_argument("models", metavar="MODEL", nargs="+", help="file of a model; several to compare them")
    parser.add_argument(
        "-o", "--output", type=file_name(*OF_PICTURES), metavar="FILE", required=True,
        help=f"picture: {', '.join(OF_PICTURES)}",
    )
    parser.add_argument("--kind", choices=sorted(PICTURES), help="of the picture; without it the one that tells most")
    parser.add_argument("--data", metavar="DATA", nargs="+", help="rows to judge by, with their target")
    parser.add_argument("--target", metavar="COLUMN", help="of the target in --data, where the model does not know it")
    parser.add_argument("--alpha", type=nonnegative, metavar="A", help="which fit of a path")
    parser.add_argument("--metric", help="what cv and scores show, such as r2 or log_loss")
    parser.add_argument(
        "--x", choices=("alpha", "norm", "deviance"), default="alpha", help="what the path is drawn against"
    )
    parser.add_argument("--what", choices=("predictions", "weights"), default="predictions", help="what the map shows")
    parser.add_argument("--level", type=width, metavar="MINUTES", help="width of the cells whose weights the map shows")
    parser.add_argument("--label", metavar="CLASS", help="class whose weights or probabilities are drawn")
    add_data_options(parser)
    add_output_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Draw the picture.

    Parameters
    ----------
    arguments : argparse.Namespace

    Returns
    -------
    code : int
    """
    make_figure = import_figure()
    check_place(arguments.output, [*arguments.models, *(arguments.data or ())])
    models = [load_saved(file) for file in arguments.models]
    kind = arguments.kind or telling_kind(models, arguments)
    _check(models, kind, arguments)
    figure = make_figure(figsize=PICTURES[kind].size, layout="constrained")
    PICTURES[kind].draw(models, arguments, figure.subplots())
    ending = os.path.splitext(arguments.output)[1][1:].lower()
    replace_file(arguments.output, lambda file: figure.savefig(file, format=ending, dpi=DPI))
    emit(arguments, f"{kind}: {arguments.output}", {"kind": kind, "output": arguments.output})
    return 0


def telling_kind(models: Sequence[Saved], arguments: argparse.Namespace) -> str:
    """Choose the kind of picture that tells most of some models.

    Parameters
    ----------
    models : sequence of Saved
    arguments : argparse.Namespace

    Returns
    -------
    kind : str
    """
    order = ("scores", "calibration") if arguments.data else ()
    for kind in (*order, *TELLING):
        picture = PICTURES[kind]
        if (len(models) == 1 or picture.takes_several) and not any(picture.lacks(one, arguments) for one in models):
            return kind
    return "weights"


def _check(models: Sequence[Saved], kind: str, arguments: argparse.Namespace) -> None:
    picture = PICTURES[kind]
    if len(models) > 1 and not picture.takes_several:
        several = ", ".join(sorted(name for name, one in PICTURES.items() if one.takes_several))
        raise ValueError(f"--kind {kind}: {len(models)} models are not allowed, expected one; {several} take several")
    for saved in models:
        if lack := picture.lacks(saved, arguments):
            raise ValueError(f"--kind {kind}: {saved.file} holds a {type(saved.model).__name__}, {lack}")


def _labels(models: Sequence[Saved]) -> list[str]:
    """Name models by their files, as short as tells them apart."""
    short = [os.path.splitext(os.path.basename(saved.file))[0] for saved in models]
    return short if len({*short}) == len(short) else [saved.file for saved in models]


def _draw_cv(models: Sequence[Saved], arguments: argparse.Namespace, ax: Any) -> None:
    from sparsereg.plot import plot_cv

    plot_cv(models[0].model, ax, metric=arguments.metric)


def _draw_path(models: Sequence[Saved], arguments: argparse.Namespace, ax: Any) -> None:
    from sparsereg.plot import plot_path

    plot_path(models[0].path, ax, x=arguments.x, names=models[0].names)


def _draw_scores(models: Sequence[Saved], arguments: argparse.Namespace, ax: Any) -> None:
    from sparsereg.plot import plot_scores

    saved, path = models[0], models[0].path
    if arguments.data:
        held_out: Any = path.evaluate_stream(rows_with_target(saved, arguments))  # type: ignore[union-attr]
    else:
        held_out = {name: v for name, v in saved.whole.held_out.items() if np.shape(v) == path.alphas.shape}  # type: ignore[union-attr]
    plot_scores(saved.model, held_out, ax, metric=arguments.metric)


def _draw_history(models: Sequence[Saved], arguments: argparse.Namespace, ax: Any) -> None:
    from sparsereg.plot import plot_history

    plot_history({label: saved.model.history_ for label, saved in zip(_labels(models), models)}, ax)


def _draw_weights(models: Sequence[Saved], arguments: argparse.Namespace, ax: Any) -> None:
    from sparsereg.plot import plot_weights

    weights, met = {}, set()
    for label, saved in zip(_labels(models), models):
        is_path = isinstance(saved.model, RegularizationPath)
        weights[label] = saved.at(arguments.alpha if is_path else None)[0]
        met.add(int(saved.model.n_active if is_path else saved.model.n_active_))
    # Zeros are counted among the columns that were met, where these are as many in all models.
    n_active = met.pop() * max(w.n_columns for w in weights.values()) if len(met) == 1 else None
    plot_weights(weights, ax, n_active=n_active)


def _draw_map(models: Sequence[Saved], arguments: argparse.Namespace, ax: Any) -> None:
    from sparsereg.plot import plot_map

    saved, is_path = models[0], isinstance(models[0].model, RegularizationPath)
    alpha = saved.path_at(arguments.alpha)[1] if is_path else None
    label = _label_of(saved, arguments.label)
    plot_map(saved.model, saved.names, ax, alpha=alpha, what=arguments.what, level=arguments.level, label=label)


def _draw_calibration(models: Sequence[Saved], arguments: argparse.Namespace, ax: Any) -> None:
    from sparsereg.plot import plot_calibration
    from sparsereg.plot.calibration import PredictedClasses

    named, labels, weights = {}, np.empty(0), np.empty(0)
    for name, saved in zip(_labels(models), models):
        predict = predictor(saved, True, arguments.alpha if isinstance(saved.model, RegularizationPath) else None)
        source, classes = with_labels(rows_with_target(saved, arguments), classes_of(saved))
        blocks = [(np.column_stack([*predict(block.X).values()]), block.y, _weights_of(block)) for block in source]
        table, labels, weights = (np.concatenate(parts) for parts in zip(*blocks))
        named[name] = PredictedClasses(classes, table)
    plot_calibration(named, None, labels, ax, sample_weight=weights, label=_label_of(models[0], arguments.label))


def _weights_of(block: Any) -> Any:
    return np.ones(len(block.y)) if block.sample_weight is None else block.sample_weight


def _label_of(saved: Saved, text: str | None) -> Any:
    """Find the class that is meant by a text."""
    if text is None:
        return None
    known = {as_text(label): label for label in plain_labels(classes_of(saved))}
    if text not in known:
        raise ValueError(f"--label: {text!r} is none of the classes {', '.join(known)}")
    return known[text]


def _draw_contours(models: Sequence[Saved], arguments: argparse.Namespace, ax: Any) -> None:
    from sparsereg.plot import plot_contours

    path, alpha = models[0].path_at(arguments.alpha)
    blocks = [*rows_with_target(models[0], arguments)]
    X = np.vstack([block.X.toarray() for block in blocks])
    plot_contours(path, X, np.concatenate([block.y for block in blocks]), ax, alpha=alpha)


def _never(saved: Saved, arguments: argparse.Namespace) -> str | None:
    return None


def _lacks_cv(saved: Saved, arguments: argparse.Namespace) -> str | None:
    return None if hasattr(saved.model, "cv_results_") else "which no cross-validation has chosen"


def _lacks_path(saved: Saved, arguments: argparse.Namespace) -> str | None:
    return None if saved.path is not None else "which has no path"


def _lacks_scores(saved: Saved, arguments: argparse.Namespace) -> str | None:
    if saved.path is None:
        return "which has no path"
    held_out = getattr(saved.whole, "held_out", None) or {}
    if arguments.data or any(np.shape(value) == saved.path.alphas.shape for value in held_out.values()):
        return None
    return "of whose path no rows were held out; expected --data, rows with their target"


def _lacks_history(saved: Saved, arguments: argparse.Namespace) -> str | None:
    is_stream = isinstance(saved.model, SGDEstimator) and saved.model.history_["n_rows"].size > 1
    return None if is_stream else "which was not learned from a stream of several blocks"


def _lacks_map(saved: Saved, arguments: argparse.Namespace) -> str | None:
    coef = saved.path.sparse_coef if isinstance(saved.model, RegularizationPath) else saved.model._coef
    classes = classes_of(saved)
    if saved.names is None or not _knows_cells(saved, coef.ids, coef.n_features):
        return "which has no weights of cells of latitude and longitude"
    if classes is not None and len(classes) > 2 and arguments.label is None:
        return "expected --label, the class whose cells are drawn"
    return None


def _knows_cells(saved: Saved, ids: Any, n_features: int) -> bool:
    bounds = name_columns(saved.names, ids[:MOST_ASKED], n_features)[1]
    # Bands and sectors reach around the globe, cells do not.
    return bounds is not None and bool((bounds["east"] - bounds["west"] < 360.0).any())


def _lacks_calibration(saved: Saved, arguments: argparse.Namespace) -> str | None:
    gives = getattr(saved.path, "gives_probabilities", False) or hasattr(saved.model, "predict_proba")
    if not gives:
        return "which has no probabilities"
    return None if arguments.data else "expected --data, rows with their labels"


def _lacks_contours(saved: Saved, arguments: argparse.Namespace) -> str | None:
    if saved.path is None or n_columns(saved) != 2:
        return "expected a path of two columns"
    return None if arguments.data else "expected --data, the rows of the fit"


# Those that need nothing of the user, the most telling first.
TELLING = ("cv", "history", "path", "map", "weights")
PICTURES = {
    "cv": Picture(_draw_cv, _lacks_cv),
    "path": Picture(_draw_path, _lacks_path, size=WIDE),
    "scores": Picture(_draw_scores, _lacks_scores),
    "history": Picture(_draw_history, _lacks_history, takes_several=True),
    "map": Picture(_draw_map, _lacks_map),
    "calibration": Picture(_draw_calibration, _lacks_calibration, takes_several=True),
    "weights": Picture(_draw_weights, _never, takes_several=True),
    "contours": Picture(_draw_contours, _lacks_contours),
}
