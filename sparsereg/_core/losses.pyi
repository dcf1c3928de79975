from typing import TypeAlias, final

@final
class Squared:
    def __init__(self) -> None: ...

# What kernels call `Loss`: any registered class.
_Loss: TypeAlias = Squared

LOSSES: dict[str, type[_Loss]]
