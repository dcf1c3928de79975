"""Time to import sparsereg in fresh processes in which scikit-learn cannot be imported.

python bench/bench_import.py
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys

from run import machine, print_table

# Run in a fresh process: block scikit-learn, import what is asked, print the seconds and how many modules it took.
PROBE = """
import sys, time
sys.modules["sklearn"] = None
start = time.perf_counter()
for name in sys.argv[1:]:
    __import__(name)
print(time.perf_counter() - start, len(sys.modules))
"""
IMPORTS = {
    "NumPy and scipy.sparse alone": ("numpy", "scipy.sparse"),
    "sparsereg": ("sparsereg",),
    "sparsereg after NumPy and scipy.sparse": ("numpy", "scipy.sparse", "sparsereg"),
}


def parse():
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=11)
    return parser.parse_args()


def probe(names):
    """Seconds and number of loaded modules of one fresh import."""
    command = [sys.executable, "-c", PROBE, *names]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr.strip())
    seconds, modules = done.stdout.split()
    return float(seconds), int(modules)


def main():
    """Run and print. The first round warms the file cache and is not counted."""
    arguments = parse()
    found = {label: [] for label in IMPORTS}
    for _ in range(arguments.repeats + 1):
        for label, names in IMPORTS.items():
            found[label].append(probe(names))
    print(f"Median of {arguments.repeats} interleaved fresh processes, scikit-learn blocked. {machine()}.\n")
    rows = []
    for label, probes in found.items():
        seconds = [spent for spent, _ in probes[1:]]
        rows.append([label, f"{1e3 * statistics.median(seconds):.0f}", f"{1e3 * min(seconds):.0f}", str(probes[-1][1])])
    print_table(("import", "median ms", "least ms", "modules loaded"), rows)


if __name__ == "__main__":
    main()
