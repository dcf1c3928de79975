"""The job behind ``python -m sparsereg demo``: real places on a very wide grid, with no, L2, L1 and mixed penalty."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sparsereg.datasets import load_california_housing, load_places
from sparsereg.features.latlong_cross import LatLongCross
from sparsereg.path.api import regularization_path
from sparsereg.path.result import RegularizationPath

try:
    import resource
except ImportError:  # Windows has no such counters
    resource = None  # type: ignore[assignment]

Vector = npt.NDArray[np.float64]

# "Too large" is this many times the right alpha.
TOO_LARGE = 100.0
# Smallest over largest alpha of a path. That of pure L2 starts 1000 times higher, and ends a little lower.
EPS, EPS_L2 = 1e-5, 1e-9


@dataclass(frozen=True)
class Settings:
    """What the user may choose.

    Attributes
    ----------
    data : str
        A key of `DATA`.
    levels : tuple of float
        Widths of the nested cells in arc-minutes, coarse to fine.
    seed : int
        Of the random split.
    train_share : float
        Share of the rows to train on; half of the others choose alpha, half are held out.
    n_alphas : int
        Alphas on each path.
    l1_ratio : float
        Of the elastic net.
    """

    data: str = "housing"
    levels: tuple[float, ...] = (60.0, 10.0, 1.0)
    seed: int = 0
    train_share: float = 0.6
    n_alphas: int = 50
    l1_ratio: float = 0.5


@dataclass(frozen=True)
class Task:
    """Points on the globe and what to predict at them.

    Attributes
    ----------
    rows, target, quantity : str
        What a row is, what is predicted, and the quantity with its unit that `show` gives.
    points : ndarray of float64 of shape (n_samples, 2)
        Latitude and longitude in degrees.
    y : ndarray of float64 of shape (n_samples,)
    show : callable
        From predictions to the quantity.
    """

    rows: str
    target: str
    quantity: str
    points: Vector
    y: Vector
    show: Callable[[Vector], Vector]


@dataclass(frozen=True)
class Part:
    """Some of the rows.

    Attributes
    ----------
    X : csr_matrix of float64 of shape (n_rows, n_features)
    y : ndarray of float64 of shape (n_rows,)
    """

    X: sparse.csr_matrix
    y: Vector


@dataclass(frozen=True)
class Fit:
    """One path and how well it predicts.

    Attributes
    ----------
    name : str
    path : RegularizationPath
    train_r2, validation_r2, held_out_r2 : ndarray of float64 of shape (n_alphas,)
    choices : dict from str to int
        Positions on the path: "too small" (its end), "right" (best on the validation part), "within 1 SE" (with L1: the
        largest alpha whose validation error is within a standard error of that), "too large".
    seconds : float
        For the whole path.
    peak_memory : int
        Of the process until then, in bytes.
    """

    name: str
    path: RegularizationPath
    train_r2: Vector
    validation_r2: Vector
    held_out_r2: Vector
    choices: dict[str, int]
    seconds: float
    peak_memory: int

    def n_bytes(self, k: int) -> int:
        """Bytes of ids and values of the model at position k."""
        return self.path.sparse_coef.at(k).nbytes


@dataclass
class Demo:
    """Everything that the table, the text and the figure are made from.

    Attributes
    ----------
    settings : Settings
    task : Task
    cross : LatLongCross
    parts : dict from str to Part
        "train", "validation" and "held out".
    memory_at_start : int
        Peak memory of the process before data was read, in bytes.
    fits : dict from str to Fit
        "none", "L2", "L1" and "elastic net", as far as they are done.
    notes : list of str
        Warnings of the library.
    """

    settings: Settings
    task: Task
    cross: LatLongCross
    parts: dict[str, Part]
    memory_at_start: int
    fits: dict[str, Fit] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def prepare(settings: Settings) -> Demo:
    """Read the data, cross its coordinates and split its rows.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    demo : Demo
        Without fits.

    Raises
    ------
    ImportError
        For ``data="places"`` without the packages of its extra.
    ValueError
        For settings out of range.
    """
    memory_at_start = peak_memory()
    cross = LatLongCross(levels=settings.levels)
    task = DATA[settings.data]()
    parts = _split(cross.fit_transform(task.points), task.y, settings)
    return Demo(settings, task, cross, parts, memory_at_start)


def fit(demo: Demo) -> None:
    """Fit without penalty, with L2, with L1 and with both, and keep the warnings as notes.

    Parameters
    ----------
    demo : Demo
        Gets `fits` and `notes`.
    """
    settings = demo.settings
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _fit(demo, "none", l1_ratio=0.0, alphas=[0.0])
        _fit(demo, "L2", l1_ratio=0.0, n_alphas=settings.n_alphas, eps=EPS_L2)
        _fit(demo, "L1", l1_ratio=1.0, n_alphas=settings.n_alphas, eps=EPS)
        _fit(demo, "elastic net", l1_ratio=settings.l1_ratio, n_alphas=settings.n_alphas, eps=EPS)
    demo.notes.extend(str(warning.message) for warning in caught)


def peak_memory() -> int:
    """Return the peak resident memory of this process so far, in bytes; 0 where the system counts none."""
    # Linux hands ru_maxrss of a large parent down through fork and exec; VmHWM starts anew.
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return 1024 * int(line.split()[1])
    except OSError:
        pass
    if resource is None:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _housing() -> Task:
    houses = load_california_housing()
    return Task(
        "block groups of California (census of 1990)", "log of the median house value in dollars",
        "median house value (1000 dollars)", np.column_stack([houses.latitude, houses.longitude]),
        np.log(houses.median_house_value), show=lambda prediction: np.exp(prediction) / 1000.0,
    )


def _places() -> Task:
    places = load_places()
    return Task(
        "populated places of the world (GeoNames)", "hours from UTC of the local clock in January", "hours from UTC",
        np.column_stack([places.latitude, places.longitude]), places.utc_offset, show=lambda prediction: prediction,
    )


DATA = {"housing": _housing, "places": _places}


def _split(X: sparse.csr_matrix, y: Vector, settings: Settings) -> dict[str, Part]:
    """Split the rows at random in three."""
    if not 0.0 < settings.train_share < 1.0:
        raise ValueError(f"train_share must be between 0 and 1, both excluded, got {settings.train_share!r}")
    order = np.random.default_rng(settings.seed).permutation(y.size)
    first = round(settings.train_share * y.size)
    second = first + (y.size - first) // 2
    if first < 2 or second - first < 2:
        raise ValueError(f"train_share: {settings.train_share!r} leaves fewer than two rows in a part")
    places = dict(zip(("train", "validation", "held out"), np.split(order, [first, second])))
    return {name: Part(X[rows], y[rows]) for name, rows in places.items()}


def _fit(demo: Demo, name: str, **setting: object) -> None:
    """Fit one path on the training part and judge it on all three."""
    train, validation, held_out = demo.parts.values()
    start = time.perf_counter()
    path = regularization_path(train.X, train.y, **setting)  # type: ignore[arg-type]
    seconds = time.perf_counter() - start
    squares = _squared_errors(path, validation)
    demo.fits[name] = Fit(
        name, path, _r2(_squared_errors(path, train), train.y), _r2(squares, validation.y),
        _r2(_squared_errors(path, held_out), held_out.y), _choose(path, squares), seconds, peak_memory(),
    )


def _squared_errors(path: RegularizationPath, part: Part) -> Vector:
    """Squared errors of every row (first axis) at every alpha (second axis)."""
    return (part.y[:, None] - path.predict(part.X)) ** 2


def _r2(squared_errors: Vector, y: Vector) -> Vector:
    """Share of the variance of y that is explained at every alpha."""
    return 1.0 - squared_errors.mean(axis=0) / np.var(y)


def _choose(path: RegularizationPath, squared_errors: Vector) -> dict[str, int]:
    """Pick the rows of the table from the errors on the validation part."""
    if path.alphas.size == 1:
        return {"none": 0}
    error = squared_errors.mean(axis=0)
    right = int(np.argmin(error))
    choices = {"too small": path.alphas.size - 1, "right": right}
    if path.l1_ratio > 0.0:
        standard_error = np.std(squared_errors[:, right]) / np.sqrt(len(squared_errors))
        choices["within 1 SE"] = int(np.argmax(error <= error[right] + standard_error))
    choices["too large"] = int(np.argmin(np.abs(np.log(path.alphas / (TOO_LARGE * path.alphas[right])))))
    return choices
