"""The demo: its job, its picture, its report."""
