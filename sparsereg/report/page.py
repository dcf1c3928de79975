"""HTML: one page of sections, tables and figures, in which every text is escaped."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from html import escape
from string import Template

from sparsereg.inputs.versions import library_version
from sparsereg.report.style import STYLE

# What turns the direction of the text around it; the other invisible characters hold letters and signs together.
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
UNPRINTABLE = ("Cc", "Cs", "Cn", "Zl", "Zp")
LONGEST = 160  # characters of a name that are shown

_PAGE = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="sparsereg $version">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>$title</title>
<style>
$style</style>
</head>
<body>
<main>
<header>
<h1>$title</h1>
$lead
<nav aria-label="Sections"><ul>
$contents
</ul></nav>
</header>
$sections
</main>
<footer><p>Written by sparsereg $version. All is in this one file; it loads nothing and runs no script.</p></footer>
</body>
</html>
""")


def printable(text: object) -> str:
    """Return a text as it can be shown: signs that are not seen are spelled out, and a long one is cut in its middle.

    Parameters
    ----------
    text : object
        Other things than text are shown as text.

    Returns
    -------
    text : str
        On one line, and such that any file can hold it.
    """
    text = str(text)
    if len(text) > LONGEST:
        half = (LONGEST - 3) // 2
        text = f"{text[:half]}...{text[-half:]}"
    return spelled(text)


def spelled(text: str) -> str:
    """Spell out the signs of a text that are not seen, or that files and terminals would act upon.

    Parameters
    ----------
    text : str

    Returns
    -------
    text : str
    """
    return "".join(
        repr(sign)[1:-1] if sign in TURNING or unicodedata.category(sign) in UNPRINTABLE else sign for sign in text
    )


def quoted(text: object) -> str:
    """Return a text as HTML shows it.

    Parameters
    ----------
    text : object

    Returns
    -------
    html : str
    """
    return escape(printable(text))


def paragraph(text: str) -> str:
    """Make a paragraph.

    Parameters
    ----------
    text : str
        Not escaped yet, sentences and names of any length.

    Returns
    -------
    html : str
    """
    return f"<p>{escape(spelled(text))}</p>"


def table(caption: str, header: Sequence[str], rows: Iterable[Sequence[object]], *, texts: int = 1) -> str:
    """Make a table, in a frame that scrolls where the window is narrower.

    Parameters
    ----------
    caption : str
    header : sequence of str
        Of the columns; empty for a table of names and values.
    rows : iterable of sequences
        The first cell of each is its name.
    texts : int, default=1
        So many columns from the left on are texts, the others numbers.

    Returns
    -------
    html : str
    """
    kinds = ["" if k < texts else ' class="number"' for k in range(max(texts, len(header)))]
    head = "".join(f'<th scope="col"{kind}>{quoted(name)}</th>' for name, kind in zip(header, kinds))
    lines = []
    for first, *others in rows:
        cells = "".join(f"<td{kind}>{quoted(cell)}</td>" for cell, kind in zip(others, kinds[1:]))
        lines.append(f'<tr><th scope="row">{quoted(first)}</th>{cells}</tr>\n')
    label = quoted(caption)
    return (
        f'<div class="scroll" role="region" aria-label="{label}" tabindex="0"><table><caption>{label}</caption>\n'
        f'{f"<thead><tr>{head}</tr></thead>" if head else ""}<tbody>\n{"".join(lines)}</tbody></table></div>'
    )


def figure(title: str, svg: str, reading: str) -> str:
    """Put a picture under its title and above what to see in it.

    Parameters
    ----------
    title : str
    svg : str
        As `sparsereg.report.svg` makes it.
    reading : str
        Not escaped yet.

    Returns
    -------
    html : str
    """
    return f"<figure><h3>{quoted(title)}</h3>\n{svg}\n<figcaption>{paragraph(reading)}</figcaption></figure>"


def page(title: str, lead: str, sections: Sequence[tuple[str, str, str]]) -> str:
    """Put a page together.

    Parameters
    ----------
    title, lead : str
        Not escaped yet.
    sections : sequence of (key, title, html)
        What is between the headings; keys are unique and of letters.

    Returns
    -------
    html : str
    """
    contents = "\n".join(f'<li><a href="#{key}">{quoted(name)}</a></li>' for key, name, _ in sections)
    bodies = "\n".join(
        f'<section aria-labelledby="{key}">\n<h2 id="{key}">{quoted(name)}</h2>\n{html}\n</section>'
        for key, name, html in sections
    )
    return _PAGE.substitute(
        version=quoted(library_version()), title=quoted(title), style=STYLE, lead=paragraph(lead), contents=contents,
        sections=bodies,
    )
