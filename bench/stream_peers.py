"""One adapter per streaming learner, and the process that runs it.

`bench_stream.py` starts this file with the interpreter of the learner's own environment, so it may import nothing but
NumPy, SciPy and this folder's modules before it knows which learner is wanted. Imports, loading the rows and a warm-up
come before the clock starts; held-out rows are predicted after it stopped. Files are in the system's page cache.

An adapter takes `(job, **settings)` and returns `(margins of the held-out rows, record)`. `job.alpha` is the L1 penalty
on the scale of the mean loss, so `job.alpha * rows` is that of the sum, which FTRL takes.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
from peers import NotInstalled, leave_record, memory, timed
from stream_data import HELD_OUT, Stream, StreamFiles, csr, n_columns

BATCH = 100_000  # rows of one partial_fit where the learner cannot be given all at once
CLASSES = np.array([0.0, 1.0])


@dataclass(frozen=True)
class Job:
    """What a learner is asked to do: rows, penalty and limit of seconds."""

    folder: Path  # for the learner's own files
    data: StreamFiles
    alpha: float
    time_limit: float

    @cached_property
    def y(self):
        """Labels, 0 or 1."""
        return self.data.load("y")

    def rows(self, index_dtype=np.int64):
        """The training rows."""
        return csr(self.data.load("ids"), self.data.facts["width"], index_dtype)

    def held_out(self, index_dtype=np.int64):
        """The held-out rows."""
        return csr(self.data.load("held_ids"), self.data.facts["width"], index_dtype)


def log_loss(y, margins):
    """Mean logistic loss; labels are 0 and 1."""
    return float(np.logaddexp(0.0, (1.0 - 2.0 * y) * margins).mean())


def parts_of(X, y, size):
    """Blocks of rows that share memory with `X`, whose rows have equally many entries."""
    per_row = X.nnz // len(y)
    for start in range(0, len(y), size):
        rows = slice(start, start + size)
        ids = X.indices[start * per_row : (start + size) * per_row].reshape(-1, per_row)
        yield csr(ids, X.shape[1], X.indices.dtype), y[rows]


def ready(path):
    """Bring a file into the system's page cache, so that nobody waits for the disk; returns its path."""
    with path.open("rb") as file:
        while file.read(1 << 24):
            pass
    return path


# --- sparsereg --------------------------------------------------------------------------------------------------------


def sparsereg_model(alpha, settings):
    """An SGDClassifier of sparsereg."""
    from sparsereg import SGDClassifier

    return SGDClassifier(**{"alpha": alpha, "l1_ratio": 1.0, **settings})


def sparsereg_record(model, record):
    """Where our learner has come to, added to the record of the run."""
    # history_ has an entry only where counting non-zeros is cheap, which is not always the end.
    training = model.training_
    weight, loss = training.learner.totals
    record |= {"progressive": loss / weight, "learning": training.seconds, "state": training.learner.nbytes}
    return record | {"touched": model.n_active_, "non_zeros": model.sparse_coef_.nnz}


def sparsereg_stream(job, *, batch=BATCH, passes=1, **settings):
    """Our partial_fit, block by block, with the table that grows."""
    X, y = job.rows(), job.y
    model = sparsereg_model(job.alpha, settings)
    warm_up = sparsereg_model(job.alpha, settings)
    warm_up.partial_fit(*next(parts_of(X, y, 1_000)), classes=CLASSES)

    def learn():
        for _ in range(passes):
            for block, labels in parts_of(X, y, batch):
                model.partial_fit(block, labels, classes=CLASSES)

    _, record = timed(learn, job.time_limit)
    return model.decision_function(job.held_out()), sparsereg_record(model, record)


def sparsereg_text(job, *, batch=BATCH, passes=1, **settings):
    """Our fit_stream from svmlight text, which a second thread reads."""
    from sparsereg import SvmlightReader

    path, width = ready(job.data.svmlight()), job.data.facts["width"]
    few = islice(SvmlightReader(path, n_features=width, block_rows=1_000), 1)
    sparsereg_model(job.alpha, settings).fit_stream(few, classes=CLASSES)
    model = sparsereg_model(job.alpha, settings)
    reader = SvmlightReader(path, n_features=width, block_rows=batch)
    _, record = timed(lambda: model.fit_stream(reader, classes=CLASSES, n_passes=passes), job.time_limit)
    return model.decision_function(job.held_out()), sparsereg_record(model, record)


def sparsereg_fit(job, *, passes=1, **settings):
    """Our fit, which knows all ids beforehand and compacts them."""
    X, y = job.rows(), job.y
    # Without a certificate, as nobody else computes one.
    settings = {"max_iter": passes, "tol": None, "shuffle": False, "certify": False, **settings}
    sparsereg_model(job.alpha, settings).fit(*next(parts_of(X, y, 1_000)))
    model = sparsereg_model(job.alpha, settings)
    _, record = timed(lambda: model.fit(X, y), job.time_limit)
    return model.decision_function(job.held_out()), sparsereg_record(model, record)


def sparsereg_batch(job, *, tol=1e-4, **settings):
    """Our LogisticRegression at the same penalty: the answer that passes over a stream approach."""
    from sparsereg import LogisticRegression

    X, y = job.rows(), job.y
    model = LogisticRegression(alpha=job.alpha, l1_ratio=1.0, tol=tol, **settings)
    _, record = timed(lambda: model.fit(X, y), job.time_limit)
    record["non_zeros"] = int(model.sparse_coef_.nnz)
    return model.decision_function(job.held_out()), record


# --- peers in Python --------------------------------------------------------------------------------------------------


def sklearn_sgd(job, *, batch=0, rows=0, penalty="l1", **settings):
    """The SGDClassifier of scikit-learn: one partial_fit of all rows, or blocks of `batch`, of the first `rows`.

    Its progressive loss is that of every block before it is learned, measured while the clock stands.
    """
    from sklearn.linear_model import SGDClassifier

    rows = int(rows) or len(job.y)
    X, y = next(parts_of(job.rows(np.int32), job.y, rows))
    alpha = job.alpha * len(job.y) / rows
    model = SGDClassifier(loss="log_loss", penalty=None if penalty == "none" else penalty, alpha=alpha, **settings)
    record = {"wall": 0.0, "cpu": 0.0, "peak_memory": 0, "extra_memory": 0}
    before, losses = memory("VmRSS"), []
    for block, labels in parts_of(X, y, int(batch) or rows):
        if losses or batch:
            margins = model.decision_function(block) if losses else np.zeros(len(labels))
            losses.append(log_loss(labels, margins) * len(labels))
        _, one = timed(lambda block=block, labels=labels: model.partial_fit(block, labels, CLASSES), job.time_limit)
        for key in ("wall", "cpu"):
            record[key] += one[key]
        record["peak_memory"] = max(record["peak_memory"], one["peak_memory"])
    record["extra_memory"] = record["peak_memory"] - before
    record |= {"rows": rows, "non_zeros": int(np.count_nonzero(model.coef_))}
    # coef_, and for L1 the penalty that every coordinate has already paid.
    record["state"] = model.coef_.nbytes * (2 if penalty == "l1" else 1)
    if losses:
        record["progressive"] = sum(losses) / rows
    return model.decision_function(job.held_out(np.int32)), record


def river_optimizer(algorithm, eta0, beta, l1):
    """An optimiser of river."""
    from river import optim

    return optim.FTRLProximal(alpha=eta0, beta=beta, l1=l1) if algorithm == "ftrl" else optim.SGD(eta0)


def river(job, *, rows=200_000, algorithm="ftrl", eta0=0.1, beta=1.0):
    """The LogisticRegression of river, row by row from dictionaries that are ready, of the first `rows`."""
    from river import linear_model

    y = job.y[:rows]
    data = [dict.fromkeys(row, 1.0) for row in job.data.load("ids")[:rows].tolist()]
    labels = (y == 1.0).tolist()
    optimizer = river_optimizer(algorithm, eta0, beta, job.alpha * len(job.y))
    model = linear_model.LogisticRegression(optimizer=optimizer)

    def learn():
        for row, label in zip(data, labels):
            model.learn_one(row, label)

    _, record = timed(learn, job.time_limit)
    record |= {"rows": len(y), "non_zeros": sum(value != 0.0 for value in model.weights.values())}
    held = (dict.fromkeys(row, 1.0) for row in job.data.load("held_ids").tolist())
    probability = np.array([model.predict_proba_one(row)[True] for row in held])
    return np.log(probability) - np.log1p(-probability), record


# --- Vowpal Wabbit ----------------------------------------------------------------------------------------------------

VW = (sys.executable, "-m", "vowpalwabbit", "--loss_function", "logistic")


def vw_run(*options, folder):
    """Run Vowpal Wabbit: its report, and the seconds, CPU seconds and peak memory of its process."""
    command = [str(part) for part in (*VW, *options)]
    with tempfile.TemporaryFile("w+") as told:
        wall = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=told, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - wall
        process.returncode = os.waitstatus_to_exitcode(status)
        told.seek(0)
        report = told.read()
    if process.returncode != 0:
        raise RuntimeError(report[-300:])
    peak = used.ru_maxrss * 1024
    return report, {"wall": wall, "cpu": used.ru_utime + used.ru_stime, "peak_memory": peak, "extra_memory": peak}


def vw_cache(data, bits):
    """Path of the rows in Vowpal Wabbit's own binary form, written on first use, and not timed."""
    path = data.folder / f"rows-{bits}.cache"
    if not path.exists():
        partial = path.with_suffix(".partial")
        vw_run("-d", data.text(), "-b", bits, "--cache_file", partial, "-k", "--noop", folder=data.folder)
        partial.replace(path)
    return path


def vw_weights(path):
    """How many weights are not zero in a readable model, and how many coordinates it has."""
    threshold, non_zeros, touched = 0.0, 0, 0
    with path.open() as file:
        for line in file:
            if line.startswith("l1_state"):  # plain SGD truncates by it whenever it reads a weight
                threshold = float(line.split()[1])
            found = re.match(r"\d+:(\S+)", line)
            if found:
                touched += 1
                non_zeros += abs(float(found[1])) > threshold
    return non_zeros, touched


def vw(job, *, source="cache", ftrl=0, bits=28, passes=1, l1=None, **settings):
    """Vowpal Wabbit from its command line, from text or from its cache.

    Reading is in its time, and start-up. The timed run writes no model; another one, not timed, does.
    """
    options = ["-b", bits, "--l1", (job.alpha * job.data.facts["rows"] if ftrl else job.alpha) if l1 is None else l1]
    options += ["--ftrl"] if ftrl else []
    options += [part for key, value in settings.items() for part in (f"--{key}", value)]
    text = ["-d", ready(job.data.text())]
    cached = [*text, "--cache_file", ready(vw_cache(job.data, bits))]
    if passes > 1:
        options += ["--passes", passes, "--holdout_off"]
    report, record = vw_run(*(text if source == "text" else cached), *options, folder=job.folder)
    if (source == "cache") != ("using cache_file" in report):
        raise RuntimeError(f"rows were not read from {source}")
    record["progressive"] = float(re.search(r"^average loss = (\S+)", report, re.MULTILINE)[1])
    saving = ["-f", "model.bin", "--readable_model", "model.txt"]
    vw_run(*cached, *options, *saving, folder=job.folder)
    record["non_zeros"], record["touched"] = vw_weights(job.folder / "model.txt")
    record["state"] = 16 * 2**bits  # four floats for every slot of the table, used or not
    judged = ["-d", job.data.text(held_out=True), "-t", "-i", "model.bin", "-r", "raw.txt"]
    vw_run(*judged, folder=job.folder)
    return np.loadtxt(job.folder / "raw.txt", usecols=0), record


# --- the process ------------------------------------------------------------------------------------------------------


def generated(job):
    """Learn a stream that is generated as it is learned: the record, with the seconds that the generator took.

    It runs in the thread that reads ahead, beside learning.
    """
    stream, width = Stream(job["kind"], job["seed"]), n_columns(job["kind"])
    model = sparsereg_model(job["alpha"], job["settings"])
    generating = 0.0

    def blocks():
        nonlocal generating
        source = stream.blocks(job["rows"])
        while True:
            begun = time.perf_counter()
            found = next(source, None)
            generating += time.perf_counter() - begun
            if found is None:
                return
            yield csr(found[0], width), found[1]

    held_ids, held_y = stream.block(HELD_OUT)
    _, record = timed(lambda: model.fit_stream(blocks(), classes=CLASSES), job["time_limit"])
    record = sparsereg_record(model, record)
    margins = model.decision_function(csr(held_ids, width))
    return {**record, "rows": job["rows"], "generating": generating, "held_out": log_loss(held_y, margins)}


LEARNERS = {
    "sparsereg": ("sparsereg-wide", sparsereg_stream),
    "sparsereg-fit": ("sparsereg-wide", sparsereg_fit),
    "sparsereg-text": ("sparsereg-wide", sparsereg_text),
    "sparsereg-batch": ("sparsereg-wide", sparsereg_batch),
    "vw": ("vowpalwabbit", vw),
    "sklearn": ("scikit-learn", sklearn_sgd),
    "river": ("river", river),
}


def run_job(folder):
    """Run the job described in `folder`: its record."""
    job = json.loads((folder / "job.json").read_text())
    package, learn = LEARNERS[job["learner"]]
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError as error:
        raise NotInstalled(str(error)) from error
    if job["generated"]:
        return {**generated(job), "version": version}
    data = StreamFiles(Path(job["data"]))
    asked = Job(folder, data, job["alpha"], job["time_limit"])
    margins, record = learn(asked, **job["settings"])
    record = {"rows": data.facts["rows"], **record, "version": version}
    return {**record, "held_out": log_loss(data.load("held_y"), margins)}


if __name__ == "__main__":
    leave_record(Path(sys.argv[1]), run_job)
