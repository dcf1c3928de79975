"""What users fit: constructors, fit, predict, score. No arithmetic."""
