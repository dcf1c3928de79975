"""L1 logistic paths and single fits: sparsereg on the wide matrix against its peers on the compacted one.

python bench/bench_logistic.py --data crossed --alphas 30 --eps 1e-2
"""

from __future__ import annotations

import argparse

from data import Dataset
from objective import Problem
from run import (
    GIB,
    Task,
    add_common_arguments,
    add_data_arguments,
    compare,
    dataset_path,
    interpreters,
    print_comparison,
)

SOLVERS = (
    "sparsereg:tol=1e-6",
    "sparsereg:tol=1e-8",
    "sparsereg:tol=1e-6,intercept=0",
    "glmnet:thresh=1e-9",
    "adelie:tol=1e-9",
    "skglm:tol=1e-8",
    "sklearn-liblinear:tol=1e-6,scaling=1e3",
    "sklearn-liblinear:tol=1e-5,intercept=0",
    "celer:tol=1e-7",
)


def parse():
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_arguments(parser, files=("a9a",))
    parser.add_argument("--alphas", type=int, default=30)
    parser.add_argument("--eps", type=float, default=1e-2, help="smallest alpha over largest")
    parser.add_argument("--single", action="store_true", help="one cold fit at the smallest alpha, no path")
    parser.add_argument("--l1-ratio", type=float, default=1.0)
    add_common_arguments(parser, SOLVERS)
    return parser.parse_args()


def main():
    """Run and print."""
    arguments = parse()
    path = dataset_path(arguments, target="labels")
    dataset = Dataset.load(path)
    alphas = Problem(dataset.X, dataset.y, arguments.l1_ratio, loss="logistic").grid(arguments.alphas, arguments.eps)
    if arguments.single:
        alphas = alphas[-1:]
    limits = {"time_limit": arguments.time_limit, "memory_limit": arguments.memory_limit * GIB}
    task = Task(path, alphas, arguments.l1_ratio, "logistic", **limits)
    print_comparison(task, compare(task, arguments.solvers, interpreters(arguments), arguments.repeats))


if __name__ == "__main__":
    main()
