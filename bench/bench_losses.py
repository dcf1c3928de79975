"""What other losses cost beside squared loss: paths of sparsereg on one design, with a target for each loss.

python bench/bench_losses.py --data crossed --alphas 30 --eps 1e-2
"""

from __future__ import annotations

import argparse
import sys

from data import Dataset
from objective import LOSSES, Problem
from run import (
    GIB,
    Spec,
    Task,
    add_data_arguments,
    add_run_arguments,
    compare,
    dataset_path,
    interpreters,
    machine,
    median,
    print_table,
)

TARGETS = {"squared": "gaussian", "huber": "gaussian", "logistic": "labels", "poisson": "counts"}
HEADINGS = ("loss", "wall s", "CPU s", "CPU / squared", "non-zeros at the last alpha", "worst gap", "n")


def parse():
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_arguments(parser)
    parser.add_argument("--losses", nargs="+", choices=tuple(LOSSES), default=tuple(LOSSES))
    parser.add_argument("--alphas", type=int, default=30)
    parser.add_argument("--eps", type=float, default=1e-2, help="smallest alpha over largest")
    parser.add_argument("--l1-ratio", type=float, default=1.0)
    parser.add_argument("--tol", default="1e-6")
    add_run_arguments(parser)
    return parser.parse_args()


def task_of(loss, arguments):
    """The path of one loss, down the same share of its own largest alpha."""
    path = dataset_path(arguments, TARGETS[loss])
    dataset = Dataset.load(path)
    alphas = Problem(dataset.X, dataset.y, arguments.l1_ratio, loss=loss).grid(arguments.alphas, arguments.eps)
    limits = {"time_limit": arguments.time_limit, "memory_limit": arguments.memory_limit * GIB}
    return Task(path, alphas, arguments.l1_ratio, loss, **limits)


def rows(runs):
    """The table's cells: one row per loss."""
    good = {loss: [run for run in done if not run.failure] for loss, done in runs.items()}
    for loss, done in runs.items():
        if not good[loss]:
            yield [loss, done[0].failure, *[""] * 4, str(len(done))]
            continue
        cpu, squared = median(good[loss], "cpu"), good.get("squared")
        yield [
            loss,
            f"{median(good[loss], 'wall'):.3g}",
            f"{cpu:.3g}",
            f"{cpu / median(squared, 'cpu'):.2f}" if squared else "-",
            f"{good[loss][0].record['non_zeros']:,}",
            f"{max(run.gaps.max() for run in good[loss]):.1e}",
            str(len(good[loss])),
        ]


def main():
    """Run and print."""
    arguments = parse()
    spec = Spec.parse(f"sparsereg:tol={arguments.tol}")
    tasks = {loss: task_of(loss, arguments) for loss in arguments.losses}
    runs = {loss: [] for loss in tasks}
    for _ in range(arguments.repeats):
        for loss, task in tasks.items():
            print(loss, end=": ", file=sys.stderr)
            runs[loss] += compare(task, [spec], interpreters(arguments), repeats=1)[spec]
    for task in tasks.values():
        print(f"{task.dataset.describe()}; {task.loss} loss.")
    grid = f"{arguments.alphas} alphas to {arguments.eps:g} of the largest, l1_ratio {arguments.l1_ratio:g}"
    print(f"{grid}, tol={arguments.tol}. {machine()}. Medians over n interleaved runs.\n")
    print_table(HEADINGS, rows(runs))


if __name__ == "__main__":
    main()
