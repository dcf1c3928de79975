"""Communication cost: what a fit on a cluster read, kept, moved and went over."""

from __future__ import annotations

from dataclasses import dataclass

_WHERE = {
    "reduce": "rows were reduced where they lie, merged up a tree and fitted on one worker",
    "stay": "rows stayed where they are, columns of the working set travelled",
}


@dataclass(frozen=True)
class DaskReduction:
    """What a fit on a cluster took; `print` says it in words.

    Attributes
    ----------
    where : {"reduce", "stay"}
        How it was fitted.
    n_parts : int
        Partitions, blocks or files.
    n_samples : int
        Rows that were read.
    n_rows : int
        Distinct rows that the fit had: of all data, or with "stay" the sum over the parts.
    n_features : int
    n_active : int
        Occupied columns.
    part_bytes : int
        Bytes of the reductions of all parts.
    nbytes : int
        Bytes of what the fit had: of the merged reduction, or with "stay" of all parts.
    bytes_moved : int
        Bytes of reductions that went from one worker to another.
    bytes_to_client : int
        With "stay" what came to the caller of restricted rows and gradients.
    passes : int
        Times that the parts were gone over.
    """

    where: str
    n_parts: int
    n_samples: int
    n_rows: int
    n_features: int
    n_active: int
    part_bytes: int
    nbytes: int
    bytes_moved: int
    bytes_to_client: int = 0
    passes: int = 1

    def __str__(self) -> str:
        """Say it in words."""
        to_client = f", {_shown(self.bytes_to_client)} to the client" if self.bytes_to_client else ""
        parts = "1 part" if self.n_parts == 1 else f"{self.n_parts} parts"
        passes = "1 pass" if self.passes == 1 else f"{self.passes} passes"
        return (
            f"{self.n_samples:,} samples in {parts} -> {self.n_rows:,} distinct rows, "
            f"{self.n_features:,} columns, {self.n_active:,} of them occupied\n"
            f"{_shown(self.part_bytes)} in parts, {_shown(self.nbytes)} fitted, {_shown(self.bytes_moved)} moved "
            f"between workers{to_client}, {passes}\n"
            f"where={self.where!r}: {_WHERE[self.where]}"
        )


def _shown(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:,.1f} MB" if n_bytes >= 1e5 else f"{n_bytes / 1e3:,.1f} kB"
