"""Who can take 233 million columns at all: every solver on the wide matrix itself, one alpha, under a limit.

python bench/bench_wide.py --rows 1000000 --divide 100 --time-limit 300 --memory-limit 20
"""

import numpy as np
from common import make_parser
from comparison import Task, parse, run

SOLVERS = (
    "sparsereg:tol=1e-6",
    "sparsereg:tol=1e-6,intercept=0",
    "sklearn-lasso:tol=1e-6,intercept=0",
    "celer:tol=1e-6",
    "skglm:tol=1e-8",
    "adelie:tol=1e-7",
    "glmnet:thresh=1e-9",
)


def main():
    """Run and print."""
    parser = make_parser(__doc__, files=())
    parser.add_argument("--divide", type=float, default=100.0, help="the alpha is alpha_max over this")
    arguments = parse(parser, SOLVERS, repeats=1, time_limit=300.0, memory_limit=20.0)
    run(Task(arguments, lambda problem: np.array([problem.alpha_max() / arguments.divide]), wide_peers=True))
    print(f"Limits: {arguments.time_limit:g} s for the fit, {arguments.memory_limit:g} GiB of address space.")


if __name__ == "__main__":
    main()
