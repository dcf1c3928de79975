"""Beyond one machine and beyond memory: reductions that merge, fits out of core, Dask, and what it comes to at scale.

python bench/bench_scale.py --mode out-of-core
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import common
import numpy as np
import scale_data
import scale_plan
from common import GIB, add_run_arguments, interpreter, machine, make_parser, print_table
from comparison import narrow, read_path

ALPHAS = np.geomspace(2e-4, 2e-6, 10)
MIB = 2**20
SIZES = {
    "out-of-core": (100_000_000, 64),
    "dask": (10_000_000, 8),
    "kills": (500_000, 8),
    "stay": (2_000_000, 8),
    "growth": (100_000_000, 64),
    "plan": (100_000_000, 64),
}


@dataclass
class Run:
    """What one job did: its record and the judged path, or why there is none."""

    failure: str = ""
    record: dict = field(default_factory=dict)
    primals: np.ndarray | None = None
    gaps: np.ndarray | None = None
    columns: list = field(default_factory=list)


@dataclass
class Task:
    """Jobs on the same parts, and what their paths are judged on."""

    arguments: object
    parts: list
    alphas: np.ndarray = field(default_factory=ALPHAS.copy)

    def run(self, name, judged=True, **settings):
        """Do one job in a process of its own, and judge the path that it left."""
        arguments = self.arguments
        job = {
            "job": name, "parts": self.parts, "alphas": self.alphas.tolist(), "time_limit": arguments.time_limit,
            "memory_limit": arguments.spill, **settings,
        }  # fmt: skip
        command = [interpreter(arguments, "sparsereg"), Path(__file__).with_name("scale_jobs.py")]
        failure, record, answer = common.run_job(command, job, read_path if judged else None)
        told = failure or (f"{record['cpu']:.3g} s CPU" if "cpu" in record else "done")
        print(f"{name}: {told}", file=sys.stderr, flush=True)
        if failure or not judged:
            return Run(failure, record)
        coefs, _ = answer
        columns = [frozenset(coefs[:, [k]].nonzero()[0].tolist()) for k in range(coefs.shape[1])]
        return Run("", record, *self.judge(*answer), columns)

    def judge(self, coefs, intercepts):
        """Objectives and gaps of a path, by the common function."""
        if not hasattr(self, "_problem"):
            self._problem, self._columns = scale_data.problem(self.parts)
        return self._problem.evaluate_path(narrow(coefs, self._columns), intercepts, self.alphas)


# --- out of core ------------------------------------------------------------------------------------------------------


def out_of_core(task):
    """Rows reduced through a reader, and a path of what is left."""
    run = task.run("out-of-core")
    if run.failure:
        raise SystemExit(run.failure)
    record = run.record
    head = ("", "wall s", "CPU s", "peak MiB", "extra MiB")
    rows = [
        [name, *(f"{part[key]:.3g}" for key in ("wall", "cpu")),
         *(f"{part[key] / MIB:,.0f}" for key in ("peak_memory", "extra_memory"))]
        for name, part in (("reduce", record["reducing"]), ("path of 10 alphas", record["solving"]))
    ]  # fmt: skip
    print_table(head, rows)
    print(
        f"\n{record['rows']:,} rows are {record['distinct']:,} distinct ones on {record['columns']:,} occupied "
        f"columns, {record['bytes'] / 1e6:,.0f} MB. Peak {record['peak_memory'] / GIB:.2f} GiB, the interpreter and "
        f"its libraries included.\nNon-zeros {record['non_zeros']}; largest gap by the common function "
        f"{run.gaps.max():.1e}, by the path itself {record['gap']:.1e}."
    )


# --- Dask -------------------------------------------------------------------------------------------------------------

WAYS = {
    "one process, all in memory": ("in-memory", {}),
    "one process, block by block": ("out-of-core", {}),
    "Dask, reduce": ("dask", {"where": "reduce"}),
    "Dask, stay": ("dask", {"where": "stay"}),
}
DASK_HEADINGS = (
    "", "wall s", "CPU s", "ratio", "peak MiB", "ratio", "distinct rows", "MB in parts", "MB sent by workers",
    "MB to the client", "passes", "objective", "worst gap", "non-zeros",
)  # fmt: skip
DASK_READING = """
`CPU s`: of all processes; `peak MiB`: of the busiest worker, or of the process, interpreter and libraries included.
Ratios are over the first line. `MB sent by workers`: to each other and to the client. `objective`: largest relative
difference from the first line, over the path, and `worst gap`, both by the common function; `non-zeros` at the last
alpha, and whether they are the same columns at every alpha."""


def dask(task):
    """Dask in both modes, one process beside it."""
    runs = {name: task.run(job, workers=task.arguments.workers, **how) for name, (job, how) in WAYS.items()}
    first = runs["one process, all in memory"]
    print_table(DASK_HEADINGS, [dask_cells(name, run, first) for name, run in runs.items()])
    print(DASK_READING)


def dask_cells(name, run, first):
    """One row of the table."""
    if run.failure:
        return [name, run.failure, *[""] * (len(DASK_HEADINGS) - 2)]
    record = run.record
    ratios = {key: "" if first.failure else f"{record[key] / first.record[key]:.2f}" for key in ("cpu", "peak_memory")}
    mega = {
        key: f"{record[key] / 1e6:,.1f}" if key in record else ""
        for key in ("part_bytes", "sent_by_workers", "bytes_to_client")
    }
    return [
        name, f"{record['wall']:.3g}", f"{record['cpu']:.3g}", ratios["cpu"],
        f"{record['peak_memory'] / MIB:,.0f}", ratios["peak_memory"],
        f"{record.get('n_rows', record.get('distinct', record.get('n_samples'))):,}", *mega.values(),
        str(record.get("passes", "")),
        "" if first.failure else f"{np.max(np.abs(run.primals / first.primals - 1.0)):.1e}", f"{run.gaps.max():.1e}",
        f"{record['non_zeros'][-1]:,}" + ("" if first.failure else f", {same_columns(run, first)}"),
    ]  # fmt: skip


def same_columns(run, first):
    """Whether two paths have the same non-zeros at every alpha."""
    return "same" if run.columns == first.columns else "others"


def kills(task):
    """Workers killed at random moments of fits."""
    rows = []
    for where in ("reduce", "stay"):
        run = task.run(
            "kills",
            judged=False,
            where=where,
            kills=task.arguments.kills,
            workers=task.arguments.workers,
            seed=task.arguments.seed,
        )
        if run.failure:
            raise SystemExit(run.failure)
        *killed, last = run.record["told"]
        for told in killed:
            share = told["after"] / run.record["seconds"]
            rows.append([where, f"{share:.0%}", f"{told['took']:.1f}", told["outcome"]])
        rows.append([where, "no", "", f"afterwards: {last['outcome']}"])
    print_table(("where", "killed after, of a fit", "fit, s", "outcome"), rows)


# --- shards that stay -------------------------------------------------------------------------------------------------

STAY_HEADINGS = (
    "alpha", "rounds of restricted rows", "rows", "MB", "gradients", "MB", "to the client / shards", "non-zeros",
)  # fmt: skip
STAY_READING = """
`rows`: restricted to the working set, merged up the tree, in the last round. `to the client / shards`: bytes that came
for this alpha over those of the reductions of all shards."""


def stay(task):
    """What comes to the client while rows stay where they are, against what they are; a reduction of all beside it."""
    runs = {name: task.run(name) for name in ("out-of-core", "stay")}
    failures = [run.failure for run in runs.values() if run.failure]
    if failures:
        raise SystemExit(failures[0])
    whole, run = runs["out-of-core"], runs["stay"]
    record = run.record
    rounds = [told for told in record["rounds"] if told["label"] != "solve"]
    before = [told for told in rounds if told["label"] not in ("restrict", "gradient")]
    print_table(STAY_HEADINGS, [stay_cells(record, rounds, k) for k in range(len(task.alphas))])
    print(STAY_READING)
    gradients = [told for told in rounds if told["label"] == "gradient"]
    n_restricted = len(rounds) - len(before) - len(gradients)
    mega = {key: f"{record[key] / 1e6:,.1f} MB" for key in ("shard_bytes", "bytes_received", "bytes_sent")}
    print(
        f"\n{record['n_shards']} shards of {record['n_rows']:,} distinct rows in all, {mega['shard_bytes']}. "
        f"{len(before)} rounds before the first alpha with {sum(told['bytes'] for told in before) / 1e6:,.1f} MB to "
        f"the client, {len(gradients)} gradients over all live columns ({len(gradients) / len(task.alphas):.1f} an "
        f"alpha), "
        f"{n_restricted} rounds of restricted rows. In all {mega['bytes_received']} to the client, "
        f"{mega['bytes_sent']} to the shards. {record['cpu']:.3g} s CPU, of the reduction of all "
        f"{whole.record['solving']['cpu']:.3g} s; objectives within "
        f"{np.max(np.abs(run.primals / whole.primals - 1.0)):.1e} of its, largest gap by the common function "
        f"{run.gaps.max():.1e}, by the path itself {record['gap']:.1e}; the non-zeros are "
        f"{'the same columns' if run.columns == whole.columns else 'not all the same columns'}."
    )


def stay_cells(record, rounds, k):
    """One row of the table: the rounds of one alpha."""
    some = {
        label: [told for told in rounds if (told["label"], told["alpha"]) == (label, k)]
        for label in ("restrict", "gradient")
    }
    came = {label: sum(told["bytes"] for told in found) for label, found in some.items()}
    return [
        f"{ALPHAS[k]:.2e}", str(len(some["restrict"])),
        f"{some['restrict'][-1]['rows']:,}" if some["restrict"] else "", f"{came['restrict'] / 1e6:,.3f}",
        str(len(some["gradient"])), f"{came['gradient'] / 1e6:,.3f}",
        f"{sum(came.values()) / record['shard_bytes']:.3f}", f"{record['non_zeros'][k]:,}",
    ]  # fmt: skip


# --- growth -----------------------------------------------------------------------------------------------------------

BEYOND = (300_000_000, 1_000_000_000, 3_000_000_000)
STEPS = (1_000_000, 3_000_000, 10_000_000, 30_000_000, 100_000_000)


def growth(task):
    """Distinct rows and columns against rows, with what a path of them takes."""
    steps = [rows for rows in STEPS if rows <= task.arguments.rows]
    run = task.run("growth", judged=False, steps=steps)
    if run.failure:
        raise SystemExit(run.failure)
    print_table(GROWTH_HEADINGS, [growth_cells(step) for step in run.record["steps"]])
    print(GROWTH_READING)
    return run.record["steps"]


def counted(task, known):
    """Distinct rows of far more rows than are stored, beside what the growth says of them."""
    steps = [rows for rows in BEYOND if rows <= task.arguments.count]
    if not steps:
        return []
    run = task.run("count", judged=False, steps=steps, seed=task.arguments.seed)
    if run.failure:
        raise SystemExit(run.failure)
    for step in run.record["steps"]:
        said = float(known(step["rows"]))
        print(f"\n{step['rows']:,} rows, counted alone: {step['distinct']:,} distinct; the growth said {said:,.0f}.")
    return run.record["steps"]


GROWTH_HEADINGS = (
    "rows", "distinct rows", "occupied columns", "live columns", "non-zeros", "MB", "bytes / distinct row",
    "reduce, ns / row", "merge, ns / row merged", "path, us / distinct row", "path, bytes / distinct row",
)  # fmt: skip
GROWTH_READING = """
Rows of a step are the first of those of the next. `live columns`: those that a path down to the last alpha can ever
bring in; `non-zeros`: at that alpha. `reduce`: reading, crossing and reducing the rows of the step. `merge`: joining
them to the rows before, over the distinct rows of both. `path`: CPU time of 10 alphas, and memory beyond the
reduction."""


def growth_cells(step):
    """One row of the table."""
    distinct = step["distinct"]
    return [
        *(f"{step[key]:,}" for key in ("rows", "distinct", "columns", "live", "non_zeros")),
        f"{step['bytes'] / 1e6:,.1f}",
        f"{step['bytes'] / distinct:.1f}",
        f"{1e9 * step['reducing']['cpu'] / step['read']:.0f}",
        f"{1e9 * step['merging']['cpu'] / step['merged']:.0f}" if step["merged"] > distinct else "",
        f"{1e6 * step['solving']['cpu'] / distinct:.2f}",
        f"{step['solving']['extra_memory'] / distinct:.0f}",
    ]


# --- the plan ---------------------------------------------------------------------------------------------------------

PLAN_ROWS = (10**9, 10**11, 10**12)
PLAN_WORKERS = (10, 100, 1_000)
PLAN_PARTS = {10: 256, 100: 1_024, 1_000: 4_096}
TREES = ((64, 10), (256, 10), (1_024, 100), (4_096, 100), (4_096, 1_000))


def plan(task):
    """What was measured, what a merge tree comes to, and what the three ways take at scale."""
    growth_steps = growth(task)
    few = Task(task.arguments, task.parts[:8])
    small = Task(task.arguments, scale_data.parts(*SIZES["stay"], task.arguments.seed))
    runs = {"stages": few.run("stages", judged=False), "stay": small.run("stay", judged=False)}
    if any(run.failure for run in runs.values()):
        raise SystemExit("; ".join(run.failure for run in runs.values() if run.failure))
    stages, staying = (run.record for run in runs.values())
    last = growth_steps[-1]
    n_read = task.arguments.rows * len(few.parts) // len(task.parts)
    file_bytes = sum(Path(path).stat().st_size for path in few.parts) / n_read
    print_stages(stages, n_read, file_bytes)
    costs = costs_of(last, stages, staying, n_read, file_bytes)
    print(f"\n{costs}\n")
    grown = growth_of(growth_steps)
    grown = growth_of([*growth_steps, *counted(task, grown)])
    print_trees(grown, costs)
    for name, kind in (("these points", grown), ("rows that are all different", ALL_DIFFERENT)):
        print_outlooks(name, kind, costs)


ALL_DIFFERENT = scale_plan.Growth(np.array([1.0, 2.0]), np.array([1.0, 2.0]), np.inf)


def growth_of(steps):
    """The growth that some steps say."""
    return scale_plan.Growth(*(np.array([step[key] for step in steps], dtype=float) for key in ("rows", "distinct")))


def costs_of(last, stages, staying, n_read, file_bytes):
    """What the plan takes from measurements."""
    rounds = {
        label: [told for told in staying["rounds"] if (told["label"] == "columns") == (label == "columns")]
        for label in ("columns", "rows")
    }
    cpu = {label: sum(told["cpu"] for told in found) for label, found in rounds.items()}
    return scale_plan.Costs(
        file_bytes=file_bytes,
        reduce=stages["reducing"]["cpu"] / n_read,
        learn=stages["learning"]["cpu"] / n_read,
        merge=last["merging"]["cpu"] / last["merged"],
        solve=last["solving"]["cpu"] / last["distinct"],
        row_bytes=last["bytes"] / last["distinct"],
        solve_bytes=last["solving"]["extra_memory"] / last["distinct"],
        stay_rows=cpu["rows"] / staying["n_rows"],
        stay_columns=cpu["columns"] / staying["n_rows"],
        stay_bytes=sum(told["bytes"] for told in rounds["rows"]),
        stay_solve=staying["cpu"] - sum(cpu.values()),
    )


def print_stages(stages, n_read, file_bytes):
    """Where the time of a row goes, and what 16 cores would make of it."""
    print()
    names = {
        "reading": "reading and decoding Parquet", "crossing": "the same, and crossing", "reducing": "and reducing",
        "learning": "crossing, and learning in a stream",
    }  # fmt: skip
    rows = [
        [said, f"{1e9 * stages[name]['cpu'] / n_read:.0f}", f"{3 * n_read / stages[name]['cpu']:.2e}",
         f"{16 * 3 * n_read / stages[name]['cpu']:.1e}"]
        for name, said in names.items()
    ]  # fmt: skip
    print_table(("of one core", "ns / row", "non-zeros / s", "times 16"), rows)
    print(f"\n{file_bytes:.1f} bytes a row in its file, three non-zeros.")


def print_trees(grown, costs):
    """Merge trees of parts of 1e11 rows in all, sizes drawn from the growth."""
    machine, rows = scale_plan.Machine(), []
    for n_rows in (10**9, 10**11):
        for n_parts, n_workers in TREES:
            drawn = scale_plan.part_rows(n_rows, n_parts, seed=0)
            flat, tree = (
                scale_plan.merge_tree(drawn, grown, n_workers, machine, costs.merge, costs.row_bytes, fan)
                for fan in (n_parts, scale_plan.FAN)
            )
            largest = float(grown(drawn.max())) * costs.row_bytes
            cells = [f"{n_rows:.0e}", f"{n_parts:,}", f"{n_workers:,}", f"{largest / 1e6:,.0f}"]
            for found in (tree, flat):
                cells += [f"{found.seconds:,.0f}", f"{found.moved / 1e9:,.1f}", f"{found.peak / GIB:,.1f}"]
            rows.append(cells)
    heads = ("seconds", "GB moved", "peak GiB")
    heads = [f"{kind}: {head}" for kind in (f"fan {scale_plan.FAN}", "all at once") for head in heads]
    print_table(("rows", "parts", "workers", "largest part, MB", *heads), rows)
    print(
        "\nSimulated: workers of 16 cores and 10 Gbit/s, a node on the worker that has the largest of what it merges; "
        f"parts of lognormal sizes, distinct rows as measured and beyond that by n^{grown.exponent:.2f}, at most "
        f"{grown.most:,.0f}.\n"
    )


def print_outlooks(name, grown, costs):
    """Both modes and the stream at scale, for one kind of growth."""
    machine, rows = scale_plan.Machine(), []
    for n_rows in PLAN_ROWS:
        for n_workers in PLAN_WORKERS:
            ways = (
                scale_plan.reduce_outlook(n_rows, n_workers, grown, costs, machine, PLAN_PARTS[n_workers]),
                scale_plan.stay_outlook(n_rows, n_workers, grown, costs, machine),
                scale_plan.stream_outlook(n_rows, grown, costs, machine),
            )
            cells = [f"{n_rows:.0e}", f"{float(grown(n_rows)):,.0f}", f"{n_workers:,}"]
            rows.append(cells + [cell for way in ways for cell in (span(way), f"{way.memory / GIB:,.0f}", way.breaks)])
    heads = [f"{way}: {head}" for way in ("reduce", "stay", "stream, one core") for head in ("time", "GiB", "breaks")]
    print_table((f"rows, {name}", "distinct", "workers", *heads), rows)
    print()


def span(way):
    """Seconds of all phases in the unit that suits, and the longest of them."""
    longest = max(way.seconds, key=way.seconds.get)
    for unit, size in (("h", 3600.0), ("min", 60.0), ("s", 1.0)):
        if way.total >= size or unit == "s":
            return f"{way.total / size:.3g} {unit} ({longest} {way.seconds[longest] / way.total:.0%})"
    return ""


# --- the command line -------------------------------------------------------------------------------------------------

MODES = {"out-of-core": out_of_core, "dask": dask, "kills": kills, "stay": stay, "growth": growth, "plan": plan}


def parse():
    """Arguments of the command line."""
    parser = make_parser(__doc__)
    parser.add_argument("--mode", choices=tuple(MODES), default="out-of-core")
    parser.add_argument("--rows", type=int, default=None, help="default: what the mode is about")
    parser.add_argument("--n-parts", type=int, default=None, help="files that the rows are in")
    parser.add_argument("--spill", default=None, metavar="LIMIT", help="memory_limit of out-of-core, like 256MiB")
    parser.add_argument("--count", type=int, default=0, help="of plan: rows whose distinct ones are counted besides")
    parser.add_argument("--kills", type=int, default=10, help="of each way of --mode kills")
    parser.add_argument("--workers", type=int, default=2, help="of Dask")
    add_run_arguments(parser, repeats=1, time_limit=900.0, memory_limit=None)
    arguments = parser.parse_args()
    rows, n_parts = SIZES[arguments.mode]
    arguments.rows, arguments.n_parts = arguments.rows or rows, arguments.n_parts or n_parts
    return arguments


def main():
    """Run and print."""
    arguments = parse()
    parts = scale_data.parts(arguments.rows, arguments.n_parts, arguments.seed)
    size = sum(Path(path).stat().st_size for path in parts)
    print(
        f"points on the globe (seed {arguments.seed}): {arguments.rows:,} rows x 233,312,400 columns in "
        f"{arguments.n_parts} Parquet files, {size / 1e6:,.0f} MB; logistic loss, 10 alphas {ALPHAS[0]:.0e} to "
        f"{ALPHAS[-1]:.0e}. {machine()}.\n"
    )
    MODES[arguments.mode](Task(arguments, parts))


if __name__ == "__main__":
    main()
