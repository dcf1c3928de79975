"""What the benchmarks share: the command line, solvers' processes, clocks, tables."""

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
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy
from data import SYNTHETIC, cached, cached_file

ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "BLIS_NUM_THREADS"), "1"
)
SETUP_SECONDS = 300.0  # allowed for imports, loading and warm-up on top of the time limit of the fit itself
GIB = 2**30


# --- the command line -------------------------------------------------------------------------------------------------


def make_parser(doc, files=None):
    """A parser that says the first line of `doc`, and which data set where `files` is a tuple.

    The data set is a synthetic one, or one of `files`, which the user has.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    if files is not None:
        parser.add_argument("--data", choices=(*SYNTHETIC, *files), default="crossed")
        parser.add_argument("--rows", type=int, default=None, help="default: 1,000,000 crossed, 20,000 text")
    if files:
        parser.add_argument("--file", type=Path, default=None, help=f"svmlight file of {' or '.join(files)}")
    return parser


def add_grid_arguments(parser, n_alphas, eps):
    """The alphas of a path, and the penalty."""
    parser.add_argument("--alphas", type=int, default=n_alphas)
    parser.add_argument("--eps", type=float, default=eps, help="smallest alpha over largest")
    parser.add_argument("--l1-ratio", type=float, default=1.0)


def add_run_arguments(parser, repeats=3, time_limit=600.0, memory_limit=16.0):
    """How fits are run: by which interpreter, how often, within which limits."""
    parser.add_argument("--python", action="append", default=[], metavar="NAME=PATH", help="interpreter of a solver")
    parser.add_argument("--repeats", type=int, default=repeats)
    parser.add_argument("--time-limit", type=float, default=time_limit, help="seconds for one fit")
    if memory_limit is not None:
        parser.add_argument("--memory-limit", type=float, default=memory_limit, help="address space of one solver, GiB")


def dataset_path(arguments, target="gaussian"):
    """The cached data set that the arguments name, with a target of the kind that is asked where it is synthetic."""
    if arguments.data in SYNTHETIC:
        return cached(arguments.data, arguments.rows, arguments.seed, target)
    if arguments.file is None or not arguments.file.is_file():
        raise SystemExit(f"--data {arguments.data} needs --file PATH of its svmlight file, got {arguments.file}")
    return cached_file(arguments.data, arguments.file)


def interpreter(arguments, name):
    """Interpreter of a solver: `--python NAME=PATH`, else the variable SPARSEREG_BENCH_PYTHON_<NAME>, else our own.

    NAME is a solver, or the part before its hyphen: `--python sklearn=...` serves every scikit-learn solver.
    """
    given = dict(pair.split("=", 1) for pair in arguments.python)
    family = name.partition("-")[0]
    variable = os.environ.get(f"SPARSEREG_BENCH_PYTHON_{family.upper()}", sys.executable)
    python = given.get(name, given.get(family, variable))
    if shutil.which(python) is None:
        raise SystemExit(f"no interpreter at {python!r} for {name}")
    return python


@dataclass(frozen=True)
class Spec:
    """A solver with its settings, written `name:key=value,key=value`."""

    name: str
    settings: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, written, known):
        """Read one specification of the command line."""
        name, _, rest = written.partition(":")
        if name not in known:
            raise argparse.ArgumentTypeError(f"unknown solver {name!r}; known: {', '.join(known)}")
        return cls(name, tuple(tuple(pair.split("=", 1)) for pair in rest.split(",") if pair))

    def describe_settings(self):
        """The settings as they were written."""
        return ", ".join(f"{key}={value}" for key, value in self.settings)

    def values(self):
        """The settings: int or float where a value reads as one, else the word itself."""
        return {key: number_or_word(value) for key, value in self.settings}


def number_or_word(value):
    """A setting's value: int or float where it reads as one, else the word itself."""
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


# --- processes and clocks ---------------------------------------------------------------------------------------------


def run_job(command, job, read=None, arrays=(), threads=ONE_THREAD):
    """Do one job in a process of its own.

    Parameters
    ----------
    command : list
        Is given the job's folder, in which `job.json` says what to do, as one argument more.
    job : dict
        With `time_limit`.
    read : callable or None
        Takes the folder, and gives the answer that the process left beside its record.
    arrays : sequence of (name, ndarray)
        Saved there beforehand.
    threads : dict
        Variables of the environment that say how many threads libraries may use; none leaves the default.

    Returns
    -------
    failure : str
        Why there is no record, in a few words; empty where there is one.
    record : dict
    answer : object
    """
    with tempfile.TemporaryDirectory(prefix="sparsereg-bench-") as name:
        folder = Path(name)
        for key, array in arrays:
            np.save(folder / f"{key}.npy", array)
        (folder / "job.json").write_text(json.dumps(job))
        status, complaint = run_process([*command, folder], job["time_limit"], threads)
        failure = explain(status, complaint, job["time_limit"], folder)
        if failure:
            return failure, {}, None
        return "", json.loads((folder / "record.json").read_text()), read and read(folder)


def run_process(command, time_limit, threads=ONE_THREAD):
    """Run `command`, single-threaded or as told, in a session of its own: exit status and end of its stderr."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env={**os.environ, **threads},
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


def interleaved_clocks(steps, repeats):
    """Median wall and CPU seconds of every step; each repeat runs all of them, and a first round is not counted."""
    spent = {name: [] for name in steps}
    for _ in range(repeats + 1):
        for name, step in steps.items():
            wall, cpu = time.perf_counter(), time.process_time()
            step()
            spent[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return {name: tuple(map(statistics.median, zip(*times[1:]))) for name, times in spent.items()}


def interleaved(steps, repeats):
    """Median CPU seconds alone."""
    return {name: cpu for name, (_, cpu) in interleaved_clocks(steps, repeats).items()}


# --- tables -----------------------------------------------------------------------------------------------------------


def medians(records, *keys):
    """Median of each entry of the records; nothing where there are none."""
    return [statistics.median(record[key] for record in records) for key in keys if records]


def print_table(headings, rows):
    """A markdown table."""
    print("| " + " | ".join(headings) + " |")
    print("|" + "---|" * len(headings))
    for row in rows:
        print("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |")


def machine():
    """Interpreter, libraries, processor and threads."""
    model = "unknown processor"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    return f"{model}, 1 thread, Python {platform.python_version()}, NumPy {np.__version__}, SciPy {scipy.__version__}"
