"""What users hand in, checked: matrices, targets, weights, settings. Knows no solver."""
