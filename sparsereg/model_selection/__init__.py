"""Cross-validation: folds, scorers, the choice of alpha."""
