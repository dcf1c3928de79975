"""Lasso and elastic-net paths: sparsereg on the wide matrix against its peers on the compacted one.

python bench/bench_path.py --data crossed --rows 1000000 --alphas 30 --eps 1e-3
"""

from common import add_grid_arguments, make_parser
from comparison import Task, parse, run

SOLVERS = (
    "sparsereg:tol=1e-6",
    "sparsereg:tol=1e-6,intercept=0",
    "glmnet:thresh=1e-7",
    "glmnet:thresh=1e-9",
    "glmnet:thresh=1e-12",
    "adelie:tol=1e-7",
    "adelie:tol=1e-9",
    "skglm:tol=1e-7",
    "celer:tol=1e-6",
    "sklearn-path:tol=1e-6",
)


def main():
    """Run and print."""
    parser = make_parser(__doc__, files=())
    add_grid_arguments(parser, n_alphas=30, eps=1e-3)
    arguments = parse(parser, SOLVERS)
    run(Task(arguments, lambda problem: problem.grid(arguments.alphas, arguments.eps), arguments.l1_ratio))


if __name__ == "__main__":
    main()
