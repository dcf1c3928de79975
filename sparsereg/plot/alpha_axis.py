"""Logarithmic axes of alpha with ticks that can be read at any width, and numbers of non-zeros on top of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

COUNTS = "non-zeros"  # what the axis of counts is known by
GAP_POINTS = 9.0  # between the labels of neighbouring ticks
# Of the size of the font: a digit, by which the widths of labels are told before they are drawn.
DIGIT = 0.62
MOST_COUNTS = 7
# From so many decades on ticks are powers of ten alone.
MANY_DECADES = 2.5
# An alpha of 0 stands below the smallest other by the step before it, but by this factor at most.
LARGEST_STEP = 10.0


def place_alphas(alphas: Vector) -> Vector:
    """Say where alphas stand on a logarithmic axis: where they are, but 0 a step below the smallest other.

    Parameters
    ----------
    alphas : ndarray of float64 of shape (n_alphas,)
        At least 0, in any order; NaN is left as it is.

    Returns
    -------
    x : ndarray of float64 of shape (n_alphas,)
        Greater than 0.
    """
    positive = np.unique(alphas[alphas > 0.0])
    if not positive.size:
        return np.where(alphas == 0.0, 1.0, alphas)
    step = LARGEST_STEP
    if positive.size > 1:
        step = min(float(positive[1] / positive[0]), LARGEST_STEP)
    return np.where(alphas == 0.0, positive[0] / step, alphas)


def scale_alphas(ax: Any, alphas: Vector) -> Vector:
    """Make the x axis one of alphas: logarithmic, with ticks that suit its width whenever it is drawn.

    Parameters
    ----------
    ax : matplotlib Axes
    alphas : ndarray of float64 of shape (n_alphas,)
        An alpha of 0 gets a tick of its own, "0", left of all others.

    Returns
    -------
    x : ndarray of float64 of shape (n_alphas,)
        Where they stand.
    """
    from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

    x = place_alphas(alphas)
    zero = float(x[alphas == 0.0][0]) if (alphas == 0.0).any() else None
    positive = alphas[alphas > 0.0]

    def find() -> list[float]:
        if positive.size < 2:
            return x.tolist()
        low, high = _ends(ax, zero, positive.min())
        return [*([] if zero is None else [zero]), *(choose_ticks(low, high, _room(ax, 5)) if low < high else [])]

    def write(value: float, _: Any) -> str:
        if value == zero:
            return "0"
        low, high = _ends(ax, zero, positive.min())
        return format_alpha(value, np.log10(high / low) if positive.size > 1 else 0.0)

    ax.set_xscale("log")
    ax.set(xlabel="alpha (strength of the penalty)")
    if x.size == 1:
        ax.set_xlim(x[0] / LARGEST_STEP**0.5, x[0] * LARGEST_STEP**0.5)
    ax.xaxis.set_major_locator(_locator(find))
    ax.xaxis.set_major_formatter(FuncFormatter(write))
    ax.xaxis.set_minor_formatter(NullFormatter())
    # What is beside an alpha of 0 has no place on the scale.
    if zero is not None or x.size == 1:
        ax.xaxis.set_minor_locator(NullLocator())
    return x


def _ends(ax: Any, zero: float | None, smallest: float) -> tuple[float, float]:
    """Return between what there is room for ticks, which stand clear of that of an alpha of 0."""
    low, high = sorted(ax.get_xlim())
    if zero is None:
        return low, high
    clear = zero * (high / low) ** (1.0 / _room(ax, 5))
    return max(float(smallest), clear), high


def choose_ticks(low: float, high: float, most: int) -> list[float]:
    """Choose ticks of a logarithmic axis: powers of ten, fewer or with steps between them as there is room.

    Parameters
    ----------
    low, high : float
        Ends of the axis, 0 < low < high.
    most : int
        How many there is room for.

    Returns
    -------
    ticks : list of float
        Ascending, within the ends; at least two where there is room for as many.
    """
    first, last, n_decades = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))), np.log10(high / low)
    found: list[float] = []
    for digits, stride in _steps(n_decades):
        decades = [k for k in range(first, last + 1) if k % stride == 0]
        # Text and back: 3e-05 and not 3.0000000000000004e-05.
        ticks = [float(f"{digit}e{k}") for k in decades for digit in digits]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(found) < len(ticks) <= most:
            found = ticks
    if len(found) >= min(2, most) or n_decades >= MANY_DECADES:
        return found
    # Within a part of a decade, steps are as good as even.
    from matplotlib.ticker import MaxNLocator

    for n in range(most, 0, -1):
        even = MaxNLocator(nbins=n, steps=[1, 2, 5, 10]).tick_values(low, high)
        even = even[(even >= low) & (even <= high)]
        if even.size <= most:
            break
    return [float(f"{tick:.12g}") for tick in even[:most]]


def _steps(n_decades: float) -> list[tuple[tuple[int, ...], int]]:
    """Return leading digits and strides of ticks, the densest first."""
    sparse = [((1,), stride) for stride in (1, 2, 3, 4, 5, 10, 20, 50, 100)]
    return sparse if n_decades >= MANY_DECADES else [((1, 2, 5), 1), ((1, 3), 1), ((1,), 1)]


def format_alpha(alpha: float, n_decades: float) -> str:
    """Write an alpha beside a tick: powers of ten as such where the axis has many, else a plain number.

    Parameters
    ----------
    alpha : float
    n_decades : float
        How many the axis has.

    Returns
    -------
    text : str
    """
    power = np.log10(alpha)
    if n_decades >= MANY_DECADES and power == round(power):
        return f"$10^{{{power:.0f}}}$"
    return f"{alpha:.6g}"


def count_on_top(ax: Any, x: Vector, counts: npt.NDArray[Any], label: str = "weights that are not zero") -> None:
    """Write numbers of non-zeros on top of axes, at as many fits as there is room for.

    Parameters
    ----------
    ax : matplotlib Axes
        Numbers of an earlier picture on it are taken away.
    x : ndarray of float64 of shape (n_fits,)
    counts : ndarray of int of shape (n_fits,)
    label : str
    """
    from matplotlib.ticker import FuncFormatter, NullLocator

    # A factor at the end of the other axis, such as 1e10, would stand where the counts are.
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}".replace("-", "\N{MINUS SIGN}")))
    for child in [child for child in ax.child_axes if child.get_label() == COUNTS]:
        child.remove()
    texts = [f"{n:,.0f}" for n in counts]
    top = ax.secondary_xaxis("top")
    top.set_label(COUNTS)
    top.xaxis.set_major_locator(_locator(lambda: x[_fitting(ax, x, texts)].tolist()))
    top.xaxis.set_major_formatter(FuncFormatter(lambda value, _: texts[int(np.argmin(np.abs(x - value)))]))
    top.xaxis.set_minor_locator(NullLocator())
    top.set_xlabel(label)


def count_text(count: int) -> str:
    """Say in words how many coefficients are not zero."""
    return f"{count:,} non-zero{'' if count == 1 else 's'}"


def _fitting(ax: Any, x: Vector, texts: Sequence[str]) -> list[int]:
    """Choose fits spread evenly over the axis whose texts do not touch: the two at the ends, and some between."""
    transform = ax.transData
    places = transform.transform(np.column_stack([x, np.zeros(x.size)]))[:, 0] * 72.0 / ax.figure.dpi
    widths = np.array([_text_points(text) for text in texts])
    wanted = np.linspace(places[0], places[-1], MOST_COUNTS)
    last, chosen = x.size - 1, [0]
    for k in sorted({int(np.argmin(np.abs(places - place))) for place in wanted[1:-1]} | {last}):
        # The fit at the far end comes before those between.
        if all(
            abs(places[k] - places[other]) >= 0.5 * (widths[k] + widths[other]) + GAP_POINTS
            for other in (chosen[-1], last)[: 1 + (k != last)]
        ):
            chosen.append(k)
    return chosen


def _room(ax: Any, n_characters: int) -> int:
    """Return for how many ticks of so many characters there is room along the x axis."""
    points = ax.bbox.width / ax.figure.dpi * 72.0
    return max(1, int(points / (_text_points("0" * n_characters) + GAP_POINTS)))


def _text_points(text: str) -> float:
    """Return about how wide the label of a tick is."""
    from matplotlib import rcParams
    from matplotlib.font_manager import FontProperties

    return DIGIT * len(text) * FontProperties(size=rcParams["xtick.labelsize"]).get_size_in_points()


def _locator(find: Callable[[], list[float]]) -> Any:
    """Make a locator of ticks that asks a function whenever they are drawn."""
    from matplotlib.ticker import Locator

    class Asked(Locator):
        """Ticks that follow the axes as they are drawn."""

        def __call__(self) -> list[float]:
            return find()

        def tick_values(self, vmin: float, vmax: float) -> list[float]:
            return find()

    return Asked()
