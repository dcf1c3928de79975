"""Optimisers of streams: made of settings and a penalty, and described."""

from __future__ import annotations

from typing import Any

from sparsereg._core.optimizers import OPTIMIZERS
from sparsereg.inputs.parameters import build


def strengths_of(penalty: Any) -> tuple[float, float]:
    """Return the strengths of the L1 and the L2 part of an elastic net.

    Parameters
    ----------
    penalty : object of the registry
    """
    return penalty.strength, penalty.alpha * (1.0 - penalty.l1_ratio)


def told_step(optimizer: Any) -> str:
    """Say how long first steps of an optimiser are, for messages.

    Parameters
    ----------
    optimizer : object of the registry
    """
    return "eta0='auto'" if optimizer.tunes_itself else f"eta0={optimizer.eta0:g}"


def make_optimizer(algorithm: str, penalty: Any, **settings: float) -> Any:
    """Make an optimiser of the registry.

    Parameters
    ----------
    algorithm : str
        Name in OPTIMIZERS.
    penalty : object of the registry
    **settings : float
        eta0, beta, power_t, weight_decay, total_weight, average, predictor_unit; each optimiser takes its own.

    Returns
    -------
    optimizer : object of the registry
    """
    l1, l2 = strengths_of(penalty)
    return build(OPTIMIZERS[algorithm], l1=l1, l2=l2, **settings)
