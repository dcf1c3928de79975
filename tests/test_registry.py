"""Every registered loss and penalty is compiled into every kernel, keeps its parameters, and is asked for its facts."""

import ast
import inspect
import pickle
import re
from itertools import product

import pytest
from support.checkout import PACKAGE

from sparsereg._core import (
    cd,
    column_objective,
    losses,
    optimizers,
    penalties,
    row_objective,
    saga,
    sgd,
    sgd_alphas,
    sgd_dense,
)
from sparsereg._core.losses import LOSSES
from sparsereg._core.optimizers import OPTIMIZERS
from sparsereg._core.penalties import PENALTIES

# A value for every parameter that a loss or a penalty may have.
VALUES = {
    "alpha": 0.75, "l1_ratio": 0.25, "delta": 1.5, "gamma": 3.5, "eta0": 0.1, "beta": 2.0, "total_weight": 9.0,
    "power_t": 0.5, "weight_decay": 0.125, "l1": 0.5, "l2": 0.375, "average": 8.0,
    "predictor_unit": 0.75,
}
FLOATS = ["float", "double"]
LOSS_NAMES = [loss.__name__ for loss in LOSSES.values()]
OPTIMIZER_NAMES = [optimizer.__name__ for optimizer in OPTIMIZERS.values()]
PENALTY_NAMES = [penalty.__name__ for penalty in PENALTIES.values()]
REGISTERED = [*LOSSES.values(), *PENALTIES.values(), *OPTIMIZERS.values()]
NAMES = {cls.name for cls in REGISTERED}
CLASSES = {cls.__name__ for cls in REGISTERED}


@pytest.mark.parametrize(
    ("kernel", "fused"),
    [
        (cd.descend, [FLOATS, PENALTY_NAMES]),
        (column_objective.penalty_value, [PENALTY_NAMES]),
        (column_objective.optimality_violation, [PENALTY_NAMES]),
        (column_objective.fixpoint_distance, [PENALTY_NAMES]),
        (column_objective.feasible_scale, [PENALTY_NAMES]),
        (column_objective.conjugate_sum, [PENALTY_NAMES]),
        (row_objective.linearize, [LOSS_NAMES, PENALTY_NAMES]),
        (row_objective.center_dual, [PENALTY_NAMES]),
        (row_objective.dual_sum, [LOSS_NAMES, PENALTY_NAMES]),
        (row_objective.max_slopes, [LOSS_NAMES]),
        (saga.sweep, [LOSS_NAMES, PENALTY_NAMES, FLOATS]),
        (sgd.learn, [LOSS_NAMES, PENALTY_NAMES, OPTIMIZER_NAMES]),
        (sgd_alphas.learn, [LOSS_NAMES, PENALTY_NAMES]),
        (sgd_alphas.count_nonzero, [PENALTY_NAMES]),
        (sgd.read, [PENALTY_NAMES, OPTIMIZER_NAMES]),
        (sgd.count, [PENALTY_NAMES, OPTIMIZER_NAMES]),
        (sgd.skip, [OPTIMIZER_NAMES]),
        (sgd.flush, [OPTIMIZER_NAMES]),
        (sgd.write, [OPTIMIZER_NAMES]),
        (sgd.decision, [PENALTY_NAMES, OPTIMIZER_NAMES]),
        (sgd_dense.learn, [LOSS_NAMES]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_kernels_are_compiled_for_exactly_what_is_registered(kernel, fused):
    assert set(kernel.__signatures__) == {"|".join(names) for names in product(*fused)}


@pytest.mark.parametrize(("module", "registry"), [(losses, LOSSES), (penalties, PENALTIES), (optimizers, OPTIMIZERS)])
def test_every_class_is_registered(module, registry):
    """Those are meant that no other derives from."""
    classes = {value for value in vars(module).values() if inspect.isclass(value) and not value.__subclasses__()}
    assert {cls for cls in classes if cls.__module__ == module.__name__} == set(registry.values())


def parameters(cls):
    """Read the names from the docstring: compiled constructors have no signature."""
    section = cls.__doc__.partition("Parameters\n")[2].partition("Attributes\n")[0]
    return re.findall(r"^ *(\w+) : ", section, re.MULTILINE)


@pytest.mark.parametrize("registry", [LOSSES, PENALTIES, OPTIMIZERS])
def test_classes_of_a_registry_have_the_same_facts(registry):
    """What one of them says of itself all say, but for the deviances that likelihoods alone have."""
    classes = list(registry.values())
    assert [cls.name for cls in classes] == list(registry)
    own = {"null_deviance", "deviance_within", "averaged"}.union(*map(parameters, classes))
    facts = [{name for name in dir(cls) if not name.startswith("_")} - own for cls in classes]
    assert all(found == facts[0] for found in facts)
    for cls in classes:
        is_likelihood = getattr(cls, "is_likelihood", False)
        assert is_likelihood is hasattr(cls, "null_deviance") is hasattr(cls, "deviance_within")


@pytest.mark.parametrize("cls", REGISTERED)
def test_parameters_are_kept_and_pickled(cls):
    names = parameters(cls)
    assert tuple(names) == cls.parameters
    built = cls(*(VALUES[name] for name in names))
    for name in names:
        assert getattr(built, name) == VALUES[name]
        with pytest.raises(AttributeError):
            setattr(built, name, 0.0)
    again = pickle.loads(pickle.dumps(built))
    assert type(again) is cls
    assert [getattr(again, name) for name in names] == [VALUES[name] for name in names]
    assert cls.__doc__
    assert cls.__doc__[0].isupper()


@pytest.mark.parametrize("cls", REGISTERED)
def test_classes_are_final(cls):
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Derived", (cls,), {})


def literals(node):
    """Return what strings a literal is or holds, and what classes an expression names."""
    parts = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]
    strings = {part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)}
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    return strings, names | {part.attr for part in parts if isinstance(part, ast.Attribute)}


def branches(tree):
    """Yield the line of each comparison with a registered name or class: ==, in, is, match, isinstance, a dict by name.

    A sequence of nothing but names is one that something is looked up in, unless a class says with it what it takes.
    """
    declared = {
        statement.value for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
        for statement in node.body if isinstance(statement, ast.Assign)
    }
    for node in ast.walk(tree):
        strings, classes = set(), set()
        if isinstance(node, ast.Compare):
            for side in (node.left, *node.comparators):
                strings, classes = strings | literals(side)[0], classes | literals(side)[1]
        elif isinstance(node, ast.MatchValue):
            strings, classes = literals(node.value)
        elif isinstance(node, ast.MatchClass):
            classes = literals(node.cls)[1]
        elif isinstance(node, ast.Dict):
            for key in filter(None, node.keys):
                strings, classes = strings | literals(key)[0], classes | literals(key)[1]
        elif isinstance(node, ast.Tuple | ast.List | ast.Set) and node not in declared:
            strings = literals(node)[0] if all(isinstance(part, ast.Constant) for part in node.elts) else set()
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("isinstance", "issubclass"):
            classes = literals(node.args[1])[1]
        if strings & NAMES or classes & CLASSES:
            yield node.lineno


@pytest.mark.parametrize(
    "source",
    [
        "if loss == 'huber': pass", "if 'huber' != loss: pass", "x = loss in ('squared', 'other')",
        "USUAL = {'mcp': 3.0}", "if type(loss) is Huber: pass", "x = isinstance(penalty, (L0, penalties.MCP))",
        "match loss:\n    case 'poisson': pass", "match loss:\n    case Poisson(): pass", "KNOWN = ['ftrl']",
        "check_choice(penalty, 'penalty', ('elastic_net',))", "MEANS = {Poisson: exp}",
    ],
)
def test_branches_are_found(source):
    assert list(branches(ast.parse(source)))


def test_what_is_no_branch_is_not_found():
    source = '"""A "huber"."""\nclass A:\n    losses = ("huber",)\n    def f(self, loss="huber"): return Huber(1.0)'
    assert not list(branches(ast.parse(source)))


def test_nothing_outside_the_core_branches_on_what_is_registered():
    """Whoever adds a loss, a penalty or a stochastic method adds its facts in one place."""
    above = [path for path in sorted(PACKAGE.rglob("*.py")) if path.parent.name != "_core"]
    assert len(above) > 100
    found = [
        f"{path.relative_to(PACKAGE).as_posix()}:{line}"
        for path in above
        for line in branches(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not found


@pytest.mark.parametrize("path", sorted((PACKAGE / "_core").glob("*.p[xy][xd]")), ids=lambda path: path.name)
def test_kernels_do_not_branch_either(path):
    pattern = rf"\bis (?:not )?(?:{'|'.join(CLASSES)})\b"
    assert not re.search(pattern, path.read_text(encoding="utf-8"))
