from typing import TypeAlias, final

from typing_extensions import disjoint_base

@disjoint_base
class BaseOptimizer:
    name: str
    parameters: tuple[str, ...]
    is_adaptive: bool
    state_size: int
    any_penalty: bool
    has_lanes: bool
    tunes_itself: bool
    automatic: str
    average: float
    eta0: float
    clock: tuple[float, ...]
    in_lanes: bool

@disjoint_base
class AdaptiveOptimizer(BaseOptimizer): ...

@disjoint_base
class AdaptiveStep(AdaptiveOptimizer):
    beta: float

@final
class FTRL(AdaptiveStep):
    total_weight: float
    def __init__(self, eta0: float, beta: float, total_weight: float) -> None: ...

@final
class ProxSGD(BaseOptimizer):
    power_t: float
    weight_decay: float
    l1: float
    l2: float
    averaged: float
    def __init__(
        self, eta0: float, power_t: float, weight_decay: float, l1: float, l2: float, average: float
    ) -> None: ...

@final
class AdaGrad(AdaptiveStep):
    weight_decay: float
    l1: float
    l2: float
    def __init__(self, eta0: float, beta: float, weight_decay: float, l1: float, l2: float) -> None: ...

@final
class CoinBetting(AdaptiveOptimizer):
    total_weight: float
    predictor_unit: float
    def __init__(self, total_weight: float, predictor_unit: float) -> None: ...

# What kernels call `Optimizer`: any registered class.
_Optimizer: TypeAlias = FTRL | ProxSGD | AdaGrad | CoinBetting

OPTIMIZERS: dict[str, type[_Optimizer]]
