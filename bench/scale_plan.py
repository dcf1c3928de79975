"""What fits take at scale, on paper: measured bytes and seconds, growth beyond what was measured, a merge tree.

A cluster is `Machine`s. Nothing here runs a fit: `bench_scale.py --mode plan` measures on this machine what it asks.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import numpy as np

GIB = 2**30
FAN, SUMS_FAN = 8, 4  # reductions merged at once, and sums of columns and gradients added up, as the package does
SPREAD = 0.5  # standard deviation of the logarithm of the rows of a file: sizes of files differ
MOST_ROWS = 2**31 - 1  # distinct rows of a reduction
SUM_BYTES = 24.0  # of a column: its id, its rows and its positives
STREAM_BYTES = 31.0  # of a coefficient that a stream has touched, in its table
N_CELLS = 180 * 60 * 360 * 60  # of one arc-minute: as many distinct rows as there can be


@dataclass(frozen=True)
class Machine:
    """A worker; the default is one of the clouds' usual sizes."""

    cores: int = 16
    memory: float = 64 * GIB
    network: float = 10e9 / 8  # bytes a second, in and out, files from object storage included


@dataclass(frozen=True)
class Costs:
    """What was measured on one core.

    Attributes
    ----------
    file_bytes : float
        Of a row in its file.
    reduce, learn : float
        Seconds a row: read, crossed and reduced; read, crossed and learned from by a stream.
    merge : float
        Seconds a distinct row that is merged.
    solve : float
        Seconds a distinct row, for all alphas.
    row_bytes, solve_bytes : float
        Of a distinct row: in a reduction, and while a path is solved beyond that.
    stay_rows : float
        Seconds a distinct row of a shard, for all rounds of all alphas.
    stay_columns : float
        Seconds an occupied column of a shard, for the sums of all columns.
    stay_bytes : float
        Of restricted rows and gradients that come to the client, for all alphas.
    stay_solve : float
        Seconds at the client, for all alphas.
    """

    file_bytes: float
    reduce: float
    learn: float
    merge: float
    solve: float
    row_bytes: float
    solve_bytes: float
    stay_rows: float
    stay_columns: float
    stay_bytes: float
    stay_solve: float


@dataclass(frozen=True)
class Growth:
    """Distinct rows against rows: measured, and beyond that as the last two steps say, up to what there can be.

    Attributes
    ----------
    rows, distinct : ndarray of float64, ascending
    most : float
    """

    rows: np.ndarray
    distinct: np.ndarray
    most: float = N_CELLS

    @property
    def exponent(self):
        """Of the last two steps."""
        return float(np.diff(np.log(self.distinct[-2:]))[0] / np.diff(np.log(self.rows[-2:]))[0])

    def __call__(self, rows):
        """Distinct rows of some rows, straight in logarithms between the measured ones."""
        rows = np.asarray(rows, dtype=float)
        inside = np.exp(np.interp(np.log(np.maximum(rows, 1.0)), np.log(self.rows), np.log(self.distinct)))
        beyond = self.distinct[-1] * np.maximum(rows / self.rows[-1], 1.0) ** self.exponent
        short = np.minimum(rows / self.rows[0], 1.0) ** 0.8  # few rows repeat less: steeper below the first step
        return np.minimum(np.minimum(np.where(rows > self.rows[-1], beyond, inside * short), rows), self.most)


@dataclass(frozen=True)
class Tree:
    """What merging took.

    Attributes
    ----------
    seconds : float
        From the first part to the whole.
    moved : float
        Bytes between workers.
    peak : float
        Bytes on the busiest worker: what it merges, and what it makes of it.
    """

    seconds: float
    moved: float
    peak: float


class _Workers:
    """When the network and the cores of every worker are free."""

    def __init__(self, n_workers, machine):
        self.machine = machine
        self.network = np.zeros(n_workers)
        self.cores = [[0.0] * machine.cores for _ in range(n_workers)]

    def merge(self, worker, ready, arriving, seconds):
        """Receive bytes, then compute; return when that is done."""
        here = max(ready, self.network[worker]) + arriving / self.machine.network
        self.network[worker] = here
        done = max(here, heapq.heappop(self.cores[worker])) + seconds
        heapq.heappush(self.cores[worker], done)
        return done


def merge_tree(rows, size, n_workers, machine, seconds, row_bytes, fan=FAN):
    """Simulate the merging of parts up a tree, each node on the worker that has the largest of what it merges.

    Parameters
    ----------
    rows : ndarray of float64 of shape (n_parts,)
        Of the parts, which lie on the workers in turn.
    size : callable
        What so many rows come to: distinct rows, or columns.
    n_workers : int
    machine : Machine
    seconds, row_bytes : float
        Of a distinct row or column that is merged.
    fan : int

    Returns
    -------
    tree : Tree
    """
    workers, moved, peak = _Workers(n_workers, machine), 0.0, 0.0
    level = [(0.0, k % n_workers, float(part), float(size(part))) for k, part in enumerate(rows)]
    while len(level) > 1:
        groups = [level[k : k + fan] for k in range(0, len(level), fan)]
        above = []
        for group in sorted(groups, key=lambda group: max(node[0] for node in group)):
            ready = max(node[0] for node in group)
            worker = max(group, key=lambda node: node[3])[1]
            arriving = row_bytes * sum(distinct for _, where, _, distinct in group if where != worker)
            merged, covered = sum(node[3] for node in group), sum(node[2] for node in group)
            distinct = float(size(covered))
            done = workers.merge(worker, ready, arriving, seconds * merged)
            moved, peak = moved + arriving, max(peak, row_bytes * (merged + 2.0 * distinct))
            above.append((done, worker, covered, distinct))
        level = above
    return Tree(level[0][0], moved, peak)


def part_rows(n_rows, n_parts, seed=0):
    """Rows of parts whose sizes differ as those of files do."""
    share = np.random.default_rng(seed).lognormal(0.0, SPREAD, n_parts)
    return n_rows * share / share.sum()


@dataclass(frozen=True)
class Outlook:
    """What a way of fitting takes: seconds by phase, bytes of memory on the busiest machine, what breaks."""

    seconds: dict
    memory: float
    breaks: str

    @property
    def total(self):
        """Seconds of all phases."""
        return sum(self.seconds.values())


def reduce_outlook(n_rows, n_workers, growth, costs, machine, n_parts):
    """Rows are reduced where they lie, merged up a tree and solved on one worker."""
    distinct = float(growth(n_rows))
    tree = merge_tree(part_rows(n_rows, n_parts), growth, n_workers, machine, costs.merge, costs.row_bytes)
    memory = max(distinct * (costs.row_bytes + costs.solve_bytes), tree.peak)
    read = reading(n_rows, n_workers, costs, machine)
    seconds = {"read": read, "merge": tree.seconds, "solve": costs.solve * distinct}
    breaks = "memory of one worker" if memory > machine.memory else ""
    return Outlook(seconds, memory, "2^31 rows" if distinct > MOST_ROWS else breaks)


def stay_outlook(n_rows, n_workers, growth, costs, machine):
    """Rows stay where they are, a shard for every core: sums of columns up a tree, then rounds over all shards."""
    n_shards = n_workers * machine.cores
    shard, columns = float(growth(n_rows / n_shards)), lambda rows: np.minimum(growth(rows), N_CELLS)
    tree = merge_tree(part_rows(n_rows, n_shards), columns, n_workers, machine, costs.merge, SUM_BYTES, SUMS_FAN)
    # A shard, what dead columns leave of it, and a vector as long as either.
    memory = max(machine.cores * shard * 2.5 * costs.row_bytes, tree.peak)
    levels = math.ceil(math.log(n_shards, SUMS_FAN))
    seconds = {
        "read": reading(n_rows, n_workers, costs, machine),
        "columns": tree.seconds + costs.stay_columns * shard,
        "rounds": costs.stay_rows * shard + levels * (SUMS_FAN - 1) * costs.stay_bytes / machine.network,
        "solve": costs.stay_solve,
    }
    return Outlook(seconds, memory, "memory of the workers" if memory > machine.memory else "")


def stream_outlook(n_rows, growth, costs, machine):
    """One core learns from every row once."""
    memory = STREAM_BYTES * float(growth(n_rows))
    return Outlook({"learn": costs.learn * n_rows}, memory, "memory of one machine" if memory > machine.memory else "")


def reading(n_rows, n_workers, costs, machine):
    """Seconds to read, cross and reduce all rows: of the cores, or of the network if that is slower."""
    cores = n_rows * costs.reduce / (n_workers * machine.cores)
    return max(cores, n_rows * costs.file_bytes / (n_workers * machine.network))
