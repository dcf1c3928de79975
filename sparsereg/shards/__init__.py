"""Rows that stay where they are: paths whose working sets travel to a solver, engine-neutral."""

from sparsereg.shards.api import staying_path
from sparsereg.shards.pool import LocalPool, Pool

__all__ = ["LocalPool", "Pool", "staying_path"]
