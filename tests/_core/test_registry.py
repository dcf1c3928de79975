"""Every registered loss and penalty is compiled into every kernel, and keeps its parameters."""

import inspect
import pickle
import re
from itertools import product

import pytest

from sparsereg._core import cd, column_objective, losses, optimizers, penalties, row_objective, saga, sgd
from sparsereg._core.losses import LOSSES
from sparsereg._core.optimizers import OPTIMIZERS
from sparsereg._core.penalties import PENALTIES

# A value for every parameter that a loss or a penalty may have.
VALUES = {
    "alpha": 0.75, "l1_ratio": 0.25, "delta": 1.5, "gamma": 3.5, "eta0": 0.1, "beta": 2.0, "total_weight": 9.0,
    "power_t": 0.5, "weight_decay": 0.125, "l1": 0.5, "l2": 0.375, "average": 8.0,
}
FLOATS = ["float", "double"]
LOSS_NAMES = [loss.__name__ for loss in LOSSES.values()]
OPTIMIZER_NAMES = [optimizer.__name__ for optimizer in OPTIMIZERS.values()]
PENALTY_NAMES = [penalty.__name__ for penalty in PENALTIES.values()]
REGISTERED = [*LOSSES.values(), *PENALTIES.values(), *OPTIMIZERS.values()]


@pytest.mark.parametrize(
    ("kernel", "fused"),
    [
        (cd.descend, [FLOATS, PENALTY_NAMES]),
        (column_objective.penalty_value, [PENALTY_NAMES]),
        (column_objective.optimality_violation, [PENALTY_NAMES]),
        (column_objective.fixpoint_distance, [PENALTY_NAMES]),
        (column_objective.feasible_scale, [PENALTY_NAMES]),
        (column_objective.conjugate_sum, [PENALTY_NAMES]),
        (row_objective.linearise, [LOSS_NAMES, PENALTY_NAMES]),
        (row_objective.centre_dual, [PENALTY_NAMES]),
        (row_objective.dual_sum, [LOSS_NAMES, PENALTY_NAMES]),
        (row_objective.max_slopes, [LOSS_NAMES]),
        (saga.sweep, [LOSS_NAMES, PENALTY_NAMES, FLOATS]),
        (sgd.learn, [LOSS_NAMES, PENALTY_NAMES, OPTIMIZER_NAMES]),
        (sgd.read, [PENALTY_NAMES, OPTIMIZER_NAMES]),
        (sgd.skip, [OPTIMIZER_NAMES]),
        (sgd.flush, [OPTIMIZER_NAMES]),
        (sgd.write, [OPTIMIZER_NAMES]),
        (sgd.decision, [PENALTY_NAMES, OPTIMIZER_NAMES]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_kernels_are_compiled_for_exactly_what_is_registered(kernel, fused):
    assert set(kernel.__signatures__) == {"|".join(names) for names in product(*fused)}


@pytest.mark.parametrize(("module", "registry"), [(losses, LOSSES), (penalties, PENALTIES), (optimizers, OPTIMIZERS)])
def test_every_class_is_registered(module, registry):
    classes = {value for value in vars(module).values() if inspect.isclass(value)}
    assert {cls for cls in classes if cls.__module__ == module.__name__} == set(registry.values())


def parameters(cls):
    """Read the names from the docstring: compiled constructors have no signature."""
    section = cls.__doc__.partition("Parameters\n")[2].partition("Attributes\n")[0]
    return re.findall(r"^ *(\w+) : ", section, re.MULTILINE)


@pytest.mark.parametrize("cls", REGISTERED)
def test_parameters_are_kept_and_pickled(cls):
    names = parameters(cls)
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
