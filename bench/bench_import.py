"""Time to import sparsereg in fresh processes, beyond what NumPy, SciPy and scikit-learn's base classes take.

python bench/bench_import.py

With scikit-learn installed its base classes are those of the estimators, and `sklearn.base` loads what it will: that is
counted apart. Without it, which is had here by blocking it, NumPy and SciPy alone come before.
"""

import importlib.util
import statistics
import subprocess
import sys
import tempfile

from common import machine, make_parser, print_table

# Run in a fresh process: import what comes before, then sparsereg; print CPU and wall seconds and modules of each part.
PROBE = """
import sys, time
if sys.argv[1] == "blocked":
    sys.modules["sklearn"] = None
for names in (sys.argv[2:], ["sparsereg"]):
    modules, wall, cpu = len(sys.modules), time.perf_counter(), time.process_time()
    for name in names:
        __import__(name)
    print(time.process_time() - cpu, time.perf_counter() - wall, len(sys.modules) - modules)
"""
BEFORE = ("numpy", "scipy.sparse", "scipy.special")
# Whether scikit-learn is there, what is imported first, and the CPU seconds that sparsereg may add.
CASES = {
    "without scikit-learn": ("blocked", BEFORE, 0.10),
    "with scikit-learn": ("there", (*BEFORE, "sklearn.base"), 0.15),
}


def probe(sklearn, names):
    """CPU seconds, wall seconds and number of modules, of what comes before and of sparsereg, in one fresh process."""
    command = [sys.executable, "-c", PROBE, sklearn, *names]
    # Elsewhere: Python would take the sources of a checkout for the package.
    done = subprocess.run(command, capture_output=True, text=True, cwd=tempfile.gettempdir())
    if done.returncode:
        raise SystemExit(done.stderr.strip())
    return [[float(number) for number in line.split()] for line in done.stdout.splitlines()]


def main():
    """Run and print. The first round warms the file cache and is not counted."""
    parser = make_parser(__doc__)
    parser.add_argument("--repeats", type=int, default=11)
    arguments = parser.parse_args()
    cases = CASES if importlib.util.find_spec("sklearn") else dict(list(CASES.items())[:1])
    found = {label: [] for label in cases}
    for _ in range(arguments.repeats + 1):
        for label, (sklearn, names, _) in cases.items():
            found[label].append(probe(sklearn, names))
    print(f"Medians of {arguments.repeats} interleaved fresh processes. {machine()}.\n")
    rows = []
    for label, (_, names, budget) in cases.items():
        parts = ((", ".join(names), "-"), ("sparsereg after that", f"{1e3 * budget:.0f}"))
        for k, (what, allowed) in enumerate(parts):
            probes = zip(*(probe[k] for probe in found[label][1:]))
            cpu, wall, modules = (statistics.median(values) for values in probes)
            rows.append([label, what, f"{1e3 * cpu:.0f}", allowed, f"{1e3 * wall:.0f}", f"{modules:.0f}"])
    print_table(("", "import", "CPU ms", "at most", "wall ms", "modules"), rows)


if __name__ == "__main__":
    main()
