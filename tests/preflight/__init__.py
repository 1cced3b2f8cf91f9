"""Tests of what is said before a send."""
