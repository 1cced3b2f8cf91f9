"""Tests of an experiment under way."""
