"""Every workload beside its best peer: dense, tall, small, saturated and wide data; the worst ratio first.

python bench/bench_peers.py --group small cv
"""

import sys
from pathlib import Path

import common
import numpy as np
from common import ONE_THREAD, Spec, add_run_arguments, interpreter, machine, make_parser, medians, print_table
from comparison import read_path
from contenders import CONTENDERS
from objective import Problem, worst_suboptimality
from workloads import GROUPS, WORKLOADS

KNOWN = (*CONTENDERS, "glmnet", "glmnet-cv")
HEADINGS = (
    "workload", "sparsereg", "default environment", "best peer", "its time", "ratio", "goal", "excess", "its excess",
)
READING = """
Medians over interleaved runs, each in a process of its own, of CPU milliseconds (wall where it says so) with one
thread; `default environment`: CPU / wall milliseconds with as many threads as libraries take. `best peer`: the quickest
of those whose objective is within the workload's limit of the best that anyone reached, on the whole path (`excess`,
relative to that of the null model; one common function for all). Ratios above the goal are bold."""


class Contest:
    """A workload, and what its contenders took for it."""

    def __init__(self, workload, arguments):
        self.workload, self.arguments = workload, arguments
        X, y = workload.make()
        self.problem = Problem(X, y, workload.l1_ratio, True, workload.loss)
        n_alphas, share = workload.alphas or (1, 0.1)
        top = Problem(X, y, workload.l1_ratio or 1.0, True, workload.loss).alpha_max()
        self.alphas = top * (np.array([share]) if n_alphas == 1 else np.geomspace(1.0, share, n_alphas))
        self.records, self.primals, self.failures = {}, {}, {}

    def run(self):
        """Run all contenders, interleaved, ours in the default environment too."""
        ours, *_ = contenders = self.workload.contenders
        runs = [(written, ONE_THREAD) for written in contenders] + [(ours, {})]
        for _ in range(self.arguments.repeats):
            for written, threads in runs:
                if (written, not threads) not in self.failures:
                    self._run_once(written, threads)

    def _run_once(self, written, threads):
        spec, key = Spec.parse(written, KNOWN), (written, not threads)
        job = {"what": self.workload.what, "name": spec.name, "settings": spec.values()}
        job["time_limit"] = self.arguments.time_limit
        command = [interpreter(self.arguments, spec.name), Path(__file__).with_name("contenders.py")]
        read = read_path if self.workload.is_judged else None
        failure, record, answer = common.run_job(command, job, read, [("alphas", self.alphas)], threads)
        shown = failure or f"{1e3 * record['cpu']:.3g} ms CPU, {1e3 * record['wall']:.3g} ms"
        print(f"{self.workload.what}: {written}{'' if threads else ' (default)'}: {shown}", file=sys.stderr, flush=True)
        if failure:
            self.failures[key] = failure
            return
        self.records.setdefault(key, []).append(record)
        if self.workload.is_judged and key not in self.primals:
            self.primals[key] = self.problem.evaluate_path(*answer, self.alphas)[0]

    def excess(self, key):
        """Largest excess over the best objective anyone reached; 0 where objectives are not compared."""
        if not self.workload.is_judged:
            return 0.0
        best = np.min(list(self.primals.values()), axis=0)
        return worst_suboptimality(self.primals[key], best, self.problem.null_value)

    def best_of(self, wanted):
        """The quickest contender, of those wanted that got there; None where none did."""
        clock = self.workload.clock
        found = [
            (medians(records, clock)[0], key[0]) for key, records in self.records.items()
            if not key[1] and wanted(key[0]) and self.excess(key) <= self.workload.reached
        ]
        return min(found, default=None)

    def cells(self):
        """The ratio to the goal, and a line of the table."""
        workload = self.workload
        first = workload.contenders[0].partition(":")[0]
        own = [written for written in workload.contenders if written.partition(":")[0] == first]
        own = own if len(own) < len(workload.contenders) else own[:1]
        ours, peer = self.best_of(own.__contains__), self.best_of(lambda written: written not in own)
        name = workload.what + (", wall" if workload.clock == "wall" else "")
        if ours is None or peer is None:
            why = "; ".join(f"{key[0]}: {why}" for key, why in self.failures.items())
            shown = "-" if ours is None else f"{1e3 * ours[0]:.3g}"
            return np.inf, [name, shown, "", why, "", "-", f"{workload.goal:.3g}", "", ""]
        free = medians(self.records.get((workload.contenders[0], True), []), "cpu", "wall")
        ratio = ours[0] / peer[0]
        excess = [f"{self.excess((found[1], False)):.0e}" if workload.is_judged else "" for found in (ours, peer)]
        bold = "**" if ratio > workload.goal * 1.005 else ""
        return ratio / workload.goal, [
            name, f"{1e3 * ours[0]:.3g}", " / ".join(f"{1e3 * value:.3g}" for value in free), peer[1],
            f"{1e3 * peer[0]:.3g}", f"{bold}{ratio:.2f}{bold}", f"{workload.goal:.3g}", *excess,
        ]


def main():
    """Run and print."""
    parser = make_parser(__doc__)
    parser.add_argument("--group", nargs="+", choices=GROUPS, default=list(GROUPS), help="default: all")
    parser.add_argument("--only", default="", help="words that a workload's name must have")
    add_run_arguments(parser, memory_limit=None)
    arguments = parser.parse_args()
    lines = []
    for workload in WORKLOADS:
        if workload.group in arguments.group and arguments.only in workload.what:
            contest = Contest(workload, arguments)
            contest.run()
            lines.append(contest.cells())
    print(f"{len(lines)} workloads. {machine()}.\n")
    print_table(HEADINGS, [cells for _, cells in sorted(lines, key=lambda line: -line[0])])
    print(READING)


if __name__ == "__main__":
    main()
