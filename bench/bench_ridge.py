"""Ridge at a few alphas: sparsereg on the wide matrix against its peers on the compacted one.

python bench/bench_ridge.py --data crossed --rows 1000000 --alphas 10 1 0.1
"""

from __future__ import annotations

import argparse

import numpy as np
from data import Dataset
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
    "sparsereg",
    "sparsereg:intercept=0",
    "sklearn-ridge:solver=sparse_cg,tol=1e-6",
    "sklearn-ridge:solver=lsqr,tol=1e-6",
    "sklearn-ridge:solver=sag,tol=1e-6,intercept=0",
    "glmnet:thresh=1e-9",
)


def parse():
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_arguments(parser)
    penalties = "penalties of a sum of squares (n times alpha)"
    parser.add_argument("--alphas", type=float, nargs="+", default=[10.0, 1.0, 0.1], help=penalties)
    add_common_arguments(parser, SOLVERS)
    return parser.parse_args()


def main():
    """Run and print."""
    arguments = parse()
    path = dataset_path(arguments)
    alphas = np.sort(arguments.alphas)[::-1] / len(Dataset.load(path).y)
    limits = {"time_limit": arguments.time_limit, "memory_limit": arguments.memory_limit * GIB}
    task = Task(path, alphas, l1_ratio=0.0, **limits)
    print_comparison(task, compare(task, arguments.solvers, interpreters(arguments), arguments.repeats))


if __name__ == "__main__":
    main()
