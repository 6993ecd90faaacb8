"""Tests as they stand in a file's text, in each language that is understood: their names, assertions, and skips."""
