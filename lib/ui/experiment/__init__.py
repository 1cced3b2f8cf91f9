"""The Experiment page, a file for each of its sections."""
