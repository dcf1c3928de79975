"""The benchmarks by name: `python bench` lists them, `python bench path --alphas 10` runs `bench_path.py`."""

import ast
import runpy
import sys
from pathlib import Path

SCRIPTS = {path.stem.removeprefix("bench_"): path for path in sorted(Path(__file__).parent.glob("bench_*.py"))}


def main():
    """List or run."""
    if not sys.argv[1:] or sys.argv[1] not in SCRIPTS:
        for name, path in SCRIPTS.items():
            print(f"{name:12}{ast.get_docstring(ast.parse(path.read_text())).splitlines()[0]}")
        sys.exit(f"no benchmark {sys.argv[1]!r}" if sys.argv[1:] and sys.argv[1] != "--list" else 0)
    del sys.argv[0]
    runpy.run_path(str(SCRIPTS[sys.argv[0]]), run_name="__main__")


if __name__ == "__main__":
    main()
