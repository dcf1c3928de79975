"""What Windows and macOS lack is hidden here: everything but locks and permissions must go on without it.

Nothing can show on Linux that a compiler of another system takes the C code. That it sees nothing that only GCC and
Clang know can be read off the sources.
"""

import re
import subprocess
import sys

import numpy as np
import pytest
from test_structure import CYTHON, relative

HIDDEN = """
import os, sys, warnings
warnings.simplefilter("error")
for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules[name] = None
# What Windows' own modules of that name have is left.
for name in ("O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "fchmod", "fchown", "fdatasync", "fork", "getuid",
             "geteuid", "kill", "register_at_fork", "sched_getaffinity", "sysconf"):
    if hasattr(os, name):
        delattr(os, name)
"""
FIT_AND_RESUME = HIDDEN + """
import numpy as np
import sparsereg
import sparsereg.cli.main, sparsereg.demo.job, sparsereg.demo.report
from scipy import sparse

# Windows renames no file that is open.
rename, opened = os.replace, []
def replace(source, target):
    for number in os.listdir("/proc/self/fd"):
        try:
            opened.append(os.readlink(f"/proc/self/fd/{number}") == os.path.realpath(source))
        except FileNotFoundError:
            pass
    rename(source, target)
os.replace = replace

rng = np.random.default_rng(0)
X = sparse.random(300, 50, 0.2, format="csr", random_state=0)
y = X @ rng.normal(size=50)
assert sparsereg.Lasso(alpha=1e-3, n_threads=2).fit(X, y).score(X, y) > 0.9
blocks = [(X[k : k + 100], y[k : k + 100]) for k in (0, 100, 200)]
settings = {"checkpoint": sys.argv[1], "checkpoint_every": 100, "progress": False}

def cut_short():
    yield from blocks[:2]
    raise ConnectionError

try:
    sparsereg.SGDRegressor(random_state=0).fit_stream(cut_short(), **settings)
except ConnectionError:
    pass
resumed = sparsereg.SGDRegressor(random_state=0).fit_stream(blocks, resume=True, **settings)
straight = sparsereg.SGDRegressor(random_state=0).fit_stream(blocks, progress=False)
assert resumed.coef_.tobytes() == straight.coef_.tobytes()
assert opened and not any(opened)
"""
# What GCC and Clang alone understand, and where C code that asks for them may stand.
EXTENSION = re.compile(r"__builtin_\w+|__int128|__attribute__|__asm__|\b__sync_\w+|\b__atomic_\w+")


def test_a_fit_and_a_checkpoint_need_nothing_that_windows_lacks(tmp_path):
    command = [sys.executable, "-c", FIT_AND_RESUME, str(tmp_path / "state.npz")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"state.npz", "state.npz.previous"}


def unguarded(text):
    """Return the extensions of a compiler that stand outside any #if."""
    depth, found = 0, []
    for line in text.splitlines():
        word = line.strip().split(" ")[0]
        if word in ("#if", "#ifdef", "#ifndef"):
            depth += 1
        elif word == "#endif":
            depth -= 1
        elif depth == 0:
            found += EXTENSION.findall(line)
    return found


@pytest.mark.parametrize("path", CYTHON, ids=relative)
def test_no_compiler_is_taken_for_granted(path):
    assert unguarded(path.read_text(encoding="utf-8")) == []


def test_what_stands_outside_an_if_is_found():
    assert unguarded("#define A(x) __builtin_clzll(x)\n#ifdef B\n__int128 b;\n#endif\n") == ["__builtin_clzll"]


def test_the_plain_product_is_the_one_of_128_bits():
    """The C code for other compilers, step by step in Python."""
    rng = np.random.default_rng(0)
    half, whole = 2**32 - 1, 2**64 - 1
    numbers = [0, 1, half, half + 1, whole, *(int(n) for n in rng.integers(0, 2**64, 40, dtype=np.uint64))]
    for a in numbers:
        for b in numbers:
            a0, a1, b0, b1 = a & half, a >> 32, b & half, b >> 32
            middle = a1 * b0 + ((a0 * b0) >> 32)
            rest = a0 * b1 + (middle & half)
            assert max(middle, rest) <= whole
            assert a1 * b1 + (middle >> 32) + (rest >> 32) == a * b >> 64
