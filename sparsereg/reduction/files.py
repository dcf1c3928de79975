"""Files of reductions: written sealed, and read only if every array is what a reduction has."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from sparsereg._core.losses import LOSSES
from sparsereg.archive import load_archive, save_archive
from sparsereg.inputs.contents import check_entries, flag_of, reading, within
from sparsereg.inputs.rows import shown
from sparsereg.reduction.entries import Arrays, Entries, arrays_of, entries_of
from sparsereg.reduction.validation import check_contents, check_rows, check_sums

FORMAT = ("sparsereg reduction", 1)
# What the names of the arrays of held-out rows begin with.
HELD_OUT = "held_out."
META = ("n_samples", "n_features", "form", "feature_names", "label_texts")


def save_entries(path: str | os.PathLike[str], loss: str, entries: Entries, held_out: Entries | None) -> int:
    """Write a reduction, and that of its held-out rows.

    Parameters
    ----------
    path : str or path-like
    loss : str
    entries : Entries
    held_out : Entries or None

    Returns
    -------
    n_bytes : int
        Size of the file.

    Raises
    ------
    TypeError
        For labels that are neither numbers nor texts nor times.
    OSError
        See `save_archive`: the file that was there is untouched.
    """
    arrays, meta = _packed(entries)
    apart = None
    if held_out is not None:
        of_apart, apart = _packed(held_out)
        arrays |= {f"{HELD_OUT}{name}": array for name, array in of_apart.items()}
    return save_archive(path, arrays, {"loss": loss, "rows": meta, "held_out": apart}, FORMAT)


def _packed(entries: Entries) -> tuple[Arrays, dict[str, Any]]:
    """Take a reduction apart; texts that are objects become an array of letters."""
    arrays, meta = arrays_of(entries)
    labels = arrays.get("classes")
    meta["label_texts"] = labels is not None and labels.dtype.kind == "O"
    if labels is not None and meta["label_texts"]:
        strange = next((label for label in labels if not isinstance(label, str)), None)
        letters = np.array(labels.tolist())
        if strange is not None or letters.tolist() != labels.tolist():
            raise TypeError(
                f"classes: labels like {shown(labels[0] if strange is None else strange)} cannot be saved, expected "
                "numbers, times, or texts that do not end with a zero character"
            )
        arrays["classes"] = letters
    return arrays, meta


def load_entries(
    path: str | os.PathLike[str], loss_of: Callable[[str], Any]
) -> tuple[str, Entries, Entries | None]:
    """Read what `save_entries` wrote.

    Parameters
    ----------
    path : str or path-like
    loss_of : function of str
        That makes a registered loss of its name.

    Returns
    -------
    loss : str
    entries : Entries
    held_out : Entries or None

    Raises
    ------
    ValueError
        A file that was cut short or altered, is something else, or has arrays that are not those of a reduction.
    OSError
        A file that is missing, or that cannot be read.
    """
    arrays, meta = load_archive(path, FORMAT)
    with reading(path, FORMAT[0]):
        check_entries(meta, ("loss", "rows", "held_out"))
        name, apart = meta["loss"], {name for name in arrays if name.startswith(HELD_OUT)}
        if not isinstance(name, str) or name not in LOSSES:
            raise ValueError(f"loss: {shown(name)} is not allowed, expected one of {', '.join(LOSSES)}")
        of_apart = {name.removeprefix(HELD_OUT): arrays.pop(name) for name in apart}
        entries = _unpacked(arrays, meta["rows"], loss_of(name))
        if meta["held_out"] is None and not of_apart:
            return name, entries, None
        with within("held_out"):
            held_out = _unpacked(of_apart, meta["held_out"], loss_of(name))
            if held_out.rows.n_features != entries.rows.n_features or held_out.folds is not None:
                raise ValueError("expected as many columns as beside it, and no folds")
        return name, entries, held_out


def _unpacked(arrays: Arrays, meta: Any, loss: Any) -> Entries:
    """Put a reduction together, of arrays each of which is checked before it is used."""
    check_entries(meta, META)
    check_contents(arrays, meta)
    if flag_of(meta, "label_texts"):
        if "classes" not in arrays or arrays["classes"].dtype.kind != "U":
            raise ValueError("label_texts: true is not allowed without texts among the classes")
        arrays["classes"] = arrays["classes"].astype(object)
    entries = entries_of(arrays, meta)
    check_rows(entries)
    check_sums(entries, loss)
    return entries
