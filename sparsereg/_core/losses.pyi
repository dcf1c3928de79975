from typing import TypeAlias, final

@final
class Squared:
    lipschitz: float
    targets: tuple[float, float]
    location: bool
    sums: bool
    log_link: bool
    softmax: bool
    def link(self, mean: float) -> float: ...
    def __init__(self) -> None: ...

@final
class Logistic:
    lipschitz: float
    targets: tuple[float, float]
    location: bool
    sums: bool
    log_link: bool
    softmax: bool
    def link(self, mean: float) -> float: ...
    def __init__(self) -> None: ...

@final
class Poisson:
    lipschitz: float
    targets: tuple[float, float]
    location: bool
    sums: bool
    log_link: bool
    softmax: bool
    def link(self, mean: float) -> float: ...
    def __init__(self) -> None: ...

@final
class Huber:
    lipschitz: float
    targets: tuple[float, float]
    location: bool
    sums: bool
    log_link: bool
    softmax: bool
    def link(self, mean: float) -> float: ...
    def __init__(self, delta: float) -> None: ...
    @property
    def delta(self) -> float: ...

@final
class SquaredHinge:
    lipschitz: float
    targets: tuple[float, float]
    location: bool
    sums: bool
    log_link: bool
    softmax: bool
    def link(self, mean: float) -> float: ...
    def __init__(self) -> None: ...

# What kernels call `Loss`: any registered class.
_Loss: TypeAlias = Squared | Logistic | Poisson | Huber | SquaredHinge

LOSSES: dict[str, type[_Loss]]
