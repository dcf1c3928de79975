"""Every registered loss and penalty is compiled into every kernel, and keeps its parameters."""

import inspect
import pickle
import re
from itertools import product

import pytest

from sparsereg._core import cd, certificate, losses, newton, optimisers, penalties, saga, stream
from sparsereg._core.losses import LOSSES
from sparsereg._core.optimisers import OPTIMISERS
from sparsereg._core.penalties import PENALTIES

# A value for every parameter that a loss or a penalty may have.
VALUES = {
    "alpha": 0.75, "l1_ratio": 0.25, "delta": 1.5, "gamma": 3.5, "eta0": 0.1, "beta": 2.0, "total_weight": 9.0,
    "power_t": 0.5, "weight_decay": 0.125, "l1": 0.5, "l2": 0.375, "average": 8.0,
}
FLOATS = ["float", "double"]
LOSS_NAMES = [loss.__name__ for loss in LOSSES.values()]
OPTIMISER_NAMES = [optimiser.__name__ for optimiser in OPTIMISERS.values()]
PENALTY_NAMES = [penalty.__name__ for penalty in PENALTIES.values()]
REGISTERED = [*LOSSES.values(), *PENALTIES.values(), *OPTIMISERS.values()]


@pytest.mark.parametrize(
    ("kernel", "fused"),
    [
        (cd.descend, [FLOATS, PENALTY_NAMES]),
        (certificate.penalty_value, [PENALTY_NAMES]),
        (certificate.optimality_violation, [PENALTY_NAMES]),
        (certificate.fixpoint_distance, [PENALTY_NAMES]),
        (certificate.feasible_scale, [PENALTY_NAMES]),
        (certificate.conjugate_sum, [PENALTY_NAMES]),
        (newton.linearise, [LOSS_NAMES, PENALTY_NAMES]),
        (newton.centre_dual, [PENALTY_NAMES]),
        (newton.dual_sum, [LOSS_NAMES, PENALTY_NAMES]),
        (newton.steepest, [LOSS_NAMES]),
        (saga.sweep, [LOSS_NAMES, PENALTY_NAMES, FLOATS]),
        (stream.learn, [LOSS_NAMES, PENALTY_NAMES, OPTIMISER_NAMES]),
        (stream.read, [PENALTY_NAMES, OPTIMISER_NAMES]),
        (stream.skip, [OPTIMISER_NAMES]),
        (stream.settle, [OPTIMISER_NAMES]),
        (stream.write, [OPTIMISER_NAMES]),
        (stream.decide, [PENALTY_NAMES, OPTIMISER_NAMES]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_kernels_are_compiled_for_exactly_what_is_registered(kernel, fused):
    assert set(kernel.__signatures__) == {"|".join(names) for names in product(*fused)}


@pytest.mark.parametrize(("module", "registry"), [(losses, LOSSES), (penalties, PENALTIES), (optimisers, OPTIMISERS)])
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
