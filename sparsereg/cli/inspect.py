"""``sparsereg inspect``: what a model file holds, and its largest weights by name."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from sparsereg._core.penalties import PENALTIES
from sparsereg.archive import format_of
from sparsereg.cli.arguments import count, nonnegative
from sparsereg.cli.output import add_output_options, emit, facts, number, table
from sparsereg.cli.saved import Saved, best_held_out, classes_of, opened
from sparsereg.estimators.sgd_base import SGDEstimator
from sparsereg.estimators.table_model import TableModel
from sparsereg.export.scorer import Scorer
from sparsereg.features.buckets import BlockedColumns
from sparsereg.features.names import SIDES, name_columns
from sparsereg.model_files.api import FORMAT, load_model, model_size
from sparsereg.path.result import RegularizationPath
from sparsereg.streaming.checkpoint import FORMAT as CHECKPOINT
from sparsereg.streaming.checkpoint import load_checkpoint

NAME = "inspect"
HELP = "show what a model file holds, and its largest weights by name"
DESCRIPTION = """\
Show what a model file holds: the model and its fit, what its columns are made
of, how well it did on rows that were held out, its size, and its largest
weights by name. Of a path or a cross-validation all alphas are shown, and of
checkpoints of streams how far they have come."""
EXAMPLES = ("sparsereg inspect houses.npz", "sparsereg inspect houses.npz --top 5")

# Of a long path so many fits from either end are shown.
LONG, EDGE = 20, 5


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command.

    Parameters
    ----------
    parser : ArgumentParser
    """
    parser.add_argument("model", metavar="MODEL", help="file of the model")
    parser.add_argument("--top", type=count(0), default=20, metavar="N", help="weights to show, the largest")
    parser.add_argument("--alpha", type=nonnegative, metavar="A", help="which fit of a path to show the weights of")
    add_output_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Look into a file and print what there is.

    Parameters
    ----------
    arguments : argparse.Namespace

    Returns
    -------
    code : int
    """
    found = format_of(arguments.model)
    if found not in (None, "", FORMAT[0]):
        if arguments.alpha is not None:
            raise ValueError(f"--alpha: {arguments.model} is a {found}, only a path needs one")
        text, data = _of_other(arguments.model, found)
        emit(arguments, text, data)
        return 0
    whole = load_model(arguments.model)
    n_bytes = os.stat(arguments.model).st_size
    if hasattr(whole, "transform") and not hasattr(whole, "predict"):
        data = {"file": arguments.model, "kind": type(whole).__name__, "file_bytes": n_bytes, "columns": _parts(whole)}
        emit(arguments, "\n\n".join(_sections(data)), data)
        return 0
    saved = opened(arguments.model, whole)
    data = describe(saved, n_bytes)
    if isinstance(saved.model, RegularizationPath) and arguments.alpha is None:
        weights = {}
    else:
        weights = _weights(saved, arguments.alpha, arguments.top)
    emit(arguments, "\n\n".join(_sections(data | weights)), data | weights)
    return 0


def _of_other(file: str, found: str) -> tuple[str, dict[str, Any]]:
    """Say what is in a file that is no model."""
    data: dict[str, Any] = {"file": file, "kind": found, "file_bytes": os.stat(file).st_size}
    if found != CHECKPOINT[0]:
        return f"{file}: a {found}, {data['file_bytes']:,} bytes", data
    _, meta = load_checkpoint(file)
    data |= {name: meta[name] for name in ("estimator", "n_rows", "n_passes", "is_over", "n_features", "classes")}
    lines = [
        ("file", f"{file}, {data['file_bytes']:,} bytes"),
        ("kind", f"{found} of {data['estimator']}, to go on from with `sparsereg stream --resume`"),
        ("rows", f"{data['n_rows']:,} learned from in the pass at hand; whole passes before it: {data['n_passes']}"),
        ("is over", "yes" if data["is_over"] else "no"), ("columns", f"{data['n_features']:,}"),
        ("classes", str(data["classes"])),
    ]  # fmt: skip
    return facts(lines), data


def describe(saved: Saved, n_bytes: int) -> dict[str, Any]:
    """Collect what is known of a model.

    Parameters
    ----------
    saved : Saved
    n_bytes : int
        Of its file.

    Returns
    -------
    data : dict
        Of what JSON can hold, arrays and numbers of NumPy.
    """
    model, whole = saved.model, saved.whole
    data: dict[str, Any] = {
        "file": saved.file, "kind": _kind(saved), **_of_fit(model), "memory_bytes": model_size(whole).memory,
        "file_bytes": n_bytes,
    }  # fmt: skip
    if isinstance(whole, TableModel):
        names = ("target", "weight", "missing", "sources", "n_samples", "held_out")
        data |= {name: getattr(whole, name) for name in names if getattr(whole, name) not in (None, ())}
    if saved.names is not None:
        data["columns"] = _parts(saved.names)
    if saved.path is not None:
        data["path"] = _of_path(saved)
    if best := best_held_out(whole):
        data["best_held_out"] = dict(zip(("measure", "index", "alpha"), best))
    if hasattr(model, "cv_results_"):
        data["summary"] = str(model)
    if isinstance(model, SGDEstimator):
        curve = model._best_history
        data["stream"] = {"n_rows": model.t_ - 1, "n_passes": model.n_iter_, "n_touched": model.n_active_}
        if curve["progressive_loss"].size:
            data["stream"]["progressive_loss"] = curve["progressive_loss"][-1]
    return data


def _kind(saved: Saved) -> str:
    chain, inner = [type(saved.whole).__name__], saved.whole
    while inner is not saved.model:
        if isinstance(inner, TableModel):
            inner = inner.model
        else:
            inner = inner.regressor_ if hasattr(inner, "regressor_") else inner.steps[-1][1]
        chain.append(type(inner).__name__)
    return " of ".join(chain)


def _of_fit(model: Any) -> dict[str, Any]:
    """Say what was fitted, and how near it is to the optimum."""
    if isinstance(model, RegularizationPath):
        return {
            "loss": model.loss, "penalty": model.penalty, "l1_ratio": model.l1_ratio, "relaxed": model.relaxed,
            "n_alphas": model.alphas.size, "n_features": model.n_features, "n_active": model.n_active,
            "n_samples": model.n_samples, "classes": model.classes, "dual_gap": np.max(model.dual_gaps),
            "violation": None if model.violations is None else np.max(model.violations),
        }  # fmt: skip
    scorer, spelled = Scorer.of(model), model._spelled_penalty()
    alpha = getattr(model, "alpha_", None)
    return {
        "loss": scorer.loss, "penalty": spelled["penalty"],
        "l1_ratio": getattr(model, "l1_ratio_", spelled["l1_ratio"]),
        "alpha": model.alpha if alpha is None else alpha, "n_nonzero": scorer.coef.ids.size,
        "n_features": scorer.n_features, "n_active": model.n_active_, "intercept": model.intercept_,
        "classes": scorer.classes, "dual_gap": model.dual_gap_, "violation": model.violation_,
        "objective": model.objective_, "n_iter": model.n_iter_, "has_offset": scorer.has_offset,
    }  # fmt: skip


def _parts(names: Any) -> list[dict[str, Any]]:
    """Say what columns are made of, the blocks of crosses one by one."""
    if isinstance(names, TableModel):
        made = [(part.transformer, part.columns) for part in names._parts]
    else:
        made = [*_makers(names)]
    parts = []
    for maker, columns in made:
        kind = "numbers" if maker is None else maker if isinstance(maker, str) else type(maker).__name__
        part: dict[str, Any] = {"made_by": kind, "of": None if columns is None else [str(name) for name in columns]}
        if isinstance(maker, BlockedColumns):
            part["blocks"] = [{"name": block.name, "n_columns": block.count} for block in maker._blocks()]
        parts.append(part)
    return parts


def _makers(names: Any) -> Iterator[tuple[Any, Any]]:
    """Yield what makes columns in what scikit-learn composes, and of which columns."""
    if hasattr(names, "transformers_"):
        for _, maker, columns in names.transformers_:
            if not isinstance(maker, str) or maker != "drop":
                yield maker, np.atleast_1d(columns).tolist() if not isinstance(columns, slice) else None
    elif hasattr(names, "steps"):
        for _, step in names.steps[:-1]:
            yield from _makers(step)
    elif isinstance(names, np.ndarray):
        yield None, names.tolist()
    elif names is not None:
        yield names, getattr(names, "feature_names_in_", None)


def _of_path(saved: Saved) -> dict[str, Any]:
    path: Any = saved.path
    columns = {
        "alpha": path.alphas, "n_nonzero": path.df, "deviance_explained": path.dev_ratio, "dual_gap": path.dual_gaps,
    }  # fmt: skip
    held_out = getattr(saved.whole, "held_out", None) or {}
    of_alphas = {name: values for name, values in held_out.items() if np.shape(values) == path.alphas.shape}
    return columns | {f"held_out_{name}": of_alphas[name] for name in of_alphas if name not in columns}


def _weights(saved: Saved, alpha: float | None, top: int) -> dict[str, Any]:
    """List the largest weights, by name where there are names."""
    coef, intercepts = saved.at(alpha)
    values, classes = coef.values.tocsc(), classes_of(saved)
    order = np.argsort(-np.abs(values.data), kind="stable")[:top]
    ids = coef.ids[values.indices[order]]
    names, bounds = name_columns(saved.names, ids, coef.n_features)
    output = np.repeat(np.arange(coef.n_columns), np.diff(values.indptr))[order]
    rows: list[dict[str, Any]] = [
        {"id": i, **({"name": name} if saved.names is not None else {})} for i, name in zip(ids.tolist(), names)
    ]
    for k, row in enumerate(rows):
        if coef.n_columns > 1:
            row["class"] = classes[output[k]]
        row["weight"] = values.data[order[k]]
        if bounds is not None:
            row |= {side: bounds[side][k] for side in SIDES}
    found: dict[str, Any] = {"weights": rows, "n_weights": values.nnz}
    if alpha is not None:
        found["alpha"] = saved.path_at(alpha)[1]
        found |= {"intercept": intercepts, "n_nonzero": coef.ids.size}
    return found


def _sections(data: Mapping[str, Any]) -> Iterator[str]:
    """Write what was found as text, part by part."""
    yield facts([(title, text) for title, write in LINES if (text := write(data)) is not None])
    if "summary" in data:
        yield data["summary"]
    elif "path" in data:
        yield _path_table(data["path"])
    if data.get("weights"):
        n_shown, n_weights = len(data["weights"]), data["n_weights"]
        which = f"The {n_shown} largest of" if n_shown < n_weights else "All"
        yield f"{which} {n_weights:,} weights:\n{_weight_table(data['weights'])}"


def _path_table(columns: Mapping[str, Any]) -> str:
    n = len(columns["alpha"])
    shown = [*range(n)] if n <= LONG else [*range(EDGE), *range(n - EDGE, n)]
    measures = [name for name in columns if name.startswith("held_out_")][:3]
    titles = ["", "alpha", "non-zeros", "deviance", "gap", *(name.removeprefix("held_out_") for name in measures)]
    rows = [
        [
            f"{k}", f"{columns['alpha'][k]:.4g}", f"{columns['n_nonzero'][k]:,}",
            f"{100 * columns['deviance_explained'][k]:.2f}%", f"{columns['dual_gap'][k]:.1e}",
            *(number(columns[name][k]) for name in measures),
        ]
        for k in shown
    ]
    if n > LONG:
        rows.insert(EDGE, ["", "...", *[""] * (len(titles) - 2)])
    note = "\nThe last columns are of the rows held out." if measures else ""
    return table(titles, rows) + note


def _weight_table(rows: list[dict[str, Any]]) -> str:
    has_cells = any(not np.isnan(row.get(SIDES[0], np.nan)) for row in rows)
    hidden = {*(("id",) if "name" in rows[0] else ()), *(() if has_cells else SIDES)}
    titles = [name for name in rows[0] if name not in hidden]
    return table(titles, [[_cell(name, row[name]) for name in titles] for row in rows])


def _cell(name: str, value: Any) -> str:
    if name in SIDES:
        return "" if np.isnan(value) else f"{value:.3f}"
    if name == "weight":
        return f"{value:.4g}"
    return str(value)


def _penalty_line(data: Mapping[str, Any]) -> str | None:
    if "penalty" not in data:
        return None
    ratio, name = data["l1_ratio"], data["penalty"]
    if PENALTIES[name].is_convex:
        name = {1.0: "L1", 0.0: "L2"}.get(ratio, f"elastic net, l1_ratio {ratio:g}")
    elif ratio != 1.0:
        name += f", l1_ratio {ratio:g}"
    name += ", relaxed" if data.get("relaxed") else ""
    return name if "alpha" not in data else f"{name}, alpha {number(data['alpha'])}"


def _nonzero_line(data: Mapping[str, Any]) -> str | None:
    if "n_features" not in data:
        return None
    kept = f"{data['n_nonzero']:,} non-zeros of " if "n_nonzero" in data else ""
    return f"{kept}{data['n_features']:,} columns, of which {data['n_active']:,} were met in the fit"


def _gap_line(data: Mapping[str, Any]) -> str | None:
    if not np.isnan(data.get("dual_gap", np.nan)):
        return f"duality gap {data['dual_gap']:.1e}, relative to the null model's objective"
    if data.get("violation") is not None and not np.isnan(data["violation"]):
        return f"coordinate-wise minimum, violation {data['violation']:.1e}"
    return "none" if "loss" in data else None


def _intercept_line(data: Mapping[str, Any]) -> str | None:
    if "intercept" not in data:
        return None
    values = np.atleast_1d(data["intercept"])
    return ", ".join(number(float(value)) for value in values[:10]) + (", ..." if values.size > 10 else "")


def _made_line(data: Mapping[str, Any]) -> str | None:
    parts = []
    for part in data.get("columns", ()):
        of = "" if part["of"] is None else f" of {', '.join(part['of'][:10])}{', ...' if len(part['of']) > 10 else ''}"
        blocks = ", ".join(f"{block['name']} {block['n_columns']:,}" for block in part.get("blocks", ())[:12])
        parts.append(f"{part['made_by']}{of}{f' ({blocks})' if blocks else ''}")
    return "; ".join(parts) or None


def _held_out_line(data: Mapping[str, Any]) -> str | None:
    held_out = data.get("held_out")
    if held_out is None:
        return None
    n_rows = f"{held_out['n_samples']:,} rows"
    if best := data.get("best_held_out"):
        value = held_out[best["measure"]][best["index"]]
        return f"{n_rows}: best {best['measure']} {number(value)} at alpha {best['alpha']:.4g} (index {best['index']})"
    plain = {name: value for name, value in held_out.items() if name not in ("n_samples", "n_nonzero", "alpha")}
    return f"{n_rows}: " + ", ".join(f"{name} {number(value)}" for name, value in plain.items() if np.ndim(value) == 0)


def _stream_line(data: Mapping[str, Any]) -> str | None:
    stream = data.get("stream")
    if stream is None:
        return None
    loss = f", progressive loss {number(stream['progressive_loss'])}" if "progressive_loss" in stream else ""
    return f"{stream['n_rows']:,} rows learned from, {stream['n_touched']:,} coefficients touched{loss}"


def _size_line(data: Mapping[str, Any]) -> str:
    memory = f"{data['memory_bytes']:,} bytes in memory, " if "memory_bytes" in data else ""
    return f"{memory}{data['file_bytes']:,} bytes in the file"


def _rows_line(data: Mapping[str, Any]) -> str | None:
    if "n_samples" not in data:
        return None
    return f"{data['n_samples']:,}" + (f" of {', '.join(data['sources'])}" if data.get("sources") else "")


def _word(name: str) -> Callable[[Mapping[str, Any]], str | None]:
    return lambda data: None if data.get(name) is None else str(data[name])


def _classes_line(data: Mapping[str, Any]) -> str | None:
    classes = data.get("classes")
    if classes is None:
        return None
    return ", ".join(map(str, classes[:10])) + (f", ... ({len(classes)} classes)" if len(classes) > 10 else "")


LINES: tuple[tuple[str, Callable[[Mapping[str, Any]], str | None]], ...] = (
    ("file", _word("file")), ("kind", _word("kind")), ("target", _word("target")), ("weight", _word("weight")),
    ("classes", _classes_line), ("loss", _word("loss")), ("penalty", _penalty_line), ("columns", _made_line),
    ("weights", _nonzero_line), ("intercept", _intercept_line), ("certificate", _gap_line),
    ("fitted rows", _rows_line), ("held out", _held_out_line), ("stream", _stream_line), ("size", _size_line),
)  # fmt: skip
