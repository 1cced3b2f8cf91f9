"""Tests of the model record, settings and prices."""
