"""Tests of results, statistics and exports."""
