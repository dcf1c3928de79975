"""SVG in HTML: pictures of matplotlib as a part of a page, in its font and colours, with tooltips."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from sparsereg.plot import COLOURS, import_figure
from sparsereg.report.page import printable, spelled
from sparsereg.report.style import N_GREYS

WIDTH, HEIGHT = 4.5, 3.7  # inches: as wide as a phone shows without shrinking its text
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none", "font.size": 9.0, "axes.titlesize": 9.0, "figure.dpi": 72.0, "path.simplify": True,
    "text.parse_math": True,
}
XLINK = "{http://www.w3.org/1999/xlink}href"
REACH = 4.0  # points around a place with a tooltip
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
# Both ways of matplotlib's versions: all in one, and the family by itself.
_FONT = re.compile(r"font: *(?:italic )?([^;']*?)([\d.]+px)[^;]*")
_FAMILY = re.compile(r"font-family:[^;]*;? *")
_COLOUR = re.compile(r"#([0-9a-fA-F]{6})\b")
_REFERENCE = re.compile(r"url\(#([^)]+)\)|^#(.+)$")

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Marks:
    """What tells about itself when pointed at.

    Attributes
    ----------
    x, y : ndarray of float64 of shape (n_points,)
        Where, along a line, as coordinates of the axes' data; points that are not finite are passed over.
    titles : list of str
        What each point says.
    curve : str or None
        `gid` of a collection of lines, one of which is drawn thicker meanwhile.
    position : int
        Which of its lines.
    """

    x: Vector
    y: Vector
    titles: list[str]
    curve: str | None = None
    position: int = 0


def draw_svg(
    key: str, label: str, draw: Callable[[Any], Sequence[Marks]], *, height: float = HEIGHT
) -> str:
    """Draw a picture as an element of a page.

    Parameters
    ----------
    key : str
        Starts the ids in it; unique in the page, of letters.
    label : str
        What it is, for those who do not see it.
    draw : function of matplotlib Axes
        Draws, and returns what has a tooltip.
    height : float
        In inches; the width is always the same, and the page makes it that of the column.

    Returns
    -------
    svg : str
    """
    figure = import_figure()
    from matplotlib import rc_context

    file = io.BytesIO()
    # Names may have signs that no font of matplotlib's has; the reader's machine has them.
    with rc_context({**SETTINGS, "svg.hashsalt": key}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        picture = figure(figsize=(WIDTH, height), dpi=72.0, layout="constrained")
        ax = picture.subplots()
        marks = draw(ax)
        _check_texts(picture)
        picture.savefig(file, format="svg", transparent=True, metadata={"Date": None})
        root = ElementTree.fromstring(file.getvalue())
        _simplify(root)
        _add_marks(root, ax, marks, 72.0 * height)
    _rename(root, key)
    return _as_html(root, label)


def _check_texts(picture: Any) -> None:
    """Spell out what no file of XML can hold."""
    from matplotlib.text import Text

    for text in picture.findobj(Text):
        text.set_text("\n".join(map(spelled, text.get_text().split("\n"))))


def _simplify(root: Any) -> None:
    """Drop what is of no use in a page, and hand fonts and colours over to its style."""
    for parent in [*root.iter()]:
        for child in [*parent]:
            if child.tag.rpartition("}")[2] in ("metadata", "style"):
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        if XLINK in element.attrib:
            element.set("href", element.attrib.pop(XLINK))
        style, is_text = element.get("style"), element.tag in ("text", "tspan")
        if style is not None:
            element.set("style", _COLOUR.sub(partial(_colour, is_text), _FONT.sub(_font, _FAMILY.sub("", style))))
        for name in ("d", "transform", "x", "y"):
            if name in element.attrib:
                element.set(name, _LONG_NUMBER.sub(lambda found: f"{float(found[0]):.2f}", element.get(name)))


def _font(found: re.Match[str]) -> str:
    """Keep size and weight of a font, and leave its family to the page."""
    weight = re.search(r"\b(bold|[1-9]00)\b", found[1])
    return f"font-size: {found[2]}" + (f"; font-weight: {weight[1]}" if weight else "")


def _colour(is_text: bool, found: re.Match[str]) -> str:
    """Return what the page calls a colour: that of a curve, a grey, or text and paper at the ends of the greys."""
    colour, known = found[0], [each.lower() for each in COLOURS]
    if colour.lower() in known:
        return f"var(--{'text' if is_text else 'curve'}{known.index(colour.lower())})"
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    if not red == green == blue:
        return colour
    grey = round(N_GREYS * red / 255)
    return "currentColor" if grey == 0 else "var(--paper)" if grey == N_GREYS else f"var(--grey{grey})"


def _add_marks(root: Any, ax: Any, marks: Sequence[Marks], height: float) -> None:
    """Lay transparent lines with titles over the picture; a curve goes along with those that lie on it."""
    hits = ElementTree.SubElement(root, "g", {"class": "hits"})
    curves = {element.get("id"): [*element.iter("path")] for element in root.iter("g") if element.get("id")}
    parents = {child: parent for parent in root.iter() for child in parent}
    for mark in marks:
        group = ElementTree.SubElement(hits, "g", {"class": "curve"})
        if mark.curve is not None:
            line = curves[mark.curve][mark.position]
            parents[line].remove(line)
            group.append(line)
        places = ax.transData.transform(np.column_stack([mark.x, mark.y]))
        shown = np.isfinite(places).all(axis=1)
        places[:, 1] = height - places[:, 1]
        titles = [title for title, is_shown in zip(mark.titles, shown) if is_shown]
        for part, title in zip(_parts(places[shown]), titles):
            path = "L".join(f"{x:.1f} {y:.1f}" for x, y in part)
            ElementTree.SubElement(ElementTree.SubElement(group, "path", {"d": f"M{path}"}), "title").text = title


def _parts(places: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
    """Cut a line into what is nearest to each of its points."""
    if len(places) == 1:
        return [places + [[-REACH, 0.0], [REACH, 0.0]]]
    middles = 0.5 * (places[:-1] + places[1:])
    starts, stops = np.concatenate([places[:1], middles]), np.concatenate([middles, places[-1:]])
    return [*np.stack([starts, places, stops], axis=1)]


def _rename(root: Any, key: str) -> None:
    """Number the ids that are referred to, and drop all others."""
    used: dict[str, str] = {}

    def renamed(found: re.Match[str]) -> str:
        name = used.setdefault(found[1] or found[2], f"{key}-{len(used)}")
        return f"url(#{name})" if found[1] else f"#{name}"

    for element in root.iter():
        for name, value in element.attrib.items():
            if name in ("href", "clip-path", "style", "fill", "mask"):
                element.set(name, _REFERENCE.sub(renamed, value))
    for element in root.iter():
        name = element.attrib.pop("id", None)
        if name in used:
            element.set("id", used[name])


def _as_html(root: Any, label: str) -> str:
    """Write the element, as wide as what it is in."""
    box = root.get("viewBox")
    root.attrib.clear()
    body = ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)
    inside = body[body.index(">") + 1 : body.rindex("<")].strip()
    return f'<svg role="img" aria-label="{escape(printable(label))}" viewBox="{box}">\n{inside}\n</svg>'
