"""CSS of reports: colours for light and dark windows, and a layout for narrow and wide ones."""

from __future__ import annotations

from sparsereg.plot import COLOURS

# Of the colours of curves: as text on white, as curves on black and as text on black, where contrast asks for others.
TEXT_ON_WHITE = ("#0072B2", "#B04A00", "#00785A", "#A8467F", "#8A6000", "#1F73A8")
CURVES_ON_BLACK = ("#4FA8E0", "#F2802F", "#1FBF94", "#E08BBB", "#E69F00", "#56B4E9")
N_GREYS = 10  # from the colour of text up to that of the page
GREYS_ON_WHITE = tuple(f"#{3 * f'{round(25.5 * k):02x}'}" for k in range(N_GREYS))
# On black greys stay further from the page: of equal distance to the eye.
GREYS_ON_BLACK = tuple(f"#{3 * f'{round(236 - 20 * k):02x}'}" for k in range(N_GREYS))


def _variables(curves: tuple[str, ...], texts: tuple[str, ...], greys: tuple[str, ...]) -> str:
    named = (("curve", curves), ("text", texts), ("grey", greys))
    return " ".join(f"--{name}{k}: {colour};" for name, colours in named for k, colour in enumerate(colours))


_LIGHT = "--paper: #ffffff; --ink: #1a1a1a; --quiet: #5a5a5a; --rule: #d8d8d8; --band: #f4f4f4; --link: #0060a0; "
_DARK = "--paper: #141414; --ink: #ececec; --quiet: #a8a8a8; --rule: #3a3a3a; --band: #1f1f1f; --link: #7cc0f0; "

STYLE = f"""\
:root {{ color-scheme: light dark; {_LIGHT}{_variables(COLOURS, TEXT_ON_WHITE, GREYS_ON_WHITE)} }}
@media (prefers-color-scheme: dark) {{
  :root {{ {_DARK}{_variables(CURVES_ON_BLACK, CURVES_ON_BLACK, GREYS_ON_BLACK)} }}
}}
""" """\
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", Roboto,
  "Helvetica Neue", Arial, "Noto Sans", "Liberation Sans", sans-serif; }
main, footer { max-width: 72rem; margin: 0 auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 1.5rem 0 0.75rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.25rem 0 0.5rem; padding-top: 0.5rem; border-top: 1px solid var(--rule); }
h3 { font-size: 1rem; margin: 0 0 0.5rem; }
p, figcaption { max-width: 44rem; overflow-wrap: anywhere; }
nav ul { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; padding: 0; margin: 0.75rem 0; list-style: none; }
a { color: var(--link); }
.scroll { overflow-x: auto; margin: 1rem 0; }
.scroll:focus-visible, a:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--quiet); padding-bottom: 0.35rem; }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 1rem 0.25rem 0; border-bottom: 1px solid var(--rule); }
th { font-weight: 600; }
tbody th { font-weight: 400; max-width: 28rem; }
tbody th, td { overflow-wrap: break-word; min-width: 8rem; max-width: 40rem; }
thead th { vertical-align: bottom; }
.number { text-align: right; white-space: nowrap; padding: 0.25rem 0 0.25rem 1rem; min-width: 4rem; }
thead .number { white-space: normal; max-width: 11rem; }
tbody tr:hover { background: var(--band); }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 29rem), 1fr)); gap: 2rem; }
figure { margin: 0; min-width: 0; max-width: 38rem; }
svg { display: block; width: 100%; height: auto; font-family: inherit; fill: currentColor; }
svg * { stroke-linejoin: round; }
.hits path { fill: none; stroke: transparent; stroke-width: 8; stroke-linecap: butt; pointer-events: stroke; }
.curve:hover > path:first-child { stroke-width: 3 !important; stroke-opacity: 1 !important; opacity: 1 !important; }
figcaption p { margin: 0.5rem 0 0; }
footer { color: var(--quiet); font-size: 0.85rem; margin-top: 2.5rem; border-top: 1px solid var(--rule); }
@media (max-width: 30rem) { th, td { padding-right: 0.75rem; } .number { padding-left: 0.75rem; padding-right: 0; } }
@media print { .scroll { overflow: visible; } figure, tr { break-inside: avoid; } nav { display: none; } }
"""
