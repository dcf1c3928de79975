from typing import TypeAlias, final

@final
class ElasticNet:
    @property
    def alpha(self) -> float: ...
    @property
    def l1_ratio(self) -> float: ...
    @property
    def strength(self) -> float: ...
    def __init__(self, alpha: float, l1_ratio: float) -> None: ...

# What kernels call `Penalty`: any registered class.
_Penalty: TypeAlias = ElasticNet

PENALTIES: dict[str, type[_Penalty]]
