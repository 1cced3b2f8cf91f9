"""Tests of experiments' values: templates, inputs, grids, estimates, documents."""
