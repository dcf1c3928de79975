"""Proximal SGD on streams: state as large as what was touched."""
