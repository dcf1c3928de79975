"""A picture of a report: how it is drawn, and what there is to see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sparsereg.report.svg import HEIGHT, Marks, draw_svg


@dataclass(frozen=True)
class Picture:
    """A picture of a report.

    Attributes
    ----------
    key : str
        Its kind, and the beginning of the ids in it.
    title : str
    draw : function of matplotlib Axes
        Draws, and returns what has a tooltip.
    reading : str
        What there is to see.
    height : float
        In inches.
    """

    key: str
    title: str
    draw: Callable[[Any], Sequence[Marks]]
    reading: str
    height: float = HEIGHT

    def as_svg(self) -> str:
        """Draw it.

        Returns
        -------
        svg : str
            An element of HTML.
        """
        return draw_svg(self.key, self.title, self.draw, height=self.height)
