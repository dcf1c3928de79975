"""What other losses cost beside squared loss: paths of sparsereg on one design, with a target for each loss.

python bench/bench_losses.py --data crossed --alphas 30 --eps 1e-2
"""

import sys

from common import add_grid_arguments, add_run_arguments, machine, make_parser, medians, print_table
from comparison import Spec, Task, compare
from objective import LOSSES

TARGETS = {"squared": "gaussian", "huber": "gaussian", "logistic": "labels", "poisson": "counts"}
HEADINGS = ("loss", "wall s", "CPU s", "CPU / squared", "non-zeros at the last alpha", "worst gap", "n")


def parse():
    """Arguments of the command line."""
    parser = make_parser(__doc__, files=())
    parser.add_argument("--losses", nargs="+", choices=tuple(LOSSES), default=tuple(LOSSES))
    add_grid_arguments(parser, n_alphas=30, eps=1e-2)
    parser.add_argument("--tol", default="1e-6")
    add_run_arguments(parser)
    return parser.parse_args()


def task_of(loss, arguments):
    """The path of one loss, down the same share of its own largest alpha."""

    def alphas(problem):
        return problem.grid(arguments.alphas, arguments.eps)

    return Task(arguments, alphas, arguments.l1_ratio, loss, TARGETS[loss])


def rows(runs):
    """The table's cells: one row per loss."""
    good = {loss: [run for run in done if not run.failure] for loss, done in runs.items()}
    for loss, done in runs.items():
        if not good[loss]:
            yield [loss, done[0].failure, *[""] * 4, str(len(done))]
            continue
        wall, cpu = medians([run.record for run in good[loss]], "wall", "cpu")
        squared = medians([run.record for run in good.get("squared") or ()], "cpu")
        yield [
            loss,
            f"{wall:.3g}",
            f"{cpu:.3g}",
            f"{cpu / squared[0]:.2f}" if squared else "-",
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
            runs[loss] += compare(task, [spec], repeats=1)[spec]
    for task in tasks.values():
        print(f"{task.dataset.describe()}; {task.loss} loss.")
    grid = f"{arguments.alphas} alphas to {arguments.eps:g} of the largest, l1_ratio {arguments.l1_ratio:g}"
    print(f"{grid}, tol={arguments.tol}. {machine()}. Medians over n interleaved runs.\n")
    print_table(HEADINGS, rows(runs))


if __name__ == "__main__":
    main()
