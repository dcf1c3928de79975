"""Solvers compared: run in processes of their own, judged, and printed as one markdown table.

Every command of this folder that compares solvers goes through `compare`: runs are interleaved (each repeat runs every
solver once), single-threaded, and judged by `objective.Problem` alone.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import common
import numpy as np
from common import GIB, add_run_arguments, interpreter, machine, medians, print_table
from data import Dataset
from objective import LOSSES, Problem, worst_suboptimality
from peers import PEERS
from scipy import sparse


@dataclass(frozen=True)
class Spec(common.Spec):
    """A solver with its settings; `intercept=0` among them asks for the centred problem."""

    fit_intercept: bool = True

    @classmethod
    def parse(cls, written, known=PEERS):
        """Read one specification of the command line."""
        spec = common.Spec.parse(written, known)
        settings = dict(spec.settings)
        wanted = settings.pop("intercept", "1") != "0"
        return cls(spec.name, tuple(settings.items()), wanted and PEERS[spec.name].intercept)

    def __str__(self):
        return self.name + ("" if self.fit_intercept else " †")


@dataclass
class Run:
    """One fit by one process: either its record and the judged path, or why there is none."""

    failure: str = ""
    record: dict = field(default_factory=dict)
    primals: np.ndarray | None = None
    gaps: np.ndarray | None = None


@dataclass
class Task:
    """What all solvers of one table are asked to do: a path on the data set that the arguments name.

    `make_alphas` takes the problem with an intercept.
    """

    arguments: object
    make_alphas: object
    l1_ratio: float = 1.0
    loss: str = "squared"
    target: str = "gaussian"
    wide_peers: bool = False

    def __post_init__(self):
        self.dataset_path = common.dataset_path(self.arguments, self.target)
        self.dataset = Dataset.load(self.dataset_path)
        self.alphas = self.make_alphas(self.problem(fit_intercept=True))

    def problem(self, fit_intercept):
        """The problem that a solver with or without intercept is judged on."""
        return Problem(self.dataset.X, self.dataset.y, self.l1_ratio, fit_intercept, self.loss)


def read_path(folder):
    """Coefficients and intercepts that `peers.py` left."""
    return sparse.load_npz(folder / "coefs.npz"), np.load(folder / "intercepts.npy")


def run_once(task, spec):
    """Fit `spec` in a process of its own and judge the answer."""
    wide = task.wide_peers or spec.name == "sparsereg"
    job = {
        "peer": spec.name,
        "dataset": str(task.dataset_path),
        "wide": wide,
        "fit_intercept": spec.fit_intercept,
        "l1_ratio": task.l1_ratio,
        "loss": task.loss,
        "settings": spec.values(),
        "time_limit": task.arguments.time_limit,
        "memory_limit": int(task.arguments.memory_limit * GIB),
    }
    command = [interpreter(task.arguments, spec.name), Path(__file__).with_name("peers.py")]
    failure, record, answer = common.run_job(command, job, read_path, [("alphas", task.alphas)])
    if failure:
        return Run(failure)
    coefs, intercepts = answer
    if not (np.isfinite(coefs.data).all() and np.isfinite(intercepts).all()):
        return Run("an answer that is not finite")
    record["non_zeros"] = int(np.count_nonzero(coefs[:, [-1]].data))
    if wide:
        coefs = narrow(coefs, task.dataset.columns)
    primals, gaps = task.problem(spec.fit_intercept).evaluate_path(coefs, intercepts, task.alphas)
    return Run("", record, primals, gaps)


def narrow(coefs, columns):
    """Coefficients on the wide columns, moved to the occupied ones (all others are zero, or the solver is wrong)."""
    coefs = coefs.tocsc()
    rows = np.searchsorted(columns, coefs.indices)
    if np.any(columns[np.minimum(rows, len(columns) - 1)] != coefs.indices):
        raise ValueError("a coefficient of an empty column is not zero")
    return sparse.csc_matrix((coefs.data, rows, coefs.indptr), shape=(len(columns), coefs.shape[1]))


def compare(task, specs, repeats, once_above=60.0):
    """Run every spec `repeats` times, interleaved; those that failed or took `once_above` seconds are not repeated."""
    runs = {spec: [] for spec in specs}
    for _ in range(repeats):
        for spec in specs:
            done = runs[spec]
            if done and (done[-1].failure or done[-1].record["wall"] > once_above):
                continue
            done.append(run_once(task, spec))
            last = done[-1]
            told = last.failure or "{wall:.3g} s, {cpu:.3g} s CPU".format(**last.record)
            print(f"{spec} {spec.describe_settings()}: {told}", file=sys.stderr, flush=True)
    return runs


# --- the table --------------------------------------------------------------------------------------------------------


def shown(runs, **forms):
    """Medians of entries of the records, in GiB where they are of memory, each in its form."""
    found = dict(zip(forms, medians([run.record for run in runs], *forms)))
    return [format(value / GIB if "memory" in key else value, forms[key]) for key, value in found.items()]


def best_objectives(runs):
    """For the problem with and without intercept: the best objective anyone reached, at every alpha."""
    best = {}
    for fit_intercept in (True, False):
        found = [run.primals for spec, done in runs.items() if spec.fit_intercept == fit_intercept for run in done]
        found = [primals for primals in found if primals is not None]
        if found:
            best[fit_intercept] = np.min(found, axis=0)
    return best


def first_of_ours(runs, fit_intercept):
    """Runs of the first sparsereg in the table that solved the same problem; empty when there are none."""
    for spec, done in runs.items():
        if spec.name == "sparsereg" and spec.fit_intercept == fit_intercept and not done[0].failure:
            return [run for run in done if not run.failure]
    return []


def rows_of(task, runs):
    """The table's cells: one row per spec."""
    best = best_objectives(runs)
    null_values = {fit_intercept: task.problem(fit_intercept).null_value for fit_intercept in best}
    for spec, done in runs.items():
        good = [run for run in done if not run.failure]
        if not good:
            yield [str(spec), spec.describe_settings(), done[0].failure, *[""] * 6, str(len(done))]
            continue
        ours = first_of_ours(runs, spec.fit_intercept)
        cpus = [medians([run.record for run in found], "cpu")[0] for found in (good, ours) if found]
        reference, null_value = best[spec.fit_intercept], null_values[spec.fit_intercept]
        yield [
            str(spec),
            spec.describe_settings(),
            *shown(good, wall=".3g", cpu=".3g"),
            f"{cpus[0] / cpus[1]:.2f}" if ours else "-",
            *shown(good, extra_memory=".2f", peak_memory=".2f"),
            f"{max(worst_suboptimality(run.primals, reference, null_value) for run in good):.1e}",
            f"{max(run.gaps.max() for run in good):.1e}",
            str(len(good)),
        ]


READING = """\
Medians over n interleaved runs. `worst sub`: largest excess over the best objective anyone reached, over the path,
relative to P(0); `worst gap`: largest duality gap of the plainly rescaled slopes, relative to P(0). Both come from one
common function. `CPU / sparsereg`: over the first sparsereg that solved the same problem. `process GiB`: peak memory of
the process during the fit; `extra GiB`: how far that is above the memory before. Conversion from CSR is timed (but not
for glmnet); imports, loading and a warm-up fit are not."""
COMPACTED = """\
sparsereg was given the matrix with all its columns. The others were given one whose empty columns had been removed by
hand beforehand (int32 indices), because they cannot take the wide one; that work is not in their times."""
NO_INTERCEPT = {
    True: "† no intercept: run on the centred response, an easier problem, and judged on that problem.",
    False: "† no intercept: another problem, and judged on that problem.",
}
HEADINGS = (
    "solver",
    "settings",
    "wall s",
    "CPU s",
    "CPU / sparsereg",
    "extra GiB",
    "process GiB",
    "worst sub",
    "worst gap",
    "n",
)


def print_comparison(task, runs):
    """The whole report: what was run on what, the table, and how to read it."""
    answered = [(spec, run) for spec, done in runs.items() for run in done if not run.failure]
    versions = {PEERS[spec.name].package: run.record["version"] for spec, run in answered}
    ends = dict.fromkeys(f"{alpha:.4g}" for alpha in (task.alphas[0], task.alphas[-1]))
    grid = f"{len(task.alphas)} alpha(s) {' to '.join(ends)}, l1_ratio {task.l1_ratio:g}"
    peers = ", ".join(f"{package} {version}" for package, version in versions.items())
    print(f"{task.dataset.describe()}; {task.loss} loss, {grid}. {machine()}. {peers or 'No solver answered'}.\n")
    print_table(HEADINGS, rows_of(task, runs))
    print(notes(task, runs))


def notes(task, runs):
    """What a reader must know to read the table fairly."""
    told = [READING]
    if not task.wide_peers:
        told.append(COMPACTED)
    if any(not spec.fit_intercept for spec in runs):
        told.append(NO_INTERCEPT[LOSSES[task.loss].location])
    return "\n" + "\n".join(told)


# --- the command line -------------------------------------------------------------------------------------------------


def parse(parser, solvers, **limits):
    """Arguments of a command that compares `solvers`, unless the user names others."""
    parser.add_argument(
        "--solvers",
        nargs="+",
        type=Spec.parse,
        metavar="NAME[:KEY=VALUE,...]",
        default=[Spec.parse(written) for written in solvers],
    )
    add_run_arguments(parser, **limits)
    return parser.parse_args()


def run(task):
    """Run all solvers and print."""
    arguments = task.arguments
    for spec in arguments.solvers:
        interpreter(arguments, spec.name)
    print_comparison(task, compare(task, arguments.solvers, arguments.repeats))
