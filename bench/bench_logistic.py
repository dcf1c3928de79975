"""L1 logistic paths and single fits: sparsereg on the wide matrix against its peers on the compacted one.

python bench/bench_logistic.py --data crossed --alphas 30 --eps 1e-2
"""

from common import add_grid_arguments, make_parser
from comparison import Task, parse, run

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


def main():
    """Run and print."""
    parser = make_parser(__doc__, files=("a9a",))
    add_grid_arguments(parser, n_alphas=30, eps=1e-2)
    parser.add_argument("--single", action="store_true", help="one cold fit at the smallest alpha, no path")
    arguments = parse(parser, SOLVERS)

    def alphas(problem):
        return problem.grid(arguments.alphas, arguments.eps)[-1 if arguments.single else 0 :]

    run(Task(arguments, alphas, arguments.l1_ratio, "logistic", "labels"))


if __name__ == "__main__":
    main()
