from typing import final

@final
class Squared:
    def __init__(self) -> None: ...

LOSSES: dict[str, type[Squared]]
