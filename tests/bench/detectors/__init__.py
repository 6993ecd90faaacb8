"""The test detectors against real edits of tests, each labelled by hand."""
