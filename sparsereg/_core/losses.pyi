from typing import Any, TypeAlias, final

import numpy as np
import numpy.typing as npt

_Vector: TypeAlias = npt.NDArray[np.float64]

class BaseLoss:
    name: str
    parameters: tuple[str, ...]
    lipschitz: float
    targets: tuple[float, float]
    location: bool
    sums: bool
    log_link: bool
    softmax: bool
    is_quadratic: bool
    is_classification: bool
    is_likelihood: bool
    metrics: tuple[str, ...]
    def mean(self, t: _Vector) -> _Vector: ...

# What each has by itself.
class _Facts(BaseLoss):
    def link(self, mean: float) -> float: ...
    def unit_deviance(self, y: _Vector, t: _Vector) -> _Vector: ...

class _Likelihood(_Facts):
    def __init__(self) -> None: ...
    def null_deviance(self, y: _Vector, mean: Any, weight: _Vector | None) -> float: ...
    def deviance_within(self, y: _Vector, weight: _Vector, means: _Vector, sums: _Vector, squares: float) -> float: ...

@final
class Squared(_Likelihood): ...

@final
class Logistic(_Likelihood): ...

@final
class Poisson(_Likelihood): ...

@final
class Huber(_Facts):
    def __init__(self, delta: float) -> None: ...
    @property
    def delta(self) -> float: ...

@final
class SquaredHinge(_Facts):
    def __init__(self) -> None: ...

# What kernels call `Loss`: any registered class.
_Loss: TypeAlias = Squared | Logistic | Poisson | Huber | SquaredHinge

LOSSES: dict[str, type[_Loss]]
