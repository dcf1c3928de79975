from typing import TypeAlias, final

from typing_extensions import disjoint_base

@disjoint_base
class BasePenalty:
    name: str
    parameters: tuple[str, ...]
    is_convex: bool
    is_l0: bool
    gamma_min: float | None
    gamma_default: float | None
    @property
    def alpha(self) -> float: ...
    @property
    def l1_ratio(self) -> float: ...
    @property
    def strength(self) -> float: ...
    def __init__(self, alpha: float, l1_ratio: float) -> None: ...

class NonConvexPenalty(BasePenalty): ...

@final
class ElasticNet(BasePenalty): ...

@final
class MCP(NonConvexPenalty):
    def __init__(self, alpha: float, l1_ratio: float, gamma: float) -> None: ...
    @property
    def gamma(self) -> float: ...

@final
class SCAD(NonConvexPenalty):
    def __init__(self, alpha: float, l1_ratio: float, gamma: float) -> None: ...
    @property
    def gamma(self) -> float: ...

@final
class L0(NonConvexPenalty): ...

# What kernels call `Penalty`: any registered class.
_Penalty: TypeAlias = ElasticNet | MCP | SCAD | L0

PENALTIES: dict[str, type[_Penalty]]
