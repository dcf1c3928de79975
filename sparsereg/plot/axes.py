"""Axes and colours that all plots share. matplotlib is imported when something is drawn, not before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Okabe and Ito (2008): told apart with every common form of colour blindness.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def import_figure() -> Any:
    """Return the class `matplotlib.figure.Figure`.

    Raises
    ------
    ImportError
        Without matplotlib, naming the extra.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("plots need matplotlib: pip install 'sparsereg-wide[plot]'") from None
    return Figure


def make_axes(ax: Any) -> Any:
    """Return `ax`, or new axes through pyplot.

    Parameters
    ----------
    ax : matplotlib Axes or None

    Returns
    -------
    ax : matplotlib Axes

    Raises
    ------
    ImportError
        Without matplotlib.
    """
    import_figure()
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]


def check_labelled(things: Any, name: str) -> None:
    """Refuse what is drawn several at a time where it does not come by label.

    Parameters
    ----------
    things : mapping from label to object
    name : str
        Of the argument.

    Raises
    ------
    TypeError
        For anything else.
    """
    if not isinstance(things, Mapping):
        raise TypeError(f"{name}: {type(things).__name__} is not allowed, expected a mapping from label to each")
