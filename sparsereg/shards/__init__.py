"""Rows that stay where they are: paths whose working sets travel to a solver, engine-neutral."""
