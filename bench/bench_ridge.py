"""Ridge at a few alphas: sparsereg on the wide matrix against its peers on the compacted one.

python bench/bench_ridge.py --data crossed --rows 1000000 --alphas 10 1 0.1
"""

import numpy as np
from common import make_parser
from comparison import Task, parse, run

SOLVERS = (
    "sparsereg",
    "sparsereg:intercept=0",
    "sklearn-ridge:solver=sparse_cg,tol=1e-6",
    "sklearn-ridge:solver=lsqr,tol=1e-6",
    "sklearn-ridge:solver=sag,tol=1e-6,intercept=0",
    "glmnet:thresh=1e-9",
)


def main():
    """Run and print."""
    parser = make_parser(__doc__, files=())
    penalties = "penalties of a sum of squares (n times alpha)"
    parser.add_argument("--alphas", type=float, nargs="+", default=[10.0, 1.0, 0.1], help=penalties)
    arguments = parse(parser, SOLVERS)
    run(Task(arguments, lambda problem: np.sort(arguments.alphas)[::-1] / len(problem.y), l1_ratio=0.0))


if __name__ == "__main__":
    main()
