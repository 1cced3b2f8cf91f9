"""Tests of the Experiment page that need no browser."""
