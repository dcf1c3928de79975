"""Streaming learners, one pass over rows of five ones: sparsereg, Vowpal Wabbit, scikit-learn's SGDClassifier, river.

python bench/bench_stream.py --data latlong --rows 10000000
"""

from __future__ import annotations

import math
import statistics
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import common
from common import GIB, add_run_arguments, interpreter, machine, make_parser, print_table
from stream_data import BLOCKS, N_ONES, StreamFiles, n_columns, stream_files
from stream_peers import LEARNERS

FTRL = "algorithm=ftrl,eta0=0.1,beta=1.0"
OURS = (f"sparsereg:{FTRL}", f"sparsereg:{FTRL},n_threads=2", f"sparsereg-fit:{FTRL}", f"sparsereg-text:{FTRL}")
VW = (
    "vw:source=cache,ftrl=1,ftrl_alpha=0.1,ftrl_beta=1.0",
    "vw:source=text,ftrl=1,ftrl_alpha=0.1,ftrl_beta=1.0",
    "vw:source=cache",
    "vw:source=text",
)
SKLEARN = (
    "sklearn:learning_rate=constant,eta0=0.1",
    "sklearn:learning_rate=constant,eta0=0.1,batch=100000,rows=1000000",
)
RIVER = ("river:algorithm=ftrl,rows=200000", "river:algorithm=sgd,rows=200000")
PLAIN = (
    "sparsereg:algorithm=prox_sgd,alpha=0,eta0=0.1,learning_rate=constant",
    "sparsereg:algorithm=adagrad,alpha=0,eta0=0.1,beta=1.0",
    "vw:source=cache,l1=0",
    "sklearn:penalty=none,learning_rate=constant,eta0=0.1,batch=250000",
)
MODES = {
    "speed": (*OURS, *VW, *SKLEARN, *RIVER),
    "compare-sparsity": (*PLAIN, *(f"sparsereg:{FTRL},l1={l1}" for l1 in (0.3, 1, 3, 10, 30))),
    "against-batch": (
        "sparsereg-batch:tol=1e-4",
        f"sparsereg:{FTRL},passes={{passes}}",
        f"sparsereg-fit:{FTRL},passes={{passes}}",
    ),
}


class Spec(common.Spec):
    """A learner with its settings; `l1=3` among them replaces `--l1` for it."""

    @property
    def source(self):
        """`text` or `cache` for Vowpal Wabbit."""
        return dict(self.settings).get("source", "") if self.name == "vw" else ""


read_spec = partial(Spec.parse, known=LEARNERS)


@dataclass
class Outcome:
    """What one contestant did, over its repeats."""

    failure: str = ""
    records: list[dict] = field(default_factory=list)

    def median(self, key):
        """Median of one entry of the records; nan where it is missing."""
        found = [record[key] for record in self.records if key in record]
        return statistics.median(found) if found else math.nan

    @property
    def rate(self):
        """Rows per second."""
        return self.median("rows") / self.median("wall")


def parse():
    """Arguments of the command line."""
    parser = make_parser(__doc__)
    parser.add_argument("--data", choices=tuple(BLOCKS), default="latlong")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--l1", type=float, default=1.0, help="L1 penalty on the sum of the losses: alpha is l1 / rows")
    parser.add_argument("--mode", choices=tuple(MODES), default="speed")
    parser.add_argument("--passes", type=int, default=3, help="of --mode against-batch")
    parser.add_argument("--generated", type=int, default=0, metavar="ROWS", help="stream rows that are never stored")
    parser.add_argument("--solvers", nargs="+", type=read_spec, metavar="NAME[:KEY=VALUE,...]")
    parser.add_argument("--peers-only", action="store_true", help="without sparsereg")
    add_run_arguments(parser, repeats=1, time_limit=900.0, memory_limit=None)
    arguments = parser.parse_args()
    if arguments.solvers is None:
        chosen = OURS[:1] if arguments.generated else MODES[arguments.mode]
        arguments.solvers = [read_spec(written.format(passes=arguments.passes)) for written in chosen]
    if arguments.peers_only:
        arguments.solvers = [spec for spec in arguments.solvers if not spec.name.startswith("sparsereg")]
    if arguments.generated and any(spec.name != "sparsereg" for spec in arguments.solvers):
        parser.error("--generated: rows that are never stored are given to `sparsereg` alone")
    return arguments


def run_once(arguments, spec, data):
    """Let one contestant learn in a process of its own: its record, or why there is none."""
    settings = spec.values()
    rows = arguments.generated or arguments.rows
    l1 = arguments.l1 if spec.name == "vw" else settings.pop("l1", arguments.l1)
    job = {
        "learner": spec.name,
        "settings": settings,
        "alpha": l1 / rows,
        "rows": rows,
        "kind": arguments.data,
        "seed": arguments.seed,
        "data": str(data.folder) if data else "",
        "generated": bool(arguments.generated),
        "time_limit": arguments.time_limit,
    }
    command = [interpreter(arguments, spec.name), Path(__file__).with_name("stream_peers.py")]
    failure, record, _ = common.run_job(command, job)
    told = failure or "{wall:.3g} s, held-out loss {held_out:.5f}".format(**record)
    print(f"{spec.name} {spec.describe_settings()}: {told}", file=sys.stderr, flush=True)
    return failure, record


def compare(arguments, data):
    """Run all contestants, interleaved; those that failed are not repeated."""
    outcomes = {spec: Outcome() for spec in arguments.solvers}
    for _ in range(arguments.repeats):
        for spec, outcome in outcomes.items():
            if outcome.failure:
                continue
            outcome.failure, record = run_once(arguments, spec, data)
            outcome.records += [record] if record else []
    return outcomes


# --- the table --------------------------------------------------------------------------------------------------------

HEADINGS = (
    "learner", "settings", "rows", "wall s", "CPU s", "rows/s", "ns / non-zero", "CPU ns", "learning ns", "/ VW cache",
    "/ VW text", "peak GiB", "extra GiB", "state MiB", "progressive", "held-out", "non-zeros", "touched", "n",
)  # fmt: skip
READING = """
Medians over n runs, each in a process of its own; one thread unless the settings say otherwise, but Vowpal Wabbit and
`sparsereg-text` read in a second one. `ns / non-zero` is wall time, `CPU ns` that of all threads, `learning ns` wall
time inside our learner alone, all per pass. `/ VW cache` and `/ VW text`: rows per second over those of the fastest
Vowpal Wabbit that read from there. Reading is in the time of Vowpal Wabbit, as is its start-up, and of
`sparsereg-text`; rows are in memory for the others. `progressive`: mean loss of rows before they were learned
(scikit-learn: of blocks). `held-out`: mean logistic loss of 200,000 other rows. `state MiB`: arrays of the learner; of
Vowpal Wabbit and scikit-learn as long as the table or the width. Step sizes are as shown, not tuned for each."""


def shown(value, form):
    """A number, or nothing for one that is missing."""
    return "" if math.isnan(value) else format(value, form)


def cells(spec, outcome, fastest):
    """One row of the table."""
    if outcome.failure or not outcome.records:
        return [spec.name, spec.describe_settings(), outcome.failure, *[""] * (len(HEADINGS) - 3)]
    median, rate = outcome.median, outcome.rate
    passes = float(dict(spec.settings).get("passes", 1))
    return [
        spec.name,
        spec.describe_settings(),
        shown(median("rows"), ",.0f"),
        shown(median("wall"), ".3g"),
        shown(median("cpu"), ".3g"),
        shown(rate * passes, ",.0f"),
        shown(1e9 / (rate * passes * N_ONES), ".1f"),
        *(shown(1e9 * median(key) / (median("rows") * passes * N_ONES), ".1f") for key in ("cpu", "learning")),
        *(shown(rate * passes / fastest[source], ".2f") for source in ("cache", "text")),
        shown(median("peak_memory") / GIB, ".2f"),
        shown(median("extra_memory") / GIB, ".2f"),
        shown(median("state") / 2**20, ",.0f"),
        shown(median("progressive"), ".5f"),
        shown(median("held_out"), ".5f"),
        shown(median("non_zeros"), ",.0f"),
        shown(median("touched"), ",.0f"),
        str(len(outcome.records)),
    ]


def fastest_vw(outcomes):
    """Rows per second of the fastest Vowpal Wabbit by where it read from; nan when there is none."""
    rates = {"cache": [], "text": []}
    for spec, outcome in outcomes.items():
        if spec.source and outcome.records:
            rates[spec.source].append(outcome.rate)
    return {source: max(found, default=math.nan) for source, found in rates.items()}


def is_plain(spec):
    """Whether the contestant has no L1 penalty."""
    settings = dict(spec.settings)
    return settings.get("penalty") == "none" or "0" in (settings.get("l1"), settings.get("alpha"))


def sparsity_lines(outcomes):
    """For every learner without penalty: the fewest non-zeros of a penalised one at no larger progressive loss."""
    answered = {spec: outcome for spec, outcome in outcomes.items() if outcome.records}
    for plain, reference in answered.items():
        if not is_plain(plain):
            continue
        loss, count = reference.median("progressive"), reference.median("non_zeros")
        as_good = [
            (outcome.median("non_zeros"), spec)
            for spec, outcome in answered.items()
            if not is_plain(spec) and outcome.median("progressive") <= loss
        ]
        name = f"{plain.name} {plain.describe_settings()}: {count:,.0f} non-zeros at {loss:.5f}"
        if as_good:
            fewest, spec = min(as_good, key=lambda pair: pair[0])
            yield f"{name}; {spec.describe_settings()} has {fewest:,.0f}, {count / max(fewest, 1):.1f} times fewer."
        else:
            yield f"{name}; no penalised learner reached that loss."


def batch_lines(outcomes):
    """How far each learner's held-out loss is above that of the batch solution."""
    answered = {spec: outcome for spec, outcome in outcomes.items() if outcome.records}
    batch = [outcome.median("held_out") for spec, outcome in answered.items() if spec.name == "sparsereg-batch"]
    for spec, outcome in answered.items():
        if batch and spec.name != "sparsereg-batch":
            excess = outcome.median("held_out") / batch[0] - 1.0
            yield f"{spec.name} {spec.describe_settings()}: held-out loss {excess:+.2%} of the batch solution's."


def print_report(arguments, data, outcomes):
    """What was run on what, the table, and how to read it."""
    versions = {LEARNERS[spec.name][0]: run["version"] for spec, out in outcomes.items() for run in out.records}
    versions = ", ".join(f"{package} {version}" for package, version in versions.items())
    rows = arguments.generated or arguments.rows
    generated = f"{arguments.data}: {rows:,} generated rows x {n_columns(arguments.data):,} columns"
    what = data.describe() if data else generated
    print(f"{what}; L1 {arguments.l1:g} on the sum, alpha {arguments.l1 / rows:.3g}. {machine()}. {versions}.\n")
    fastest = fastest_vw(outcomes)
    print_table(HEADINGS, [cells(spec, outcome, fastest) for spec, outcome in outcomes.items()])
    print(READING)
    for outcome in outcomes.values() if arguments.generated else ():
        seconds = outcome.median("generating")
        print(f"Generating the rows took {seconds:.3g} s in a thread beside learning, which is in the CPU time.")
    closing = {"compare-sparsity": sparsity_lines, "against-batch": batch_lines}.get(arguments.mode)
    for line in closing(outcomes) if closing else ():
        print(line)


def prepared(arguments) -> StreamFiles | None:
    """The rows on disk; none for a stream that is generated as it is learned."""
    if arguments.generated:
        return None
    data = stream_files(arguments.data, arguments.rows, arguments.seed)
    # Written here because the peak of a process is never below the memory of the one that started it.
    names = {spec.name for spec in arguments.solvers}
    if "vw" in names:
        data.text()
        data.text(held_out=True)
    if "sparsereg-text" in names:
        data.svmlight()
    return data


def main():
    """Run and print."""
    arguments = parse()
    data = prepared(arguments)
    print_report(arguments, data, compare(arguments, data))


if __name__ == "__main__":
    main()
