"""Fits that go on: data in blocks, one step a row, state as large as what was touched."""
