"""Transformers from coordinates and categories to very wide, very sparse columns of ones."""
