"""Tests of comparisons and text differences."""
