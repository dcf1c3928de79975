"""Running solvers in processes of their own, judging their answers and printing one markdown table.

Every command of this folder that compares solvers goes through `compare`: runs are interleaved (each repeat runs every
solver once), single-threaded, and judged by `objective.Problem` alone.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import scipy
from data import SYNTHETIC, Dataset, cached, cached_file
from objective import LOSSES, Problem, worst_suboptimality
from peers import PEERS
from scipy import sparse

ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "BLIS_NUM_THREADS"), "1"
)
SETUP_SECONDS = 300.0  # allowed for imports, loading and warm-up on top of the time limit of the fit itself
GIB = 2**30


@dataclass(frozen=True)
class Spec:
    """A solver with its settings, written `name:key=value,key=value`; `intercept=0` asks for the centred problem."""

    name: str
    settings: tuple[tuple[str, str], ...] = ()
    fit_intercept: bool = True

    @classmethod
    def parse(cls, written):
        """Read one specification of the command line."""
        name, _, rest = written.partition(":")
        if name not in PEERS:
            raise argparse.ArgumentTypeError(f"unknown solver {name!r}; known: {', '.join(PEERS)}")
        settings = dict(pair.split("=", 1) for pair in rest.split(",") if pair)
        wanted = settings.pop("intercept", "1") != "0"
        return cls(name, tuple(settings.items()), wanted and PEERS[name].intercept)

    def __str__(self):
        return self.name + ("" if self.fit_intercept else " †")

    def describe_settings(self):
        """The settings as they were written."""
        return ", ".join(f"{key}={value}" for key, value in self.settings)


def number_or_word(value):
    """A setting's value: int or float where it reads as one, else the word itself."""
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


@dataclass
class Run:
    """One fit by one process: either its record and the judged path, or why there is none."""

    failure: str = ""
    record: dict = field(default_factory=dict)
    primals: np.ndarray | None = None
    gaps: np.ndarray | None = None


@dataclass
class Task:
    """What all solvers of one table are asked to do."""

    dataset_path: Path
    alphas: np.ndarray
    l1_ratio: float = 1.0
    loss: str = "squared"
    wide_peers: bool = False
    time_limit: float = 600.0
    memory_limit: float = 16 * GIB
    dataset: Dataset = field(init=False)

    def __post_init__(self):
        self.dataset = Dataset.load(self.dataset_path)

    def problem(self, fit_intercept):
        """The problem that a solver with or without intercept is judged on."""
        return Problem(self.dataset.X, self.dataset.y, self.l1_ratio, fit_intercept, self.loss)


def run_once(task, spec, python):
    """Fit `spec` in a process of its own and judge the answer."""
    with tempfile.TemporaryDirectory(prefix="sparsereg-bench-") as name:
        folder = Path(name)
        np.save(folder / "alphas.npy", task.alphas)
        wide = task.wide_peers or spec.name == "sparsereg"
        job = {
            "peer": spec.name,
            "dataset": str(task.dataset_path),
            "wide": wide,
            "fit_intercept": spec.fit_intercept,
            "l1_ratio": task.l1_ratio,
            "loss": task.loss,
            "settings": {key: number_or_word(value) for key, value in spec.settings},
            "time_limit": task.time_limit,
            "memory_limit": int(task.memory_limit),
        }
        (folder / "job.json").write_text(json.dumps(job))
        status, complaint = run_process([python, Path(__file__).with_name("peers.py"), folder], task.time_limit)
        failure = explain(status, complaint, task.time_limit, folder)
        if failure:
            return Run(failure)
        record = json.loads((folder / "record.json").read_text())
        coefs = sparse.load_npz(folder / "coefs.npz")
        intercepts = np.load(folder / "intercepts.npy")
    if not (np.isfinite(coefs.data).all() and np.isfinite(intercepts).all()):
        return Run("an answer that is not finite")
    record["non_zeros"] = int(np.count_nonzero(coefs[:, [-1]].data))
    if wide:
        coefs = narrow(coefs, task.dataset.columns)
    primals, gaps = task.problem(spec.fit_intercept).evaluate_path(coefs, intercepts, task.alphas)
    return Run("", record, primals, gaps)


def run_process(command, time_limit):
    """Run `command` single-threaded in a session of its own: exit status and end of its stderr."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env={**os.environ, **ONE_THREAD},
            start_new_session=True,
        )
        guard = threading.Timer(time_limit + SETUP_SECONDS, kill_session, [process.pid])
        guard.start()
        process.wait()
        guard.cancel()
        kill_session(process.pid)  # a solver ended by its alarm may leave a child behind
        errors.seek(0)
        lines = errors.read().decode(errors="replace").strip().splitlines()
    return process.returncode, " / ".join(lines[-2:])[-200:]


def kill_session(pid):
    """End what is left of the session that `run_process` started."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def explain(status, complaint, time_limit, folder):
    """Why a run gave no answer, in a few words; empty when it gave one."""
    if status == -signal.SIGALRM:
        return f"no answer in {time_limit:g} s"
    if status < 0:
        return f"killed by {signal.Signals(-status).name}: {complaint}"
    try:
        record = json.loads((folder / "record.json").read_text())
    except FileNotFoundError:
        return f"exit status {status}: {complaint}"
    if record["status"] == "ok":
        return ""
    message = " ".join(record["message"].split())
    return f"{record['status']}: {message[:160]}".rstrip(": ")


def narrow(coefs, columns):
    """Coefficients on the wide columns, moved to the occupied ones (all others are zero, or the solver is wrong)."""
    coefs = coefs.tocsc()
    rows = np.searchsorted(columns, coefs.indices)
    if np.any(columns[np.minimum(rows, len(columns) - 1)] != coefs.indices):
        raise ValueError("a coefficient of an empty column is not zero")
    return sparse.csc_matrix((coefs.data, rows, coefs.indptr), shape=(len(columns), coefs.shape[1]))


def compare(task, specs, pythons, repeats=3, once_above=60.0):
    """Run every spec `repeats` times, interleaved; those that failed or took `once_above` seconds are not repeated."""
    runs = {spec: [] for spec in specs}
    for _ in range(repeats):
        for spec in specs:
            done = runs[spec]
            if done and (done[-1].failure or done[-1].record["wall"] > once_above):
                continue
            done.append(run_once(task, spec, pythons.get(spec.name, sys.executable)))
            last = done[-1]
            told = last.failure or "{wall:.3g} s, {cpu:.3g} s CPU".format(**last.record)
            print(f"{spec} {spec.describe_settings()}: {told}", file=sys.stderr, flush=True)
    return runs


# --- the table --------------------------------------------------------------------------------------------------------


def median(runs, key):
    """Median of one entry of the records."""
    return statistics.median(run.record[key] for run in runs)


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
        ratio = f"{median(good, 'cpu') / median(ours, 'cpu'):.2f}" if ours else "-"
        reference, null_value = best[spec.fit_intercept], null_values[spec.fit_intercept]
        yield [
            str(spec),
            spec.describe_settings(),
            f"{median(good, 'wall'):.3g}",
            f"{median(good, 'cpu'):.3g}",
            ratio,
            f"{median(good, 'extra_memory') / GIB:.2f}",
            f"{median(good, 'peak_memory') / GIB:.2f}",
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


def print_table(headings, rows):
    """A markdown table."""
    print("| " + " | ".join(headings) + " |")
    print("|" + "---|" * len(headings))
    for row in rows:
        print("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |")


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


def machine():
    """Interpreter, libraries, processor and threads."""
    model = "unknown processor"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    return f"{model}, 1 thread, Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}"


def notes(task, runs):
    """What a reader must know to read the table fairly."""
    told = [READING]
    if not task.wide_peers:
        told.append(COMPACTED)
    if any(not spec.fit_intercept for spec in runs):
        told.append(NO_INTERCEPT[LOSSES[task.loss].location])
    return "\n" + "\n".join(told)


# --- the command line -------------------------------------------------------------------------------------------------


def add_common_arguments(parser, solvers):
    """The options that all comparing commands share."""
    specs = [Spec.parse(written) for written in solvers]
    parser.add_argument("--solvers", nargs="+", type=Spec.parse, default=specs, metavar="NAME[:KEY=VALUE,...]")
    add_run_arguments(parser)


def add_run_arguments(parser):
    """How fits are run: by which interpreter, how often, within which limits."""
    parser.add_argument("--python", action="append", default=[], metavar="NAME=PATH", help="interpreter of a solver")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--time-limit", type=float, default=600.0, help="seconds for one fit")
    parser.add_argument("--memory-limit", type=float, default=16.0, help="address space of one solver, GiB")


def interpreters(arguments):
    """Interpreter of each solver: `--python NAME=PATH`, else the variable SPARSEREG_BENCH_PYTHON_<NAME>, else our own.

    NAME is a solver, or the part before its hyphen: `--python sklearn=...` serves every scikit-learn solver.
    """
    given = dict(pair.split("=", 1) for pair in arguments.python)
    found = {}
    for name in PEERS:
        family = name.partition("-")[0]
        variable = os.environ.get(f"SPARSEREG_BENCH_PYTHON_{family.upper()}", sys.executable)
        python = given.get(name, given.get(family, variable))
        if shutil.which(python) is None:
            raise SystemExit(f"no interpreter at {python!r} for {name}")
        found[name] = python
    return found


def add_data_arguments(parser, files=()):
    """Which data set: a synthetic one, or one of `files`, which the user has."""
    parser.add_argument("--data", choices=(*SYNTHETIC, *files), default="crossed")
    parser.add_argument("--rows", type=int, default=None, help="default: 1,000,000 crossed, 20,000 text")
    if files:
        parser.add_argument("--file", type=Path, default=None, help=f"svmlight file of {' or '.join(files)}")


def dataset_path(arguments, target="gaussian"):
    """The cached data set that the arguments name, with a target of the kind that is asked where it is synthetic."""
    if arguments.data in SYNTHETIC:
        return cached(arguments.data, arguments.rows, arguments.seed, target)
    if arguments.file is None or not arguments.file.is_file():
        raise SystemExit(f"--data {arguments.data} needs --file PATH of its svmlight file, got {arguments.file}")
    return cached_file(arguments.data, arguments.file)
