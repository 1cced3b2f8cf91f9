"""Tests of experiments: plans, grids, estimates and documents."""
