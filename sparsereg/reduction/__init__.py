"""Reductions: equal rows of any number of blocks made one, in memory that follows what is distinct."""
