"""What a path prints: a line for each fit, as glmnet's `print` does."""

from __future__ import annotations

from textwrap import wrap
from typing import Any

import numpy as np

from sparsereg._core.penalties import PENALTIES

# A path of more fits than LONG is shortened to so many lines from either end.
LONG, EDGE = 20, 4
WIDTH = 80
FORM_WORDS = {"dense": "dense columns", "gram": "their Gram matrix"}


def path_line(path: Any) -> str:
    """Say in one line how far a path reaches.

    Parameters
    ----------
    path : RegularizationPath

    Returns
    -------
    line : str
    """
    worst = f"largest gap {path.dual_gaps.max():.1e}"
    if path.certificate != "duality gap" and path.violations is not None:
        worst = f"penalty={path.penalty!r}: {path.certificate}, largest violation {path.violations.max():.1e}"
    return (
        f"RegularizationPath({grid_ends(path.alphas)}, "
        f"l1_ratio={path.l1_ratio:g}, {path.df[0]} to {path.df[-1]} non-zeros of {path.n_active} occupied "
        f"columns, {worst}{'' if path.form is None else f', form={path.form!r}'})"
    )


def grid_ends(alphas: Any) -> str:
    """Say how many alphas there are, and between which ends.

    Parameters
    ----------
    alphas : ndarray of float64 of shape (n_alphas,)

    Returns
    -------
    text : str
    """
    if alphas.size == 1:
        return f"1 alpha, {alphas[0]:.4g}"
    return f"{alphas.size} alphas from {alphas[0]:.4g} to {alphas[-1]:.4g}"


def path_table(path: Any) -> str:
    """Print non-zeros, share of deviance explained and alpha of every fit, and what certifies them.

    Fits are numbered from 0, as `alphas` is, and as printed cross-validations number them.

    Parameters
    ----------
    path : RegularizationPath

    Returns
    -------
    table : str
        Lines of at most 80 characters.
    """
    n = path.alphas.size
    shown = range(n) if n <= LONG else (*range(EDGE), *range(n - EDGE, n))
    # Rounded before it is printed, and 0 added: what rounding has left below 0 is no "-0.00".
    explained = np.round(100.0 * path.dev_ratio, 2) + 0.0
    cells = [(f"{k}", f"{path.df[k]:,}", f"{explained[k]:.2f}", f"{path.alphas[k]:.4g}") for k in shown]
    titles = ("", "df", "% deviance", "alpha")
    widths = [max(len(row[k]) for row in (titles, *cells)) for k in range(len(titles))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in (titles, *cells)]
    if n > LONG:
        lines.insert(1 + EDGE, "...".rjust(widths[0]))
    return "\n".join([*_head(path), *lines, _foot(path)])


def _head(path: Any) -> list[str]:
    """Say what was fitted to what."""
    penalty = path.penalty
    if PENALTIES[penalty].is_convex:
        penalty = {1.0: "L1", 0.0: "L2"}.get(path.l1_ratio, "elastic net")
    share = "" if path.l1_ratio in (0.0, 1.0) else f" (l1_ratio={path.l1_ratio:g})"
    several = "" if path.n_outputs == 1 else f", {path.n_outputs} classes"
    fits = f"{path.alphas.size:,} fit{'' if path.alphas.size == 1 else 's'}"
    what = f"{path.loss} loss{several}, {penalty}{share}{', relaxed' if path.relaxed else ''}: {fits}"
    size = f"{path.n_samples:,} rows, {path.n_active:,} occupied columns of {path.n_features:,}"
    if path.form in FORM_WORDS:
        size += f", solved on {FORM_WORDS[path.form]}"
    return [*wrap(what, WIDTH), *wrap(size, WIDTH)]


def _foot(path: Any) -> str:
    if path.certificate == "duality gap":
        return f"largest duality gap {path.dual_gaps.max():.1e}, relative to the null model's objective"
    worst = "" if path.violations is None else f", largest violation {path.violations.max():.1e}"
    return f"each fit a {path.certificate}{worst}"
