from typing import final

@final
class ElasticNet:
    alpha: float
    l1_ratio: float
    strength: float
    def __init__(self, alpha: float, l1_ratio: float) -> None: ...

PENALTIES: dict[str, type[ElasticNet]]
