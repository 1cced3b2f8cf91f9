"""Tests of templates, and of reading input tables."""
