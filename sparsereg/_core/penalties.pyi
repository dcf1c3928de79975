from typing import TypeAlias, final

@final
class ElasticNet:
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

@final
class MCP:
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
    def gamma(self) -> float: ...
    @property
    def strength(self) -> float: ...
    def __init__(self, alpha: float, l1_ratio: float, gamma: float) -> None: ...

@final
class SCAD:
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
    def gamma(self) -> float: ...
    @property
    def strength(self) -> float: ...
    def __init__(self, alpha: float, l1_ratio: float, gamma: float) -> None: ...

@final
class L0:
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

# What kernels call `Penalty`: any registered class.
_Penalty: TypeAlias = ElasticNet | MCP | SCAD | L0

PENALTIES: dict[str, type[_Penalty]]
