"""Who can take 233 million columns at all: every solver on the wide matrix itself, one alpha, under a limit.

python bench/bench_wide.py --rows 1000000 --divide 100 --time-limit 300 --memory-limit 20
"""

from __future__ import annotations

import argparse

import numpy as np
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
    "sparsereg:tol=1e-6,intercept=0",
    "sklearn-lasso:tol=1e-6,intercept=0",
    "celer:tol=1e-6",
    "skglm:tol=1e-8",
    "adelie:tol=1e-7",
    "glmnet:thresh=1e-9",
)


def parse():
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_arguments(parser)
    parser.add_argument("--divide", type=float, default=100.0, help="the alpha is alpha_max over this")
    add_common_arguments(parser, SOLVERS)
    parser.set_defaults(repeats=1, time_limit=300.0, memory_limit=20.0)
    return parser.parse_args()


def main():
    """Run and print."""
    arguments = parse()
    path = dataset_path(arguments)
    dataset = Dataset.load(path)
    alphas = np.array([Problem(dataset.X, dataset.y).alpha_max() / arguments.divide])
    limits = {"time_limit": arguments.time_limit, "memory_limit": arguments.memory_limit * GIB}
    task = Task(path, alphas, wide_peers=True, **limits)
    runs = compare(task, arguments.solvers, interpreters(arguments), arguments.repeats)
    print_comparison(task, runs)
    print(f"Limits: {arguments.time_limit:g} s for the fit, {arguments.memory_limit:g} GiB of address space.")


if __name__ == "__main__":
    main()
