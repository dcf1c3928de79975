from typing import TypeAlias, final

@final
class FTRL:
    name: str
    parameters: tuple[str, ...]
    is_adaptive: bool
    state_size: int
    any_penalty: bool
    average: float
    eta0: float
    beta: float
    total_weight: float
    clock: tuple[float, ...]
    def __init__(self, eta0: float, beta: float, total_weight: float) -> None: ...

@final
class ProxSGD:
    name: str
    parameters: tuple[str, ...]
    is_adaptive: bool
    state_size: int
    any_penalty: bool
    eta0: float
    power_t: float
    weight_decay: float
    l1: float
    l2: float
    average: float
    averaged: float
    clock: tuple[float, ...]
    def __init__(
        self, eta0: float, power_t: float, weight_decay: float, l1: float, l2: float, average: float
    ) -> None: ...

@final
class AdaGrad:
    name: str
    parameters: tuple[str, ...]
    is_adaptive: bool
    state_size: int
    any_penalty: bool
    average: float
    eta0: float
    beta: float
    weight_decay: float
    l1: float
    l2: float
    clock: tuple[float, ...]
    def __init__(self, eta0: float, beta: float, weight_decay: float, l1: float, l2: float) -> None: ...

# What kernels call `Optimizer`: any registered class.
_Optimizer: TypeAlias = FTRL | ProxSGD | AdaGrad

OPTIMIZERS: dict[str, type[_Optimizer]]
