"""Tests of reading input tables."""
