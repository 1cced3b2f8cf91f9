"""Tests of the building blocks that need no browser."""
