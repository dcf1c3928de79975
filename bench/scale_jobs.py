"""Fits beyond one machine and beyond memory, each in a process of its own, which `bench_scale.py` starts.

A job takes what `job.json` says, and leaves a record: CPU seconds of all processes that took part, peak memory of the
busiest, bytes that moved. Those that fit leave the coefficients of their path too, to be judged elsewhere.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from dataclasses import asdict
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import scale_data
from peers import forget_peak, leave_record, memory, timed
from scipy import sparse

import sparsereg
from sparsereg import Reduced, logistic_path


def fitted(folder, path, **record):
    """Leave the coefficients of a path, and return what it says of itself beside a record."""
    sparse.save_npz(folder / "coefs.npz", sparse.csc_matrix(path.coefs), compressed=False)
    np.save(folder / "intercepts.npy", path.intercepts)
    told = {"non_zeros": [int(count) for count in path.df], "gap": float(np.max(path.dual_gaps))}
    return {**record, **told}


def reduction(reduced):
    """What is left of the rows."""
    rows = reduced.entries.rows
    return {"rows": reduced.n_samples, "distinct": reduced.n_rows, "columns": rows.active.size, "bytes": reduced.nbytes}


# --- one process ------------------------------------------------------------------------------------------------------


def in_memory(job, folder):
    """All rows read into one matrix, and fitted."""

    def fit():
        matrices, targets = zip(*map(scale_data.matrix, job["parts"]))
        X = sparse.vstack(matrices, format="csr")
        del matrices
        return logistic_path(X, np.concatenate(targets), alphas=job["alphas"])

    path, record = timed(fit, job["time_limit"])
    return fitted(folder, path, **record, n_samples=path.n_samples)


def out_of_core(job, folder):
    """Rows reduced block by block, and what is left of them fitted."""
    reader = scale_data.reader(job["parts"])
    limit = {} if job["memory_limit"] is None else {"memory_limit": job["memory_limit"]}
    reduced, reducing = timed(lambda: Reduced.of_blocks(reader, loss="logistic", **limit), job["time_limit"])
    path, solving = timed(lambda: logistic_path(reduced, alphas=job["alphas"]), job["time_limit"])
    record = {key: reducing[key] + solving[key] for key in ("wall", "cpu")}
    record["peak_memory"] = max(reducing["peak_memory"], solving["peak_memory"])
    return fitted(folder, path, **record, **reduction(reduced), reducing=reducing, solving=solving)


def live_columns(reduced, alpha):
    """How many columns an L1 path down to `alpha` can ever bring in: slopes of a label are below one."""
    rows, sums = reduced.entries.rows, reduced.entries.sums.columns
    row = np.repeat(np.arange(rows.n_samples), np.diff(rows.indptr))
    most = np.max([np.bincount(rows.indices, total[row], rows.active.size) for total in sums], axis=0)
    return int(np.count_nonzero(most > alpha * reduced.n_samples))


def growth(job, folder):
    """The first rows of many, in steps: what they reduce to, what merging takes, and what a path takes."""
    blocks = iter(scale_data.reader(job["parts"]))
    whole, done, steps = None, 0, []
    for rows in job["steps"]:
        some = islice(blocks, (rows - done) // scale_data.BLOCK)
        part, reducing = timed(partial(Reduced.of_blocks, some, loss="logistic"), job["time_limit"])
        both = [part] if whole is None else [whole, part]
        before = sum(reduced.n_rows for reduced in both)
        whole, merging = timed(partial(Reduced.merge_all, both), job["time_limit"])
        del part, both
        path, solving = timed(partial(logistic_path, whole, alphas=job["alphas"]), job["time_limit"])
        live = live_columns(whole, job["alphas"][-1])
        told = {"live": live, "merged": before, "read": rows - done, "non_zeros": int(path.df[-1])}
        steps.append({**reduction(whole), **told, "reducing": reducing, "merging": merging, "solving": solving})
        done = rows
    return {"steps": steps}


def count(job, folder):
    """Distinct rows of far more rows, counted alone."""
    counted = zip(job["steps"], scale_data.count_cells(job["seed"], job["steps"]))
    return {"steps": [{"rows": rows, "distinct": distinct} for rows, distinct in counted]}


def stages(job, folder):
    """Seconds of one core that a row takes: to read, to make columns of, to reduce, to learn from in a stream."""
    from pyarrow import parquet

    def reading():
        for path in job["parts"]:
            with parquet.ParquetFile(path) as file:
                for _ in file.iter_batches(batch_size=scale_data.BLOCK, use_threads=False):
                    pass

    def crossing():
        for _ in scale_data.reader(job["parts"]):
            pass

    def reducing():
        Reduced.of_blocks(scale_data.reader(job["parts"]), loss="logistic")

    def learning():
        model = sparsereg.SGDClassifier(algorithm="ftrl", alpha=1e-7, eta0=0.1, beta=1.0)
        model.fit_stream(scale_data.reader(job["parts"]), classes=[0, 1])

    calls = {"reading": reading, "crossing": crossing, "reducing": reducing, "learning": learning}
    return {name: timed(call, job["time_limit"])[1] for name, call in calls.items()}


# --- shards that stay -------------------------------------------------------------------------------------------------


class Watched:
    """A pool of shards, of which every round is noted: what it was for, bytes that came, CPU seconds, rows."""

    def __init__(self, pool, alphas, rounds):
        self.pool, self.alphas, self.rounds, self.traffic = pool, alphas, rounds, pool.traffic
        self.n_shards, self.release = pool.n_shards, pool.release

    def _noted(self, label, call, *arguments, **settings):
        came, spent = self.traffic.bytes_received, time.process_time()
        result = call(*arguments, label=label, **settings)
        told = {"label": label, "cpu": time.process_time() - spent, "bytes": self.traffic.bytes_received - came}
        # Rows are restricted before the solver works on an alpha, gradients are taken after.
        known = self.rounds[-1]["alpha"] if self.rounds and label == "gradient" else None
        self.rounds.append({**told, "alpha": known, "rows": getattr(result, "n_rows", 0)})
        return result

    def apply(self, function, *arguments, label):
        """As the pool does."""
        return Watched(self._noted(label, self.pool.apply, function, *arguments), self.alphas, self.rounds)

    def gather(self, function, combine, *arguments, finish=None, label):
        """As the pool does."""
        return self._noted(label, self.pool.gather, function, combine, *arguments, finish=finish)

    def note(self, progress):
        """Note which alpha the solver works on; on the way to one, strengths in between are reported too."""
        alpha = int(np.searchsorted(-self.alphas, -progress.alpha * (1.0 + 1e-9)))
        for told in reversed(self.rounds):
            if told["label"] == "gradient" and told["alpha"] != alpha:
                self.rounds.append({"label": "solve", "cpu": 0.0, "bytes": 0, "alpha": alpha, "rows": 0})
                return
            if told["alpha"] is not None:
                return
            told["alpha"] = alpha


def stay(job, folder):
    """Parts as shards of one process: a path over them, with what came to the client for every alpha."""
    from sparsereg.shards import LocalPool, staying_path

    shards = [Reduced.of_blocks(scale_data.reader([path]), loss="logistic") for path in job["parts"]]
    alphas = np.array(job["alphas"])
    pool = Watched(LocalPool(shards), alphas, [])
    path, record = timed(
        lambda: staying_path(pool, loss="logistic", alphas=alphas, callback=pool.note), job["time_limit"]
    )
    record |= {"shard_bytes": sum(shard.nbytes for shard in shards), "n_rows": sum(shard.n_rows for shard in shards)}
    record |= {key: getattr(pool.traffic, key) for key in ("bytes_received", "bytes_sent", "passes")}
    return fitted(folder, path, **record, rounds=pool.rounds, n_shards=len(shards))


# --- Dask -------------------------------------------------------------------------------------------------------------


def outgoing(dask_worker):
    """Bytes that a worker has sent to anybody."""
    return dask_worker.transfer_outgoing_bytes_total


def usage(client):
    """What this process and the workers have used so far: CPU seconds, and bytes that workers sent."""
    workers = client.run(time.process_time)
    return {
        "client_cpu": time.process_time(),
        "workers_cpu": sum(workers.values()),
        "sent_by_workers": sum(client.run(outgoing).values()),
    }


# Of processes with one thread each, on loopback.
WORKERS = {
    "threads_per_worker": 1, "processes": True, "dashboard_address": None, "host": "127.0.0.1", "silence_logs": 50,
}  # fmt: skip


def on_dask(job, folder):
    """The path on workers of their own processes; this process is the client, and the scheduler."""
    from distributed import Client, LocalCluster

    from sparsereg.dask import dask_path

    asked = {"features": scale_data.features(), "loss": "logistic", "alphas": job["alphas"]}
    with LocalCluster(n_workers=job["workers"], **WORKERS) as cluster, Client(cluster) as client:
        # A fit of one part, so that imports and connections are not measured.
        dask_path(job["parts"][:1], scale_data.TARGET, where=job["where"], **{**asked, "alphas": job["alphas"][:1]})
        client.run(forget_peak)
        before = usage(client)
        path, record = timed(
            lambda: dask_path(job["parts"], scale_data.TARGET, where=job["where"], **asked), job["time_limit"]
        )
        after = usage(client)
        peaks = client.run(memory, "VmHWM")
    record |= {key: after[key] - before[key] for key in before}
    record["client_peak"] = record["peak_memory"]
    record |= {"cpu": record["client_cpu"] + record["workers_cpu"], "peak_memory": max(peaks.values())}
    return fitted(folder, path, **record, **asdict(path.reduction))


def await_workers(client, n_workers, patience=120.0):
    """Wait until those that were killed are back."""
    limit = time.monotonic() + patience
    while len(client.scheduler_info()["workers"]) < n_workers:
        if time.monotonic() > limit:
            raise TimeoutError(f"fewer than {n_workers} workers after {patience:g} s")
        time.sleep(0.2)


def killed_fit(job, client, rng, asked, seconds):
    """A fit during which a worker is killed: when, after which the fit ended, and how."""
    from sparsereg.dask import dask_path

    # One that was killed may not be missed yet.
    pids = list(client.run(os.getpid, on_error="ignore").values())
    after, victim = float(rng.uniform(0.0, seconds)), int(rng.choice(pids))
    killer = threading.Timer(after, os.kill, (victim, signal.SIGKILL))
    killer.start()
    start = time.perf_counter()
    try:
        path = dask_path(job["parts"], scale_data.TARGET, where=job["where"], timeout=60.0, **asked)
        outcome = path.coefs, path.intercepts, path.objectives
    except Exception as error:
        outcome = f"{type(error).__name__}: {error}"
    killer.join()
    return after, time.perf_counter() - start, outcome


def kills(job, folder):
    """Fits during each of which a worker is killed at a random moment, on one cluster, and one fit at the end."""
    import dask
    from distributed import Client, LocalCluster

    from sparsereg.dask import dask_path

    # On a busy machine a worker takes longer to come back than a local cluster waits before it gives it up.
    dask.config.set({"distributed.deploy.lost-worker-timeout": "120s"})
    rng = np.random.default_rng(job["seed"])
    asked = {"features": scale_data.features(), "loss": "logistic", "alphas": job["alphas"]}
    told = []
    with LocalCluster(n_workers=job["workers"], **WORKERS) as cluster, Client(cluster) as client:
        dask_path(job["parts"], scale_data.TARGET, where=job["where"], **asked)
        start = time.perf_counter()
        right = dask_path(job["parts"], scale_data.TARGET, where=job["where"], **asked)
        seconds = time.perf_counter() - start
        for number in range(job["kills"] + 1):
            await_workers(client, job["workers"])
            last = number == job["kills"]
            if last:
                path = dask_path(job["parts"], scale_data.TARGET, where=job["where"], **asked)
                after, took, outcome = float("nan"), 0.0, (path.coefs, path.intercepts, path.objectives)
            else:
                after, took, outcome = killed_fit(job, client, rng, asked, seconds)
            if not isinstance(outcome, str):
                coefs, _, objectives = outcome
                same = (coefs != right.coefs).nnz == 0 and np.array_equal(objectives, right.objectives)
                outcome = "same bits" if same else f"objectives {np.abs(objectives / right.objectives - 1.0).max():.1e}"
            told.append({"after": None if last else after, "took": took, "outcome": outcome})
    return {"seconds": seconds, "told": told}


JOBS = {
    "in-memory": in_memory, "out-of-core": out_of_core, "growth": growth, "count": count,
    "stages": stages, "stay": stay, "dask": on_dask, "kills": kills,
}  # fmt: skip


def run_job(folder):
    """Run the job that a folder describes: its record."""
    job = json.loads((folder / "job.json").read_text())
    return JOBS[job["job"]](job, folder)


if __name__ == "__main__":
    leave_record(Path(sys.argv[1]), run_job)
