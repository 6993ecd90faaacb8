"""Narrows: a local desk for reading and landing what coding agents write."""

__version__ = "0.1.0"
