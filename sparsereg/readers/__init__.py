"""Files and tables, read block by block. Knows nothing of learning."""
