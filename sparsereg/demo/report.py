"""The demo in words: its table, and sentences that are worked out from the numbers of the table."""

from __future__ import annotations

from textwrap import fill

from sparsereg.demo.job import BLOCK, LOST_R2, TOO_LARGE, Demo, Fit

WIDTH = 110
TITLES = {"none": "no regularisation", "L2": "L2 (ridge)", "L1": "L1 (lasso)", "elastic net": "elastic net"}
# Differences of R2 below this are called equal.
SAME_R2 = 0.0005
_HEADER = (
    f"{'model':<19}{'alpha is':<12}{'alpha':>9}{'occupied':>10}{'non-zero':>10}{'bytes':>10}{'float16':>9}"
    f"{'R2 train':>10}{'R2 held out':>13}{'dual gap':>10}{'seconds':>9}{'peak MB':>9}"
)


def heading(demo: Demo) -> str:
    """Say what is fitted to what.

    Parameters
    ----------
    demo : Demo

    Returns
    -------
    text : str
    """
    task, settings = demo.task, demo.settings
    rows = {name: f"{part.y.size:,}" for name, part in demo.parts.items()}
    widths = [f"{width:g}" for width in settings.levels]
    levels = " and ".join(filter(None, [", ".join(widths[:-1]), widths[-1]]))
    return "\n".join(
        [
            f"Data      {task.y.size:,} {task.rows}",
            f"Target    {task.target}",
            f"Features  latitude, longitude and their cells of {levels} arc-minutes over the whole globe:",
            f"          {demo.cross.n_features_out_:,} columns, {len(demo.cross.blocks_)} ones in a row",
            f"Split     {rows['train']} rows to train, {rows['validation']} to choose alpha by (validation), "
            f"{rows['held out']} held out; seed {settings.seed}",
            "Minimise  mean squared error / 2 + alpha * (L2: sum of w^2 / 2; L1: sum of |w|; elastic net: "
            f"{settings.l1_ratio:g} L1 + {1.0 - settings.l1_ratio:g} L2)",
        ]
    )


def table(demo: Demo) -> str:
    """Lay out one line for each chosen alpha of each model.

    Parameters
    ----------
    demo : Demo

    Returns
    -------
    text : str
        Columns are at least two spaces apart.
    """
    lines = [_HEADER, "-" * len(_HEADER)]
    for fit in demo.fits.values():
        right = fit.choices.get("right")
        lines += [_line(fit, choice, k) for choice, k in fit.choices.items() if k != right or choice == "right"]
    note = (
        "alpha is: too small, the end of the path; right, best on the validation part; within .01, the largest whose "
        f"R2 there is at most {LOST_R2:g} below that of L2; within 1 SE, the largest whose error there, the mean over "
        f"cells of {BLOCK:g} arc-minutes, is within one standard error of the least; too large, about {TOO_LARGE:g} "
        f"times right. seconds: the whole path of {demo.settings.n_alphas} alphas. bytes: of the file that save_model "
        "writes; float16: with compress='float16'. "
        "dual gap: certified distance from the minimum, relative to the objective without features. "
        "peak MB: of the process until then."
    )
    return "\n".join([*lines, "", fill(note, WIDTH)])


def _line(fit: Fit, choice: str, k: int) -> str:
    path = fit.path
    return (
        f"{TITLES[fit.name]:<19}{choice:<12}{_alpha(path.alphas[k]):>9}{path.n_active:>10,}{path.df[k]:>10,}"
        f"{fit.n_bytes(k):>10,}{fit.n_bytes(k, 'float16'):>9,}{fit.train_r2[k]:>10.4f}{fit.held_out_r2[k]:>13.4f}"
        f"{path.dual_gaps[k]:>10.0e}{fit.seconds:>9.2f}{fit.peak_memory / 1e6:>9.0f}"
    )


def _alpha(alpha: float) -> str:
    return f"{alpha:.1e}" if alpha > 0.0 else "0"


def reading(demo: Demo) -> str:
    """Say what the table shows, whatever it shows.

    Parameters
    ----------
    demo : Demo

    Returns
    -------
    text : str
        One paragraph a model, and one that compares them.
    """
    fits = demo.fits
    paragraphs = [
        _without(fits["none"]),
        f"L2: {_strengths(fits['L2'])} {_zeros(fits['L2'])}",
        f"L1: {_strengths(fits['L1'])} {_zeros(fits['L1'])} {_size(fits['L1'], fits['L2'])}",
        f"Elastic net: {_strengths(fits['elastic net'])} {_size(fits['elastic net'], fits['L2'])}",
        _ranking(demo),
        *(f"Note: {note}" for note in demo.notes),
    ]
    return "\n".join(fill(text, WIDTH, initial_indent="* ", subsequent_indent="  ") for text in paragraphs)


def _without(none: Fit) -> str:
    train, held_out = none.train_r2[0], none.held_out_r2[0]
    text = f"No regularisation: R2 is {train:.3f} on the training part and {held_out:.3f} on the held-out part; "
    if train - held_out > SAME_R2:
        text += f"{train - held_out:.3f} of it is learned by heart. "
    else:
        text += "nothing of it is learned by heart. "
    rows, columns = none.path.n_active, none.path.df[0]
    return text + f"Many sets of weights fit equally well; this one uses {columns:,} of {rows:,} occupied columns."


def _strengths(fit: Fit) -> str:
    """Compare the too small and the too large alpha with the right one."""
    small, right, large = (fit.choices[choice] for choice in ("too small", "right", "too large"))
    train, held_out, alphas = fit.train_r2, fit.held_out_r2, fit.path.alphas
    text = f"alpha = {alphas[right]:.1e} is right (held-out R2 {held_out[right]:.3f}). "
    if small == right:
        text += "It is the smallest of the path, so none here is too small. "
    else:
        factor, fall = _times(alphas[right] / alphas[small]), held_out[right] - held_out[small]
        if train[small] > train[right] and fall > SAME_R2:
            rise = train[small] - train[right]
            text += f"{factor} smaller overfits: training R2 rises by {rise:.3f}, held-out R2 falls by {fall:.3f}. "
        else:
            harmless = ", which is no harm" if fall <= SAME_R2 else ""
            text += f"{factor} smaller changes held-out R2 by {_change(-fall)}{harmless}. "
    if large == right:
        return text + "It is the largest of the path, so none here is too large."
    factor = _times(alphas[large] / alphas[right])
    if train[large] < train[right] and held_out[large] < held_out[right] - SAME_R2:
        after = f"{train[large]:.3f} in training and {held_out[large]:.3f} held out"
        return text + f"{factor} larger underfits: R2 falls to {after}."
    return text + f"{factor} larger changes held-out R2 by {_change(held_out[large] - held_out[right])}."


def _times(factor: float) -> str:
    return f"{factor:,.0f} times" if factor >= 1.95 else f"{factor:.2g} times"


def _change(difference: float) -> str:
    return f"{round(difference, 3) + 0.0:+.3f}"


def _zeros(fit: Fit) -> str:
    """Say what the penalty does to the weights along the path."""
    path, right = fit.path, fit.choices["right"]
    if path.df.min() == path.df.max() == path.n_active:
        small, large = (float((path.sparse_coef.at(k).values.data ** 2).sum()) for k in (path.alphas.size - 1, 0))
        return (
            f"It shrinks but keeps: all {path.n_active:,} occupied columns have a weight at each of the "
            f"{path.alphas.size} alphas, while the sum of their squares falls from {small:.3g} at the smallest alpha "
            f"to {large:.3g} at the largest."
        )
    n_zero = path.n_active - path.df[right]
    return (
        f"It sets weights to exactly zero: {n_zero:,} of {path.n_active:,} occupied columns at the right alpha, and "
        f"{path.n_active - path.df.min():,} at the largest."
    )


def _size(fit: Fit, ridge: Fit) -> str:
    """Compare the files and the held-out R2 of sparse models with those of ridge at its right alpha."""
    at = ridge.choices["right"]
    full, reference = ridge.n_bytes(at), ridge.held_out_r2[at]
    parts = []
    for choice, compress in (("right", None), ("within .01", None), ("within 1 SE", None), ("within 1 SE", "float16")):
        if choice in fit.choices:
            k = fit.choices[choice]
            change = _change(fit.held_out_r2[k] - reference)
            how = f"{choice}, {compress}" if compress else choice
            parts.append(f"{full / fit.n_bytes(k, compress):.1f} times smaller at R2 {change} ({how})")
    return "The file against that of L2 at its right alpha, and R2 on the held-out part: " + "; ".join(parts) + "."


def _ranking(demo: Demo) -> str:
    """Order the models by held-out R2, and name the smallest."""
    chosen = {TITLES[name]: (fit, fit.choices.get("right", 0)) for name, fit in demo.fits.items()}
    scores = {title: fit.held_out_r2[k] for title, (fit, k) in chosen.items()}
    best = sorted(scores, key=lambda title: -scores[title])
    smallest = min(chosen, key=lambda title: chosen[title][0].n_bytes(chosen[title][1]))
    ranks = ", ".join(f"{title} {scores[title]:.3f}" for title in best)
    return f"Held-out R2 at the right alphas, best first: {ranks}. The smallest of these models is {smallest}."


def costs(demo: Demo, seconds: float, peak: int) -> str:
    """Say what everything took, and what dense weights would have taken.

    Parameters
    ----------
    demo : Demo
    seconds : float
        Wall time of everything.
    peak : int
        Peak memory of the process, in bytes.

    Returns
    -------
    text : str
    """
    dense = 8 * demo.cross.n_features_out_
    n_fits = sum(fit.path.alphas.size for fit in demo.fits.values())
    fitting = sum(fit.seconds for fit in demo.fits.values())
    return (
        f"Everything so far: {seconds:.1f} s wall time after imports ({n_fits} fits: {fitting:.1f} s), "
        f"{peak / 1e6:,.0f} MB peak memory ({demo.memory_at_start / 1e6:,.0f} MB of it before any data was read).\n"
        f"One dense vector of {demo.cross.n_features_out_:,} weights would take {dense / 1e9:,.1f} GB, "
        f"{n_fits} of them {n_fits * dense / 1e9:,.0f} GB."
    )
