"""Model files: fitted models and transformers, written without pickle and checked when read."""
